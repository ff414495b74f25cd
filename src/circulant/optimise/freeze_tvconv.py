"""Translation variant convolutions of a trained network, with their kernels found once and for all."""

from dataclasses import dataclass
from typing import final

from torch import nn

from circulant.core.sizes import product
from circulant.operators.dynamic.translation_variant_conv2d import TranslationVariantConv2d


@final
@dataclass(frozen=True, slots=True)
class FrozenLayers:
    """The module, changed in place unless it is itself such a layer, and the names of the layers frozen."""

    module: nn.Module
    names: tuple[str, ...]
    parameters_before: int
    parameters_after: int  # kernels that are fixed are not parameters

    def __str__(self) -> str:
        title = f"froze {len(self.names)} translation variant convolutions"
        counts = f"{self.parameters_before} parameters became {self.parameters_after}"
        return "\n".join([f"{title}: {counts}", *(f"  {name or '(itself)'}" for name in self.names)])


def freeze_tvconv(module: nn.Module) -> FrozenLayers:
    """Exact: what is computed stays the same, bit for bit; what makes the kernels is dropped.

    A layer that occurs in several places is frozen once and shared, as it was.
    """
    before = _parameters(module)
    layers = {
        layer: name for name, layer in module.named_modules() if isinstance(layer, TranslationVariantConv2d)
    }
    frozen = {layer: layer.freeze().train(layer.training) for layer in layers}
    for parent in list(module.modules()):
        for name, child in parent._modules.items():
            if isinstance(child, TranslationVariantConv2d):
                parent._modules[name] = frozen[child]
    changed = frozen[module] if isinstance(module, TranslationVariantConv2d) else module
    return FrozenLayers(changed, tuple(layers.values()), before, _parameters(changed))


def _parameters(module: nn.Module) -> int:
    return sum(product(parameter.shape) for parameter in module.parameters())
