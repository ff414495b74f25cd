"""What in a picture made a unit answer: its activation sent back through the layers.

Three ways back differ at each ReLU of z alone; s is the signal on its way back:

    gradient         s [z > 0]
    deconvnet        relu(s)
    guided           relu(s) [z > 0]

Convolutions send it back by their transposes without biases, max-pools to the places that won (the switches),
in all three. The deconvnet does not look at the picture except at max-pools: without any, its answer is the
same for every picture with the same signal.

Zeiler and Fergus (2013), Visualizing and Understanding Convolutional Networks, https://arxiv.org/abs/1311.2901;
Springenberg, Dosovitskiy, Brox and Riedmiller (2014), Striving for Simplicity: The All Convolutional Net,
https://arxiv.org/abs/1412.6806 (guided). Surveyed in Qin, Yu, Liu and Chen (2018), How convolutional neural
network see the world - A survey of convolutional neural network visualization methods,
https://arxiv.org/abs/1804.11191. Other activations than ReLU send the gradient in all three.
"""

from enum import Enum
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.evaluation import in_evaluation
from circulant.explain.layer_outputs import require_pictures


class SignalRule(Enum):
    """What a ReLU lets pass on the way back."""

    GRADIENT = "gradient"
    DECONV_NET = "deconvnet"
    GUIDED = "guided"


def deconv_net(
    network: nn.Module, x: Tensor, signal: Tensor, rule: SignalRule = SignalRule.DECONV_NET
) -> Tensor:
    """The signal at the output, sent back to the pixels.

    Shapes: x (B, C, H, W), signal like network(x), for example from `unit_signal` -> (B, C, H, W). For a
    layer inside a network give the network up to it. Eval mode; modes and gradients are left as they were.
    """
    require_pictures(x)
    with in_evaluation(network), torch.enable_grad(), _Rectified(rule):
        x = x.detach().requires_grad_()
        y = network(x.clone())  # a first layer may work in place
        if signal.shape != y.shape:
            raise ShapeError(f"expected a signal {tuple(y.shape)} like the output, got {tuple(signal.shape)}")
        (back,) = torch.autograd.grad(y, x, signal, materialize_grads=True)
    return back


def unit_signal(network: nn.Module, x: Tensor, unit: int) -> Tensor:
    """The network's output with nothing left but the largest activation of channel `unit` of each picture."""
    require_pictures(x)
    with in_evaluation(network), torch.no_grad():
        y = network(x)
    if y.ndim < 2 or not 0 <= unit < y.shape[1]:
        raise ArgumentError(f"expected a unit among the channels of the output {tuple(y.shape)}, got {unit}")
    channel = y[:, unit].flatten(1)
    peak = torch.zeros_like(channel).scatter(
        1, channel.argmax(1, keepdim=True), channel.amax(1, keepdim=True)
    )
    signal = torch.zeros_like(y)
    signal[:, unit] = peak.reshape(y[:, unit].shape)
    return signal


@final
class _Rectified(TorchFunctionMode):
    """ReLU, as a module, a call or a method, with another way back."""

    def __init__(self, rule: SignalRule) -> None:
        super().__init__()
        self.rule = rule

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name not in ("relu", "relu_") or not args:
            return function(*args, **kwargs)
        y = _Relu.apply(args[0], self.rule)  # type: ignore[no-untyped-call]
        return args[0].copy_(y) if name == "relu_" or kwargs.get("inplace", False) else y


@final
class _Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, rule: SignalRule) -> Tensor:
        ctx.rule = rule
        ctx.save_for_backward(z > 0)
        return z.clamp_min(0)

    @staticmethod
    def backward(ctx: Any, *signals: Any) -> tuple[Tensor, None]:
        (signal,) = signals
        (live,) = ctx.saved_tensors
        passed = signal if ctx.rule is SignalRule.GRADIENT else signal.clamp_min(0)
        return (passed if ctx.rule is SignalRule.DECONV_NET else passed * live), None
