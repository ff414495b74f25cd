"""How each call of a network hands relevance back."""

from enum import Enum, auto
from typing import Any, final

import torch
from torch import fx, nn
from torch.nn import functional as F

from circulant.engine.conv_settings import CONVOLUTIONS
from circulant.optimise.channel_calls import TOGETHER_BY_SUM


@final
class Handing(Enum):
    BY_RULE = auto()
    UNCHANGED = auto()  # by activations
    IN_PROPORTION = auto()  # by means
    SUM = auto()
    ROUTED = auto()  # as a gradient: each output is one of the inputs
    UNKNOWN = auto()


ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Softplus,
    nn.Hardtanh, nn.Hardswish,
)  # fmt: skip
MEANS = (
    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d,
)  # fmt: skip
ROUTED = (
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d,
    nn.AdaptiveMaxPool3d, nn.Flatten, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
)  # fmt: skip
OF_LAYERS: dict[type[nn.Module], Handing] = {
    **dict.fromkeys((*CONVOLUTIONS, nn.Linear), Handing.BY_RULE),
    **dict.fromkeys(ACTIVATIONS, Handing.UNCHANGED),
    **dict.fromkeys(MEANS, Handing.IN_PROPORTION),
    **dict.fromkeys(ROUTED, Handing.ROUTED),
}
OF_FUNCTIONS: dict[Any, Handing] = {
    **dict.fromkeys((F.relu, torch.relu, F.gelu, F.silu, torch.tanh, torch.sigmoid), Handing.UNCHANGED),
    **dict.fromkeys((torch.mean, F.adaptive_avg_pool1d, F.adaptive_avg_pool2d), Handing.IN_PROPORTION),
    **dict.fromkeys((F.avg_pool1d, F.avg_pool2d, F.avg_pool3d), Handing.IN_PROPORTION),
    **dict.fromkeys((torch.flatten, torch.cat, F.dropout, getattr), Handing.ROUTED),
    **dict.fromkeys((F.max_pool1d, F.max_pool2d, F.max_pool3d), Handing.ROUTED),
}
OF_METHODS = {
    "relu": Handing.UNCHANGED, "mean": Handing.IN_PROPORTION, "view": Handing.ROUTED,
    "reshape": Handing.ROUTED, "flatten": Handing.ROUTED, "size": Handing.ROUTED,
}  # fmt: skip


def handing_of(node: fx.Node, layer: nn.Module | None) -> Handing:
    """Of a call in a traced network; layer: the module that it calls."""
    if layer is not None:
        return OF_LAYERS.get(type(layer), Handing.UNKNOWN)
    if node.target in TOGETHER_BY_SUM:
        return Handing.SUM if len(node.all_input_nodes) == 2 else Handing.UNKNOWN
    table: dict[Any, Handing] = OF_FUNCTIONS if node.op == "call_function" else OF_METHODS
    return table.get(node.target, Handing.UNKNOWN)
