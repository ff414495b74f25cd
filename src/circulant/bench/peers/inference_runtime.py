"""Inference runtimes, which load a model before the clock runs."""

from collections.abc import Callable

import torch

from circulant.bench.case import Case
from circulant.bench.contestant import Call, Tensors

Model = Callable[[Case], bytes]
"""An ONNX model that takes the first operand; the others are its constants."""


def onnx_runtime(model: Model) -> Callable[[Case], Call]:
    def prepare(case: Case) -> Call:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = case.threads
        session = onnxruntime.InferenceSession(model(case), options, providers=["CPUExecutionProvider"])
        feed = {"x": case.operands[0].numpy()}

        def call() -> Tensors:
            return (torch.from_numpy(session.run(None, feed)[0]),)

        return call

    return prepare


def openvino(model: Model) -> Callable[[Case], Call]:
    def prepare(case: Case) -> Call:
        import openvino as runtime

        core = runtime.Core()
        settings = {
            "INFERENCE_NUM_THREADS": case.threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        compiled = core.compile_model(core.read_model(model(case)), "CPU", settings)
        request, feed = compiled.create_infer_request(), case.operands[0].numpy()

        def call() -> Tensors:
            outputs = request.infer([feed], share_inputs=True, share_outputs=False)
            return (torch.from_numpy(outputs[0]),)

        return call

    return prepare
