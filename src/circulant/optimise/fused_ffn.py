"""Feed-forward networks that see the same input, as one wide network: exact.

Norms without gain and shift are the same for all, so that these go into the first linear maps. Rows of the
first maps are stacked, columns of the last ones laid side by side, their biases added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.models.channel_mlp import ChannelMlp, GatedMlp
from circulant.models.channel_norm import ChannelLayerNorm, ChannelRMSNorm
from circulant.models.residual import Residual
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.optimise.fused_conv_next import FusedConvNeXtBlocks

NORMS = (ChannelLayerNorm, ChannelRMSNorm)


@final
@dataclass(frozen=True, slots=True)
class FfnKind:
    """What must agree for two residual feed-forward networks to be fused."""

    branch: type[nn.Module]
    norm: type[nn.Module]
    channels: int
    eps: float | None
    convolution: tuple[Any, ...] = ()


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Linear:
    """weight (O, I), bias (O) or None."""

    weight: Tensor
    bias: Tensor | None


def ffn_kind(layer: nn.Module) -> FfnKind | None:
    """None for what is no x + scale ffn(norm(x)) or ConvNeXt block, or drops at random in training."""
    if not isinstance(layer, Residual) or layer.post_norm or layer.drop_path.rate:
        return None
    branch: Any = layer.branch
    if isinstance(branch, GatedMlp) and isinstance(layer.norm, NORMS):
        return _kind_of(branch, layer.norm, branch.gate)
    if isinstance(branch, ChannelMlp) and isinstance(layer.norm, NORMS) and not branch.dropout.p:
        return _kind_of(branch, layer.norm, branch.expand)
    if isinstance(branch, nn.Sequential) and isinstance(layer.norm, nn.Identity):
        return _conv_next_kind(branch)
    return None


def _kind_of(branch: nn.Module, norm: Any, first: Any, convolution: tuple[Any, ...] = ()) -> FfnKind:
    return FfnKind(type(branch), type(norm), first.in_features, norm.norm.eps, convolution)


def _conv_next_kind(branch: nn.Sequential) -> FfnKind | None:
    if [type(part) for part in branch] != [DepthwiseConv2d, ChannelLayerNorm, ChannelMlp]:
        return None
    mixer: Any
    mlp: Any
    mixer, norm, mlp = branch
    if mlp.dropout.p:
        return None
    convolution = (mixer.kernel, mixer.dilation, mixer.boundary, mlp.expand.out_features)
    return _kind_of(branch, norm, mlp.expand, convolution)


@torch.no_grad()
def fused_ffn(layers: Sequence[Residual]) -> nn.Module:
    """x + sum_i F_i(x) of layers x + F_i(x) of one `ffn_kind`, with copies of their weights."""
    first = layers[0]
    branches: list[Any] = [layer.branch for layer in layers]
    if isinstance(first.branch, nn.Sequential):
        made: nn.Module = _fused_conv_next(layers, branches)
    else:
        kind = ffn_kind(first)
        assert kind is not None
        norm = kind.norm(kind.channels, kind.eps)
        fuse = _fused_gated if kind.branch is GatedMlp else _fused_plain
        made = Residual(fuse(layers, branches, kind.channels), norm)
    like = next(first.parameters())
    trains = any(parameter.requires_grad for layer in layers for parameter in layer.parameters())
    return made.to(like.device, like.dtype).requires_grad_(trains).train(first.training)


def _fused_gated(layers: Sequence[Residual], branches: Sequence[Any], channels: int) -> GatedMlp:
    gates = _rows([_after_norm(branch.gate, layer.norm) for branch, layer in zip(branches, layers)])
    expands = _rows([_after_norm(branch.expand, layer.norm) for branch, layer in zip(branches, layers)])
    project = _columns([_scaled(branch.project, layer.scale) for branch, layer in zip(branches, layers)])
    has_bias = any(linear.bias is not None for linear in (gates, expands, project))
    mlp = GatedMlp(channels, len(gates.weight), bias=has_bias)
    for target, linear in ((mlp.gate, gates), (mlp.expand, expands), (mlp.project, project)):
        _fill(target, linear)
    return mlp


def _fused_plain(layers: Sequence[Residual], branches: Sequence[Any], channels: int) -> ChannelMlp:
    expand = _rows([_after_norm(branch.expand, layer.norm) for branch, layer in zip(branches, layers)])
    project = _columns([_scaled(branch.project, layer.scale) for branch, layer in zip(branches, layers)])
    mlp = ChannelMlp(
        channels, len(expand.weight), bias=expand.bias is not None, project_bias=project.bias is not None
    )
    _fill(mlp.expand, expand)
    _fill(mlp.project, project)
    return mlp


def _fused_conv_next(layers: Sequence[Residual], branches: Sequence[Any]) -> FusedConvNeXtBlocks:
    mixers = [branch[0] for branch in branches]
    expand = _rows([_after_norm(mlp.expand, norm) for _, norm, mlp in branches])
    project = _columns([_scaled(branch[2].project, layer.scale) for branch, layer in zip(branches, layers)])
    made = FusedConvNeXtBlocks(mixers, len(expand.weight), branches[0][1].norm.eps)
    for target, linear in ((made.expand, expand), (made.project, project)):
        _fill(target, _Linear(linear.weight[:, :, None, None], linear.bias))
    return made


def _after_norm(linear: nn.Linear, norm: Any) -> _Linear:
    """The linear map of gain * normed + shift, as one of what is normed alone."""
    gain, shift = norm.norm.weight, dict(norm.norm.named_parameters()).get("bias")  # RMSNorm: no shift
    weight = linear.weight if gain is None else linear.weight * gain
    return _Linear(weight, linear.bias if shift is None else _added([linear.bias, linear.weight @ shift]))


def _scaled(linear: nn.Linear, scale: Tensor | None) -> _Linear:
    if scale is None:
        return _Linear(linear.weight, linear.bias)
    return _Linear(linear.weight * scale[:, None], None if linear.bias is None else linear.bias * scale)


def _rows(linears: Sequence[_Linear]) -> _Linear:
    weight = torch.cat([linear.weight for linear in linears])
    if all(linear.bias is None for linear in linears):
        return _Linear(weight, None)
    zeros = [torch.zeros_like(linear.weight[:, 0]) for linear in linears]
    biases = [zero if linear.bias is None else linear.bias for linear, zero in zip(linears, zeros)]
    return _Linear(weight, torch.cat(biases))


def _columns(linears: Sequence[_Linear]) -> _Linear:
    return _Linear(
        torch.cat([linear.weight for linear in linears], 1), _added([each.bias for each in linears])
    )


def _added(biases: Sequence[Tensor | None]) -> Tensor | None:
    there = [bias for bias in biases if bias is not None]
    return torch.stack(there).sum(0) if there else None


def _fill(target: Any, linear: _Linear) -> None:
    """The very numbers, in their dtype: a layer made in float32 would round those of float64."""
    target.weight = nn.Parameter(linear.weight.clone())
    if target.bias is not None:
        bias = torch.zeros_like(linear.weight.flatten(1)[:, 0]) if linear.bias is None else linear.bias
        target.bias = nn.Parameter(bias.clone())
