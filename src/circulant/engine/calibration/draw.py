"""Convolutions drawn at random.

Sizes are drawn on logarithmic scales from the ranges that networks use, in one, two and three dimensions,
dense, pointwise, grouped and depthwise; those of more than LARGEST_FLOP are drawn again.
"""

from collections.abc import Iterator, Mapping
from random import Random

import torch

from circulant.problems.convolution import ConvolutionProblem
from circulant.problems.trilinear import Slot

LARGEST_FLOP = 3e9
SIZES = {1: (16, 65536), 2: (7, 224), 3: (4, 48)}
KERNELS = {1: (1, 128), 2: (1, 63), 3: (1, 11)}
KINDS = ("dense", "pointwise", "grouped", "depthwise", "depthwise")  # depthwise twice: it is what we add to


def drawn_rows(seed: int) -> Iterator[Mapping[str, int | str]]:
    """Without end, the same for the same seed; each number holds for every axis."""
    draw = Random(seed)
    while True:
        row = _candidate(draw)
        if _is_affordable(row):
            yield row


def drawn_problems(seed: int) -> Iterator[ConvolutionProblem]:
    """The same in float32."""
    for row in drawn_rows(seed):
        ndim = int(row["ndim"])
        size, kernel, stride, dilation, side = (
            (int(row[name]),) * ndim for name in ("size", "kernel", "stride", "dilation", "padding")
        )
        batch, channels, out, groups = (
            int(row[name]) for name in ("batch", "in_channels", "out_channels", "groups")
        )
        sides = tuple(zip(side, side))
        yield ConvolutionProblem(
            torch.float32, Slot.OUTPUT, batch, channels, out, size, kernel, stride, sides, dilation, groups
        )


def _logarithmic(draw: Random, low: int, high: int) -> int:
    return round(low * (high / low) ** draw.random())


def _candidate(draw: Random) -> dict[str, int | str]:
    ndim, kind = draw.choice((1, 2, 2, 3)), draw.choice(KINDS)
    size = _logarithmic(draw, *SIZES[ndim])
    width = 2 ** draw.randint(3, 9)
    groups = {"depthwise": width, "grouped": 2 ** draw.randint(1, 3)}.get(kind, 1)
    out = width if kind == "depthwise" else 2 ** draw.randint(3, 9)
    kernel = 1 if kind == "pointwise" else _logarithmic(draw, 2, min(KERNELS[ndim][1], 2 * size))
    dilation = draw.choice((1, 1, 1, 2)) if kernel > 1 else 1
    span = dilation * (kernel - 1) + 1
    return {
        "ndim": ndim, "kind": kind, "batch": 2 ** draw.randint(0, 5),
        "in_channels": width, "out_channels": out,
        "groups": groups, "size": size, "kernel": kernel, "stride": draw.choice((1, 1, 1, 2)),
        "dilation": dilation, "padding": span // 2,
    }  # fmt: skip


def _is_affordable(row: Mapping[str, int | str]) -> bool:
    ndim, size, kernel, stride = (int(row[name]) for name in ("ndim", "size", "kernel", "stride"))
    outputs = int(row["batch"]) * int(row["out_channels"]) * max(size // stride, 1) ** ndim
    flop = 2.0 * outputs * kernel**ndim * int(row["in_channels"]) / int(row["groups"])
    memory = 4.0 * int(row["batch"]) * int(row["in_channels"]) * size**ndim
    return flop <= LARGEST_FLOP and memory <= 2**28 and int(row["out_channels"]) % int(row["groups"]) == 0
