"""Operands checked, and kernels started on the device where their tensors are."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from circulant.backends.triton.runtime import load
from circulant.core.errors import DeviceError, DtypeError, ShapeError
from circulant.core.sizes import Shape

ACCUMULATORS = {
    torch.float64: torch.float64,
    torch.float32: torch.float32,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}
"""Dtypes that kernels load and store, and those in which they add."""


@final
@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor, and the shape that a kernel will assume behind its pointer."""

    name: str
    tensor: Tensor
    shape: Shape


def contiguous(dtype: torch.dtype, *operands: Operand) -> list[Tensor]:
    """The tensors as kernels read them, after checks of shape, dtype and device."""
    if dtype not in ACCUMULATORS:
        known = ", ".join(str(known) for known in ACCUMULATORS)
        raise DtypeError(f"expected one of {known}, got {dtype}; convert it first")
    lead = operands[0]
    for operand in operands:
        name, tensor = operand.name, operand.tensor
        if tensor.shape != operand.shape:
            raise ShapeError(
                f"expected {name} {operand.shape}, got {tuple(tensor.shape)}; plan for its shape"
            )
        if tensor.dtype != dtype:
            raise DtypeError(f"expected {name} of dtype {dtype}, got {tensor.dtype}; convert it first")
        if tensor.device != lead.tensor.device:
            raise DeviceError(
                f"expected {name} on {lead.name}'s device {lead.tensor.device}, got {tensor.device}; move one"
            )
    return [operand.tensor.contiguous() for operand in operands]


def accumulator(dtype: torch.dtype) -> Any:
    """The dtype of sums, as a kernel takes it."""
    return getattr(load().language, str(ACCUMULATORS[dtype]).removeprefix("torch."))


def launch(kernel: Any, grid: Sequence[int], lead: Tensor, *arguments: Any, **constants: Any) -> None:
    """Start the kernel once for each index of the grid, on lead's device."""
    with torch.cuda.device(lead.device) if lead.is_cuda else nullcontext():
        kernel[tuple(grid)](*arguments, **constants)
