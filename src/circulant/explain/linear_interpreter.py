"""The linear system that a network is for one input: y = W(x) x + b(x).

Of every nonlinear function it is kept what it did to x: the mask of a ReLU, the winners of a max-pool, the
mean and scale of a norm. The network is then replayed on other inputs with all of that frozen, and is affine:

    b = replay(0),    W u = replay(u) - b,    W' v = the replay run backwards.

Columns of W are answers to impulses at the input, rows are what an output reads. Of a piecewise linear
network (ReLU, leaky ReLU, max-pool, norms with kept statistics) W is the Jacobian. Of a smooth one it is not:
the gate of GELU at z is GELU(z) / z, the chord from the origin, where the derivative is the tangent. Where
z = 0 the gate is closed, as nothing passes.

Navarrete Michelini, Liu, Lu and Jiang (2019), A Tour of Convolutional Networks Guided by Linear Interpreters,
https://arxiv.org/abs/1908.05168. Ours differs in three points: the record is kept instead of recomputed in a
second batch; functions that are not 0 at 0 (sigmoid) have the chord from there, f(z) = f(0) + h z, where
f(z) / z has no bound near 0; singular vectors come from scipy's Lanczos method, not from power iteration.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.core.sizes import product
from circulant.explain.frozen_steps import Step
from circulant.explain.linear_scope import LinearReplay, LinearScope

CHUNK = 32  # impulses at once


@final
@dataclass(frozen=True, slots=True, eq=False)
class LinearInterpreter:
    """W and b of one input x (1, *input_shape), as functions; W itself is never built."""

    network: nn.Module  # a copy
    steps: tuple[Step | None, ...]
    x: Tensor
    output: Tensor  # y (1, *output_shape)
    bias: Tensor  # b (1, *output_shape)

    @property
    def bias_share(self) -> float:
        """|b| / (|W x| + |b|) in Euclidean norms, 0 to 1: how much of the output is no vote of x."""
        bias, rest = float(self.bias.norm()), float((self.output - self.bias).norm())
        return bias / (bias + rest) if bias + rest else 0.0

    def replay(self, u: Tensor) -> Tensor:
        """W u + b.  Shapes: u (N, *input_shape) -> (N, *output_shape)."""
        with LinearReplay(self.steps):
            y: Tensor = self.network(u.clone())  # a first layer may work in place
        return y

    def apply(self, u: Tensor) -> Tensor:
        """W u.  Shapes: u (N, *input_shape) -> (N, *output_shape)."""
        _require_like(u, self.x)
        with torch.no_grad():
            return torch.cat([self.replay(part) - self.bias for part in u.split(CHUNK)])

    def apply_transposed(self, v: Tensor) -> Tensor:
        """W' v.  Shapes: v (N, *output_shape) -> (N, *input_shape)."""
        _require_like(v, self.output)
        return torch.cat([self._transposed(part) for part in v.split(CHUNK)])

    def _transposed(self, v: Tensor) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            u = v.new_zeros(len(v), *self.x.shape[1:]).requires_grad_()
            y = self.replay(u)
            if not y.requires_grad:
                return torch.zeros_like(u).detach()
            (back,) = torch.autograd.grad(y, u, v, materialize_grads=True)
        return back


def linear_interpreter(network: nn.Module, x: Tensor) -> LinearInterpreter:
    """The linear system of network, in eval mode, at x (1, ...), in the dtype that both have.

    The network is copied, not touched. Raises ArgumentError where the frozen network is not affine: it then
    uses a nonlinear function that is not known, or multiplies features with features.
    """
    if not x.is_floating_point():
        raise DtypeError(f"expected x of a floating-point dtype, got {x.dtype}; convert it with .float()")
    if x.ndim < 2 or x.shape[0] != 1:
        raise ShapeError(f"expected one example x (1, ...), got {tuple(x.shape)}; pick one with x[:1]")
    frozen = deepcopy(network).eval().requires_grad_(False)
    x = x.detach().clone()
    with torch.no_grad():
        with LinearScope() as scope:
            output = frozen(x.clone())
        if not isinstance(output, Tensor) or output.shape[:1] != (1,):
            raise ShapeError(
                "expected a network that gives one tensor (1, ...), got another output; "
                "wrap it in a module that picks one"
            )
        with LinearReplay(scope.steps):
            bias = frozen(torch.zeros_like(x))
        found = LinearInterpreter(frozen, tuple(scope.steps), x, output, bias)
        _require_affine(found)
    return found


def interpreter_rows(interpreter: LinearInterpreter, outputs: Tensor) -> Tensor:
    """Rows of W: what each of the outputs reads.

    Shapes: outputs (N,), integers, places in the flattened output -> (N, *input_shape).
    """
    return _of_impulses(outputs, interpreter.output, interpreter.apply_transposed)


def interpreter_columns(interpreter: LinearInterpreter, inputs: Tensor) -> Tensor:
    """Columns of W: what each of the inputs adds to the output for each unit of it.

    Shapes: inputs (N,), integers, places in the flattened input -> (N, *output_shape).
    """
    return _of_impulses(inputs, interpreter.x, interpreter.apply)


def _of_impulses(places: Tensor, like: Tensor, system: Callable[[Tensor], Tensor]) -> Tensor:
    if places.ndim != 1 or len(places) == 0 or places.is_floating_point():
        raise ShapeError(
            f"expected places (N,), integers, one or more, got {tuple(places.shape)} {places.dtype}"
        )
    if int(places.min()) < 0 or int(places.max()) >= like.numel():
        raise ArgumentError(
            f"expected places from 0 to {like.numel() - 1}, got {int(places.min())} to {int(places.max())}"
        )

    def answers(part: Tensor) -> Tensor:
        impulses = like.new_zeros(len(part), like.numel())
        impulses[torch.arange(len(part)), part] = 1
        return system(impulses.reshape(-1, *like.shape[1:]))

    return torch.cat([answers(part) for part in places.split(CHUNK)])


def _require_like(u: Tensor, like: Tensor) -> None:
    if u.shape[1:] != like.shape[1:] or len(u) == 0:
        raise ShapeError(f"expected (N, {', '.join(map(str, like.shape[1:]))}), got {tuple(u.shape)}")
    if u.dtype != like.dtype:
        raise DtypeError(f"expected {like.dtype}, got {u.dtype}; convert it with .to({like.dtype})")


def _require_affine(found: LinearInterpreter) -> None:
    """Seen from the recorded output, and from one direction at two lengths."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(product(found.x.shape), generator=generator, dtype=torch.float64)
    direction = drawn.reshape(found.x.shape).to(found.x)
    size = float(found.x.abs().max()) or 1.0
    replayed = found.replay(torch.cat([found.x, size * direction, 2 * size * direction]))
    once, twice = replayed[1:] - found.bias
    scale = float(max(replayed.abs().max(), found.output.abs().max()))
    tolerance = torch.finfo(found.x.dtype).eps ** 0.5 * scale
    error = max(float((replayed[:1] - found.output).abs().max()), float((twice - 2 * once).abs().max()))
    if not error <= tolerance:
        raise ArgumentError(
            f"expected a network that is affine once its activations, norms and maxima are frozen, got one "
            f"that is off by {error:.2g}; it uses another nonlinear function or multiplies features with "
            "features: interpret the part without these"
        )
