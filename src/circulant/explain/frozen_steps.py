"""What a nonlinear function did to one input, kept as an affine map that can be replayed on another.

An elementwise function and a norm become a Gate, y = scale * z + shift; a maximum becomes a Switch, which
picks the places that won. Functions are told by torch's own names, so that modules (`nn.ReLU`), calls
(`F.relu`) and methods (`z.relu()`) are all met.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional

from circulant.core.errors import ShapeError


@final
@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """y = scale * z + shift, position by position."""

    scale: Tensor
    shift: Tensor

    def __call__(self, z: Tensor) -> Tensor:
        _require_same(z, self.scale)
        return self.scale * z + self.shift


@final
@dataclass(frozen=True, slots=True, eq=False)
class Switch:
    """y = z at the places that won, counted along the flattened spatial axes."""

    places: Tensor
    input_shape: torch.Size
    ndim: int

    def __call__(self, z: Tensor) -> Tensor:
        _require_same(z, self.places, self.input_shape)
        places = self.places.expand(*z.shape[: -self.ndim], *self.places.shape[-self.ndim :])
        won = z.flatten(-self.ndim).gather(-1, places.flatten(-self.ndim))
        return won.reshape(places.shape)


Step = Gate | Switch


@final
@dataclass(frozen=True, slots=True, eq=False)
class Frozen:
    """What the function gave, and the step that stands for it."""

    y: Tensor
    step: Step


def _require_same(z: Tensor, record: Tensor, shape: torch.Size | None = None) -> None:
    shape = record.shape if shape is None else shape
    if z.shape != shape and (shape[0] != 1 or z.shape[1:] != shape[1:]):
        raise ShapeError(
            f"expected features of the recorded shape {tuple(shape)}, got {tuple(z.shape)}; a network that "
            "folds the batch axis into others can be replayed one example at a time only"
        )


def _elementwise(function: Any, z: Tensor, *rest: Any, **options: Any) -> Frozen:
    y = function(z.clone(), *rest, **options)
    shift = function(torch.zeros_like(z), *rest, **options)
    live = z != 0
    scale = torch.where(live, (y - shift) / z.where(live, torch.ones_like(z)), 0)
    return Frozen(y, Gate(scale, shift))


def _norm(function: Any, z: Tensor, scale: Tensor, *rest: Any, **options: Any) -> Frozen:
    """Mean and scale are those of z from now on; what is left of y besides scale * z is the shift."""
    y = function(z, *rest, **options)
    return Frozen(y, Gate(scale, y - scale * z))


def _group_norm(
    function: Any, z: Tensor, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Frozen:
    variance = z.reshape(*z.shape[:1], groups, -1).var(-1, correction=0, keepdim=True)
    scale = (variance + eps).rsqrt().expand(-1, -1, z.shape[1] // groups).reshape(*z.shape[:2])
    scale = scale if weight is None else scale * weight
    full = scale.reshape(*scale.shape, *(1,) * (z.ndim - 2)).expand_as(z)
    return _norm(function, z, full, groups, weight, bias, eps)


def _instance_norm(function: Any, z: Tensor, **options: Any) -> Frozen | None:
    if not options.get("use_input_stats", True):
        return None  # kept statistics: affine already
    grouped = _group_norm(
        functional.group_norm,
        z,
        z.shape[1],
        options.get("weight"),
        options.get("bias"),
        options.get("eps", 1e-5),
    )
    return Frozen(function(z, **options), grouped.step)


def _layer_norm(
    function: Any, z: Tensor, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Frozen:
    axes = tuple(range(-len(shape), 0))
    scale = (z.var(axes, correction=0, keepdim=True) + eps).rsqrt().expand_as(z)
    return _norm(function, z, scale if weight is None else scale * weight, shape, weight, bias, eps)


def _rms_norm(function: Any, z: Tensor, shape: Any, weight: Any = None, eps: float | None = None) -> Frozen:
    eps = torch.finfo(z.dtype).eps if eps is None else eps
    scale = (z.square().mean(tuple(range(-len(shape), 0)), keepdim=True) + eps).rsqrt().expand_as(z)
    return _norm(function, z, scale if weight is None else scale * weight, shape, weight, eps)


def _max_pool(function: Any, z: Tensor, *rest: Any, ndim: int, **options: Any) -> Frozen:
    y, places = function(z, *rest, **{**options, "return_indices": True})
    return Frozen(y, Switch(places, z.shape, ndim))


ELEMENTWISE = (
    "relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "logsigmoid", "softplus", "softsign", "tanh",
    "tanhshrink", "hardshrink", "softshrink", "threshold", "clamp", "clamp_min", "clamp_max", "abs",
)  # fmt: skip

Freeze = Callable[..., Frozen | None]  # (function, z, the rest of its arguments); None: affine as it is

FREEZES: dict[str, Freeze] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    **{f"max_pool{n}d": partial(_max_pool, ndim=n) for n in (1, 2, 3)},
    **{f"adaptive_max_pool{n}d": partial(_max_pool, ndim=n) for n in (1, 2, 3)},
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
}
