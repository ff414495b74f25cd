"""One token of a long causal convolution, its whole context in memory."""

from collections.abc import Callable

import torch
from torch import Tensor

from circulant.bench.case import Case, Function
from circulant.bench.contestant import OURS, TORCH, Call, Contestant, Package, Role, Tensors
from circulant.bench.operation import Operation, looped_or, normal
from circulant.bench.peers.tap_sum import TapSum, einsum_taps, multiply_and_sum, vecdot_taps
from circulant.core.sizes import Shape
from circulant.engine.choice import Backend, Choice
from circulant.engine.long_conv_stream import LongConvStream
from circulant.problems.long_conv import LongConvProblem, reference
from circulant.problems.trilinear import Slot

Step = Callable[[Tensor], Tensor]


def _operands(shape: Shape) -> tuple[Tensor, ...]:
    """The token (B, C), the kernel (C, context), the inputs before (B, C, context - 1)."""
    batch, channels, context = shape
    return normal((batch, channels), (channels, context), (batch, channels, context - 1))


def _exact(shape: Shape) -> Function:
    batch, channels, context = shape
    problem = LongConvProblem(torch.float64, Slot.OUTPUT, batch, channels, context, context, 0, False)

    def last_output(x: Tensor, kernel: Tensor, past: Tensor) -> Tensor:
        return reference(problem, torch.cat([past, x[..., None]], -1), kernel)[..., -1]

    def summed(x: Tensor, kernel: Tensor, past: Tensor) -> Tensor:
        return kernel[:, 0] * x + (kernel[:, 1:].flip(-1) * past).sum(-1)

    return looped_or(problem, lambda _, *operands: last_output(*operands), summed)


def _decoder(
    name: str,
    role: Role,
    make: Callable[[Case], Step],
    package: Package = TORCH,
    way: Callable[[Case], str] | None = None,
) -> Contestant:
    """Prepares kernel and context before the clock; every call is one more token."""

    def prepare(case: Case) -> Call:
        step, token = make(case), case.operands[0]

        def call() -> Tensors:
            with torch.no_grad():
                return (step(token),)

        return call

    return Contestant(name, role, prepare, package, has_backward=False, way=way)


def _streamed(name: str, role: Role, choice: Choice) -> Contestant:
    def begun(case: Case) -> LongConvStream:
        _, kernel, past = case.operands
        return LongConvStream(kernel, past.shape[0], choice=choice)

    def make(case: Case) -> Step:
        stream = begun(case)
        stream.prefill(case.operands[2])
        return stream.step

    def way(case: Case) -> str:
        return f"stream on {begun(case).backend.value}"

    return _decoder(name, role, make, OURS, way)


def _summed(add: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Case], Step]:
    def make(case: Case) -> Step:
        _, kernel, past = case.operands
        return TapSum(kernel, past, add).step

    return make


LONG_CONV_DECODE = Operation(
    ("batch", "channels", "context"),
    _operands,
    _exact,
    (
        _streamed("circulant", Role.OURS, Choice()),
        _streamed("circulant stream on torch", Role.VARIANT, Choice(backend=Backend.TORCH)),
        _decoder("sum over taps, multiplied and summed", Role.TORCH, _summed(multiply_and_sum)),
        _decoder("sum over taps, einsum", Role.TORCH, _summed(einsum_taps)),
        _decoder("sum over taps, vecdot", Role.TORCH, _summed(vecdot_taps)),
    ),
)
