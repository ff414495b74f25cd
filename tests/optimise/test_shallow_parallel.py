"""Stacks laid side by side: the same weights, one wide convolution, and about the same reading of digits."""

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.heads import PoolHead
from circulant.models.residual import Residual
from circulant.optimise.shallow_parallel import (
    Excess,
    ShallowParallel,
    branches_of,
    parallelise_residual_stack,
)
from circulant.train.fit import fit
from circulant.train.predict import predict
from circulant.train.tensors import to_tensors

CONVS = {
    "1-D": lambda: nn.Conv1d(4, 4, 3, padding=2, dilation=2),
    "2-D": lambda: nn.Conv2d(4, 4, 3, padding="same", bias=False),
    "grouped": lambda: nn.Conv2d(4, 4, 3, padding=1, groups=2, padding_mode="circular"),
    "depthwise": lambda: nn.Conv2d(4, 4, (3, 1), padding=(1, 0), groups=4),
    "3-D": lambda: nn.Conv3d(4, 4, 3, padding=1),
}


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def network(channels=8, layers=4):
    stack = (
        Residual(nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU())) for _ in range(layers)
    )
    stem = nn.Sequential(nn.Conv2d(1, channels, 4, 4), nn.ReLU())
    return nn.Sequential(stem, nn.Sequential(*stack), PoolHead(channels, 10))


@pytest.mark.parametrize("kind", CONVS)
def test_convolutions_that_share_input_and_activation_are_one_wide_convolution(kind):
    branches = [nn.Sequential(CONVS[kind](), nn.GELU()) for _ in range(3)]
    parallel = ShallowParallel(branches).double()
    x = torch.randn(2, 4, *(7, 6, 5)[: parallel.branches[0][0].weight.ndim - 2], dtype=torch.float64)
    fused = parallel.fused()
    assert fused.wide.out_channels == 12
    assert parameters(fused) == parameters(parallel)
    assert_close(fused(x), x + sum(branch(x) for branch in branches), 1e-12)


def test_a_bias_that_only_some_branches_have_is_kept():
    branches = [nn.Conv2d(3, 3, 1, bias=False), nn.Conv2d(3, 3, 1)]
    parallel = ShallowParallel(branches).double().eval()
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    fused = parallel.requires_grad_(False).fused()
    assert_close(fused(x), parallel(x), 1e-12)
    assert not fused.training
    assert not any(parameter.requires_grad for parameter in fused.parameters())


def test_the_rewrite_has_copies_of_the_weights_as_many_of_them_and_a_way_back():
    model, x = network().double().eval(), torch.randn(2, 1, 28, 28, dtype=torch.float64)
    stack, expected, count = model[1], model(x), parameters(model)
    rewrite = parallelise_residual_stack(model, ["1"])
    assert [each.name for each in rewrite.replaced] == ["1"]
    assert parameters(model) == count
    hidden = model[0](x)
    branches = [layer.branch for layer in stack]
    assert_close(model(x), model[2](hidden + sum(branch(hidden) for branch in branches)), 1e-12)
    with torch.no_grad():
        for parameter in model[1].parameters():
            parameter.zero_()
    assert rewrite.undo() is model
    assert torch.equal(model(x), expected)


def test_residual_layers_of_any_make_give_what_they_add():
    class Doubled(nn.Module):
        def forward(self, x):
            return x + x.sin()

    x = torch.randn(2, 3, 4, dtype=torch.float64)
    scaled = Residual(nn.Tanh(), nn.BatchNorm1d(3), channels=3, scale=0.5).double().eval()
    normed = Residual(nn.Tanh(), nn.BatchNorm1d(3)).double().eval()
    made, with_scale, with_norm = branches_of([Doubled(), scaled, normed])
    assert isinstance(made, Excess)
    assert_close(made(x), x.sin(), 1e-12)
    assert_close(with_scale(x), 0.5 * scaled.norm(x).tanh(), 1e-12)
    assert_close(with_norm(x), normed.norm(x).tanh(), 1e-12)
    normed.register_forward_hook(lambda layer, inputs, output: output + 1)
    assert_close(branches_of([normed])[0](x), normed.norm(x).tanh() + 1, 1e-12)


def test_what_cannot_stand_side_by_side_is_refused():
    with pytest.raises(ShapeError, match=r"keep the shape \(1, 2, 5, 5\), got \(1, 2, 3, 3\)"):
        ShallowParallel([nn.Conv2d(2, 2, 3)])(torch.randn(1, 2, 5, 5))
    with pytest.raises(ArgumentError, match=r"'2' to be an nn\.Sequential"):
        parallelise_residual_stack(network(), ["2"])
    with pytest.raises(ArgumentError, match="one branch or more"):
        ShallowParallel([])
    softmax = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Softmax(1))
    with pytest.raises(ArgumentError, match="one pointwise activation"):
        ShallowParallel([softmax, softmax]).fused()
    with pytest.raises(ArgumentError, match="differ in their weights only"):
        ShallowParallel([nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 3, padding=1)]).fused()


@pytest.mark.slow
def test_digits_are_read_by_both_forms_trained_from_scratch_five_points_worse_at_most_in_parallel():
    """95.4 % in sequence and 91.2 % in parallel were measured; the paper finds equal losses on average."""
    data = to_tensors(mnist_5k(0))
    torch.manual_seed(0)
    deep = network(16)
    shallow = network(16)
    shallow.load_state_dict(deep.state_dict())
    parallelise_residual_stack(shallow, ["1"])
    right = []
    for model in (deep, shallow):
        fit(model, data.x_train, data.y_train, steps=900)
        right.append((predict(model, data.x_test) == data.y_test).double().mean().item())
    print(f"digits right: {right[0]:.3f} in sequence, {right[1]:.3f} in parallel")
    assert min(right) > 0.9
    assert right[0] - right[1] < 0.05
