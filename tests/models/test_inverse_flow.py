"""Flows of inverse convolutions: invertible, of known determinant, and trainable on digits."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.engine.inverse_conv import Corner
from circulant.models.coupling import AffineCoupling, ChannelAffine
from circulant.models.inverse_conv_flow import InverseConvFlow
from circulant.models.inverse_flow import InverseFlow
from circulant.problems.inverse_conv import free_taps

EVERY_CORNER = pytest.mark.parametrize("corner", Corner, ids=lambda corner: corner.value)


def disturbed(flow):
    """The flow in float64 with parameters that have left their start."""
    flow = flow.double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return flow


def log_determinant(flow, x):
    """Of the Jacobian of one image, as torch finds it from the dense matrix."""
    jacobian = torch.stack(
        [
            torch.autograd.grad(flow(x).z.flatten()[index], x)[0].flatten()
            for index in range(flow(x).z.numel())
        ]
    )
    return torch.linalg.slogdet(jacobian).logabsdet


FLOWS = {
    **{f"inverse convolution, {c.value}": lambda c=c: InverseConvFlow(4, (2, 3), c) for c in Corner},
    "scale": lambda: ChannelAffine(4),
    "coupling": lambda: AffineCoupling(4, 3),
    "coupling of odd halves": lambda: AffineCoupling(5, 3),
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_layer_is_inverted_and_its_log_determinant_is_that_of_its_matrix(name):
    flow = disturbed(FLOWS[name]())
    channels = 5 if "odd" in name else 4
    x = torch.randn(1, channels, 3, 4, dtype=torch.float64, requires_grad=True)
    moved = flow(x)
    assert_close(flow.inverse(moved.z), x)
    assert not torch.allclose(moved.z, x)
    assert moved.log_det.shape == (1,)
    assert abs(moved.log_det.item() - log_determinant(flow, x)) < 1e-10


@EVERY_CORNER
def test_sampling_is_one_plain_convolution(corner):
    flow = InverseConvFlow(3, 3, corner)
    z = torch.randn(2, 3, 6, 5)
    rows, columns = 2 in corner.flipped_axes, 3 in corner.flipped_axes
    padded = F.pad(z, (0, 2) if columns else (2, 0))
    padded = F.pad(padded, (0, 0, 0, 2) if rows else (0, 0, 2, 0))
    assert_close(flow.inverse(z), F.conv2d(padded, flow.weight))


@EVERY_CORNER
def test_it_begins_near_the_identity_with_its_fixed_taps_set(corner):
    flow = InverseConvFlow(6, 3, corner)
    kernel = flow.weight.detach().flip(corner.flipped_axes)
    triangle = kernel[..., -1, -1]
    assert torch.equal(triangle.triu(), torch.eye(6))
    noise = kernel[free_taps(kernel)]
    assert 0.5 < noise.std() / (0.01 * (2 / (6 * 9 + 6 * 9)) ** 0.5) < 1.5


@EVERY_CORNER
def test_training_leaves_the_fixed_taps_alone(corner):
    flow = InverseConvFlow(3, 2, corner)
    before = flow.weight.detach().clone()
    optimiser = torch.optim.Adam(flow.parameters(), lr=0.1)
    flow(torch.randn(2, 3, 4, 4)).z.square().sum().backward()
    optimiser.step()
    free = free_taps(before.flip(corner.flipped_axes)).flip(corner.flipped_axes)
    assert torch.equal(flow.weight[~free], before[~free])
    assert (flow.weight[free] != before[free]).all()


def test_a_whole_flow_is_inverted_and_its_density_is_that_of_its_jacobian():
    flow = disturbed(InverseFlow(1, steps=4, hidden=4))
    x = torch.rand(1, 1, 6, 4, dtype=torch.float64, requires_grad=True)
    moved = flow(x)
    assert moved.z.shape == (1, 4, 3, 2)
    assert_close(flow.inverse(moved.z), x)
    normal = torch.distributions.Normal(0.0, 1.0)
    density = normal.log_prob(moved.z).sum() + log_determinant(flow, x)
    expected = 8 - density / (24 * torch.log(torch.tensor(2.0, dtype=torch.float64)))
    assert_close(flow.bits_per_dim(x), expected.detach()[None])


def test_samples_have_the_shape_of_images_and_follow_the_generator():
    flow = InverseFlow(2, steps=2, hidden=4)
    draw = [flow.sample(3, (8, 6), torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert draw[0].shape == (3, 2, 8, 6)
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])


def dequantised(pixels, generator):
    """Grey values as real numbers in [0, 1)."""
    levels = (torch.from_numpy(pixels) * 255).round()
    return (levels + torch.rand(levels.shape, generator=generator)) / 256


@pytest.mark.slow
def test_bits_of_unseen_digits_fall_in_training():
    generator = torch.Generator().manual_seed(0)
    digits = mnist_5k(0)
    train, unseen = (dequantised(part.x, generator) for part in (digits.train, digits.test))
    unseen = unseen[:200]
    flow = InverseFlow(1, steps=4, hidden=16)
    optimiser = torch.optim.Adam(flow.parameters(), lr=3e-3)
    bits = []
    for step in range(60):
        if step % 20 == 0:
            bits.append(flow.bits_per_dim(unseen).mean().item())
        rows = torch.randint(len(train), (32,), generator=generator)
        loss = flow.bits_per_dim(train[rows]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    bits.append(flow.bits_per_dim(unseen).mean().item())
    assert bits == sorted(bits, reverse=True)
    assert bits[-1] < bits[0] - 2
