"""Tensors as they come: any memory layout, an empty batch, several examples at once, no data at all."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from circulant.core.card import Card, Case
from circulant.core.operator import Operator
from circulant.core.tolerances import assert_close
from circulant.testing.specimen import build, draw, specimen

CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


@dataclass(frozen=True, slots=True)
class Layout:
    """The same values, laid out differently in memory."""

    name: str
    x: Tensor


def check_memory_layouts(card: Card, case: Case) -> None:
    """Output and input gradient do not depend on how x lies in memory."""
    subject = specimen(case)
    for layout in _layouts(subject.x):
        plain = layout.x.contiguous().clone()
        expected, expected_gradient = _value_and_gradient(subject.module, plain)
        got, gradient = _value_and_gradient(subject.module, layout.x)
        assert_close(got, expected, what=f"output for {layout.name} x")
        assert_close(gradient, expected_gradient, what=f"input gradient for {layout.name} x")


def _layouts(x: Tensor) -> Iterator[Layout]:
    yield Layout("transposed", x.transpose(0, -1).contiguous().transpose(0, -1))
    yield Layout("sliced", torch.stack((x, draw(tuple(x.shape), seed=3)), dim=-1).flatten(-2)[..., ::2])
    yield Layout("expanded", x[:1].expand(x.shape))
    yield Layout("unaligned", torch.cat((x.new_zeros(1), x.flatten()))[1:].view(x.shape))
    if x.ndim in CHANNELS_LAST:
        yield Layout("channels-last", x.contiguous(memory_format=CHANNELS_LAST[x.ndim]))


def _value_and_gradient(module: Operator, x: Tensor) -> tuple[Tensor, Tensor]:
    """For a cotangent that is itself not contiguous."""
    leaf = x.detach().requires_grad_()
    y: Tensor = module(leaf)
    cotangent = draw(tuple(reversed(y.shape)), seed=7).permute(*reversed(range(y.ndim)))
    (gradient,) = torch.autograd.grad(y, leaf, cotangent)
    return y.detach(), gradient


def check_leaves_input_unchanged(card: Card, case: Case) -> None:
    subject = specimen(case)
    for training in (False, True):
        x = subject.x.clone()
        subject.module.train(training)(x)
        if x._version or not torch.equal(x, subject.x):
            raise AssertionError("forward writes into x; work on a copy")


def check_empty_batch(card: Card, case: Case) -> None:
    """(0, C, ...) gives an empty result of the right shape and has a gradient."""
    subject = specimen(case)
    empty = subject.x[:0].clone().requires_grad_()
    expected = (0, *subject.module(subject.x).shape[1:])
    try:
        y = subject.module(empty)
        y.sum().backward()
    except RuntimeError as error:
        raise AssertionError(f"an empty batch fails: {error}") from error
    if tuple(y.shape) != expected:
        raise AssertionError(f"expected y {expected} for an empty batch, got {tuple(y.shape)}")
    if empty.grad is None or empty.grad.shape != empty.shape:
        raise AssertionError("expected an empty gradient for an empty batch, got none")
    dirty = [name for name, value in subject.module.named_parameters() if _is_dirty(value.grad)]
    if dirty:
        raise AssertionError(f"expected no gradient from an empty batch, got one for {dirty}")


def _is_dirty(gradient: Tensor | None) -> bool:
    return gradient is not None and bool((gradient != 0).any())


def check_examples_are_independent(card: Card, case: Case) -> None:
    """In evaluation mode, an example's result is the same alone and in any batch."""
    subject = specimen(case)
    batch = draw((3, *case.shape[1:]), seed=17)
    together = subject.module(batch)
    for index in range(len(batch)):
        alone = subject.module(batch[index : index + 1])
        assert_close(together[index : index + 1], alone, what=f"example {index} of a batch against alone")


def check_meta_device(card: Card, case: Case) -> None:
    """Built and run on the meta device, which holds shapes only, it gives the right shape."""
    expected = build(case)(draw(case.shape, seed=1)).shape
    try:
        with torch.device("meta"):
            module = case.make()
        y = module.eval()(torch.empty(case.shape, device="meta"))
    except RuntimeError as error:
        raise AssertionError(f"does not run on the meta device: {error}") from error
    stored = module.state_dict().items()
    stray = [name for name, value in stored if not value.is_meta]
    if stray or not y.is_meta:
        raise AssertionError(f"expected all on the meta device, got {stray or 'the output'} elsewhere")
    if y.shape != expected:
        raise AssertionError(f"expected y {tuple(expected)} on the meta device, got {tuple(y.shape)}")
