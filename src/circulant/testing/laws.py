"""Laws that a card may claim, verified by perturbing the input."""

import torch
from torch import Tensor

from circulant.core.card import Card, Case
from circulant.core.tolerances import RELATIVE, assert_close
from circulant.testing.specimen import draw, specimen

NEGLIGIBLE = RELATIVE[torch.float64]


def check_linear(card: Card, case: Case) -> None:
    """f(a x + b z) = a f(x) + b f(z) - (a + b - 1) f(0)."""
    subject = specimen(case)
    f, x, z = subject.module, subject.x, draw(case.shape, seed=5)
    got = f(2 * x - 3 * z)
    assert_close(got, 2 * f(x) - 3 * f(z) + 2 * f(torch.zeros_like(x)), what="f(2 x - 3 z)")


def check_shift_equivariant(card: Card, case: Case) -> None:
    """Along each axis by one position, and along all of them by different distances."""
    subject = specimen(case)
    y = _same_positions(subject.module(subject.x), subject.x)
    axes = range(2, y.ndim)
    moves = [((1,), (axis,)) for axis in axes] + [(tuple(2 + axis for axis in axes), tuple(axes))]
    for distances, along in moves:
        got = subject.module(subject.x.roll(distances, along))
        assert_close(got, y.roll(distances, along), what=f"output for x shifted by {distances}")


def check_permutation_equivariant(card: Card, case: Case) -> None:
    subject = specimen(case)
    y = _same_positions(subject.module(subject.x), subject.x)
    positions = subject.x.flatten(2).shape[-1]
    order = torch.randperm(positions, generator=torch.Generator().manual_seed(3))

    def permuted(values: Tensor) -> Tensor:
        return values.flatten(2)[..., order].reshape(values.shape)

    assert_close(subject.module(permuted(subject.x)), permuted(y), what="output for permuted positions")


def check_causal(card: Card, case: Case) -> None:
    """Whatever follows a position, up to it the output stays."""
    subject = specimen(case)
    if subject.x.ndim != 3:
        raise AssertionError(f"CAUSAL is a law of sequences (B, C, L), this case is {case.shape}")
    y = _same_positions(subject.module(subject.x), subject.x)
    L = y.shape[-1]
    for position in sorted({0, L // 2, max(L - 2, 0)}):
        other = subject.x.clone()
        other[..., position + 1 :] = draw(tuple(other[..., position + 1 :].shape), seed=11)
        known = slice(0, position + 1)
        changed = subject.module(other)[..., known] - y[..., known]
        if not changed.abs().max() <= NEGLIGIBLE * y.abs().max():
            raise AssertionError(f"output up to position {position} depends on x after it")


def check_depthwise(card: Card, case: Case) -> None:
    subject = specimen(case)
    y = subject.module(subject.x)
    channels = subject.x.shape[1]
    if y.shape[1] % channels:
        raise AssertionError(f"{y.shape[1]} output channels cannot depend on one of {channels} each")
    for channel in range(channels):
        other = subject.x.clone()
        other[:, channel] = draw(tuple(other[:, channel].shape), seed=13)
        changed = (subject.module(other) - y).unflatten(1, (channels, -1)).abs()
        changed[:, channel] = 0
        if not changed.max() <= NEGLIGIBLE * y.abs().max():
            raise AssertionError(f"channel {channel} of x reaches the outputs of other channels")


def _same_positions(y: Tensor, x: Tensor) -> Tensor:
    if y.shape[2:] != x.shape[2:]:
        raise AssertionError(
            f"the law needs an output at every position of x {tuple(x.shape)}, got y {tuple(y.shape)}"
        )
    return y
