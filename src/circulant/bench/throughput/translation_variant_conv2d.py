"""Translation variant convolution beside unfolded windows and a product with the kernels of each place."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.translation_variant_conv2d import TranslationVariantConv2d


def _make(shape: Shape) -> TranslationVariantConv2d:
    return TranslationVariantConv2d(shape[1], shape[2:])


def _unfolded(operator: TranslationVariantConv2d, x: Tensor) -> Tensor:
    B, C, H, W = x.shape
    kernel = operator.kernel_layers(operator.affinity).view(C, -1, H, W)
    windows = F.unfold(x, operator.kernel_size, padding=operator.kernel_size // 2).view(B, C, -1, H, W)
    return (kernel * windows).sum(2)


ENTRY = Throughput(
    make=_make,
    shapes=((16, 64, 28, 28), (8, 96, 56, 56)),
    obvious={"unfold": _unfolded},
    lowered=True,
)
