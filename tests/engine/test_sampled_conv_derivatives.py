"""Sampled convolution in one, two and three dimensions: derivatives of any order, and torch's rules."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from circulant.core.tolerances import assert_close
from circulant.engine.sampled_conv import sampled_conv
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.sampled_conv import SampledConvProblem, reference
from circulant.problems.trilinear import Slot

B, C, G = 2, 4, 2
CASES = {
    "line": ((7,), (3,), (2,), ((1, 2),), (1,)),
    "picture": ((4, 5), (3, 2), (1, 2), ((1, 1), (0, 2)), (2, 1)),
    "volume": ((3, 2, 3), (2, 1, 2), (1, 1, 1), ((1, 0), (0, 0), (1, 1)), (1, 1, 1)),
}


def problem(name: str) -> SampledConvProblem:
    spatial, kernel, stride, padding, dilation = CASES[name]
    window = ConvolutionProblem(
        torch.float64, Slot.OUTPUT, B, C, C, spatial, kernel, stride, padding, dilation, C
    )
    return SampledConvProblem(torch.float64, G, window)


def operands(p: SampledConvProblem) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, dtype=torch.float64, generator=generator) for s in p.operand_shapes]


def solve(p: SampledConvProblem, *tensors: torch.Tensor) -> torch.Tensor:
    w = p.window
    return sampled_conv(*tensors, w.kernel, stride=w.stride, padding=w.padding, dilation=w.dilation)


@pytest.mark.parametrize("name", CASES)
def test_equals_the_equation(name):
    p = problem(name)
    x, offset, modulation = operands(p)
    assert_close(solve(p, x, 2 * offset, modulation), reference(p, x, 2 * offset, modulation))


@pytest.mark.parametrize("name", CASES)
def test_first_and_second_derivatives_match_finite_differences(name):
    p = problem(name)
    leaves = tuple(tensor.requires_grad_() for tensor in operands(p))
    assert gradcheck(lambda *t: solve(p, *t), leaves, fast_mode=True)
    assert gradgradcheck(lambda *t: solve(p, *t), leaves, fast_mode=True)


def test_third_derivative_matches_finite_differences():
    p = problem("line")
    leaves = tuple(tensor.requires_grad_() for tensor in operands(p))

    def slopes(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(solve(p, *tensors).pow(3).sum(), tensors, create_graph=True)

    assert gradgradcheck(slopes, leaves, fast_mode=True)


def test_the_operator_keeps_torchs_rules_for_operators():
    arguments = [tensor.requires_grad_() for tensor in operands(problem("line"))]
    settings = [3, 2, 1, 2, 1, G]
    torch.library.opcheck(torch.ops.circulant.sampled_conv, (arguments, settings, 0, None, None, None, None))


def test_places_mapped_apart_equal_a_loop():
    p = problem("picture")
    x, offset, modulation = operands(p)
    offsets = torch.stack([offset, offset / 2, -offset])
    mapped = torch.func.vmap(lambda o: solve(p, x, o, modulation))(offsets)
    assert_close(mapped, torch.stack([solve(p, x, o, modulation) for o in offsets]))


def test_an_empty_batch_has_an_empty_result_and_gradient():
    p = problem("picture")
    empty = [tensor[:0].clone().requires_grad_() for tensor in operands(p)]
    y = solve(p, *empty)
    y.sum().backward()
    assert y.shape == (0, *p.result_shape[1:])
    assert all(tensor.grad.shape == tensor.shape for tensor in empty)


def test_far_away_samples_are_zero_and_finite():
    p = problem("picture")
    x, offset, modulation = operands(p)
    assert not solve(p, x, torch.full_like(offset, 1e30), modulation).any()
    assert not solve(p, x, torch.full_like(offset, -1e30), modulation).any()


def test_a_tap_only_moves_the_outputs_of_its_own_group():
    p = problem("picture")
    x, offset, modulation = operands(p)
    moved = offset.clone()
    moved[:, 0] += 0.3
    changed = (solve(p, x, moved, modulation) - solve(p, x, offset, modulation)).abs()
    assert changed[:, : C // G].max() > 0
    assert not changed[:, C // G :].any()
