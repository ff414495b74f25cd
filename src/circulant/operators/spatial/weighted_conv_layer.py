"""The layer behind the three weighted convolutions."""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from circulant.core.cost import Cost
from circulant.core.errors import ArgumentError
from circulant.core.operator import Operator
from circulant.core.sizes import Shape
from circulant.engine.conv_settings import Sizes, TorchConv, constructor_arguments, conv_settings
from circulant.operators.spatial.kernel_density import DENSITIES, FIRST_LEARNT, density_values


class WeightedConvNd(Operator):
    """Abstract over the number of spatial axes. Arguments as torch.nn.ConvNd's."""

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
        density: Sequence[float] | None = None,
        learn_density: bool = False,
    ) -> None:
        """density None: the published one, known for kernels up to 7."""
        super().__init__()
        self.settings = conv_settings(
            self.ndims[0], in_channels, out_channels, kernel_size, stride, padding, dilation, groups,
            padding_mode,
        )  # fmt: skip
        values = density_values(self.settings.kernel, density, FIRST_LEARNT if learn_density else DENSITIES)
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty(self.settings.weight_shape, **kind))
        self.bias = nn.Parameter(torch.zeros(out_channels, **kind)) if bias else None
        alpha = torch.tensor(values, **kind) if values else torch.empty(0, **kind)
        self.density: Tensor
        if learn_density:
            self.density = nn.Parameter(alpha)
        else:
            self.register_buffer("density", alpha)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights as by He, Zhang, Ren and Sun for the outputs' fan, no bias; the density stays."""
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    @torch.no_grad()
    def set_density(self, density: Sequence[float]) -> None:
        """From the rim inwards, as many numbers as the constructor takes; in place."""
        values = density_values(self.settings.kernel, density, {})
        for place, value in enumerate(values):
            self.density[place] = value

    def phi(self) -> Tensor:
        """What each tap of a kernel is multiplied by -> (*kernel)."""
        middle = self.density.new_ones(1)
        alpha = torch.cat((self.density, middle, self.density.flip(0)))
        product_so_far = alpha
        for _ in self.settings.kernel[1:]:
            product_so_far = product_so_far[..., None] * alpha
        return product_so_far

    def kernel(self) -> Tensor:
        """What is convolved with -> (O, I / groups, *kernel)."""
        return self.weight * self.phi()

    def forward(self, x: Tensor) -> Tensor:
        self.settings.require_input(x)
        return self.settings.convolve(x, self.kernel(), self.bias)

    @classmethod
    def from_conv(
        cls, conv: TorchConv, *, density: Sequence[float] | None = None, learn_density: bool = False
    ) -> Self:
        """The same function: the density is divided out of the weight."""
        new = cls(**constructor_arguments(conv), density=density, learn_density=learn_density)
        if not bool(new.density.all()):
            raise ArgumentError(f"expected a density without zeros to divide by, got {new.density.tolist()}")
        with torch.no_grad():
            new.weight.copy_(conv.weight / new.phi())
            if new.bias is not None and conv.bias is not None:
                new.bias.copy_(conv.bias)
        return new

    def to_conv(self) -> TorchConv:
        """torch's own layer, the density folded into its weight."""
        return self.settings.layer(self.kernel(), self.bias)

    def cost(self, shape: Shape) -> Cost:
        return self.settings.cost(shape)

    def extra_repr(self) -> str:
        return f"{self.settings}, density={[round(value, 4) for value in self.density.tolist()]}"
