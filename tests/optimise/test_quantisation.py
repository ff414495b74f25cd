"""Grids, rounding in training, folded batch norms and integer convolution, each beside plain torch."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from circulant.core.errors import ArgumentError, DtypeError
from circulant.core.tolerances import assert_close
from circulant.optimise.quantisation_batch_norm import batch_norms_after, fold_batch_norm
from circulant.optimise.quantisation_fake import FakeQuant, FakeQuantWeight, fake_quantise
from circulant.optimise.quantisation_grid import affine_grid, symmetric_grid
from circulant.optimise.quantisation_integer import Int8Layer, int8_conv2d
from circulant.optimise.quantisation_layer import FakeQuantLayer

PAIRS = {
    "1-D": lambda: (nn.Conv1d(4, 6, 3, padding=1), nn.BatchNorm1d(6)),
    "2-D without bias": lambda: (nn.Conv2d(4, 6, 3, 2, padding=1, bias=False), nn.BatchNorm2d(6)),
    "grouped": lambda: (nn.Conv2d(4, 6, 3, padding="same", groups=2), nn.BatchNorm2d(6)),
    "depthwise": lambda: (
        nn.Conv2d(4, 4, 3, groups=4, padding_mode="circular", padding=1),
        nn.BatchNorm2d(4),
    ),
    "not affine": lambda: (nn.Conv2d(4, 6, 1), nn.BatchNorm2d(6, affine=False)),
    "3-D": lambda: (nn.Conv3d(4, 2, 2, dilation=2), nn.BatchNorm3d(2)),
    "linear": lambda: (nn.Linear(4, 6), nn.BatchNorm1d(6)),
}


def pair(kind, dtype=torch.float64):
    """With drawn statistics, gains and shifts, some gains below 0."""
    torch.manual_seed(0)
    layer, norm = (part.to(dtype) for part in PAIRS[kind]())
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    return layer, norm


def input_of(layer):
    spatial = (9, 8, 7)[: layer.weight.ndim - 2]
    return torch.randn(5, 4, *spatial, dtype=layer.weight.dtype)


@pytest.mark.parametrize(("low", "high"), [(-1.3, 2.9), (0.4, 3.0), (-5.0, -0.1), (0.0, 0.0)])
def test_zero_is_held_exactly_and_errors_are_half_a_step_inside_the_range_only(low, high):
    grid = affine_grid(torch.tensor(low).double(), torch.tensor(high).double())
    assert grid.nearest(torch.zeros(1)).item() == 0
    first, last = grid.range(torch.zeros(1))
    inside = torch.linspace(first.item(), last.item(), 9973, dtype=torch.float64)
    half = grid.step.item() / 2
    assert (grid.nearest(inside) - inside).abs().max() <= half * (1 + 1e-9)
    outside = torch.stack([first - 1.01 * half, last + 1.01 * half])
    assert ((grid.nearest(outside) - outside).abs() > half).all()
    assert grid.quantise(torch.tensor([-1e9, 1e9])).tolist() == [0, 255]


def test_weights_are_symmetric_in_a_narrow_range_for_each_output_channel():
    weight = torch.randn(5, 3, 3, 3, dtype=torch.float64) * torch.logspace(-2, 1, 5)[:, None, None, None]
    weight[4] = 0
    grid, whole = symmetric_grid(weight), symmetric_grid(weight, per_channel=False)
    assert (grid.lowest, grid.highest, grid.dtype) == (-127, 127, torch.int8)
    assert grid.quantise(weight)[:4].abs().flatten(1).amax(1).tolist() == [127] * 4
    assert torch.equal(grid.nearest(-weight), -grid.nearest(weight))
    assert (grid.nearest(weight) - weight).square().mean() <= (whole.nearest(weight) - weight).square().mean()
    assert symmetric_grid(weight, 4).highest == 7


def test_gradients_pass_inside_the_range_and_nowhere_else():
    grid = affine_grid(torch.tensor(-1.0), torch.tensor(2.0))
    first, last = (float(end) for end in grid.range(torch.zeros(1)))
    x = torch.tensor([first - 1e-3, first + 1e-3, 0.3, last - 1e-3, last + 1e-3], requires_grad=True)
    y = fake_quantise(x, grid)
    assert torch.equal(y, grid.nearest(x.detach()))
    y.backward(torch.arange(1.0, 6.0))
    assert x.grad.tolist() == [0, 2, 3, 4, 0]


def test_the_range_of_activations_is_a_moving_average_that_holds_zero():
    rounding = FakeQuant(decay=0.9)
    with pytest.raises(ArgumentError, match="expected a range"):
        rounding.eval()(torch.ones(2))
    rounding.train()
    rounding(torch.tensor([1.0, 3.0]))
    assert (rounding.low.item(), rounding.high.item()) == (0, 3)
    rounding(torch.tensor([-2.0, 1.0]))  # the plain mean at first
    assert (rounding.low.item(), rounding.high.item()) == (-1, 2)
    high = 2.0
    for seen in range(2, 31):
        rounding(torch.tensor([-1.0, float(seen)]))
        share = max(0.1, 1 / (seen + 1))
        high += share * (seen - high)
    rounding.eval()(torch.tensor([-50.0, 50.0]))
    assert rounding.low.item() == pytest.approx(-1)
    assert rounding.high.item() == pytest.approx(high)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("kind", PAIRS)
def test_a_folded_batch_norm_computes_what_evaluation_mode_does(kind, dtype, tolerance):
    layer, norm = pair(kind, dtype)
    x = input_of(layer)
    folded = fold_batch_norm(layer, norm)
    assert layer.training and norm.training and folded.training
    assert_close(folded(x), norm.eval()(layer(x)), tolerance)
    assert type(folded) is type(layer)


@pytest.mark.parametrize("kind", PAIRS)
def test_without_rounding_the_layer_is_batch_norm_in_training_and_once_frozen(kind):
    layer, norm = pair(kind)
    fused, x = FakeQuantLayer(layer, norm, None, None), input_of(layer)
    for _ in range(2):  # running statistics follow alike
        assert_close(fused(x), norm(layer(x)), 1e-10)
    assert_close(fused.norm.running_mean, norm.running_mean, 1e-12)
    assert_close(fused.norm.running_var, norm.running_var, 1e-12)
    wanted = torch.autograd.grad(norm(layer(x)).sin().sum(), [layer.weight])
    got = torch.autograd.grad(fused(x).sin().sum(), [fused.layer.weight])
    assert_close(got[0], wanted[0], 1e-9)
    fused.is_frozen = True
    mean = fused.norm.running_mean.clone()
    assert_close(fused(x), norm.eval()(layer(x)), 1e-10)
    assert torch.equal(fused.norm.running_mean, mean)


def test_a_batch_norm_that_was_frozen_stays_so():
    layer, norm = pair("grouped")
    fused, x = FakeQuantLayer(layer, norm.eval(), None, None).train(), input_of(layer)
    assert_close(fused(x), norm(layer(x)), 1e-10)


def test_the_rounded_weight_is_scaled_by_the_running_deviation():
    layer, norm = pair("2-D without bias")
    rounding = FakeQuantWeight()
    fused, x = FakeQuantLayer(layer, norm, None, rounding), input_of(layer)
    running = (norm.running_var + norm.eps).sqrt()
    weight = rounding(layer.weight * (norm.weight / running)[:, None, None, None])
    plain = layer(x)
    sigma = (plain.var((0, 2, 3), correction=0) + norm.eps).sqrt()
    factor, shift = running / sigma, norm.bias - norm.weight * plain.mean((0, 2, 3)) / sigma
    expected = conv2d(x, weight, None, 2, 1) * factor[:, None, None] + shift[:, None, None]
    assert_close(fused(x), expected, 1e-10)


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize(
    "settings",
    [{}, {"stride": 2, "padding": 1}, {"padding": "same", "dilation": 2}, {"groups": 2, "padding": 2}],
    ids=str,
)
def test_integers_compute_the_rounded_graph_exactly_and_within_one_step_in_fixed_point(settings, per_channel):
    torch.manual_seed(1)
    x, bias = torch.randn(3, 4, 9, 8, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    weight = torch.randn(6, 4 // settings.get("groups", 1), 3, 3, dtype=torch.float64)
    x_grid, w_grid = affine_grid(x.min() / 2, x.max() / 2), symmetric_grid(weight, per_channel=per_channel)
    steps = x_grid.step * w_grid.step
    y = conv2d(x_grid.nearest(x), w_grid.nearest(weight), (bias / steps).round() * steps, **settings)
    y_grid = affine_grid(y.min() * 0.8, y.max() * 0.8)
    operands = (x_grid.quantise(x), x_grid, w_grid.quantise(weight), w_grid, bias, y_grid)
    got = int8_conv2d(*operands, **settings)
    assert got.dtype == torch.uint8
    assert torch.equal(got, y_grid.quantise(y))
    shifted = int8_conv2d(*operands, **settings, fixed_point=True)
    assert (shifted.int() - got.int()).abs().max() <= 1
    assert 0 < got.float().mean() < 255


@pytest.mark.parametrize("kind", PAIRS)
def test_a_layer_of_integers_computes_its_trained_form(kind):
    layer, norm = pair(kind)
    trained = FakeQuantLayer(layer, norm, FakeQuant().double(), FakeQuantWeight())
    x = input_of(layer)
    trained(x)
    whole = trained.eval().to_integers()
    assert isinstance(whole, Int8Layer)
    assert whole.layer.weight.dtype == torch.int8
    step = trained.input_rounding.grid.step * whole.step.max()  # the bias is rounded too
    assert (whole(x) - trained(x)).abs().max() <= step / 2 * (1 + 1e-6)


def test_batch_norms_are_found_behind_layers_that_stand_once():
    shared = nn.Conv2d(2, 2, 1)
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2)),
        shared, nn.BatchNorm2d(2), shared, nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2, track_running_stats=False),
    )  # fmt: skip
    assert batch_norms_after(network) == {"0.0": "0.1"}


def test_batch_norms_are_found_in_a_forward_written_out_unless_something_else_reads_too():
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
            self.read_twice, self.of_both = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)

        def forward(self, x):
            x = self.norm(self.conv(x))
            y = self.read_twice(x)
            return self.of_both(y) + y

    assert batch_norms_after(nn.Sequential(Block())) == {"0.conv": "0.norm"}


def test_bad_arguments_are_refused():
    grid, weight = affine_grid(torch.tensor(-1.0), torch.tensor(1.0)), torch.randn(2, 1, 1, 1)
    with pytest.raises(ArgumentError, match="2 to 8 bits, got 9"):
        symmetric_grid(weight, 9)
    with pytest.raises(ArgumentError, match="decay"):
        FakeQuant(decay=1.0)
    with pytest.raises(DtypeError, match="floating-point tensor to quantise"):
        grid.quantise(torch.ones(2, dtype=torch.int32))
    with pytest.raises(DtypeError, match="as their grids quantise"):
        int8_conv2d(torch.ones(1, 1, 2, 2), grid, weight, symmetric_grid(weight), None, grid)
    with pytest.raises(ArgumentError, match="running statistics"):
        fold_batch_norm(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2, track_running_stats=False))
    with pytest.raises(ArgumentError, match="with a momentum"):
        FakeQuantLayer(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2, momentum=None), None, None)
    with pytest.raises(ArgumentError, match="66,310 terms"):
        wide = nn.Linear(70_000, 1)
        Int8Layer(wide, symmetric_grid(wide.weight), grid)
    tiny = nn.Linear(1, 1)
    nn.init.constant_(tiny.weight, 1e-12)
    with pytest.raises(ArgumentError, match="biases that 32 bits hold"):
        Int8Layer(tiny, symmetric_grid(tiny.weight), grid)
