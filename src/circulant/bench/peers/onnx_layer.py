"""Layers as ONNX models, as inference runtimes load them.

Weights are constants of the model: a runtime may rearrange them when it loads, which is not timed.
"""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from circulant.bench.case import Case
from circulant.bench.peers.inference_runtime import Model
from circulant.core.sizes import Shape
from circulant.problems.pooling import PoolMode

OPSET = 17


def conv(padding: Callable[[Shape], int], stride: Callable[[Shape], int]) -> Model:
    """One convolution of an image (x) with a kernel (w)."""

    def model(case: Case) -> bytes:
        sides, steps = padding(case.shape), stride(case.shape)
        return _model(case, [_conv("x", ["w"], "y", sides, steps, _groups(case))], ["w"])

    return model


def pooling(mode: PoolMode) -> Model:
    """Windows of a kernel's size with half of it around the image."""

    def model(case: Case) -> bytes:
        from onnx import helper

        kernel, stride = case.shape[3:]
        sizes = ([kernel] * 2, [kernel // 2] * 4, [stride] * 2)
        settings: dict[str, Any] = dict(zip(("kernel_shape", "pads", "strides"), sizes))
        if mode is PoolMode.MAX:
            node = helper.make_node("MaxPool", ["x"], ["y"], **settings)
        else:
            node = helper.make_node("AveragePool", ["x"], ["y"], count_include_pad=1, **settings)
        return _model(case, [node], [])

    return model


def residual_block(case: Case) -> bytes:
    """Grouped convolution, expansion, SiLU, projection, sum."""
    from onnx import helper

    names = ["w1", "b1", "w2", "b2", "w3", "b3"]
    kernel = case.operands[1].shape[-1]
    nodes = [
        _conv("x", names[0:2], "h", kernel // 2, groups=_groups(case)),
        _conv("h", names[2:4], "z"),
        helper.make_node("Sigmoid", ["z"], ["s"]),
        helper.make_node("Mul", ["z", "s"], ["e"]),
        _conv("e", names[4:6], "p"),
        helper.make_node("Add", ["x", "p"], ["y"]),
    ]
    return _model(case, nodes, names)


def _conv(
    read: str, weights: Sequence[str], written: str, padding: int = 0, stride: int = 1, groups: int = 1
) -> Any:
    """weights: names of a kernel and, where there is one, of a bias."""
    from onnx import helper

    return helper.make_node(
        "Conv", [read, *weights], [written], pads=[padding] * 4, strides=[stride] * 2, group=groups
    )


def _groups(case: Case) -> int:
    """Of the convolution of the first operand with the second."""
    x, weight, *_ = case.operands
    return x.shape[1] // weight.shape[1]


def _model(case: Case, nodes: Sequence[Any], constants: Sequence[str]) -> bytes:
    """constants: names of the operands after the first."""
    from onnx import TensorProto, checker, helper, numpy_helper

    def described(name: str, tensor: Tensor) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(tensor.shape))

    held = zip(constants, case.operands[1:])
    graph = helper.make_graph(
        nodes,
        "layer",
        [described("x", case.operands[0])],
        [described("y", case.expected[0])],
        [numpy_helper.from_array(operand.numpy(), name) for name, operand in held],
    )
    model: Any = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()
