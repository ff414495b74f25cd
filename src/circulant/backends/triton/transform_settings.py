"""What the kernels of long convolution are compiled for, besides a problem's sizes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch

from circulant.backends.triton.launch import ACCUMULATORS, accumulator
from circulant.backends.triton.transform_layout import Layout


@final
@dataclass(frozen=True, slots=True)
class Settings:
    """dtype: of sums, spectra and tables. constants: by the names of the kernels' parameters."""

    dtype: torch.dtype
    constants: Mapping[str, Any]


def precision_of(dtype: torch.dtype) -> str:
    """How matrix units multiply: whole, in three parts, or with the fraction that half precision has."""
    return {torch.float64: "ieee", torch.float32: "tf32x3"}.get(dtype, "tf32")


def settings_of(dtype: torch.dtype, layout: Layout) -> Settings:
    constants = {
        "N1": layout.rows,
        "N2": layout.columns,
        "PRECISION": precision_of(dtype),
        "ADD": accumulator(dtype),
        "num_warps": layout.warps,
        "num_stages": 1,  # a tile fills on-chip memory: nothing is left to load ahead into
    }
    return Settings(ACCUMULATORS[dtype], constants)
