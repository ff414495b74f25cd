r"""Layer by layer, how alike a frozen network represents two views of the same examples.

Both views run through the network; at every layer their features are compared by `linear_cka`, `rbf_cka` and
`representational_similarity`. Intervals are those of the bootstrap over examples (Efron, 1979, Bootstrap
Methods: Another Look at the Jackknife, https://doi.org/10.1214/aos/1176344552); p-values are the share of
random pairings of the two views that agree as well as the true one.

What surprises: a bootstrap draws some examples twice, which leaves fewer different ones, and the biased CKA
of few examples is larger: its interval lies high, and can leave out the value itself.

After Shah and Tripathi, 2025, Purrturbed but Stable: Human-Cat Invariant Representations Across CNNs, ViTs
and Self-Supervised ViTs, https://arxiv.org/abs/2511.02404, from its abstract: there the views are of a human
and of a cat.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.hooks import watching
from circulant.data.installed import require
from circulant.explain.cka import alignment, linear_gram, rbf_gram
from circulant.explain.representational_similarity import dissimilarity, rank_correlation
from circulant.report.fragment import standalone
from circulant.report.interval_curves import IntervalCurve, interval_curves
from circulant.train.predict import CHUNK, evaluating

FEWEST = 8  # examples; fewer have hardly any different pairings and bootstraps
Agreement = Callable[[Tensor, Tensor], float]  # of examples of the first view with those of the second


@final
@dataclass(frozen=True, slots=True)
class Agreed:
    """A measure with its confidence interval, and the share of random pairings that reach it."""

    value: float
    low: float
    high: float
    p_value: float


@final
@dataclass(frozen=True, slots=True)
class LayerAlignment:
    """How alike one layer represents the two views. nan where its features do not vary."""

    name: str
    linear_cka: Agreed
    rbf_cka: Agreed
    rsa: Agreed


@final
@dataclass(frozen=True, slots=True)
class LayerwiseAlignment:
    """Layers in the order in which they first ran."""

    layers: tuple[LayerAlignment, ...]

    def plot(self) -> str:
        """A stand-alone SVG picture: the three measures by layer, in the bands of their intervals."""
        measures = {
            "CKA, linear": [layer.linear_cka for layer in self.layers],
            "CKA, Gaussian": [layer.rbf_cka for layer in self.layers],
            "RSA": [layer.rsa for layer in self.layers],
        }
        curves = [
            IntervalCurve(label, [a.value for a in agreed], [a.low for a in agreed], [a.high for a in agreed])
            for label, agreed in measures.items()
        ]
        names = [layer.name for layer in self.layers]
        across = "layer (bands: confidence intervals)"
        return standalone(interval_curves(names, curves, across, "agreement", "Alignment of two views"))


@final
@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals and p-values are found."""

    bootstraps: int = 200
    pairings: int = 200
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.bootstraps, self.pairings) < 1 or not 0 < self.level < 1:
            raise ArgumentError(f"expected 1 or more bootstraps and pairings and level in 0..1, got {self}")


def layerwise_alignment(
    network: nn.Module,
    first: Tensor,
    second: Tensor,
    layers: Sequence[str] | None = None,
    resampling: Resampling | None = None,
) -> LayerwiseAlignment:
    """Alignment of first (N, ...) with second (N, ...), whose rows i are views of the same thing.

    layers: names of modules; None takes all without children that give a tensor of a row for each example.
    The network runs in eval mode, without gradients, and its mode is put back. Of a module that runs more
    than once, its last output counts. Needs scipy.
    """
    require("scipy", "compare")
    if first.shape[0] != second.shape[0] or first.shape[0] < FEWEST:
        raise ShapeError(
            f"expected two views of the same {FEWEST} or more examples, got {tuple(first.shape)} and "
            f"{tuple(second.shape)}"
        )
    found = _features(network, first, layers), _features(network, second, layers)
    plan = Resampling() if resampling is None else resampling
    return LayerwiseAlignment(
        tuple(_aligned(name, found[0][name], found[1][name], plan) for name in found[0])
    )


