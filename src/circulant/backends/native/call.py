"""One call into the core: operands checked, memory laid out, pointers handed over."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from circulant.backends.native import core, memory
from circulant.backends.native.scalars import SCALARS
from circulant.core.errors import DeviceError, DtypeError, ShapeError
from circulant.core.sizes import Shape


@final
@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor, and the shape that the core will assume behind its pointer."""

    name: str
    tensor: Tensor
    shape: Shape
    dtype: torch.dtype | None = None  # where it is not that of the call


def _contiguous(operand: Operand, called: torch.dtype) -> Tensor:
    tensor, name, dtype = operand.tensor, operand.name, operand.dtype or called
    if tensor.shape != operand.shape:
        raise ShapeError(f"expected {name} {operand.shape}, got {tuple(tensor.shape)}; plan for its shape")
    if tensor.dtype != dtype:
        raise DtypeError(f"expected {name} of dtype {dtype}, got {tensor.dtype}; convert it first")
    if tensor.device.type != "cpu":
        raise DeviceError(f"expected {name} on the CPU, got {tensor.device}; take the torch backend")
    return tensor.contiguous()


def contiguous_each(operands: Sequence[Operand], dtype: torch.dtype) -> list[Tensor]:
    """For functions of the core that take or give other than operands and one result."""
    return [_contiguous(operand, dtype) for operand in operands]


def call(kernel: str, sizes: Any, operands: Sequence[Operand], shape: Shape, dtype: torch.dtype) -> Tensor:
    """The result, of the given shape, of the core's function of that name."""
    isa = core.load().Isa[core.instruction_set().name]
    return call_planned(kernel, sizes, operands, (shape,), dtype, isa)[0]


def call_planned(
    kernel: str,
    plan: Any,
    operands: Sequence[Operand | None],
    shapes: Sequence[Shape],
    dtype: torch.dtype,
    *rest: Any,
) -> list[Tensor]:
    """The results, of the given shapes, of the core's function of that name; an operand may be left out."""
    if dtype not in SCALARS:
        raise DtypeError(f"expected one of {', '.join(SCALARS.values())}, got {dtype}; convert it first")
    module = core.load()
    tensors = [None if operand is None else _contiguous(operand, dtype) for operand in operands]
    results = [memory.empty(shape, dtype) for shape in shapes]
    getattr(module, kernel)(
        plan,
        getattr(module.Scalar, SCALARS[dtype]),
        *(0 if tensor is None else tensor.data_ptr() for tensor in tensors),
        *(result.data_ptr() for result in results),
        torch.get_num_threads(),
        *rest,
    )
    return results
