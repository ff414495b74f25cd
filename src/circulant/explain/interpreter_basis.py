"""Singular vectors of the linear system that a network is for one input: what it reads and writes."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from circulant.core.errors import ArgumentError
from circulant.core.sizes import product
from circulant.explain.linear_interpreter import LinearInterpreter


@final
@dataclass(frozen=True, slots=True, eq=False)
class InterpreterBasis:
    """W = sum of values[i] outputs[i] inputs[i]' over all i; here the largest, in descending order."""

    values: Tensor  # (N,)
    inputs: Tensor  # (N, *input_shape), orthonormal
    outputs: Tensor  # (N, *output_shape), orthonormal


def interpreter_basis(interpreter: LinearInterpreter, count: int) -> InterpreterBasis:
    """The largest singular values with their vectors, by scipy's `svds`; W itself is never built."""
    rows, columns = interpreter.output.numel(), interpreter.x.numel()
    if not 1 <= count < min(rows, columns):
        raise ArgumentError(f"expected count from 1 to {min(rows, columns) - 1}, got {count}")
    from scipy.sparse.linalg import LinearOperator, svds

    x, output = interpreter.x, interpreter.output

    def forwards(u: Any) -> Any:
        return interpreter.apply(_tensor(u, x)).double().cpu().numpy().ravel()

    def backwards(v: Any) -> Any:
        return interpreter.apply_transposed(_tensor(v, output)).double().cpu().numpy().ravel()

    operator = LinearOperator((rows, columns), matvec=forwards, rmatvec=backwards, dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(min(rows, columns))
    left, values, right = svds(operator, k=count, v0=start)
    order = np.argsort(values)[::-1].copy()
    return InterpreterBasis(
        torch.from_numpy(values[order]).to(x),
        torch.from_numpy(right[order]).to(x).reshape(-1, *x.shape[1:]),
        torch.from_numpy(left.T[order].copy()).to(x).reshape(-1, *output.shape[1:]),
    )


def _tensor(flat: Any, like: Tensor) -> Tensor:
    assert flat.size == product(like.shape)
    return torch.from_numpy(np.ascontiguousarray(flat)).to(like).reshape(like.shape)
