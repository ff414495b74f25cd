"""A network taken apart into the chain of its layers, with what each gives for some pictures."""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError
from circulant.core.hooks import watching

MOST_UNITS = 64  # of one layer: each is drawn
PASSED_OVER = (nn.Identity, nn.Flatten, nn.Dropout, nn.Dropout2d)  # in eval mode these change no number


@final
@dataclass(frozen=True, slots=True)
class Layer:
    """One step; kind is input, conv, relu, pool or linear, settings its kernel, stride and padding."""

    name: str
    kind: str
    activations: Tensor  # (B, C, H, W); units of a linear layer are C maps of one pixel
    weight: Tensor | None
    bias: Tensor | None
    settings: dict[str, list[int]]


def layers_of(network: nn.Module, x: Tensor) -> tuple[Layer, ...]:
    """The input and every layer that changes it, in order.  Shapes: x (B, C, H, W)."""
    ran = _leaves_as_they_run(network, x)
    layers = [Layer("input", "input", x.detach().clone(), None, None, {})]
    for name, module, y in ran:
        if not isinstance(module, PASSED_OVER):
            layers.append(_layer(name, module, y))
    if len(layers) < 2 or layers[-1].kind != "linear":
        raise ArgumentError(
            f"expected a network that ends in nn.Linear, one output for each class, got {layers[-1].name!r} "
            f"({layers[-1].kind}) at the end; leave softmax out, the page computes it"
        )
    for layer in layers:
        if layer.activations.shape[1] > MOST_UNITS:
            raise ArgumentError(
                f"expected at most {MOST_UNITS} units in a layer, as each is drawn, got "
                f"{layer.activations.shape[1]} in {layer.name!r}; explain a narrower network"
            )
    return tuple(layers)


def _leaves_as_they_run(network: nn.Module, x: Tensor) -> list[tuple[str, nn.Module, Tensor]]:
    """Every module without parts, in the order of the calls, with its output."""
    ran: list[tuple[str, nn.Module, Tensor]] = []
    given = x.detach().clone()
    last: list[Tensor] = [given]

    def see(name: str, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if len(inputs) != 1 or inputs[0] is not last[0]:
            raise _not_a_chain(name)
        ran.append((name, module, output.detach().clone()))
        last[0] = output

    leaves = {name: module for name, module in network.named_modules() if not list(module.children())}
    with watching(leaves, see), torch.no_grad():
        if network(given) is not last[0]:
            raise _not_a_chain("the end")
    return ran


def _not_a_chain(place: str) -> ArgumentError:
    return ArgumentError(
        f"expected a chain of modules, each reading what the one before it gave, but at {place!r} something "
        "else is read; write what lies between (relu, flatten, a sum) as a module, or explain a part"
    )


def _layer(name: str, module: nn.Module, y: Tensor) -> Layer:
    maps = y.reshape(*y.shape, 1, 1) if y.ndim == 2 else y
    if isinstance(module, nn.Conv2d) and module.padding_mode == "zeros":
        return Layer(name, "conv", maps, module.weight, module.bias, _window_of_conv(name, module))
    if isinstance(module, nn.ReLU):
        return Layer(name, "relu", maps, None, None, {})
    if isinstance(module, nn.MaxPool2d) and not (module.ceil_mode or module.return_indices):
        return Layer(name, "pool", maps, None, None, _window_of_pool(name, module))
    if isinstance(module, nn.Linear):
        return Layer(name, "linear", maps, module.weight, module.bias, {})
    raise ArgumentError(
        f"expected Conv2d padded with zeros, ReLU, MaxPool2d without ceil_mode, Flatten, Dropout or Linear, "
        f"got {module} at {name!r}; replace it, or merge it into the layer before"
    )


def _window_of_conv(name: str, conv: nn.Conv2d) -> dict[str, list[int]]:
    if isinstance(conv.padding, str) or conv.groups != 1 or conv.dilation != (1, 1):
        raise ArgumentError(
            f"expected a convolution in one group with dilation 1 and padding in numbers, got {conv} at "
            f"{name!r}; write padding as pixels, or explain another part"
        )
    return {
        "kernel": list(conv.kernel_size),
        "stride": list(conv.stride),
        "padding": list(conv.padding),
    }


def _window_of_pool(name: str, pool: nn.MaxPool2d) -> dict[str, list[int]]:
    if _pair(pool.padding) != [0, 0] or _pair(pool.dilation) != [1, 1]:
        raise ArgumentError(
            f"expected max-pooling without padding and dilation, got {pool} at {name!r}; explain another part"
        )
    return {"kernel": _pair(pool.kernel_size), "stride": _pair(pool.stride)}


def _pair(value: int | tuple[int, ...]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
