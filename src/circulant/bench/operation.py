"""What an operation of workloads.toml means: its operands, its exact result, and who takes part."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from circulant.bench.calls import Make, MakeForArrays, array_code, compiled_code, torch_code
from circulant.bench.case import Case, Function, generator, make_case
from circulant.bench.contestant import OURS, TORCH, Contestant, Layout, Package, Role, everything
from circulant.bench.peers.inference_runtime import Model, onnx_runtime, openvino
from circulant.bench.workload import Passes
from circulant.core.sizes import Shape
from circulant.problems.problem import Problem

SCIPY = Package("scipy", "scipy")
DUCC = Package("ducc0", "ducc0")
FFT_CONV = Package("fft-conv-pytorch", "fft_conv_pytorch")
ONNX_RUNTIME = Package("onnxruntime", "onnxruntime")
OPENVINO = Package("openvino", "openvino")
# a problem's reference loops over taps and samples: more arithmetic than this takes seconds
LARGEST_LOOPED_FLOP = 2e6


@dataclass(frozen=True, slots=True)
class Operation:
    """operands are float64; reference gives the function that must be matched, for float64 operands.

    contestants begins with ours.
    """

    columns: tuple[str, ...]
    operands: Callable[[Shape], tuple[Tensor, ...]]
    reference: Callable[[Shape], Function]
    contestants: tuple[Contestant, ...]

    def case(self, shape: Shape, passes: Passes, threads: int) -> Case:
        return make_case(shape, passes, threads, self.operands(shape), self.reference(shape))


def normal(*shapes: Shape) -> tuple[Tensor, ...]:
    """Tensors of normal values, seeded."""
    source = generator()
    return tuple(torch.randn(shape, generator=source, dtype=torch.float64) for shape in shapes)


def ours(make: Make) -> Contestant:
    return Contestant("circulant", Role.OURS, torch_code(make), OURS)


def variant(
    name: str, make: Make, layout: Layout = Layout.CONTIGUOUS, *, has_backward: bool = True
) -> Contestant:
    """Ours on operands in another layout, or by an algorithm that is insisted on."""
    return Contestant(name, Role.VARIANT, torch_code(make, layout), OURS, layout, has_backward)


def plain(name: str, make: Make, refuses: Callable[[Shape], str] = everything) -> Contestant:
    """torch's own code in the default layout."""
    return Contestant(name, Role.TORCH, torch_code(make), refuses=refuses)


def peer(
    name: str,
    make: Make,
    package: Package = TORCH,
    layout: Layout = Layout.CONTIGUOUS,
    refuses: Callable[[Shape], str] = everything,
) -> Contestant:
    return Contestant(name, Role.PEER, torch_code(make, layout), package, layout, refuses=refuses)


def compiled(of: str, make: Make, layout: Layout = Layout.CONTIGUOUS) -> Contestant:
    return Contestant(f"torch.compile of {of}", Role.PEER, compiled_code(make, layout), layout=layout)


def arrays(name: str, make: MakeForArrays, package: Package) -> Contestant:
    """A package that knows NumPy arrays and no derivatives."""
    return Contestant(name, Role.PEER, array_code(make), package, has_backward=False)


def runtimes(model: Model, remark: str = ", weights packed") -> tuple[Contestant, ...]:
    """The operation as an ONNX model, loaded before the clock runs."""
    known = (("ONNX Runtime", onnx_runtime, ONNX_RUNTIME), ("OpenVINO", openvino, OPENVINO))
    return tuple(
        Contestant(f"{name}{remark}", Role.PEER, make(model), package, has_backward=False)
        for name, make, package in known
    )


def looped_or(problem: Problem, looped: Callable[..., Tensor], fast: Function) -> Function:
    """The problem's own reference where it ends soon, another float64 code elsewhere."""
    return partial(looped, problem) if problem.flop <= LARGEST_LOOPED_FLOP else fast
