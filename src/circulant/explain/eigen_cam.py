"""Where the features of a layer are strong: their first principal component, without class or gradient.

    A = U S V' (positions x channels),    map = A v_1,    then relu, min-max, bilinear to the picture's size.

The class is not asked for: a wrong decision of the layers after it does not move the map. What fills most of
the picture may be the first component, also a background to which the network answers evenly. The sign of
v_1 is free; it is taken so that sum(v_1) >= 0. For features that are not negative (after a ReLU) v_1 then is
not negative either (Perron and Frobenius), nor is the map, and no more rules are needed.

Muhammad and Yeasin (2020), Eigen-CAM: Class Activation Map using Principal Components,
https://arxiv.org/abs/2008.00299. With centred=True each channel's mean over the positions is taken off
first, as in the library pytorch-grad-cam (https://github.com/jacobgil/pytorch-grad-cam): the map then shows
what differs from the average position, and is turned over where its negative side is the longer one.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.explain.layer_outputs import outputs_of, require_pictures
from circulant.explain.saliency_maps import SaliencyMaps

EPS = 1e-7  # the library's: a map without contrast stays at zero


def eigen_cam(
    network: nn.Module, x: Tensor, layers: Sequence[nn.Module], *, centred: bool = False
) -> SaliencyMaps:
    """Maps (B, H, W) from 0 to 1 of pictures x (B, C, H, W); of several layers, the mean of their maps.

    layers: modules of the network that give features (B, C, h, w); the last convolution is the usual choice.
    """
    require_pictures(x)
    with in_evaluation(network), torch.no_grad(), outputs_of(network, layers) as outputs:
        network(x)
    size = x.shape[2:]
    maps = torch.stack([scaled(eigen_map(features, centred=centred).relu(), size) for features in outputs])
    return SaliencyMaps("Eigen-CAM", x, scaled(maps.mean(0), size))


def eigen_map(features: Tensor, *, centred: bool = False) -> Tensor:
    """Each position's part along the first principal direction.

    Shapes: features (B, C, *spatial) -> (B, *spatial).
    """
    if features.ndim < 3 or features.numel() == 0:
        raise ShapeError(f"expected features (B, C, *spatial), not empty, got {tuple(features.shape)}")
    if not bool(features.isfinite().all()):
        raise ArgumentError(
            "expected finite features, got some that are not; look for the layer they come from"
        )
    positions = features.flatten(2).mT
    if centred:
        positions = positions - positions.mean(1, keepdim=True)
    direction = torch.linalg.svd(positions, full_matrices=False).Vh[:, 0]
    found = (positions @ direction[:, :, None])[..., 0]
    turned = found.amax(1) < -found.amin(1) if centred else direction.sum(1) < 0
    return torch.where(turned[:, None], -found, found).reshape(len(features), *features.shape[2:])


def scaled(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Each map from 0 to 1, then linear to size.  Shapes: maps (B, h, w) -> (B, H, W), (B, l) -> (B, L)."""
    axes = tuple(range(1, maps.ndim))
    maps = maps - maps.amin(axes, keepdim=True)
    maps = maps / (maps.amax(axes, keepdim=True) + EPS)
    return interpolate(maps[:, None], tuple(size), mode="bilinear" if len(axes) == 2 else "linear")[:, 0]
