"""A model in a folder, without pickle and without the inputs that it was made with.

`model.pt2` is an archive of torch.export: a graph as JSON and weights as plain bytes. What torch.export
refuses is saved as `weights.safetensors`, with words on how to build the model around them.
"""

import json
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final
from zipfile import ZipFile

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export
from torch.utils._pytree import tree_map

from circulant.core.errors import ArgumentError, StoreError
from circulant.core.tried import Failure, tried
from circulant.optimise.example import Example
from circulant.optimise.results import plain_results

MODEL, WEIGHTS, TABLE, NOTE = "model.pt2", "weights.safetensors", "table.txt", "README.txt"


@final
@dataclass(frozen=True, slots=True)
class Saved:
    """The file with the model, and why it is not an archive; empty where it is one."""

    path: Path
    reason: str = ""


def save(model: nn.Module, example: Example, folder: Path, table: str) -> Saved:
    folder.mkdir(parents=True, exist_ok=True)
    exported = tried(lambda: exported_program(model, example))
    reason = exported.reason if isinstance(exported, Failure) else _written(exported, folder / MODEL)
    if not reason:
        note = f"{MODEL} computes in evaluation mode. In Python: circulant.optimise.load({folder.name!r})"
        saved = Saved(folder / MODEL)
    else:
        (folder / MODEL).unlink(missing_ok=True)
        saved = Saved(_save_weights(model, folder, reason), reason)
        note = _rebuilding(model, reason)
    (folder / TABLE).write_text(table + "\n", encoding="utf-8")
    (folder / NOTE).write_text(note + "\n", encoding="utf-8")
    return saved


def load(folder: str | Path) -> nn.Module:
    """The model of a folder that `Result.save` wrote, for inference, without the code that made it."""
    path = Path(folder) / MODEL
    if not path.is_file():
        note = Path(folder) / NOTE
        why = note.read_text(encoding="utf-8").strip() if note.is_file() else "nothing was saved there"
        raise ArgumentError(f"expected {path}, found none: {why}")
    if inside := pickled(path):
        raise StoreError(
            f"expected an archive without pickle, got {path} with {', '.join(inside)}; save it anew"
        )
    return program_in(path)


def program_in(path: Path) -> nn.Module:
    """The module of any file of torch.export."""
    # operators of ours may stand in the graph, which only knows their names
    import circulant.functional
    import circulant.optimise.packed_layers  # noqa: F401

    module: nn.Module = torch.export.load(path).module()
    return module


def exported_program(model: nn.Module, example: Example) -> ExportedProgram:
    """For any batch where the model takes one, without example inputs and paths of source files.

    Results are plain, since an archive that names classes of others needs their package to be read.
    """
    twin = _plain(deepcopy(model).eval())
    twin.register_forward_hook(lambda _, given, result: plain_results(result))
    two = _batch_of_two(example)
    with torch.no_grad():
        found = tried(
            lambda: export(twin, two.args, dict(two.kwargs), dynamic_shapes=_shapes(two), strict=False)
        )
        program = (
            export(twin, example.args, dict(example.kwargs), strict=False)
            if isinstance(found, Failure)
            else found
        )
    program.example_inputs = None
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


def pickled(path: Path) -> list[str]:
    """Members of an archive that would be unpickled."""
    found = []
    with ZipFile(path) as archive:
        for member in archive.infolist():
            content = archive.read(member)
            if member.filename.endswith("_config.json"):
                parts = json.loads(content)["config"].values()
                found += [part["path_name"] for part in parts if part.get("use_pickle")]
            elif member.filename.endswith((".pt", ".pkl")) and content:
                found.append(member.filename)
    return found


def _written(program: ExportedProgram, path: Path) -> str:
    """Why not; empty where all went well."""
    with warnings.catch_warnings():
        # torch warns of weights laid out with channels last, which it then writes rightly
        warnings.filterwarnings("ignore", "No complete tensor found")
        failed = tried(lambda: torch.export.save(program, path))
    if isinstance(failed, Failure):
        return failed.reason
    inside = pickled(path)
    return f"its archive would hold pickled values ({', '.join(inside)})" if inside else ""


def _plain(model: nn.Module) -> nn.Module:
    """Weights in plain memory: an archive keeps whole storages, of which a view may be a part."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.data = parameter.data.clone()
    return model


def _batch_of_two(example: Example) -> Example:
    """torch.export takes a size of 1 for a constant."""
    batch = next((len(x) for x in example.tensors if x.ndim), 0)

    def two(x: Tensor) -> Tensor:
        return x[torch.arange(2) % batch] if x.ndim and len(x) == batch else x

    return example.mapped(two) if batch == 1 else example


def _shapes(example: Example) -> Any:
    batch = next((len(x) for x in example.tensors if x.ndim), 0)

    def shape(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return None
        return {0: Dim.AUTO} if x.ndim and len(x) == batch else {}

    args, kwargs = tree_map(shape, (example.args, dict(example.kwargs)))
    return (*args, *kwargs.values())


def _save_weights(model: nn.Module, folder: Path, reason: str) -> Path:
    if find_spec("safetensors") is None:
        raise StoreError(
            f"expected a model that torch.export takes, got one that it refuses ({reason}); "
            "pip install safetensors to save its weights alone"
        )
    from safetensors.torch import save_model

    writer: Callable[[nn.Module, str], None] = save_model
    writer(model, str(folder / WEIGHTS))
    return folder / WEIGHTS


def _rebuilding(model: nn.Module, reason: str) -> str:
    return (
        f"{WEIGHTS} holds the weights alone, since torch.export refuses the model: {reason}\n"
        "To build it again: make the original model, run circulant.optimise.optimise with the same passes,\n"
        f"then safetensors.torch.load_model(result.model, '{WEIGHTS}'). The optimised modules are:\n\n{model}"
    )
