"""Batch norms of others, which do more than torch's: parted into the norm and what comes after it."""

from dataclasses import dataclass
from inspect import signature
from typing import Any, final

import torch
from torch import fx, nn
from torch.nn import functional as F

from circulant.core.evaluation import in_evaluation
from circulant.core.tried import Failure, tried
from circulant.optimise.remove_dead import erase_unread
from circulant.optimise.traced import traced
from circulant.optimise.tune_mode_conv_bn import NORMS

OWN = ("running_mean", "running_var", "weight", "bias")


@final
@dataclass(frozen=True, slots=True)
class SplitNorm:
    """rest(norm(x)); the norm has the parameters and buffers of the module that was parted."""

    norm: nn.Module
    rest: nn.Module


def split_norm(module: nn.Module | None) -> SplitNorm | None:
    """A batch norm of torch, or of a class derived from it that norms first; None for anything else."""
    if not isinstance(module, NORMS):
        return None
    if type(module) in NORMS:
        return SplitNorm(module, nn.Identity())
    with in_evaluation(module):
        twin = tried(lambda: traced(module))
    if isinstance(twin, Failure) or not _cut(twin, module):
        return None
    rest = fx.GraphModule(twin, twin.graph, f"After{type(module).__name__}")
    return SplitNorm(_plain(module), rest.train(module.training))


def _cut(twin: fx.GraphModule, module: nn.Module) -> bool:
    """Takes the norm out of the graph, with what is asserted; False unless the norm alone reads the input."""
    inputs = twin.graph.find_nodes(op="placeholder")
    norms = twin.graph.find_nodes(op="call_function", target=F.batch_norm)
    if len(inputs) != 1 or len(norms) != 1 or not _is_own(norms[0], module):
        return False
    for check in twin.graph.find_nodes(op="call_function", target=torch._assert):
        twin.graph.erase_node(check)
    erase_unread(twin)
    if list(inputs[0].users) != norms:
        return False
    norms[0].replace_all_uses_with(inputs[0])
    twin.graph.erase_node(norms[0])
    erase_unread(twin)
    return True


def _is_own(call: fx.Node, module: Any) -> bool:
    """Whether the module's own statistics and parameters are used, as torch's layer would."""
    told = signature(F.batch_norm).bind(*call.args, **call.kwargs)
    told.apply_defaults()
    names = [getattr(told.arguments[name], "target", None) for name in OWN]
    expected = [None if getattr(module, name) is None else name for name in OWN]
    fixed = told.arguments["training"] is False and told.arguments["eps"] == module.eps
    return fixed and names == expected


def _plain(module: Any) -> nn.Module:
    kind: Any = next(kind for kind in NORMS if isinstance(module, kind))
    norm: nn.Module = kind(module.num_features, module.eps, module.momentum, module.affine, device="meta")
    for held, given in ((norm._parameters, module._parameters), (norm._buffers, module._buffers)):
        held.update((name, given[name]) for name in held)
    return norm.train(module.training)
