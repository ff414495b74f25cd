"""Importance of places by the features A_k of a layer, weighted for the class.

    CAM       sum_k w_ck A_k,              w the linear map behind the mean over all positions
    Grad-CAM  relu(sum_k alpha_k A_k),     alpha_k the mean over positions of df_c / dA_k

Where the layer is followed by the mean over its HW positions and a linear map, alpha_k = w_ck / HW, and
Grad-CAM is relu(CAM) / HW. Both are enlarged to the picture, bilinearly. Zhou, Khosla, Lapedriza, Oliva and
Torralba (2015), https://arxiv.org/abs/1512.04150; Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra
(2016), https://arxiv.org/abs/1610.02391. Two of the nine methods compared in Nourelahi, Kotthoff, Chen and
Nguyen (2022), How explainable are adversarially-robust CNNs?, https://arxiv.org/abs/2205.13042.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.explain.class_scores import decision, logits_of
from circulant.explain.layer_outputs import outputs_of
from circulant.explain.saliency_maps import SaliencyMaps


def class_activation_map(
    network: nn.Module, x: Tensor, layer: nn.Module, weight: Tensor, targets: Tensor | None = None
) -> SaliencyMaps:
    """CAM (B, H, W), signed, in logits; weight (classes, K) of the linear map behind the mean."""
    asked = decision(network, x, targets)
    with in_evaluation(network), torch.no_grad(), outputs_of(network, [layer]) as outputs:
        network(x)
    if weight.ndim != 2 or weight.shape[1] != outputs[0].shape[1]:
        raise ShapeError(
            f"expected weight (classes, {outputs[0].shape[1]}) of the linear map, got {tuple(weight.shape)}"
        )
    maps = torch.einsum("bkhw,bk->bhw", outputs[0], weight.detach()[asked.targets])
    return SaliencyMaps("CAM", x, _enlarged(maps, x))


def grad_cam(network: nn.Module, x: Tensor, layer: nn.Module, targets: Tensor | None = None) -> SaliencyMaps:
    """Grad-CAM (B, H, W), 0 or more, of a layer with features (B, K, h, w); targets None: what is decided."""
    asked = decision(network, x, targets)
    with in_evaluation(network), torch.enable_grad(), outputs_of(network, [layer]) as outputs:
        x_live = x.detach().clone().requires_grad_()
        score = logits_of(network, x_live.clone(), asked.targets).sum()
        if len(outputs) != 1:
            raise ArgumentError(f"expected a layer that runs once, got one that runs {len(outputs)} times")
        (slope,) = torch.autograd.grad(score, outputs[0], materialize_grads=True)
    alpha = slope.mean((2, 3), keepdim=True)
    maps = (alpha * outputs[0].detach()).sum(1).relu()
    return SaliencyMaps("Grad-CAM", x, _enlarged(maps, x))


def _enlarged(maps: Tensor, x: Tensor) -> Tensor:
    return interpolate(maps[:, None], x.shape[2:], mode="bilinear")[:, 0]
