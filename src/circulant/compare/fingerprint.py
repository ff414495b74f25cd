"""The key of a trial: whatever changes its result changes the key."""

import json
from dataclasses import asdict
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import torch

import circulant
from circulant.compare.experiment import Experiment, TrialSpec

# where code lives that a trial's result depends on
SOURCES = (
    "core",
    "problems",
    "algorithms",
    "backends",
    "engine",
    "operators",
    "models",
    "data",
    "train",
    "explain",
    "compare/experiment.py",
    "compare/setup.py",
    "compare/trial.py",
)


def experiment_key(experiment: Experiment) -> str:
    """Of everything that the trials share."""
    parts = {
        "data": experiment.dataset.fingerprint,
        "budget": str(experiment.budget),
        "design": asdict(experiment.design),
        "recipe": asdict(experiment.recipe),
        "code": code_version(),
        "torch": str(torch.__version__),
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def trial_key(experiment: Experiment, spec: TrialSpec) -> str:
    return sha256(f"{experiment_key(experiment)} {spec.operator} {spec.seed}".encode()).hexdigest()


@lru_cache(maxsize=1)
def code_version() -> str:
    """sha256 over the library's source and compiled files."""
    root = Path(circulant.__file__).parent
    digest = sha256()
    for source in SOURCES:
        path = root / source
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.suffix in {".py", ".so", ".pyd", ".json"}:
                digest.update(f"{file.relative_to(root)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()
