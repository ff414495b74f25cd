"""The layer behind the three tunable convolutions."""

from enum import Enum
from math import sqrt

import torch
from torch import Tensor, nn

from circulant.core.cost import ZERO_COST, Cost, matmul_cost
from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape, product
from circulant.engine.conv_settings import Sizes, conv_settings
from circulant.engine.per_sample_conv import per_sample_conv


class TuningMode(Enum):
    """How parameters become shares of the kernels."""

    LINEAR = "linear"
    MLP = "mlp"


class TunableConvNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's, without a bias by default.

    parameters: knobs P; expand: kernels for each of them, mixed by a linear layer if more than one.
    """

    tuning: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = False,
        padding_mode: str = "zeros",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        parameters: int = 2,
        expand: int = 1,
        mode: TuningMode = TuningMode.MLP,
    ) -> None:
        super().__init__()
        if min(parameters, expand) < 1:
            raise ArgumentError(f"expected parameters and expand of 1 or more, got {parameters} and {expand}")
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        self.knobs, kernels = parameters, parameters * expand
        shape = (kernels, *self.settings.weight_shape)
        self.weight = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(shape[:2], device=device, dtype=dtype)) if bias else None
        mixes = mode is TuningMode.MLP or expand > 1
        self.mixing = nn.Linear(parameters, kernels, device=device, dtype=dtype) if mixes else None
        shares = torch.full((parameters,), 1 / parameters, device=device, dtype=dtype)
        self.register_buffer("tuning", shares, persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Every kernel of the bank as a torch.nn.ConvNd of its own."""
        bound = 1 / sqrt(product(self.settings.weight_shape[1:]))
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)
        if self.mixing is not None:
            self.mixing.reset_parameters()

    def forward(self, x: Tensor, tuning: Tensor | None = None) -> Tensor:
        """tuning (B, P), or (P) for every example; None for the layer's own."""
        s = self.settings
        s.require_input(x)
        batched = x if x.ndim == s.ndim + 2 else x[None]
        knobs = self.tuning if tuning is None else tuning
        shares = self._shares(batched.shape[0], knobs)
        weight = (shares @ self.weight.flatten(1)).unflatten(1, s.weight_shape)
        bias = None if self.bias is None else shares @ self.bias
        if knobs.ndim == 1:
            y = s.convolve(batched, weight[0], None if bias is None else bias[0])
        else:
            y = per_sample_conv(
                batched, weight, bias, stride=s.stride, padding=s.padding, dilation=s.dilation,
                groups=s.groups, boundary=s.boundary,
            )  # fmt: skip
        return y if batched is x else y[0]

    def _shares(self, batch: int, tuning: Tensor) -> Tensor:
        """How much of each kernel there is (B or 1, kernels)."""
        require_tuning(tuning, self.knobs)
        if tuning.ndim == 2 and tuning.shape[0] != batch:
            raise ShapeError(
                f"expected tuning for {batch} examples, got {tuple(tuning.shape)}; (P) is for all"
            )
        knobs = torch.atleast_2d(tuning).to(self.weight.dtype)
        return knobs if self.mixing is None else self.mixing(knobs)

    def cost(self, shape: Shape) -> Cost:
        """With one tuning for the whole batch."""
        P, kernels = self.knobs, len(self.weight)
        work = self.settings.cost(shape) + matmul_cost(1, kernels, self.weight[0].numel())
        if self.bias is not None:
            work += matmul_cost(1, kernels, self.bias.shape[1])
        return work + (ZERO_COST if self.mixing is None else matmul_cost(1, P, kernels))

    def extra_repr(self) -> str:
        return f"{self.settings}, parameters={self.knobs}, kernels={len(self.weight)}"


def require_tuning(tuning: Tensor, knobs: int) -> None:
    if tuning.ndim not in (1, 2) or tuning.shape[-1] != knobs:
        raise ShapeError(f"expected tuning (P) or (B, P) with P = {knobs}, got {tuple(tuning.shape)}")
