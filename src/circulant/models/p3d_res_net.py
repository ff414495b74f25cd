"""P3D ResNet: bottlenecks whose 3 x 3 convolution is taken within frames and along time.

After Qiu, Yao and Mei (2017), https://arxiv.org/abs/1711.10305; pools, strides and the flat last stage as in
the public port for PyTorch (qijiezhao/pseudo-3d-pytorch).
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import final

from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.operators.spatial.pseudo3d_conv import Pseudo3dConv, Pseudo3dVariant

EXPANSION = 4
STAGES = 4  # the last one flat
FEWEST_FRAMES = 16  # each of four pools halves them
CYCLE = (Pseudo3dVariant.A, Pseudo3dVariant.B, Pseudo3dVariant.C)


@final
class Pseudo3dBottleneck(nn.Module):
    """relu(shortcut(x) + expand(mix(reduce(x)))): 1 x 1 x 1, pseudo-3D, 1 x 1 x 1, norms after each.

    Shapes: x (B, C, T, H, W) -> y (B, 4 width, T, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, width: int, variant: Pseudo3dVariant, stride: int = 1) -> None:
        super().__init__()
        out_channels = EXPANSION * width
        self.reduce = nn.Sequential(*_pointwise(in_channels, width, stride), nn.ReLU())
        self.mix = Pseudo3dConv(width, variant)
        self.expand = nn.Sequential(*_pointwise(width, out_channels))
        keeps = stride == 1 and in_channels == out_channels
        self.shortcut = nn.Sequential(*([] if keeps else _pointwise(in_channels, out_channels, stride)))

    def forward(self, x: Tensor) -> Tensor:
        return (self.shortcut(x) + self.expand(self.mix(self.reduce(x)))).relu()


@final
class P3DResNet(nn.Module):
    """Four stages of bottlenecks, time halved by max pools before the first and after the first three.

    Shapes: x (B, in_channels, T, H, W) -> logits (B, classes), T at least 16. The variants follow each other
    in turn over the blocks of the first three stages; (FLAT,) is a network that sees single frames.
    """

    def __init__(
        self,
        depths: Sequence[int] = (3, 4, 6, 3),
        classes: int = 400,
        *,
        in_channels: int = 3,
        width: int = 64,
        variants: Sequence[Pseudo3dVariant] = CYCLE,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if len(depths) != STAGES or min(depths) < 1 or not variants:
            raise ArgumentError(f"expected 4 depths of 1 or more and a variant, got {depths} and {variants}")
        self.stem = nn.Sequential(
            nn.Conv3d(in_channels, width, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(),
            nn.MaxPool3d((2, 3, 3), 2, (0, 1, 1)),
        )
        turns, channels = cycle(variants), width
        self.stages = nn.ModuleList()
        for stage, depth in enumerate(depths):
            blocks = nn.Sequential()
            for position in range(depth):
                variant = Pseudo3dVariant.FLAT if stage == STAGES - 1 else next(turns)
                stride = 2 if stage > 0 and position == 0 else 1
                blocks.append(Pseudo3dBottleneck(channels, width * 2**stage, variant, stride))
                channels = EXPANSION * width * 2**stage
            self.stages.append(blocks)
        self.halve = nn.MaxPool3d((2, 1, 1))
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(channels, classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Kernels as He's for the outputs; norms and the linear layer as torch's."""
        for name, parameter in self.named_parameters():
            if parameter.ndim == 5 and name.endswith("weight"):
                nn.init.kaiming_normal_(parameter, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 5 or x.shape[2] < FEWEST_FRAMES:
            raise ShapeError(f"expected films (B, C, T, H, W) with T of 16 or more, got x {tuple(x.shape)}")
        x = self.stem(x)
        *mixed, flat = self.stages
        for stage in mixed:
            x = self.halve(stage(x))
        return self.classify(self.dropout(flat(x).mean((2, 3, 4))))

    def load_flat(self, state: Mapping[str, Tensor]) -> list[str]:
        """Take the weights of a ResNet for pictures, named as torchvision's -> what it could not give.

        Its 3 x 3 kernels become those within frames. A classifier is taken where its shape fits.
        """
        own = self.state_dict()
        told = {_own_name(name): value for name, value in state.items()}
        fitting = {
            name: value.unsqueeze(2) if value.ndim == 4 else value
            for name, value in told.items()
            if name in own and own[name].numel() == value.numel()
        }
        lacking = [name for name in told if name not in fitting and not name.startswith("classify")]
        if lacking:
            raise ArgumentError(f"expected a ResNet of the same widths and depths, got also {lacking[:3]}")
        self.load_state_dict(fitting, strict=False)
        return [name for name in own if name not in fitting]


def p3d_res_net_199(classes: int = 400) -> P3DResNet:
    """The deepest published one, made from ResNet-152."""
    return P3DResNet((3, 8, 36, 3), classes)


PARTS = {  # of a block, as torchvision calls them
    "conv1": "reduce.0", "bn1": "reduce.1", "conv2": "mix.spatial", "bn2": "mix.spatial_norm",
    "conv3": "expand.0", "bn3": "expand.1", "downsample": "shortcut",
}  # fmt: skip
ENDS = {"conv1": "stem.0", "bn1": "stem.1", "fc": "classify"}


def _own_name(name: str) -> str:
    """Of a parameter of torchvision's ResNet, here."""
    first, _, rest = name.partition(".")
    if not first.startswith("layer"):
        return f"{ENDS.get(first, first)}.{rest}"
    block, part, rest = rest.split(".", 2)
    return f"stages.{int(first.removeprefix('layer')) - 1}.{block}.{PARTS.get(part, part)}.{rest}"


def _pointwise(in_channels: int, out_channels: int, stride: int = 1) -> tuple[nn.Conv3d, nn.BatchNorm3d]:
    conv = nn.Conv3d(in_channels, out_channels, 1, (1, stride, stride), bias=False)
    return conv, nn.BatchNorm3d(out_channels)
