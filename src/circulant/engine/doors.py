"""Checks that every door of the engine makes before any work, and the rule for autocast."""

from collections.abc import Sequence

import torch
from torch import Tensor

from circulant.core.errors import DeviceError, DtypeError

PLAIN = (Tensor, torch.nn.Parameter)
COMPUTING = ("cpu", "cuda")  # meta tensors have shapes alone


def require_same_kind(names: Sequence[str], tensors: Sequence[Tensor | None]) -> None:
    """Raise unless all tensors are floating point of one dtype, on one device."""
    lead_name, lead = names[0], tensors[0]
    assert lead is not None
    if not lead.is_floating_point():
        raise DtypeError(
            f"expected {lead_name} of a floating-point dtype, got {lead.dtype}; convert it with .float()"
        )
    for name, tensor in zip(names[1:], tensors[1:]):
        if tensor is None:
            continue
        if tensor.dtype != lead.dtype:
            raise DtypeError(
                f"expected {name} of {lead_name}'s dtype {lead.dtype}, got {tensor.dtype}; convert one"
            )
        if tensor.device != lead.device:
            raise DeviceError(
                f"expected {name} on {lead_name}'s device {lead.device}, got {tensor.device}; move one"
            )


def autocasts(device: str) -> bool:
    """Whether autocast is on there; some devices, meta among them, know none."""
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def widest_under_autocast(
    tensors: Sequence[Tensor], optional: Sequence[Tensor | None] = ()
) -> tuple[tuple[Tensor, ...], tuple[Tensor | None, ...]]:
    """Under autocast, all in the widest dtype among the tensors, as torch's scans do; else as they are."""
    if not autocasts(tensors[0].device.type):
        return tuple(tensors), tuple(optional)
    widest = tensors[0].dtype
    for tensor in tensors[1:]:
        widest = torch.promote_types(widest, tensor.dtype)
    wide = tuple(tensor.to(widest) for tensor in tensors)
    return wide, tuple(None if tensor is None else tensor.to(widest) for tensor in optional)


def autocast_operand(tensor: Tensor) -> Tensor:
    """What torch's own convolutions do under autocast: floats, all but float64, in the autocast dtype."""
    device = tensor.device.type
    if autocasts(device) and tensor.is_floating_point() and tensor.dtype != torch.float64:
        return tensor.to(torch.get_autocast_dtype(device))
    return tensor


def autocast_operands(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """All three; nothing is asked of each where autocast is off."""
    if not autocasts(x.device.type):
        return x, weight, bias
    return autocast_operand(x), autocast_operand(weight), None if bias is None else autocast_operand(bias)


def needs_gradient(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def runs_plainly(*operands: Tensor) -> bool:
    """Whether a problem may be solved without torch's dispatcher, which takes some 30 microseconds.

    Nothing watches then: no gradient, no compiler, no transform of functions, no mode that counts FLOP.
    """
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() or needs_gradient(*operands):
        return False
    watched = torch._C._len_torch_dispatch_stack() or torch.autograd.forward_ad._current_level >= 0
    if watched or torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    return all(type(operand) in PLAIN and operand.device.type in COMPUTING for operand in operands)
