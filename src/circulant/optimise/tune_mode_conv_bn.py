r"""A convolution and the batch norm after it, folded into one convolution at every call in evaluation.

    k = gamma / sqrt(var + eps),   y = (k W) * x + beta + k (b - mu)

With the batch norm in evaluation (transfer learning) this is the same function of x, W, b, gamma and beta, so
that all gradients are the same; but of the features only x is kept for the backward pass, not the output of
the convolution: the small k W is kept instead. With the batch norm in training the two run one after the
other as ever.

    mode     batch norm         computed as                       trains stably
    train    batch statistics   convolution, norm                 yes
    eval     running ones       convolution, norm                 yes
    tune     running ones       one convolution, folded anew      yes, exactly as eval
    deploy   running ones       one convolution, folded once      no: steps act on k W, however large k is

After You, Qin, Bao, Cao, Huang, Shan and Long (2023), Efficient ConvBN Blocks for Transfer Learning and
Beyond, https://arxiv.org/abs/2305.11624. In a grouped transposed convolution (weight
(I, O / G, *K)) each group of W has its own part of k, which the code of MMEngine does not treat.
"""

from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.engine.conv_settings import CONVOLUTIONS

TRANSPOSED: dict[type[nn.Module], Any] = {
    nn.ConvTranspose1d: nn.functional.conv_transpose1d,
    nn.ConvTranspose2d: nn.functional.conv_transpose2d,
    nn.ConvTranspose3d: nn.functional.conv_transpose3d,
}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@final
class TuneModeConvBn(nn.Module):
    """bn(conv(x)), through one folded convolution while bn is in evaluation.

    Shapes: those of conv, batched: x (B, I, *spatial) -> y (B, O, *output_spatial).
    """

    def __init__(self, conv: nn.Module, bn: nn.Module) -> None:
        super().__init__()
        if not can_fold(conv, bn):
            raise ArgumentError(
                f"expected a (transposed) convolution of torch and a batch norm of its channels with running "
                f"statistics, got {conv} and {bn}"
            )
        self.conv, self.bn = conv, bn

    def forward(self, x: Tensor) -> Tensor:
        if self.bn.training:
            y: Tensor = self.bn(self.conv(x))
            return y
        weight, bias = self._folded()
        return _convolve(self.conv, x, weight, bias)

    @torch.no_grad()
    def deployed(self) -> nn.Module:
        """One convolution layer with the folded weight and bias as they are now."""
        conv: Any = self.conv
        weight, bias = self._folded()
        names = ("stride", "padding", "dilation", "groups", "padding_mode")
        told = {name: getattr(conv, name) for name in names}
        if type(conv) in TRANSPOSED:
            told["output_padding"] = conv.output_padding
        single = type(conv)(conv.in_channels, conv.out_channels, conv.kernel_size, **told, device="meta")
        single.weight = nn.Parameter(weight, conv.weight.requires_grad)
        single.bias = nn.Parameter(bias, conv.weight.requires_grad)
        return single.train(self.training)

    def _folded(self) -> tuple[Tensor, Tensor]:
        """k W, and beta + k (b - mu)."""
        conv: Any = self.conv
        bn: Any = self.bn
        factor = factor_of(bn)
        shift = -bn.running_mean if conv.bias is None else conv.bias - bn.running_mean
        bias = factor * shift if bn.bias is None else torch.addcmul(bn.bias, factor, shift)
        return scaled_weight(conv, factor), bias


def can_fold(conv: Any, bn: Any) -> bool:
    """Whether these are a convolution and a batch norm of torch that fit, with running statistics."""
    return (
        type(conv) in (*CONVOLUTIONS, *TRANSPOSED)
        and type(bn) in NORMS
        and bn.num_features == conv.out_channels
        and bn.running_var is not None
    )


def factor_of(bn: Any) -> Tensor:
    """k, which a batch norm in evaluation multiplies each channel by."""
    factor = torch.rsqrt(bn.running_var + bn.eps)
    return factor * bn.weight if bn.affine else factor


def scaled_weight(layer: Any, factor: Tensor) -> Tensor:
    """Of a linear layer or (transposed) convolution, times a factor (O) of each output channel."""
    weight: Tensor = layer.weight
    if type(layer) not in TRANSPOSED:
        return weight * factor.reshape(-1, *(1,) * (weight.ndim - 1))
    grouped = weight.unflatten(0, (layer.groups, -1))
    return (grouped * factor.reshape(layer.groups, 1, -1, *(1,) * (weight.ndim - 2))).flatten(0, 1)


def _convolve(conv: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    transposed = TRANSPOSED.get(type(conv))
    if transposed is None:
        return conv._conv_forward(x, weight, bias)
    y: Tensor = transposed(
        x, weight, bias, conv.stride, conv.padding, conv.output_padding, conv.groups, conv.dilation
    )
    return y
