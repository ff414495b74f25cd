"""A model of one convolution layer, as inference runtimes load it, and the two runtimes.

The weight is a constant of the model: a runtime may rearrange it when it loads, which is not timed.
"""

from collections.abc import Callable
from typing import Any

import torch

from circulant.bench.case import Case
from circulant.bench.contestant import Call, Tensors
from circulant.core.sizes import Shape

OPSET = 17


def onnx_runtime(padding: Callable[[Shape], int], stride: Callable[[Shape], int]) -> Callable[[Case], Call]:
    def prepare(case: Case) -> Call:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = case.threads
        session = onnxruntime.InferenceSession(
            _model(case, padding(case.shape), stride(case.shape)), options, providers=["CPUExecutionProvider"]
        )
        feed = {"x": case.operands[0].numpy()}

        def call() -> Tensors:
            return (torch.from_numpy(session.run(None, feed)[0]),)

        return call

    return prepare


def openvino(padding: Callable[[Shape], int], stride: Callable[[Shape], int]) -> Callable[[Case], Call]:
    def prepare(case: Case) -> Call:
        import openvino as runtime

        core = runtime.Core()
        settings = {
            "INFERENCE_NUM_THREADS": case.threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        model = core.read_model(_model(case, padding(case.shape), stride(case.shape)))
        compiled = core.compile_model(model, "CPU", settings)
        request, feed = compiled.create_infer_request(), case.operands[0].numpy()

        def call() -> Tensors:
            outputs = request.infer([feed], share_inputs=True, share_outputs=False)
            return (torch.from_numpy(outputs[0]),)

        return call

    return prepare


def _model(case: Case, padding: int, stride: int) -> bytes:
    from onnx import TensorProto, checker, helper, numpy_helper

    x, weight = case.operands
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"],
        kernel_shape=list(weight.shape[2:]), pads=[padding] * 4, strides=[stride] * 2,
        group=x.shape[1] // weight.shape[1],
    )  # fmt: skip
    graph = helper.make_graph(
        [node],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(x.shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, list(case.expected[0].shape))],
        [numpy_helper.from_array(weight.numpy(), "w")],
    )
    model: Any = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()
