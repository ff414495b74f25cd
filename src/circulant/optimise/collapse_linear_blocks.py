"""Every collapsible linear block of a network replaced by the one convolution that it equals.

After Bhardwaj, Milosavljevic, O'Neil, Gope, Matas, Chalfin, Suda, Meng and Loh (2021), Collapsible Linear
Blocks for Super-Efficient Super Resolution, https://arxiv.org/abs/2103.09404.
"""

import torch
from torch import nn

from circulant.models.collapsible_linear_block import CollapsibleLinearBlock2d
from circulant.optimise.replaced import Rewrite, replace


def collapse_linear_blocks(network: nn.Module) -> Rewrite:
    """Call it after training: it takes the weights as they are; `undo` brings the blocks back."""
    return replace(
        network,
        lambda _, module: collapsed(module) if isinstance(module, CollapsibleLinearBlock2d) else None,
    )


@torch.no_grad()
def collapsed(block: CollapsibleLinearBlock2d) -> nn.Conv2d:
    """The block as one convolution, which keeps the size of the picture."""
    kernel = block.collapsed_kernel()
    O, I, K, _ = kernel.weight.shape
    conv = nn.Conv2d(I, O, K, padding=K // 2, device=kernel.weight.device, dtype=kernel.weight.dtype)
    conv.weight.copy_(kernel.weight)
    assert conv.bias is not None
    conv.bias.copy_(kernel.bias)
    return conv
