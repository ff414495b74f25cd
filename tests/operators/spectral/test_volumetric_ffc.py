"""Fast Fourier convolution: its reach, its flat case, its channels."""

import pytest
import torch

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.operators.spectral.spectral_transform import tiles
from circulant.operators.spectral.volumetric_ffc import FastFourierConv2d, VolumetricFFC3d


def flattened(module):
    """State of a volumetric convolution for the flat one: no depth axis."""
    return {name: value[:, :, 0] if value.ndim == 5 else value for name, value in module.state_dict().items()}


def disturbed(module):
    """Norms as after training."""
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point() and "norm" in name:
                value.mul_(torch.rand_like(value) + 0.5)
    return module.eval()


@pytest.mark.parametrize("local_unit", [False, True])
def test_one_output_voxel_depends_on_every_input_voxel(local_unit):
    torch.manual_seed(0)
    module = VolumetricFFC3d(11, local_unit=local_unit, dtype=torch.float64).eval()
    x = torch.randn(1, 11, 3, 4, 6, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(module(x)[0, -1, 1, 2, 3], x)
    assert bool((gradient[:, module.split[0] :] != 0).all())
    after = module(module(x))[0, 0, 1, 2, 3]  # local channels reach far with the next layer
    (gradient,) = torch.autograd.grad(after, x)
    assert bool((gradient[:, module.split[0] :] != 0).all())


def test_at_depth_one_it_equals_the_flat_convolution_with_the_same_weights():
    torch.manual_seed(0)
    module = disturbed(VolumetricFFC3d(11, kernel_size=(1, 3, 3), dtype=torch.float64))
    flat = FastFourierConv2d(11, dtype=torch.float64).eval()
    flat.load_state_dict(flattened(module))
    x = torch.randn(2, 11, 4, 6, dtype=torch.float64)
    assert_close(module(x[:, :, None])[:, :, 0], flat(x))


def test_at_depth_one_the_slices_of_a_deep_kernel_act_together():
    torch.manual_seed(0)
    module = disturbed(VolumetricFFC3d(11, dtype=torch.float64))
    flat = FastFourierConv2d(11, dtype=torch.float64).eval()
    state = flattened(module)
    for name in ("from_local", "to_local"):
        state[name] = module.state_dict()[name].sum(2)
    flat.load_state_dict(state)
    x = torch.randn(2, 11, 4, 6, dtype=torch.float64)
    assert_close(module(x[:, :, None])[:, :, 0], flat(x))


def test_its_three_kernels_are_those_of_torch_with_reflected_borders():
    torch.manual_seed(0)
    module = VolumetricFFC3d(4, 8, local_unit=False, dtype=torch.float64)
    with torch.no_grad():
        module.spectral.expand.weight.zero_()
    x = torch.randn(2, 4, 3, 4, 5, dtype=torch.float64)
    local, other = x.split(module.split, 1)

    def convolved(values, weight):
        padded = torch.nn.functional.pad(values, (1,) * 6, mode="reflect")
        return torch.nn.functional.conv3d(padded, weight)

    from_local, to_local = module.from_local, module.to_local
    expected_local = convolved(local, from_local[:2]) + convolved(other, to_local)
    assert_close(module(x), torch.cat([expected_local, convolved(local, from_local[2:])], 1))


def test_tiles_are_the_quarters_column_by_column():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert tiles(x)[0, :, 0, 0].tolist() == [0, 8, 2, 10]


def test_the_local_unit_needs_an_even_picture_and_channels_in_eights():
    with pytest.raises(ShapeError, match="even H and W"):
        VolumetricFFC3d(11)(torch.zeros(1, 11, 2, 4, 5))
    with pytest.raises(ArgumentError, match="in eights for a local unit"):
        VolumetricFFC3d(16)
    with pytest.raises(ArgumentError, match="channels of both kinds"):
        FastFourierConv2d(16, ratio=1.0)
