"""A layer in training for integers: inputs and weights rounded, its batch norm folded into the weight.

Before the statistics are frozen the output is that of batch norm on the batch,

    y = (w gamma / sigma_run)^ * x^  sigma_run / sigma_batch + beta - mu_batch gamma / sigma_batch

but the rounded weight is scaled by the running sigma: by the batch's it would jump with every batch. After
freezing the factor is 1 and the running statistics act. The statistics of a batch are those of the layer with
weights not rounded, which costs a second pass of the layer while training.

Krishnamoorthi, 2018, Quantizing deep convolutional networks for efficient inference: A whitepaper,
https://arxiv.org/abs/1806.08342, with TensorFlow's contrib/quantize/python/fold_batch_norms.py.
"""

from copy import deepcopy
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from circulant.core.errors import ArgumentError
from circulant.optimise.quantisation_batch_norm import QUANTISED, fold_batch_norm, require_foldable
from circulant.optimise.quantisation_fake import FakeQuant, FakeQuantWeight
from circulant.optimise.quantisation_integer import Int8Layer


@final
class FakeQuantLayer(nn.Module):
    """A copy of a convolution or nn.Linear, and of the batch norm after it.  Shapes: x -> y as from them.

    A rounding that is None does not happen. A batch norm in evaluation mode beside a layer in training mode
    counts as frozen.
    """

    def __init__(
        self,
        layer: nn.Module,
        norm: nn.Module | None,
        input_rounding: FakeQuant | None,
        weight_rounding: FakeQuantWeight | None,
    ) -> None:
        super().__init__()
        _require(layer, norm)
        self.layer, self.norm = deepcopy(layer), deepcopy(norm)
        self.input_rounding, self.weight_rounding = input_rounding, weight_rounding
        self.is_frozen = norm is not None and layer.training and not norm.training
        held: Any = self.layer
        self.bias = held.bias
        held.bias = None

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.input_rounding is None else self.input_rounding(x)
        weight: Any = self.layer.weight
        if self.norm is None:
            y = self._run(x, self._rounded(weight))
            return y if self.bias is None else y + self._over(self.bias, y)
        norm: Any = self.norm
        ones = torch.ones_like(norm.running_var)
        gamma, beta = (ones, 0 * ones) if norm.weight is None else (norm.weight, norm.bias)
        running = (norm.running_var + norm.eps).sqrt()
        scale = (gamma / running).reshape(-1, *(1,) * (weight.ndim - 1))
        y = self._run(x, self._rounded(weight * scale))
        if norm.training and not self.is_frozen:
            mean, sigma = self._batch_statistics(self._run(x, weight))
            return y * self._over(running / sigma, y) + self._over(beta - gamma * mean / sigma, y)
        mean = norm.running_mean if self.bias is None else norm.running_mean - self.bias
        return y + self._over(beta - gamma * mean / running, y)

    @torch.no_grad()
    def to_integers(self) -> Int8Layer:
        """What evaluation mode computes, in integers."""
        if self.input_rounding is None or self.weight_rounding is None:
            raise ArgumentError("expected a layer that rounds inputs and weights, got one that does not")
        layer: Any = deepcopy(self.layer)
        layer.bias = None if self.bias is None else nn.Parameter(self.bias.detach().clone())
        folded: Any = layer if self.norm is None else fold_batch_norm(layer, self.norm)
        grid = self.weight_rounding.grid(folded.weight)
        return Int8Layer(folded, grid, self.input_rounding.grid).train(self.training)

    def _rounded(self, weight: Tensor) -> Tensor:
        return weight if self.weight_rounding is None else self.weight_rounding(weight)

    def _run(self, x: Tensor, weight: Tensor) -> Tensor:
        y: Tensor = functional_call(self.layer, {"weight": weight}, (x,))
        return y

    def _over(self, values: Tensor, y: Tensor) -> Tensor:
        """values (O), shaped to broadcast over y (B, O, *spatial)."""
        weight: Any = self.layer.weight
        return values.reshape(-1, *(1,) * (weight.ndim - 2))

    def _batch_statistics(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each channel; the running ones follow them."""
        norm: Any = self.norm
        rows = y.movedim(1, -1).flatten(0, -2)
        variance, mean = torch.var_mean(rows, 0, correction=0)
        with torch.no_grad():
            shift = mean if self.bias is None else mean + self.bias
            norm.running_mean.lerp_(shift, norm.momentum)
            norm.running_var.lerp_(variance * len(rows) / max(len(rows) - 1, 1), norm.momentum)
            norm.num_batches_tracked += 1
        return mean, (variance + norm.eps).sqrt()


def _require(layer: nn.Module, norm: Any) -> None:
    if type(layer) not in QUANTISED:
        raise ArgumentError(f"expected a convolution of torch or nn.Linear, got {layer}")
    if norm is not None:
        require_foldable(layer, norm)
        if norm.momentum is None:
            raise ArgumentError("expected a batch norm with a momentum, got one of plain averages")
