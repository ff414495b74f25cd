"""How the centre of a module's output depends on its input: the numbers behind the pictures."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from circulant.core.errors import ArgumentError, DtypeError, ShapeError

DIRECTIONS = 4  # signed sums over output channels; one plain sum would vanish behind a channel norm


def require_probe(module: nn.Module, features: Tensor) -> None:
    """Raise unless the module is in eval mode and the features are (B, C, L) or (B, C, H, W), not empty."""
    if module.training:
        raise ArgumentError(
            "expected a module in eval mode, got one in training mode; call module.eval() first"
        )
    if not features.is_floating_point():
        raise DtypeError(
            f"expected features of a floating-point dtype, got {features.dtype}; convert them with .float()"
        )
    if features.ndim not in (3, 4) or 0 in features.shape:
        raise ShapeError(
            "expected features (B, C, L) or (B, C, H, W) with at least one element, "
            f"got {tuple(features.shape)}; add a batch axis or pick an example"
        )


def _signs(channels: int) -> Tensor:
    """(DIRECTIONS, channels) of +1 and -1, always the same; the first row is all ones."""
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (DIRECTIONS, channels), generator=generator, dtype=torch.float64) * 2 - 1
    signs[0] = 1
    return signs


def centre_gradients(module: nn.Module, features: Tensor) -> Tensor:
    """d(s . y_centre) / dx in float64 for a few sign vectors s over output channels.

    Shapes: features (B, C, *spatial) -> (DIRECTIONS, B, C, *spatial). The centre is index n // 2 of
    each output axis. The module is copied, not touched; its gradients stay as they are.
    """
    require_probe(module, features)
    twin = deepcopy(module).to(torch.float64)
    with torch.inference_mode(False), torch.enable_grad():
        x = features.detach().to(torch.float64).clone().requires_grad_()
        y = twin(x)
        if y.ndim != x.ndim:
            raise ShapeError(
                f"expected a module that keeps the number of axes, got {tuple(x.shape)} -> {tuple(y.shape)}; "
                "leave out the head of the network"
            )
        centre = y[(..., *(n // 2 for n in y.shape[2:]))].sum(0)
        if not centre.requires_grad:
            return torch.zeros(DIRECTIONS, *x.shape, dtype=torch.float64)
        rows = [
            torch.autograd.grad(centre @ sign, x, retain_graph=True, allow_unused=True)[0]
            for sign in _signs(centre.shape[0]).to(centre.device)
        ]
    return torch.stack([torch.zeros_like(x) if row is None else row for row in rows]).detach().cpu()