def _aligned(name: str, first: Tensor, second: Tensor, plan: Resampling) -> LayerAlignment:
    both = first, second
    linear, rbf = [linear_gram(one) for one in both], [rbf_gram(one) for one in both]
    far = [dissimilarity(one) for one in both]
    return LayerAlignment(
        name,
        _agreed(partial(_chosen_alignment, *linear), plan, len(first)),
        _agreed(partial(_chosen_alignment, *rbf), plan, len(first)),
        _agreed(partial(_chosen_ranks, *far), plan, len(first)),
    )


def _chosen_alignment(first: Tensor, second: Tensor, of_first: Tensor, of_second: Tensor) -> float:
    return alignment(first[of_first][:, of_first], second[of_second][:, of_second])


def _chosen_ranks(first: Tensor, second: Tensor, of_first: Tensor, of_second: Tensor) -> float:
    paired = second[of_second][:, of_second]
    return rank_correlation(first[of_first][:, of_first], paired, repeated=of_first)


def _agreed(agreement: Agreement, plan: Resampling, count: int) -> Agreed:
    from scipy.stats import bootstrap, permutation_test

    def drawn(examples: NDArray[np.int_]) -> float:
        chosen = torch.from_numpy(np.asarray(examples))
        return agreement(chosen, chosen)

    def paired(examples: NDArray[np.int_]) -> float:
        return agreement(torch.arange(count), torch.from_numpy(np.asarray(examples)))

    everything = np.arange(count)
    value = drawn(everything)
    if value != value:
        return Agreed(value, value, value, value)
    interval = bootstrap(
        (everything,), drawn, n_resamples=plan.bootstraps, confidence_level=plan.level,
        method="percentile", vectorized=False, random_state=np.random.default_rng(plan.seed),
    ).confidence_interval  # fmt: skip
    p_value = permutation_test(
        (everything,), paired, permutation_type="pairings", n_resamples=plan.pairings,
        alternative="greater", vectorized=False, random_state=np.random.default_rng(plan.seed),
    ).pvalue  # fmt: skip
    return Agreed(value, float(interval.low), float(interval.high), float(p_value))


def _features(network: nn.Module, x: Tensor, layers: Sequence[str] | None) -> dict[str, Tensor]:
    """Of each layer, in the order in which they ran: (N, ...) on the CPU."""
    chunks = []
    for rows in x.split(CHUNK):
        seen = _outputs(network, _chosen(network, layers), rows)
        fits = {name: y.cpu() for name, y in seen.items() if _one_row_each(y, len(rows))}
        if layers is not None and (missing := [name for name in layers if name not in fits]):
            raise ArgumentError(
                f"expected layers {missing} to run and to give a tensor with a row for each of {len(rows)} "
                "examples; name the module whose output it is"
            )
        chunks.append(fits)
    return {name: torch.cat([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _outputs(network: nn.Module, layers: dict[str, nn.Module], x: Tensor) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def see(name: str, layer: nn.Module, inputs: Any, output: Any) -> None:
        seen[name] = output

    with watching(layers, see), evaluating(network):
        network(x)
    return seen


def _one_row_each(y: Any, count: int) -> bool:
    return isinstance(y, Tensor) and y.ndim > 1 and len(y) == count and y.is_floating_point()


def _chosen(network: nn.Module, layers: Sequence[str] | None) -> dict[str, nn.Module]:
    modules = dict(network.named_modules())
    if layers is None:
        return {name: module for name, module in modules.items() if not any(True for _ in module.children())}
    if unknown := [name for name in layers if name not in modules]:
        raise ArgumentError(f"expected names of modules of the network, got {unknown}; see named_modules()")
    return {name: modules[name] for name in layers}
