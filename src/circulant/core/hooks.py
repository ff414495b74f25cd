"""Looking at the layers of a network while it runs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import nn

Begin = Callable[[str, nn.Module, Any], object]  # (name, layer, positional inputs)
See = Callable[[str, nn.Module, Any, Any], object]  # (name, layer, positional inputs, output)


@contextmanager
def watching(layers: Mapping[str, nn.Module], see: See, begin: Begin | None = None) -> Iterator[None]:
    """Inside, begin is called before each call of these layers, and see after it.

    What see returns, unless it is None, takes the place of the output.
    """
    with ExitStack() as stack:
        for name, layer in layers.items():
            if begin is not None:
                stack.enter_context(layer.register_forward_pre_hook(_silent(partial(begin, name))))
            stack.enter_context(layer.register_forward_hook(partial(see, name)))
        yield


def has_hooks(layer: nn.Module) -> bool:
    """Its own, not those of layers inside: they are called with this very layer, and lost with it."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks)


def _silent(begin: Callable[..., object]) -> Callable[..., None]:
    """What a hook before a call returns would take the place of the inputs."""

    def call(*given: Any) -> None:
        begin(*given)

    return call
