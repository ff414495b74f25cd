"""Predicted work equals the work that is counted while the operator runs."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from circulant.algorithms.algorithm import AlgorithmName
from circulant.core.card import Card, Case
from circulant.core.sizes import Shape
from circulant.engine.choice import use
from circulant.testing.specimen import specimen

ROUNDING_FLOP = 4.0  # counters round each transform to a whole number


def check_cost_equals_counted_flop(card: Card, case: Case) -> None:
    """For this batch and for a larger one, under the direct algorithm."""
    for batch in (case.shape[0], case.shape[0] + 3):
        shape = (batch, *case.shape[1:])
        predicted, counted = case.make().cost(shape).flop, counted_flop(case, shape)
        if not abs(predicted - counted) <= ROUNDING_FLOP + 1e-9 * counted:
            raise AssertionError(f"cost({shape}) predicts {predicted:.0f} FLOP, forward runs {counted:.0f}")


def counted_flop(case: Case, shape: Shape) -> float:
    """Arithmetic of one forward pass, as torch counts it."""
    module = specimen(case, dtype=torch.float32).module
    counter = FlopCounterMode(display=False, custom_mapping=_PRODUCTS)
    with counter, torch.no_grad(), use(algorithm=AlgorithmName.DIRECT):
        module(torch.zeros(shape))
    return float(counter.get_total_flops())


def _counted_product(*operands: Any, out_val: Tensor, **_: Any) -> int:
    """Of matrices, the last two operands that are tensors; torch counts complex numbers like real ones."""
    first, second = [operand for operand in operands if isinstance(operand, Tensor)][-2:]
    return 2 * first.numel() * second.shape[-1] * (4 if first.is_complex() else 1)


_counted_product._get_raw = True  # type: ignore[attr-defined]  # the operands themselves, not their shapes
_PRODUCTS = {product: _counted_product for product in (torch.ops.aten.bmm, torch.ops.aten.baddbmm)}


def check_cost_grows_with_batch(card: Card, case: Case) -> None:
    """Arithmetic never shrinks, traffic grows, and both are finite."""
    module = case.make()
    costs = [module.cost((batch, *case.shape[1:])) for batch in (1, 2, 4)]
    for small, large in pairwise(costs):
        grows = 0 <= small.flop <= large.flop < float("inf") and 0 < small.byte < large.byte < float("inf")
        if not grows:
            raise AssertionError(f"expected a cost that grows with the batch, got {small} and then {large}")
