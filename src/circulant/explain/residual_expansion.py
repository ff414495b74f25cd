"""What a stack of residual layers adds by single layers, by pairs, by threes: its expansion.

(I + F_n) ... (I + F_1) x = x + sum_i F_i x + sum_(i>j) F_i F_j x + ... holds exactly for linear F_i. For
others only the first order does, and the largest term that the broad layer x + sum_i F_i(x) leaves out is
sum_(i>j) J_Fi(x) F_j(x), J_Fi the derivative of F_i at x: of second order, so that branches a tenth as large
leave a hundredth of the error.

After Bermeitinger, Hrycej and Handschuh (2023), Make Deep Networks Shallow Again,
https://arxiv.org/abs/2309.08414.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.autograd.functional import jvp

from circulant.core.errors import ArgumentError
from circulant.core.evaluation import in_evaluation
from circulant.optimise.shallow_parallel import branches_of


@final
@dataclass(frozen=True, slots=True, eq=False)
class ExpansionError:
    """Of the broad layer beside the stack, on the given x; tensors have its shape."""

    stack: Tensor
    parallel: Tensor
    second_order: Tensor  # sum_(i>j) J_Fi(x) F_j(x): the estimate of stack - parallel

    @property
    def relative_error(self) -> float:
        """|stack - parallel| / |stack|, measured, in the 2-norm."""
        return _share(self.stack - self.parallel, self.stack)

    @property
    def estimated_error(self) -> float:
        """The same from the terms of second order alone."""
        return _share(self.second_order, self.stack)


def residual_expansion(layers: Iterable[nn.Module], x: Tensor) -> tuple[Tensor, ...]:
    """Terms of order 0 (x itself), 1, ..., n, each with the shape of x.

    Their sum is the stack's output for linear F_i; a bias makes F_i affine, and the sum another one.
    """
    branches = branches_of(layers)
    with in_evaluation(nn.ModuleList(branches)), torch.no_grad():
        terms = [x]
        for branch in branches:
            longer = [branch(term) for term in terms]
            terms = [x, *(old + new for old, new in zip(terms[1:], longer)), longer[-1]]
    return tuple(terms)


def residual_expansion_error(layers: Sequence[nn.Module], x: Tensor) -> ExpansionError:
    """The error of the broad layer, and its estimate, in evaluation mode at x (B, C, *spatial)."""
    if len(layers) < 2:
        raise ArgumentError(f"expected two residual layers or more, got {len(layers)}; one is exact")
    branches = branches_of(layers)
    stack, before, second_order = x, torch.zeros_like(x), torch.zeros_like(x)
    with in_evaluation(nn.ModuleList(branches)), torch.inference_mode(False), torch.enable_grad():
        for branch in branches:
            added, moved = jvp(branch, x.detach(), before)
            second_order = second_order + moved
            before = before + added
            with torch.no_grad():
                stack = stack + branch(stack)
    return ExpansionError(stack.detach(), (x + before).detach(), second_order.detach())


def _share(part: Tensor, whole: Tensor) -> float:
    size = float(whole.norm())
    return float(part.norm()) / size if size else float(part.norm())
