"""The aggregation is made of the filter and of what torch has."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spectral.spectral_pooling_aggregation2d import SpectralPoolingAggregation2d
from circulant.operators.spectral.spectral_pooling_filter import SpectralPoolingFilter2d


@pytest.mark.parametrize("channels", [3, 8, 64])
def test_each_chunk_goes_through_the_filter_of_its_gain(channels):
    torch.manual_seed(0)
    module = SpectralPoolingAggregation2d(channels, dtype=torch.float64)
    x = torch.randn(2, channels, 9, 8, dtype=torch.float64)
    inner = F.conv2d(x, module.project_in.weight, module.project_in.bias)
    inner = F.conv2d(inner, module.horizontal.weight, module.horizontal.bias, padding=(0, 3), groups=channels)
    inner = F.conv2d(inner, module.vertical.weight, module.vertical.bias, padding=(3, 0), groups=channels)
    context = 0
    for gain, chunk, layer in zip((0.7, 0.8, 0.9), inner.chunk(3, 1), module.contexts):
        pooled = SpectralPoolingFilter2d(chunk.shape[1], 2, gain)(chunk)
        context = context + F.conv2d(pooled, layer.weight, layer.bias)
    expected = F.conv2d(inner * context, module.project_out.weight, module.project_out.bias)
    assert_close(module(x), expected, 1e-12)


def test_parameters_do_not_depend_on_the_size_of_the_picture():
    module = SpectralPoolingAggregation2d(6)
    assert [module(torch.randn(1, 6, *size)).shape[2:] for size in ((5, 7), (16, 16))] == [(5, 7), (16, 16)]
    assert sum(parameter.numel() for parameter in module.parameters()) == 3 * 36 + 2 * 6 * 7 + 7 * 6


@pytest.mark.parametrize(("channels", "gains"), [(4, (0.7, 0.8, 0.9)), (4, ())])
def test_gains_without_a_chunk_are_refused(channels, gains):
    with pytest.raises(ArgumentError, match="1 gain or more"):
        SpectralPoolingAggregation2d(channels, gains=gains)
