"""Strided convolutions and pooling replaced by space to depth and a convolution, which drop no sample."""

from typing import Any, final

import torch
from torch import nn

from circulant.core.evaluation import in_evaluation
from circulant.core.hooks import watching
from circulant.core.sizes import Shape, per_axis, product
from circulant.engine.conv_settings import CONVOLUTIONS, settings_of
from circulant.operators.spatial.space_to_depth_conv import SPACE_TO_DEPTH
from circulant.operators.spatial.space_to_depth_layer import SpaceToDepthConvNd
from circulant.optimise.replaced import Rewrite, replace

POOLING: dict[type[nn.Module], int] = {
    nn.MaxPool1d: 1, nn.MaxPool2d: 2, nn.MaxPool3d: 3, nn.AvgPool1d: 1, nn.AvgPool2d: 2, nn.AvgPool3d: 3,
}  # fmt: skip


def replace_strided(network: nn.Module, example_input: torch.Tensor) -> Rewrite:
    """Replace every strided convolution and pooling that the example reaches, 1x1 shortcuts too.

    A convolution becomes `SpaceToDepthConv.from_conv`: the same function at first, free to learn what the
    stride left out. Pooling becomes a 1x1 convolution of the sub-images, at first their mean. What follows
    keeps its width, so that the published form for residual blocks (convolution, space to depth, then norm
    and convolution four times as wide) is made of one module less.
    """
    channels = _channels_met(network, example_input)

    def substitute(name: str, module: nn.Module) -> nn.Module | None:
        if type(module) in CONVOLUTIONS:
            conv: Any = module
            return SPACE_TO_DEPTH[conv.weight.ndim - 2].from_conv(conv) if max(conv.stride) > 1 else None
        if (ndim := POOLING.get(type(module))) is None or module not in channels:
            return None
        steps = per_axis(module.stride, ndim, "stride")  # type: ignore[arg-type]
        return _mean(channels[module], steps) if max(steps) > 1 else None

    return replace(network, substitute)


def replace_patches(network: nn.Module) -> Rewrite:
    """Replace convolutions whose stride is their kernel, without padding: the same function at every size."""

    def substitute(name: str, module: nn.Module) -> nn.Module | None:
        if type(module) not in CONVOLUTIONS:
            return None
        conv: Any = module
        is_patch = conv.kernel_size == conv.stride and max(conv.stride) > 1 and max(conv.dilation) == 1
        if not is_patch or settings_of(conv).padding != ((0, 0),) * len(conv.stride):
            return None
        return nn.Sequential(WholeBlocks(conv.stride), SPACE_TO_DEPTH[len(conv.stride)].from_conv(conv))

    return replace(network, substitute)


@final
class WholeBlocks(nn.Module):
    """Leaves out the last samples, which make no whole block.  Shapes: x (B, C, *spatial) -> no larger."""

    def __init__(self, block: Shape) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sizes = x.shape[-len(self.block) :]
        whole: Any = (..., *(slice(0, size // step * step) for size, step in zip(sizes, self.block)))
        part: torch.Tensor = x[whole]
        return part


def _mean(like: torch.Tensor, steps: tuple[int, ...]) -> SpaceToDepthConvNd:
    """Of each channel over a block, as a convolution that may mix channels."""
    C = like.shape[-len(steps) - 1]
    new = SPACE_TO_DEPTH[len(steps)](C, C, 1, steps, bias=False, device=like.device, dtype=like.dtype)
    with torch.no_grad():
        same = torch.eye(C).repeat(1, product(steps)) / product(steps)
        new.weight.copy_(same.view_as(new.weight))
    return new


def _channels_met(network: nn.Module, example_input: torch.Tensor) -> dict[nn.Module, torch.Tensor]:
    """What each pooling is given in one forward pass."""
    met: dict[nn.Module, torch.Tensor] = {}

    def see(name: str, pool: nn.Module, operands: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        met[pool] = operands[0].detach()

    pools = {name: module for name, module in network.named_modules() if type(module) in POOLING}
    with in_evaluation(network), torch.no_grad(), watching(pools, see):
        network(example_input)
    return met
