"""When Triton cannot run a problem, in words for its plan."""

from circulant.backends.triton.launch import ACCUMULATORS
from circulant.backends.triton.runtime import why_missing, why_not_interpreted
from circulant.problems.problem import Problem

DEVICES = ("cuda", "cpu")  # torch calls AMD's GPUs cuda too


def why_refused(problem: Problem, device: str, is_forced: bool) -> str:
    """Empty where it can run; on a CPU, in the interpreter, only for a caller who insists on it."""
    if device not in DEVICES or (device == "cpu" and not is_forced):
        return f"runs on a GPU, the tensors are on {device}"
    if problem.dtype not in ACCUMULATORS:
        return f"takes floating-point numbers of 16 to 64 bits, the problem has {problem.dtype}"
    missing = why_not_interpreted() if device == "cpu" else why_missing()
    return f"Triton cannot run: {missing}" if missing else ""
