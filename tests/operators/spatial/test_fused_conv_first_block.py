"""The block that convolves first: its norms folded, its plan, and derivatives of the fused pass."""

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

import circulant
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.engine import planner, wisdom
from circulant.engine.choice import Backend
from circulant.engine.conv_first_block import BlockWeights, conv_first_block
from circulant.operators.spatial.fused_conv_first_block import BlockActivation, FusedConvFirstBlock
from circulant.problems.conv_first_block import ConvFirstBlockProblem

ACTIVATIONS = {BlockActivation.RELU: nn.ReLU, BlockActivation.RELU6: nn.ReLU6, BlockActivation.SILU: nn.SiLU}


@pytest.fixture(autouse=True)
def _nothing_measured(tmp_path, monkeypatch):
    monkeypatch.setenv(wisdom.FOLDER_VARIABLE, str(tmp_path))
    planner.forget_plans()
    yield
    planner.forget_plans()


def layers_of_the_paper(channels=16, width=8, expansion=4):
    """Each convolution without a bias and followed by a norm with statistics of its own."""
    E = channels * expansion
    convs = (
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels // width, bias=False),
        nn.Conv2d(channels, E, 1, bias=False),
        nn.Conv2d(E, channels, 1, bias=False),
    )
    layers = []
    for conv in convs:
        norm = nn.BatchNorm2d(conv.out_channels)
        for statistic in (norm.running_mean, norm.weight, norm.bias):
            nn.init.normal_(statistic)
        nn.init.uniform_(norm.running_var, 0.5, 2)
        layers += [conv, norm]
    return [layer.double().eval() for layer in layers]


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.value)
@pytest.mark.parametrize("backend", [Backend.TORCH, Backend.NATIVE], ids=lambda b: b.value)
def test_norms_fold_into_the_block(activation, backend):
    torch.manual_seed(0)
    layers = layers_of_the_paper()
    block = FusedConvFirstBlock.from_layers(*layers, activation=activation)
    x = torch.randn(2, 16, 13, 21, dtype=torch.float64)
    conv, conv_norm, expand, expand_norm, project, project_norm = layers
    plain = nn.Sequential(
        conv, conv_norm, expand, expand_norm, ACTIVATIONS[activation](), project, project_norm
    )
    with torch.no_grad(), circulant.use(backend=backend):
        assert_close(block(x), x + plain(x), 1e-11)


def test_parameters_are_those_of_three_convolutions():
    block = FusedConvFirstBlock(96, device="meta")
    count = sum(parameter.numel() for parameter in block.parameters())
    assert count == 96 * 8 * 9 + 2 * 96 * 384 + 96 + 384 + 96
    assert block.cost((1, 96, 56, 56)).flop == 2 * 56**2 * (96 * 8 * 9 + 2 * 96 * 384)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.value)
def test_the_fused_pass_has_exact_first_and_second_derivatives(activation):
    torch.manual_seed(0)
    shapes = ((1, 2, 3, 4), (2, 1, 3, 3), (2,), (3, 2, 1, 1), (3,), (2, 3, 1, 1), (2,))
    values = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]

    def block(x, *weights):
        with circulant.use(backend=Backend.NATIVE):
            return conv_first_block(x, BlockWeights(*weights), activation)

    assert gradcheck(block, values)
    assert gradgradcheck(block, values)


def test_the_operator_keeps_the_rules_of_torch():
    shapes = ((1, 2, 3, 4), (2, 1, 3, 3), (2,), (3, 2, 1, 1), (3,), (2, 3, 1, 1), (2,))
    values = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    arguments = (values, "silu", None, "native", None, None)
    torch.library.opcheck(torch.ops.circulant.conv_first_block.default, arguments)


def test_blocks_may_be_planned_in_one_pass_and_small_ones_are_run_layer_by_layer():
    large = ConvFirstBlockProblem(torch.float32, BlockActivation.SILU, 8, 96, (56, 56), 3, 12, 384)
    plan = planner.plan(large)
    assert {str(c.implementation) for c in plan.candidates} == {"block_fusion on native", "direct on torch"}
    assert all(candidate.is_possible for candidate in plan.candidates)
    assert "residual block of 8x96x56x56, 3x3 taps in 12 groups, expanded to 384 channels, silu" in str(plan)
    small = ConvFirstBlockProblem(torch.float32, BlockActivation.SILU, 1, 8, (4, 4), 3, 1, 32)
    assert planner.is_torch_library(planner.plan(small).chosen)


def test_under_a_limit_of_the_workspace_the_layers_are_refused():
    with torch.no_grad(), circulant.use(workspace_limit=1e6):
        y = FusedConvFirstBlock(96)(torch.randn(1, 96, 56, 56))
    assert y.shape == (1, 96, 56, 56)


def test_weights_that_do_not_belong_together_are_refused():
    block = FusedConvFirstBlock(8)
    parts = [t for layer in (block.conv, block.expand, block.project) for t in (layer.weight, layer.bias)]
    x = torch.zeros(1, 8, 4, 4)
    with pytest.raises(ShapeError, match=r"expected project \(8, 32, 1, 1\)"):
        conv_first_block(x, BlockWeights(*parts[:4], parts[4][:4], parts[5]), BlockActivation.SILU)
    with pytest.raises(ArgumentError, match="odd number of taps"):
        conv_first_block(x, BlockWeights(parts[0][..., :2], *parts[1:]), BlockActivation.SILU)
