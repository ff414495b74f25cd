"""Large kernels trained with parallel branches, each merged into the one convolution that it equals."""

from dataclasses import dataclass
from typing import final

from torch import nn

from circulant.operators.spatial.dilated_reparam_block import DilatedReparamBlock


@final
@dataclass(frozen=True, slots=True)
class Merging:
    """The module, changed in place unless it is itself such a block, and the names of the merged blocks."""

    module: nn.Module
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"merged {len(self.names)} large kernels", *(f"  {name}" for name in self.names)])


def merge_large_kernel(module: nn.Module) -> Merging:
    """Merge the branches of every `DilatedReparamBlock`; in evaluation mode the module computes the same.

    A block used in several places stays one block.
    """
    merged: dict[nn.Module, nn.Module] = {}
    names = []
    for name, part in list(module.named_modules()):
        if isinstance(part, DilatedReparamBlock):
            merged[part] = part.merged().train(part.training)
            names.append(name or "(itself)")
    for parent in list(module.modules()):
        for name, child in parent._modules.items():
            if child is not None:
                parent._modules[name] = merged.get(child, child)
    return Merging(merged.get(module, module), tuple(names))
