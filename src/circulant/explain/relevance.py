"""Which parts of a network and of its input a decision rests on: layer-wise relevance propagation.

Relevance starts at one output of each example and is handed back, call by call: by a rule through
convolutions and linear layers, to the largest through max pooling, in proportion through sums and means, and
unchanged through activations. Batch norms are folded into the convolution before them first.

Started from the logit itself, epsilon -> 0 gives gradient x input in networks of ReLU; started from one, that
divided by the logit.

After Yeom, Seegerer, Lapuschkin, Binder, Wiedemann, Müller and Samek (2019), Pruning by Explaining: A Novel
Criterion for Deep Neural Network Pruning, https://arxiv.org/abs/1912.08881.
"""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, fx, nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain.relevance_calls import Handing, handing_of
from circulant.explain.relevance_rule import Bounded, RelevanceRule, ZPlus, back, layer_relevance, quotient
from circulant.optimise.traced import traced
from circulant.optimise.tune_mode import deploy_mode


@final
@dataclass(frozen=True, slots=True, eq=False)
class Relevance:
    """input: of each number of x. layers: of the output of each convolution and linear layer, by name."""

    input: Tensor
    layers: dict[str, Tensor]


def relevance(
    network: nn.Module,
    x: Tensor,
    classes: Tensor,
    rule: RelevanceRule | None = None,
    *,
    first: Bounded | None = None,
    from_logit: bool = False,
) -> Relevance:
    """Relevance for the logit of the given class (B,) of each example; the network is run as in evaluation.

    rule None: z+. first: that of the first layer alone. from_logit: start with the logit, not with 1. The
    network maps x (B, ...) to logits (B, classes), each layer called once.
    """
    plain = deepcopy(network).eval()
    plain.requires_grad_(False)
    deploy_mode(plain)
    spread = _Spread(traced(plain), ZPlus() if rule is None else rule, first)
    given = x.detach().clone().requires_grad_()
    logits = spread.run(given)
    if logits.ndim != 2 or classes.shape != logits.shape[:1]:
        raise ShapeError(
            f"expected logits (B, classes) and classes (B,), got {tuple(logits.shape)} and "
            f"{tuple(classes.shape)}"
        )
    start = torch.zeros_like(logits)
    chosen = logits.detach().gather(1, classes[:, None])
    start.scatter_(1, classes[:, None], chosen if from_logit else torch.ones_like(chosen))
    found = torch.autograd.grad(logits, [given, *spread.made.values()], start)
    return Relevance(found[0], dict(zip(spread.made, found[1:])))


@final
class _Spread(fx.Interpreter):
    """Runs forward as ever; what runs backward is relevance in the place of gradients."""

    def __init__(self, twin: fx.GraphModule, rule: RelevanceRule, first: Bounded | None) -> None:
        super().__init__(twin)
        self.rule, self.first = rule, first
        self.made: dict[str, Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        if n.op not in ("call_module", "call_function", "call_method"):
            return super().run_node(n)
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        layer = self.fetch_attr(str(n.target)) if n.op == "call_module" else None

        def call(*inputs: Any) -> Any:
            return getattr(self, n.op)(n.target, inputs, kwargs)

        match handing_of(n, layer):
            case Handing.BY_RULE:
                return self._layer(str(n.target), layer, args[0])
            case Handing.UNCHANGED:
                return args[0] + (call(args[0].detach().clone(), *args[1:]) - args[0]).detach()
            case Handing.IN_PROPORTION:
                return _dealt(_Proportional, lambda a: call(a, *args[1:]), args[0])
            case Handing.SUM:
                return _dealt(_Sum, *torch.broadcast_tensors(*args))
            case Handing.ROUTED:
                return call(*args)
        raise ArgumentError(
            f"expected calls that relevance is known to pass, got {layer or n.target}; known: "
            f"convolutions, linear layers, batch norms behind them, activations, pooling, means, flattening"
        )

    def _layer(self, name: str, layer: Any, x: Tensor) -> Tensor:
        if name in self.made:
            raise ArgumentError(f"expected each layer to be called once, got {name!r} again; copy the layer")
        rule = self.first if self.first is not None and not self.made else self.rule
        self.made[name] = _dealt(_Layer, x, layer, rule)
        return self.made[name]


def _dealt(function: Any, *operands: Any) -> Any:
    return function.apply(*operands)


@final
class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, layer: nn.Module, rule: RelevanceRule) -> Any:
        context.save_for_backward(x)
        context.layer, context.rule = layer, rule
        return layer(x)

    @staticmethod
    def backward(context: Any, *found: Any) -> Any:
        (x,) = context.saved_tensors
        return layer_relevance(context.layer, x, found[0], context.rule), None, None


@final
class _Proportional(torch.autograd.Function):
    """A mean of some kind: each input takes part as it contributes."""

    @staticmethod
    def forward(context: Any, call: Any, x: Tensor) -> Any:
        context.save_for_backward(x)
        context.call = call
        return call(x)

    @staticmethod
    def backward(context: Any, *found: Any) -> Any:
        (x,) = context.saved_tensors
        return None, x * back(context.call, x, quotient(found[0], context.call(x)))


@final
class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, one: Tensor, other: Tensor) -> Any:
        context.save_for_backward(one, other)
        return one + other

    @staticmethod
    def backward(context: Any, *found: Any) -> Any:
        one, other = context.saved_tensors
        share = quotient(found[0], one + other)
        return one * share, other * share
