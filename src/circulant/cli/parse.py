"""Text of the command line as values of ours."""

import re

import torch

from circulant.core.errors import ArgumentError, UnknownNameError
from circulant.core.sizes import Shape

DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}


def shape(text: str, option: str) -> Shape:
    """ "32x384x56x56" -> (32, 384, 56, 56)."""
    if not re.fullmatch(r"\d+(x\d+)*", text):
        raise ArgumentError(
            f"expected {option} as sizes joined by x, got {text!r}; write for example 32x384x56"
        )
    return tuple(int(size) for size in text.split("x"))


def sizes(text: str, option: str) -> int | Shape:
    """ "15" -> 15 for every axis, "15x7" -> (15, 7)."""
    several = shape(text, option)
    return several[0] if len(several) == 1 else several


def padding(text: str) -> int | Shape | str:
    """Numbers as for `sizes`, or a word that the library knows."""
    return text if text.isalpha() else sizes(text, "--padding")


def dtype(text: str) -> torch.dtype:
    if text not in DTYPES:
        raise UnknownNameError("dtype", text, DTYPES)
    return DTYPES[text]
