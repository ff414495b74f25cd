"""What `circulant compare` needs: a mixer that keeps its input's shape and can be trained."""

import torch

from circulant.core.card import Card, Case
from circulant.core.sizes import Shape
from circulant.testing.specimen import draw

CHANNELS = (32, 48, 64)
SPATIAL: dict[int, tuple[Shape, ...]] = {1: ((49,), (196,)), 2: ((7, 7), (14, 14))}


def sizes_of(card: Card) -> list[Shape]:
    """The spatial sizes that compare uses, of the numbers of axes that the card has."""
    return [spatial for ndim in card.ndims for spatial in SPATIAL.get(ndim, ())]


def check_mixer_keeps_shape(card: Card, case: Case) -> None:
    for spatial in sizes_of(card):
        for channels in CHANNELS:
            x = draw((2, channels, *spatial), seed=1, dtype=torch.float32)
            y = card.mixer(channels, spatial).eval()(x)
            if y.shape != x.shape:
                raise AssertionError(
                    f"expected mixer({channels}, {spatial}) to keep x {tuple(x.shape)}, got {tuple(y.shape)}"
                )


def check_mixer_can_be_trained(card: Card, case: Case) -> None:
    """A first step has finite gradients, and something to learn if there are parameters."""
    for spatial in sizes_of(card):
        module = card.mixer(CHANNELS[0], spatial).train()
        x = draw((4, CHANNELS[0], *spatial), seed=1, dtype=torch.float32).requires_grad_()
        y = module(x)
        (y * draw(tuple(y.shape), seed=2, dtype=torch.float32)).sum().backward()
        leaves = {"x": x, **dict(module.named_parameters())}
        found = {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
        wild = [name for name, gradient in found.items() if not bool(gradient.isfinite().all())]
        if wild:
            raise AssertionError(f"the first gradient of {wild} is not finite for spatial size {spatial}")
        learning = [name for name in leaves if name != "x"] or ["x"]
        if not any(name in found and bool(found[name].any()) for name in learning):
            raise AssertionError(f"the first gradient of {learning} is zero for spatial size {spatial}")
