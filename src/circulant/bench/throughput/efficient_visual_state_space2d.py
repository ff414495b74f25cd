"""EfficientVisualStateSpace2d beside F.conv2d and a loop over the steps."""

import torch.nn.functional as F
from torch import Tensor

from circulant.bench.throughput.atrous_selective_scan2d import plain_atrous
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.efficient_visual_state_space2d import EfficientVisualStateSpace2d


def _plain(module: EfficientVisualStateSpace2d, x: Tensor) -> Tensor:
    def weighed(branch: Tensor) -> Tensor:
        mean = module.gate_norm(branch).mean((1, 2), keepdim=True)
        return branch * module.expand(F.gelu(module.reduce(mean))).sigmoid()

    normed = module.norm(x.movedim(1, -1)).movedim(-1, 1)
    local = F.conv2d(normed, module.conv.weight, module.conv.bias, padding=1, groups=module.channels)
    local = module.pointwise(F.gelu(module.conv_norm(local)).movedim(1, -1))
    broad = plain_atrous(module.scan, normed).movedim(1, -1)
    return x + (weighed(broad) + weighed(local)).movedim(-1, 1)


ENTRY = Throughput(
    make=lambda shape: EfficientVisualStateSpace2d(shape[1]),
    shapes=((2, 16, 28, 28), (1, 32, 56, 56)),
    obvious={"a loop over steps": _plain},
    lowered=True,
)
