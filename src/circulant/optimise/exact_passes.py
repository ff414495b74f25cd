"""Rewrites that keep the function, as passes."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.optimise.collapse_linear_blocks import collapse_linear_blocks
from circulant.optimise.example import Example
from circulant.optimise.merge_large_kernel import merge_large_kernel
from circulant.optimise.packed_layers import packed
from circulant.optimise.replace_with_fft import replace_with_fft
from circulant.optimise.replaced import replace
from circulant.optimise.rewrite_pass import Changed, Refused
from circulant.optimise.traceable_parts import traceable_parts
from circulant.optimise.tune_mode import deploy_mode

MERGERS = ("reparameterize", "fuse")
FORMATS: dict[type[nn.Module], Any] = {
    nn.Conv2d: torch.channels_last,
    nn.ConvTranspose2d: torch.channels_last,
    nn.Conv3d: torch.channels_last_3d,
    nn.ConvTranspose3d: torch.channels_last_3d,
}


def fold_batch_norms(model: nn.Module, example: Example) -> Changed | Refused:
    parts = traceable_parts(model)
    # a convolution and an identity for each norm
    folded = sum(len(deploy_mode(part.module).replaced) // 2 for part in parts.found)
    if folded == 0:
        return Refused(parts.without("no batch norm follows a convolution that it alone reads"))
    return Changed(model, f"folded {folded} batch norms")


def merge_branches(model: nn.Module, example: Example) -> Changed | Refused:
    """By the methods that timm looks for too: `reparameterize()`, else `fuse()`; outer modules first."""
    before = _outline(model)
    names = []
    merged: dict[nn.Module, nn.Module] = {}
    inside: set[nn.Module] = set()
    for name, part in list(model.named_modules()):
        merge = None if part in inside else _merger(part)
        if merge is not None:
            made = merge()
            inside.update(part.modules())
            names.append(name or "(itself)")
            if isinstance(made, nn.Module) and made is not part:
                merged[part] = made.train(part.training)
    for parent in list(model.modules()):
        for child, part in parent._modules.items():
            if part in merged:
                parent._modules[child] = merged[part]
    large = merge_large_kernel(merged.get(model, model))
    if (not names and not large.names) or _outline(large.module) == before:
        return Refused("no branches to merge")
    return Changed(large.module, f"merged branches in {', '.join([*names, *large.names][:4])}")


def collapse_blocks(model: nn.Module, example: Example) -> Changed | Refused:
    rewrite = collapse_linear_blocks(model)
    if not rewrite.replaced:
        return Refused("no collapsible linear block")
    return Changed(rewrite.module, f"collapsed {len(rewrite.replaced)} blocks")


def plan_convolutions(model: nn.Module, example: Example) -> Changed | Refused:
    """By prediction; the layers ask the planner again at other sizes."""
    first, rest = example.args[:1], example.args[1:]
    if not first or not isinstance(first[0], Tensor):
        return Refused("the first argument is not a tensor")
    call = _FirstOnly(model, lambda x: model(x, *rest, **example.kwargs))
    found = replace_with_fft(call, first[0])
    replaced = [verdict for verdict in found.verdicts if verdict.is_replaced]
    if not found.verdicts:
        return Refused("no convolution layer")
    if not replaced:
        return Refused(f"torch's own function is planned for each of {len(found.verdicts)} convolutions")
    words = "; ".join(f"{verdict.name.removeprefix('model.')}: {verdict.reason}" for verdict in replaced[:3])
    return Changed(call.model, f"planned {len(replaced)} of {len(found.verdicts)} convolutions: {words}")


def channels_last(model: nn.Module, example: Example) -> Changed | Refused:
    """Weights alone: each convolution hands the layout on to what follows, and so does the result."""
    changed = 0
    for layer in model.modules():
        if type(layer) in FORMATS:
            convolution: Any = layer
            weight = convolution.weight.detach().contiguous(memory_format=FORMATS[type(layer)])
            changed += weight.stride() != convolution.weight.stride()
            convolution.weight.data = weight
    if changed == 0:
        return Refused("no weight of a convolution whose layout could change")
    return Changed(model, f"laid {changed} weights out with channels last")


def pack_weights(model: nn.Module, example: Example) -> Changed | Refused:
    """Last of all: other passes would not know the layers any more."""
    if model.training:
        return Refused("weights are packed for inference, and this model is to be trained on")
    rewrite = replace(model, lambda name, layer: packed(layer))
    if not rewrite.replaced:
        return Refused("no convolution of pictures and no linear layer of torch in float32")
    return Changed(rewrite.module, f"packed the weights of {len(rewrite.replaced)} layers")


@final
class _FirstOnly(nn.Module):
    """A model with all arguments but the first given."""

    def __init__(self, model: nn.Module, call: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.model, self.call = model, call

    def forward(self, x: Tensor) -> Any:
        return self.call(x)


def _merger(part: nn.Module) -> Callable[[], object] | None:
    """A method of the module's own that needs no argument."""
    for name in MERGERS:
        method = getattr(part, name, None)
        if callable(method) and not _required(method):
            return method
    return None


def _required(method: Callable[..., object]) -> list[Parameter]:
    return [
        each
        for each in signature(method).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]


def _outline(model: nn.Module) -> list[tuple[str, object]]:
    """Tells whether anything was merged."""
    modules: list[tuple[str, object]] = [(name, type(part)) for name, part in model.named_modules()]
    return modules + [(name, tuple(x.shape)) for name, x in model.state_dict().items()]
