"""Large kernels trained with parallel branches, each merged into the one convolution that it equals."""

from torch import nn

from circulant.operators.spatial.dilated_reparam_block import DilatedReparamBlock
from circulant.optimise.replaced import Rewrite, replace


def merge_large_kernel(network: nn.Module) -> Rewrite:
    """Merge the branches of every `DilatedReparamBlock`; in evaluation mode the network computes the same."""
    return replace(network, _merged)


def _merged(name: str, module: nn.Module) -> nn.Module | None:
    return module.merged() if isinstance(module, DilatedReparamBlock) else None
