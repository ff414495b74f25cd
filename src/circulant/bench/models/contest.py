"""A network as an operation that can be timed: as optimise makes it, eager, compiled, in other runtimes."""

import sys
from dataclasses import dataclass
from functools import lru_cache, partial
from time import perf_counter
from typing import final

import torch
from torch import nn

from circulant.bench.calls import compiled_code, torch_code
from circulant.bench.case import Case
from circulant.bench.contestant import OURS, Contestant, Layout, Role
from circulant.bench.models.networks import Network, as_it_came, built, given, inputs, merged
from circulant.bench.operation import Operation, runtimes
from circulant.core.sizes import Shape
from circulant.optimise.goals import Goals
from circulant.optimise.pipeline import Optimiser
from circulant.optimise.result import Result

GOALS = Goals()  # as a user has them who names none: exact passes only


def contest(network: Network) -> Operation:
    """Results are compared with the network in float64, branches and all."""
    others = (*_eager(network), *_compiled(network), *runtimes(partial(_onnx, network), ""))
    return Operation(
        network.columns,
        lambda shape: (inputs(network, shape),),
        lambda shape: built(network).double(),
        (*_ours(network), *others),
    )


def _ours(network: Network) -> tuple[Contestant, ...]:
    def make(shape: Shape) -> nn.Module:
        return _optimised(network, shape).result.model

    def way(case: Case) -> str:
        return str(_optimised(network, case.shape))

    def plain_layers(shape: Shape) -> str:
        return "" if network.is_library else "optimise is given torch's own layers"

    return (
        Contestant("optimise", Role.OURS, torch_code(make), OURS, way=way),
        Contestant("optimise, then torch.compile", Role.VARIANT, compiled_code(make), OURS, way=way),
        Contestant(
            "circulant, not optimised", Role.VARIANT, torch_code(lambda shape: built(network)), OURS,
            refuses=plain_layers, way=lambda case: "as the library builds it",
        ),
    )  # fmt: skip


def _eager(network: Network) -> tuple[Contestant, ...]:
    def no_branches(shape: Shape) -> str:
        return "" if network.merge else "has no branches"

    last = Layout.CHANNELS_LAST
    return (
        Contestant("eager", Role.TORCH, torch_code(lambda shape: as_it_came(network))),
        Contestant(
            "eager, branches merged", Role.PEER, torch_code(lambda shape: merged(network)),
            refuses=no_branches,
        ),
        Contestant(
            "eager, channels last", Role.PEER, torch_code(partial(_channels_last, network), last),
            layout=last, refuses=partial(_no_channels, network),
        ),
    )  # fmt: skip


def _compiled(network: Network) -> tuple[Contestant, ...]:
    def make(shape: Shape) -> nn.Module:
        return merged(network)

    last = Layout.CHANNELS_LAST
    return (
        Contestant("torch.compile", Role.PEER, compiled_code(make)),
        Contestant(
            "torch.compile, channels last", Role.PEER, compiled_code(partial(_channels_last, network), last),
            layout=last, refuses=partial(_no_channels, network),
        ),
        Contestant("torch.compile, freezing", Role.PEER, compiled_code(make, freezing=True)),
    )  # fmt: skip


def _channels_last(network: Network, shape: Shape) -> nn.Module:
    return merged(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _no_channels(network: Network, shape: Shape) -> str:
    return "reads tokens, not pictures" if network.reads_tokens else ""


def _onnx(network: Network, case: Case) -> bytes:
    """As torch's own exporter writes it, for inputs of this shape."""
    module = merged(network)
    program = torch.onnx.export(module, case.operands, input_names=["x"], dynamo=True, verbose=False)
    assert program is not None
    model: bytes = program.model_proto.SerializeToString()
    return model


@final
@dataclass(frozen=True, slots=True, eq=False)
class Optimised:
    result: Result
    seconds: float  # that optimise took

    def __str__(self) -> str:
        return f"{', '.join(self.result.kept) or 'nothing kept'}; found in {self.seconds:.0f} s"


@lru_cache(maxsize=1)
def _optimised(network: Network, shape: Shape) -> Optimised:
    """Found once for all who need it; each pass is told on stderr as it ends, for it may take minutes."""
    start = perf_counter()
    optimiser = Optimiser(given(network), inputs(network, shape), goals=GOALS)
    for report in optimiser.steps():
        said = f"{report.name}: {report.outcome.value}"
        print(f"  optimise, {perf_counter() - start:.0f} s: {said}", file=sys.stderr, flush=True)
    return Optimised(optimiser.result(), perf_counter() - start)
