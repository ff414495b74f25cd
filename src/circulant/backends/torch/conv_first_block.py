"""The block layer by layer, by torch's own kernels, and its gradients."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from circulant.problems.conv_first_block import BlockActivation, ConvFirstBlockProblem

ACTIVATION: dict[BlockActivation, Callable[[Tensor], Tensor]] = {
    BlockActivation.RELU: F.relu,
    BlockActivation.RELU6: F.relu6,
    BlockActivation.SILU: F.silu,
}


def direct(
    problem: ConvFirstBlockProblem,
    x: Tensor,
    kernel: Tensor,
    kernel_bias: Tensor,
    expand: Tensor,
    expand_bias: Tensor,
    project: Tensor,
    project_bias: Tensor,
) -> Tensor:
    h = F.conv2d(x, kernel, kernel_bias, padding=problem.kernel // 2, groups=problem.groups)
    e = ACTIVATION[problem.activation](F.conv2d(h, expand, expand_bias))
    return x + F.conv2d(e, project, project_bias)


@final
@dataclass(frozen=True, slots=True)
class LayerGradients:
    input: Tensor
    weight: Tensor
    bias: Tensor


def gradients(problem: ConvFirstBlockProblem, g: Tensor, x: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
    """Of x and the six weights, for y's gradient g; what lies between the layers is computed anew."""
    kernel, kernel_bias, expand, expand_bias, project, _ = weights
    h = F.conv2d(x, kernel, kernel_bias, padding=problem.kernel // 2, groups=problem.groups)
    z = F.conv2d(h, expand, expand_bias)
    e = ACTIVATION[problem.activation](z)
    projected = _layer_gradients(g, e, project)
    expanded = _layer_gradients(projected.input * _slope(problem.activation, z), h, expand)
    convolved = _layer_gradients(expanded.input, x, kernel, problem.kernel // 2, problem.groups)
    layers = (convolved, expanded, projected)
    return g + convolved.input, *(part for layer in layers for part in (layer.weight, layer.bias))


def _slope(activation: BlockActivation, z: Tensor) -> Tensor:
    """The derivative at z; at the corners of relu and relu6 zero, as torch has it."""
    if activation is BlockActivation.SILU:
        s = torch.sigmoid(z)
        return s * (1 + z * (1 - s))
    inside = z > 0 if activation is BlockActivation.RELU else (z > 0) & (z < 6)
    return inside.to(z.dtype)


def _layer_gradients(
    g: Tensor, x: Tensor, weight: Tensor, padding: int = 0, groups: int = 1
) -> LayerGradients:
    solved = torch.ops.aten.convolution_backward.default(
        g, x, weight, [weight.shape[0]], [1, 1], [padding, padding], [1, 1], False, [0, 0], groups, [True] * 3
    )
    return LayerGradients(*solved)
