"""A program: Ctrl-C while a kernel is at work, and between the tokens of a stream."""

import os
import signal
import threading
import time
from collections.abc import Callable
from unittest import mock

import torch
from torch import Tensor

from circulant.backends.native import depthwise_conv, long_conv, memory
from circulant.core.tolerances import assert_close
from circulant.engine.long_conv_stream import LongConvStream
from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.long_conv import LongConvProblem
from circulant.problems.trilinear import Slot

SOON_SECONDS = 0.02
LONG_SECONDS = 60.0
FILTERED = ConvolutionProblem(
    torch.float32, Slot.OUTPUT, 1, 4, 4, (120_000,), (4001,), (1,), ((2000, 2000),), (1,), 4
)
TRANSFORMED = LongConvProblem(torch.float32, Slot.OUTPUT, 2, 4, 1 << 19, 1 << 19, 0, False)


def interrupt_soon() -> None:
    threading.Timer(SOON_SECONDS, os.kill, (os.getpid(), signal.SIGINT)).start()


def interrupted_result(solve: Callable[[], Tensor]) -> Tensor:
    """The result of a call that Ctrl-C met: nobody got it, but it was computed to its end."""
    made: list[Tensor] = []
    empty = memory.empty

    def recorded(*arguments):
        made.append(empty(*arguments).fill_(torch.nan))
        interrupt_soon()
        return made[-1]

    while True:
        made.clear()
        returned = False
        try:
            with mock.patch.object(memory, "empty", recorded):
                solve()
                returned = True
                time.sleep(LONG_SECONDS)  # the call was over too early: once more
        except KeyboardInterrupt:
            if not returned:
                return made[-1]


def interrupt_calls(solve: Callable[[], Tensor]) -> None:
    before = solve()
    for _ in range(2):
        assert torch.equal(interrupted_result(solve), before), "an interrupted call stopped half way"
        assert torch.equal(solve(), before), "the call after an interrupted one is wrong"


def interrupt_stream() -> None:
    """How many tokens a stream has taken, it tells itself."""
    tokens, taps = 100_000, 100_000
    x, kernel = torch.randn(1, 2, tokens), torch.randn(2, taps) / taps**0.5
    stream, outputs, place = LongConvStream(kernel, 1), {}, 0
    for _ in range(5):
        try:
            interrupt_soon()
            while True:
                place = stream.seen
                outputs[place] = stream.step(x[..., place])
        except KeyboardInterrupt:
            assert stream.seen - place in (0, 1), "an interrupted token counts more than once"
    count = stream.seen + 1
    outputs[count - 1] = stream.step(x[..., count - 1])
    assert len(outputs) >= count - 5, "more than one token was lost at an interruption"
    exact = convolved(x[..., :count], kernel[:, :count])
    places = sorted(outputs)
    assert_close(torch.stack([outputs[place] for place in places], -1), exact[..., places])


def convolved(x: Tensor, kernel: Tensor) -> Tensor:
    """By torch's transforms in float64."""
    n = 2 * x.shape[-1]
    spectra = torch.fft.rfft(x.double(), n) * torch.fft.rfft(kernel.double(), n)
    return torch.fft.irfft(spectra, n)[..., : x.shape[-1]]


def main() -> None:
    torch.set_num_threads(2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    x, weight = torch.randn(FILTERED.input_shape), torch.randn(FILTERED.weight_shape)
    interrupt_calls(lambda: depthwise_conv.output(FILTERED, x, weight))
    row, kernel = torch.randn(TRANSFORMED.input_shape), torch.randn(TRANSFORMED.slot_shapes[Slot.KERNEL])
    interrupt_calls(lambda: long_conv.output(TRANSFORMED, row, kernel))
    interrupt_stream()
    print("right")


if __name__ == "__main__":
    main()
