"""Convolution layers that filter and spread, for inputs larger than the network was trained on."""

from collections.abc import Callable, Collection, Mapping

from torch import nn

from circulant.engine.conv_settings import Sizes
from circulant.operators.spatial.fouri_scale_conv import FOURI_SCALE
from circulant.operators.spatial.fouri_scale_layer import FouriScaleConvNd
from circulant.operators.spatial.low_pass_gains import LowPass
from circulant.optimise.conv_layer import conv_layer
from circulant.optimise.replaced import Rewrite, replace_named


def apply_fouriscale(
    network: nn.Module,
    native: Mapping[str, Sizes | None],
    scale: float,
    *,
    low_pass: LowPass = LowPass.SOFT,
    floor: float = 0.0,
    unfiltered: Collection[str] = (),
    branches: bool = False,
    weak_divisor: float = 1.0,
) -> Rewrite:
    """Replace the convolution layers that `native` names, with the size each was trained on.

    Layers behind an upsampling go into `unfiltered`. With branches the network is given a batch of three
    parts (`models.guidance`). Parameters stay the same objects; for a schedule over the steps of a sampler,
    rewrite and undo at each step (`decayed_scale`).
    """

    def substitute(name: str) -> Callable[[nn.Module], nn.Module]:
        def build(layer: nn.Module) -> FouriScaleConvNd:
            conv = conv_layer(name, layer)
            return FOURI_SCALE[conv.weight.ndim - 2].from_conv(
                conv, scale=scale, native=native[name], low_pass=None if name in unfiltered else low_pass,
                floor=floor, branches=branches, weak_divisor=weak_divisor,
            )  # fmt: skip

        return build

    return replace_named(network, {name: substitute(name) for name in native})
