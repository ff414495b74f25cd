"""Pseudo-3D convolution: one dense kernel where nothing bends, single frames where time is an identity."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.operators.spatial.pseudo3d_conv import Pseudo3dConv, Pseudo3dVariant

C = 3


def film() -> torch.Tensor:
    return torch.randn(2, C, 5, 6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def operator(variant: Pseudo3dVariant, bare: bool) -> Pseudo3dConv:
    torch.manual_seed(0)
    return Pseudo3dConv(C, variant, bare=bare, dtype=torch.float64).eval()


def test_after_each_other_and_bare_it_is_one_convolution_with_the_composed_kernel():
    module, x = operator(Pseudo3dVariant.A, bare=True), film()
    within, along = module.spatial.weight, module.temporal.weight
    kernel = torch.zeros(C, C, 3, 3, 3, dtype=torch.float64)
    for o in range(C):
        for i in range(C):
            for t in range(3):
                for m in range(C):
                    kernel[o, i, t] += along[o, m, t, 0, 0] * within[m, i, 0]
    assert_close(module(x), F.conv3d(x, kernel, padding=1))


@pytest.mark.parametrize("variant", Pseudo3dVariant)
def test_every_bare_variant_is_the_one_convolution_it_names(variant):
    module, x = operator(variant, bare=True), film()
    assert_close(module.to_conv()(x), module(x))
    with pytest.raises(ArgumentError, match="bare=True"):
        operator(variant, bare=False).to_conv()


def test_variants_join_the_two_convolutions_as_they_say():
    x = film()
    for variant in Pseudo3dVariant:
        module = operator(variant, bare=False)

        def bent(h, conv, norm):
            padding = tuple(size // 2 for size in conv.weight.shape[2:])
            return norm(F.conv3d(h, conv.weight, padding=padding)).relu()

        within = bent(x, module.spatial, module.spatial_norm)
        wanted = within
        if variant is not Pseudo3dVariant.FLAT:
            earlier = x if variant is Pseudo3dVariant.B else within
            along = bent(earlier, module.temporal, module.temporal_norm)
            wanted = along if variant is Pseudo3dVariant.A else within + along
        assert_close(module(x), wanted)


def test_with_an_identity_along_time_each_frame_is_a_picture_of_its_own():
    module, x = operator(Pseudo3dVariant.A, bare=False), film()
    nn.init.dirac_(module.temporal.weight)
    module.temporal_norm = nn.Identity()
    flat = (
        nn.Sequential(nn.Conv2d(C, C, 3, padding=1, bias=False), nn.BatchNorm2d(C), nn.ReLU()).double().eval()
    )
    with torch.no_grad():
        flat[0].weight.copy_(module.spatial.weight[:, :, 0])
    wanted = torch.stack([flat(frame) for frame in x.unbind(2)], 2)
    assert_close(module(x), wanted)


def test_12_weights_for_each_pair_of_channels_stand_in_for_27():
    module = Pseudo3dConv(C, bare=True)
    assert sum(p.numel() for p in module.parameters()) == 12 * C * C
    assert module.to_conv().weight.numel() == 27 * C * C
    assert Pseudo3dConv(C).cost((1, C, 4, 5, 6)).flop == 2 * 12 * C * C * 4 * 5 * 6
