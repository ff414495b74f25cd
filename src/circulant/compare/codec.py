"""Trials and measurements as JSON text and back, without loss."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from circulant.compare.measurements import Measurements
from circulant.compare.records import CurvePoint, Machine, Profile, Sight, Spread, Trial
from circulant.explain.frequency_response import FrequencyResponse
from circulant.explain.receptive_field import ReceptiveField

Json = Mapping[str, Any]


def trial_to_text(trial: Trial) -> str:
    return json.dumps(asdict(trial), default=_array_to_list)


def _array_to_list(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"no JSON form for {type(value).__name__}")


def trial_from_text(text: str) -> Trial:
    """Raises ValueError, KeyError or TypeError where the text is not a trial."""
    record: Json = json.loads(text)
    sight: Json | None = record["sight"]
    return Trial(
        record["operator"],
        record["seed"],
        tuple(record["predicted"]),
        tuple(CurvePoint(**point) for point in record["curve"]),
        record["train_seconds"],
        None if sight is None else _sight(sight),
        tuple(record["scores"]),
        record["characters_right"],
    )


def _sight(record: Json) -> Sight:
    field, response = record["receptive_field"], record["frequency_response"]
    return Sight(
        ReceptiveField(**{**field, "share": np.array(field["share"], dtype=np.float64)}),
        FrequencyResponse(**{key: np.array(values, dtype=np.float64) for key, values in response.items()}),
    )


def measurements_to_text(measurements: Measurements) -> str:
    return json.dumps(asdict(measurements))


def measurements_from_text(text: str) -> Measurements:
    """Raises ValueError, KeyError or TypeError where the text is something else."""
    record: Json = json.loads(text)
    machine = dict(record["machine"])
    machine["versions"] = tuple((package, version) for package, version in machine["versions"])
    return Measurements(tuple(_profile(profile) for profile in record["profiles"]), Machine(**machine))


def _profile(record: Json) -> Profile:
    spreads = {key: Spread(**record[key]) for key in ("forward", "train_step")}
    return Profile(**{**record, **spreads})
