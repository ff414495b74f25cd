"""`circulant doctor`: what this installation can do on this machine."""

import os
import platform
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version

import torch
import typer

from circulant import __version__
from circulant.cli.output import JsonOption, columns, print_json
from circulant.engine.native import instruction_set, why_missing

EXTRAS = ("cli", "compare", "data", "ray")
ALLOCATORS = ("jemalloc", "tcmalloc", "mimalloc")
MALLOC_VARIABLES = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")
COMPILERS = ("c++", "g++", "clang++")


@dataclass(frozen=True, slots=True)
class Native:
    """The compiled core. instruction_set is empty, and why_missing is not, where it is missing."""

    available: bool
    instruction_set: str
    why_missing: str
    compiler: str  # path of the one an installation would find; empty: none


@dataclass(frozen=True, slots=True)
class Allocator:
    """Large temporaries are slow where malloc returns them to the system each time."""

    name: str
    tuned: tuple[str, ...]  # variables that are set
    hint: str  # empty: nothing to gain


@dataclass(frozen=True, slots=True)
class Extra:
    """One optional part and the packages that it lacks."""

    name: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checkup:
    """Everything that `circulant doctor` reports."""

    circulant: str
    python: str
    platform: str
    torch: str
    threads: int
    cpu_capability: str  # torch's own vector level
    native: Native
    allocator: Allocator
    extras: tuple[Extra, ...]  # empty: run from a source tree that was never installed
    gpu: str  # empty: none that torch can use
    triton: str  # empty: not installed


def doctor(as_json: JsonOption = False) -> None:
    """Say what works here, what is missing and how to get it.

    Example: circulant doctor --json
    """
    found = examine()
    if as_json:
        print_json(asdict(found))
    else:
        typer.echo(columns(_lines(found)))


def examine() -> Checkup:
    return Checkup(
        circulant=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        native=_native(),
        allocator=_allocator(),
        extras=_extras(),
        gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        triton=_version("triton"),
    )


def _native() -> Native:
    compiler = next(filter(None, map(shutil.which, COMPILERS)), "")
    reason = why_missing()
    level = "" if reason else instruction_set().value
    return Native(not reason, level, reason, compiler)


def _allocator() -> Allocator:
    preloaded = os.environ.get("LD_PRELOAD", "")
    name = next((name for name in ALLOCATORS if name in preloaded), "")
    tuned = tuple(variable for variable in MALLOC_VARIABLES if variable in os.environ)
    if name or platform.system() != "Linux" or len(tuned) == len(MALLOC_VARIABLES):
        return Allocator(name or "the system's", tuned, "")
    unset = ", ".join(variable for variable in MALLOC_VARIABLES if variable not in tuned)
    hint = f"{unset} not set: large temporaries may be slow; see docs/environment.md"
    return Allocator("the system's", tuned, hint)


def _extras() -> tuple[Extra, ...]:
    if not _version("circulant"):
        return ()
    needs = requires("circulant") or []
    return tuple(Extra(name, _missing(name, needs)) for name in EXTRAS)


def _missing(extra: str, needs: Sequence[str]) -> tuple[str, ...]:
    """Packages of an extra that are not installed; every extra's own packages only."""
    named = [need for need in needs if re.search(rf"extra == ['\"]{extra}['\"]", need)]
    packages = [re.split(r"[^\w.-]", need, maxsplit=1)[0] for need in named]
    return tuple(package for package in packages if not _version(package))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _lines(found: Checkup) -> list[tuple[str, str]]:
    return [
        ("circulant", f"{found.circulant} on Python {found.python}, {found.platform}"),
        ("torch", f"{found.torch}, {found.threads} threads, {found.cpu_capability}"),
        ("native core", _native_line(found.native)),
        ("memory", f"{found.allocator.name} malloc{'; ' * bool(found.allocator.hint)}{found.allocator.hint}"),
        *((f"extra {extra.name}", _extra_line(extra)) for extra in found.extras),
        *([] if found.extras else [("extras", "not known: run from a source tree, not installed")]),
        ("GPU", found.gpu or "none that torch can use"),
        ("triton", found.triton or "not installed"),
    ]


def _native_line(native: Native) -> str:
    if native.available:
        return f"present, instruction set {native.instruction_set}"
    advice = "" if native.compiler else " (there is no C++ compiler here)"
    return f"MISSING, circulant runs on the torch backend{advice}: {native.why_missing}"


def _extra_line(extra: Extra) -> str:
    if not extra.missing:
        return "complete"
    return f"lacks {', '.join(extra.missing)}; pip install 'circulant[{extra.name}]'"
