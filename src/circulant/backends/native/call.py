"""One call into the core: operands checked, memory laid out, pointers handed over."""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from circulant.backends.native import core
from circulant.core.errors import DeviceError, DtypeError, ShapeError
from circulant.core.sizes import Shape


@final
@dataclass(frozen=True, slots=True)
class Operand:
    """A tensor, and the shape that the core will assume behind its pointer."""

    name: str
    tensor: Tensor
    shape: Shape


def _contiguous(operand: Operand, dtype: torch.dtype) -> Tensor:
    tensor, name = operand.tensor, operand.name
    if tensor.shape != operand.shape:
        raise ShapeError(f"expected {name} {operand.shape}, got {tuple(tensor.shape)}; plan for its shape")
    if tensor.dtype != dtype:
        raise DtypeError(f"expected {name} of dtype {dtype}, got {tensor.dtype}; convert it first")
    if tensor.device.type != "cpu":
        raise DeviceError(f"expected {name} on the CPU, got {tensor.device}; take the torch backend")
    return tensor.contiguous()


def call(
    kernel: str, sizes: Any, first: Operand, second: Operand, shape: Shape, dtype: torch.dtype
) -> Tensor:
    """The result, of the given shape, of the core's function of that name; float32 or float64."""
    if dtype not in (torch.float32, torch.float64):
        raise DtypeError(f"expected float32 or float64, got {dtype}; convert it or take the torch backend")
    module = core.load()
    a, b = _contiguous(first, dtype), _contiguous(second, dtype)
    result = torch.empty(shape, dtype=dtype)
    getattr(module, kernel)(
        sizes,
        dtype is torch.float64,
        a.data_ptr(),
        b.data_ptr(),
        result.data_ptr(),
        torch.get_num_threads(),
        module.Isa[core.instruction_set().name],
    )
    return result
