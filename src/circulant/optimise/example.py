"""What a model is called with, and the same made hostile."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from circulant.core.errors import ArgumentError

LARGE = 1e3
SEEN = 256
FEW = 3  # of a batch, for values that need no more


@final
@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Arguments of one call. samples (N, ...): more like the first, for passes that are fitted to data."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    samples: Tensor | None = None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        leaves = tree_leaves((self.args, dict(self.kwargs)))
        return tuple(leaf for leaf in leaves if isinstance(leaf, Tensor))

    @property
    def alone(self) -> Tensor:
        """The one tensor that the model takes; an error where it takes more."""
        if len(self.args) != 1 or self.kwargs or not isinstance(self.args[0], Tensor):
            raise ArgumentError(
                "expected a model that takes one tensor and nothing else, got one that takes more"
            )
        return self.args[0]

    @property
    def batch(self) -> int:
        """Length of the first tensor's first axis; 0 without one."""
        return next((len(x) for x in self.tensors if x.ndim), 0)

    @property
    def seen(self) -> Tensor:
        """What passes are fitted to: at most 256 or so samples, evenly spread."""
        if self.samples is None:
            return self.alone
        return self.samples[:: max(1, len(self.samples) // SEEN)]

    def mapped(self, change: Callable[[Tensor], Tensor]) -> "Example":
        """Each tensor changed; the samples stay."""
        args, kwargs = tree_map_only(Tensor, change, (self.args, dict(self.kwargs)))
        return replace(self, args=args, kwargs=kwargs)

    def rows(self, count: int) -> "Example":
        """Another batch of the same values."""
        batch = self.batch

        def pick(x: Tensor) -> Tensor:
            return x[torch.arange(count) % batch] if x.ndim and len(x) == batch else x

        return self.mapped(pick) if batch else self

    def to(self, dtype: torch.dtype) -> "Example":
        """Floating tensors in another precision."""

        def cast(x: Tensor) -> Tensor:
            return x.to(dtype) if x.is_floating_point() else x

        return replace(self.mapped(cast), samples=None if self.samples is None else cast(self.samples))

    def run(self, model: nn.Module) -> Any:
        """On copies: some models write into what they are given."""
        fresh = self.mapped(_copy)
        return model(*fresh.args, **fresh.kwargs)


def example_of(given: Any, samples: Tensor | None = None) -> Example:
    """A tensor, a tuple or list of arguments, or a mapping of named ones."""
    if isinstance(given, Example):
        return given
    if isinstance(given, Mapping):
        made = Example((), dict(given), samples)
    else:
        made = Example(tuple(given) if isinstance(given, tuple | list) else (given,), {}, samples)
    if not made.tensors:
        raise ArgumentError(
            f"expected a tensor, or a tuple or mapping of arguments with one, got {type(given).__name__}"
        )
    return made


@final
@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """is_usual: made of the example's own values. is_constant: has no statistics."""

    name: str
    example: Example
    is_usual: bool = False
    is_constant: bool = False


def hostile(example: Example, takes_few: bool = False) -> Iterator[Case]:
    """The example itself first, then what breaks code that only works on it.

    Integers, such as tokens, keep to values of the example: others may be out of range. takes_few: the
    model takes fewer rows than the example has, so that these will do for other values.
    """
    generator = torch.Generator().manual_seed(0)
    valued = example.rows(FEW) if takes_few else example
    yield Case("the example", example, True)
    yield Case("strided memory", valued.mapped(_strided), True)
    if example.batch:
        yield Case("a batch of 1", example.rows(1), True)
        yield Case(f"a batch of {FEW}", example.rows(FEW), True)
    yield Case("random values", valued.mapped(lambda x: _drawn(x, generator)))
    zeros = valued.mapped(lambda x: x * 0 if x.is_floating_point() else x)
    yield Case("zeros", zeros, is_constant=True)
    yield Case("large values", valued.mapped(lambda x: x * LARGE if x.is_floating_point() else x))


def _drawn(x: Tensor, generator: torch.Generator) -> Tensor:
    if x.is_floating_point():
        return torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
    order = torch.randperm(x.numel(), generator=generator).to(x.device)
    return x.flatten()[order].reshape(x.shape)


def _strided(x: Tensor) -> Tensor:
    """The same values with a gap after each."""
    if x.ndim == 0:
        return x
    wide = torch.zeros(*x.shape, 2, dtype=x.dtype, device=x.device)
    wide[..., 0] = x
    return wide[..., 0]


def _copy(x: Tensor) -> Tensor:
    """With its strides, which `clone` closes up where memory has gaps."""
    if 0 in x.stride():
        return x.clone()
    return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device).copy_(x)
