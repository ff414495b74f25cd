"""Large kernel attention: its reach, its composite kernel, its parameters, and that it learns real digits."""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.engine.convolution import Boundary
from circulant.operators.spatial.large_kernel_attention2d import LargeKernelAttention2d

C, SIDE, SPAN = 2, 31, 23
ROUNDING = 1e-12  # a transform leaves so much where a direct sum leaves zero
CENTRE = SIDE // 2


def operator(**settings) -> LargeKernelAttention2d:
    torch.manual_seed(0)
    return LargeKernelAttention2d(C, dtype=torch.float64, **settings)


def picture(seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, C, SIDE, SIDE, dtype=torch.float64, generator=generator)


def composite(module: LargeKernelAttention2d) -> torch.Tensor:
    """The two depthwise kernels as one, (C, 1, 23, 23), by explicit sums."""
    near, far = module.local.weight, module.distant.weight
    kernel = torch.zeros(C, 1, SPAN, SPAN, dtype=torch.float64)
    for i in range(7):
        for j in range(7):
            kernel[:, :, 3 * i : 3 * i + 5, 3 * j : 3 * j + 5] += far[:, :, i : i + 1, j : j + 1] * near
    return kernel


def test_depthwise_path_is_one_23x23_kernel_in_the_interior():
    module, x = operator(), picture()
    for part in (module.local, module.distant):
        nn.init.zeros_(part.bias)
    margin = slice(SPAN // 2, SIDE - SPAN // 2)
    got = module.distant(module.local(x))[..., margin, margin]
    assert_close(got, F.conv2d(x, composite(module), groups=C))


def test_an_impulse_reaches_exactly_23x23_samples():
    module = operator()
    impulse = torch.zeros(1, C, SIDE, SIDE, dtype=torch.float64)
    silent = module.distant(module.local(impulse))
    impulse[0, 0, CENTRE, CENTRE] = 1
    reached = ((module.distant(module.local(impulse)) - silent).abs() > ROUNDING)[0, 0].nonzero()
    assert reached.min(0).values.tolist() == [CENTRE - 11, CENTRE - 11]
    assert reached.max(0).values.tolist() == [CENTRE + 11, CENTRE + 11]
    assert len(reached) == SPAN * SPAN


def test_gradient_of_an_output_covers_exactly_23x23_inputs():
    module, x = operator(), picture().requires_grad_()
    module(x)[0, 0, CENTRE, CENTRE].backward()
    inputs = (x.grad[0].abs().sum(0) > ROUNDING).nonzero()
    assert inputs.min(0).values.tolist() == [CENTRE - 11, CENTRE - 11]
    assert inputs.max(0).values.tolist() == [CENTRE + 11, CENTRE + 11]
    assert len(inputs) == SPAN * SPAN


def test_parameters_are_25_and_49_taps_a_square_matrix_and_three_biases():
    for channels in (2, 32, 256):
        module = LargeKernelAttention2d(channels, device="meta")
        counted = sum(parameter.numel() for parameter in module.parameters())
        assert counted == 25 * channels + 49 * channels + channels**2 + 3 * channels


def test_attention_is_not_squashed_so_a_constant_one_is_the_identity_and_a_constant_three_triples():
    module, x = operator(), picture()
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    for gain in (1.0, 3.0, -2.0):
        nn.init.constant_(module.pointwise.bias, gain)
        assert_close(module(x), gain * x)


def test_turning_a_globe_commutes_with_circular_attention():
    module, x = operator(boundary=Boundary.CIRCULAR), picture()
    for cells in (1, 7, 30):
        assert_close(module(x.roll(cells, dims=3)), module(x).roll(cells, dims=3))


def test_zero_padding_does_not_commute_with_turning():
    module, x = operator(), picture()
    assert (module(x.roll(7, dims=3)) - module(x).roll(7, dims=3)).abs().max() > 1e-3


def test_learns_handwritten_digits():
    """Stem, attention on 8 x 8 positions, mean of 4 x 4 features, linear classifier."""
    torch.manual_seed(0)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1
    y = torch.tensor(digits.target)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.GELU(),
        LargeKernelAttention2d(16), nn.BatchNorm2d(16), nn.GELU(),
        nn.Conv2d(16, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.GELU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    order = torch.randperm(len(y))
    train, test = order[:1344], order[1344:]
    epochs, batches = 6, len(train) // 64
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-2, total_steps=epochs * batches)
    for _ in range(epochs):
        for batch in train[torch.randperm(len(train))].split(64):
            optimiser.zero_grad()
            F.cross_entropy(network(x[batch]), y[batch]).backward()
            optimiser.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        accuracy = (network(x[test]).argmax(1) == y[test]).double().mean().item()
    assert accuracy >= 0.95
