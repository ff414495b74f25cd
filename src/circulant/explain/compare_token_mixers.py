"""Token mixers side by side in one network, with everything else the same.

After Dai, Shi, Qiao, Zhu et al., 2022, Demystify Transformers & Convolutions in Modern Image Deep Networks,
https://arxiv.org/abs/2211.05781. For any operator of the catalogue, and with tests of the differences, see
`circulant compare`; this is the paper's own network and mixers at a size that trains in seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import final

import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.data.dataset import Dataset
from circulant.explain.invariance_report import InvarianceReport, invariance_report
from circulant.explain.receptive_field import effective_receptive_field
from circulant.models.unified_backbone import TOKEN_MIXERS, BuildMixer, UnifiedBackbone, UnifiedDesign
from circulant.train.fit import fit
from circulant.train.predict import mixed_order, predict
from circulant.train.recipe import Recipe
from circulant.train.tensors import to_tensors

SMALL = UnifiedDesign((16, 32), (1, 1))
SCALE = 1.0  # of the branches: few steps do not grow them from one millionth
PROBES = 8  # pictures that the receptive field is averaged over
MOVED = 200  # pictures that are moved, turned and magnified, or all if there are fewer


@final
@dataclass(frozen=True, slots=True)
class MixerResult:
    """One mixer, trained once for each seed."""

    name: str
    parameters: int
    accuracy: tuple[float, ...]  # on the test set, 0 to 1
    half_side: int  # pixels: the square around the middle that half of the receptive field lies in
    invariance: InvarianceReport  # of the last seed

    @property
    def spread(self) -> float:
        """Standard deviation of the accuracy between seeds; 0 of one seed."""
        return stdev(self.accuracy) if len(self.accuracy) > 1 else 0.0

    def __str__(self) -> str:
        return (
            f"{self.name}: {mean(self.accuracy):.1%} ± {self.spread:.1%}, {self.parameters} parameters, "
            f"half of the receptive field within {self.half_side} pixels"
        )


def compare_token_mixers(
    dataset: Dataset,
    mixers: Mapping[str, BuildMixer] = TOKEN_MIXERS,
    *,
    design: UnifiedDesign = SMALL,
    seeds: Sequence[int] = (0, 1, 2),
    steps: int = 150,
    recipe: Recipe | None = None,
) -> tuple[MixerResult, ...]:
    """Train on classes of pictures and measure accuracy, receptive field and invariance of each mixer.

    A seed decides weights and the order of examples.
    """
    if not mixers or not seeds or len(dataset.shape) != 3 or not dataset.classes:
        raise ArgumentError(
            f"expected mixers, seeds and classes of pictures (C, H, W), got {len(mixers)} mixers, "
            f"{len(seeds)} seeds and examples {dataset.shape}"
        )
    return tuple(
        _result(name, build, dataset, design, seeds, steps, recipe) for name, build in mixers.items()
    )


def _result(
    name: str,
    build: BuildMixer,
    dataset: Dataset,
    design: UnifiedDesign,
    seeds: Sequence[int],
    steps: int,
    recipe: Recipe | None,
) -> MixerResult:
    data, accuracy = to_tensors(dataset), []
    for seed in seeds:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = UnifiedBackbone(build, design, len(dataset.classes), dataset.shape[0], scale=SCALE)
        fit(network, data.x_train, data.y_train, steps=steps, recipe=recipe, seed=seed)
        accuracy.append(float((predict(network, data.x_test) == data.y_test).double().mean()))
    moved = mixed_order(len(data.x_test))[:MOVED]
    field = effective_receptive_field(nn.Sequential(*network.stages).eval(), data.x_test[:PROBES])
    return MixerResult(
        name,
        sum(parameter.numel() for parameter in network.parameters()),
        tuple(accuracy),
        field.half_side,
        invariance_report(network, data.x_test[moved], data.y_test[moved]),
    )
