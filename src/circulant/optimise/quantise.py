"""Any network with 8-bit weights and activations: after training, or trained for it.

After training, a few examples tell the range of each layer's input; then weights become int8, one step for
each output channel, inputs uint8 with one range for each layer. Training goes on with both rounded
(`prepare_quantised_training`), then `to_integers`. The layers are torch's convolutions and nn.Linear; what
lies between them stays in floating point. A file of the network takes about a quarter.

Krishnamoorthi, 2018, Quantizing deep convolutional networks for efficient inference: A whitepaper,
https://arxiv.org/abs/1806.08342.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.evaluation import in_evaluation
from circulant.optimise.quantisation_batch_norm import QUANTISED, batch_norms_after
from circulant.optimise.quantisation_fake import DECAY, FakeQuant, FakeQuantWeight
from circulant.optimise.quantisation_layer import FakeQuantLayer
from circulant.optimise.replaced import Rewrite, replace, replace_named


@final
@dataclass(frozen=True, slots=True)
class Quantisation:
    """The network, changed in place unless it is itself such a layer, and the way back."""

    module: nn.Module
    prepared: Rewrite
    converted: Rewrite

    def undo(self) -> nn.Module:
        self.converted.undo()
        return self.prepared.undo()

    def __str__(self) -> str:
        return str(self.prepared)


def quantise(
    network: nn.Module, batches: Iterable[Tensor], *, bits: int = 8, per_channel: bool = True
) -> Quantisation:
    """Post-training: batches of inputs show the ranges. bits: of weights, 2 to 8, held in int8.

    Convolutions and linear layers become `Int8Layer`, with the batch norm that alone reads them, where
    torch.fx can record the calls. The layers before keep their weights: `undo` puts them back.
    """
    prepared = prepare_quantised_training(network, bits=bits, per_channel=per_channel)
    try:
        _learn_ranges(prepared.module, batches)
        converted = to_integers(prepared.module)
    except Exception:
        prepared.undo()
        raise
    return Quantisation(converted.module, prepared, converted)


def prepare_quantised_training(
    network: nn.Module, *, bits: int = 8, per_channel: bool = True, decay: float = DECAY
) -> Rewrite:
    """Put a `FakeQuantLayer` where each layer and its batch norm stand; then train on.

    These have copies of the weights: one that was tied to another layer's is so no longer.
    """
    norms = batch_norms_after(network)
    modules = dict(network.named_modules())

    def rounding(name: str) -> Callable[[nn.Module], nn.Module]:
        norm = modules[norms[name]] if name in norms else None

        def build(layer: nn.Module) -> nn.Module:
            weight_rounding = FakeQuantWeight(bits, per_channel=per_channel)
            input_rounding = FakeQuant(decay=decay).to(next(layer.parameters()))
            return FakeQuantLayer(layer, norm, input_rounding, weight_rounding)

        return build

    substitutes = {name: rounding(name) for name, layer in modules.items() if type(layer) in QUANTISED}
    if not substitutes:
        raise ArgumentError("expected convolutions of torch or nn.Linear in the network, got none")
    return replace_named(network, {**substitutes, **{name: _nothing for name in norms.values()}})


def freeze_batch_statistics(network: nn.Module) -> None:
    """From now on the running statistics of prepared layers act, in training too, and stay as they are."""
    for layer in network.modules():
        if isinstance(layer, FakeQuantLayer):
            layer.is_frozen = True


def to_integers(network: nn.Module) -> Rewrite:
    """Make the prepared layers, with the ranges that they have learnt, layers of integers."""
    return replace(
        network, lambda name, layer: layer.to_integers() if isinstance(layer, FakeQuantLayer) else None
    )


def _nothing(norm: nn.Module) -> nn.Module:
    """In place of a norm that its layer has taken over."""
    return nn.Identity()


def _learn_ranges(network: nn.Module, batches: Iterable[Tensor]) -> None:
    with in_evaluation(network), torch.no_grad():
        for part in network.modules():
            if isinstance(part, FakeQuant):
                part.train()
        for batch in batches:
            network(batch)
