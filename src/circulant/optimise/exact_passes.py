"""Rewrites that keep the function, as passes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter, ismethod, signature
from typing import Any, final

import torch
from torch import Tensor, nn

from circulant.optimise.collapse_linear_blocks import collapse_linear_blocks
from circulant.optimise.example import Example
from circulant.optimise.fold_into_next import fold_into_next
from circulant.optimise.freeze_long_convs import freeze_long_convs
from circulant.optimise.merge_large_kernel import merge_large_kernel
from circulant.optimise.replace_strided import replace_patches
from circulant.optimise.replace_with_fft import replace_with_fft
from circulant.optimise.replaced import replace
from circulant.optimise.rewrite_pass import Changed, Refused
from circulant.optimise.traceable_parts import traceable_parts
from circulant.optimise.tune_mode import deploy_mode

MERGERS = ("reparameterize", "fuse", "switch_to_deploy")
FORMATS: dict[type[nn.Module], Any] = {
    nn.Conv2d: torch.channels_last,
    nn.ConvTranspose2d: torch.channels_last,
    nn.Conv3d: torch.channels_last_3d,
    nn.ConvTranspose3d: torch.channels_last_3d,
}


def fold_batch_norms(model: nn.Module, example: Example) -> Changed | Refused:
    parts = traceable_parts(model)
    # a convolution and an identity for each norm
    folds = (deploy_mode, fold_into_next)
    folded = sum(len(fold(part.module).replaced) // 2 for part in parts.found for fold in folds)
    if folded == 0:
        return Refused(
            parts.without("no batch norm follows a convolution that it alone reads, or comes before")
        )
    return Changed(model, f"folded {folded} batch norms")


def merge_branches(model: nn.Module, example: Example) -> Changed | Refused:
    """By the methods that timm looks for too; outer modules first."""
    before = _outline(model)
    names: list[str] = []
    inside: set[nn.Module] = set()  # of what merged itself in place

    def merged(name: str, part: nn.Module) -> nn.Module | None:
        merge = None if part in inside else _merger(part)
        if merge is None:
            return None
        inside.update(part.modules())
        with _default_precision_of(part):
            made = merge()
        names.append(name)
        return made if isinstance(made, nn.Module) and made is not part else None

    large = merge_large_kernel(replace(model, merged).module)
    names += [each.name for each in large.replaced]
    if not names or _outline(large.module) == before:
        return Refused("no branches to merge")
    return Changed(large.module, f"merged branches in {', '.join(name or '(itself)' for name in names[:4])}")


def collapse_blocks(model: nn.Module, example: Example) -> Changed | Refused:
    rewrite = collapse_linear_blocks(model)
    if not rewrite.replaced:
        return Refused("no collapsible linear block")
    return Changed(rewrite.module, f"collapsed {len(rewrite.replaced)} blocks")


def freeze_kernels(model: nn.Module, example: Example) -> Changed | Refused:
    if model.training:
        return Refused("kernels are frozen for inference, and this model is to be trained on")
    rewrite = freeze_long_convs(model, example)
    if not rewrite.replaced:
        return Refused("no long convolution whose kernel is made of parameters alone")
    return Changed(rewrite.module, f"froze the kernels of {len(rewrite.replaced)} long convolutions")


def blocks_of_patches(model: nn.Module, example: Example) -> Changed | Refused:
    rewrite = replace_patches(model)
    if not rewrite.replaced:
        return Refused("no convolution whose stride is its kernel")
    return Changed(rewrite.module, f"{len(rewrite.replaced)} convolutions of patches read blocks")


def plan_convolutions(model: nn.Module, example: Example) -> Changed | Refused:
    """By prediction; the layers ask the planner again at other sizes."""
    call = _Replay(model, example)
    found = replace_with_fft(call, example.tensors[0])
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


@final
class _Replay(nn.Module):
    """A model as one that takes a tensor: it is called with the example, whatever comes."""

    def __init__(self, model: nn.Module, example: Example) -> None:
        super().__init__()
        self.model, self.example = model, example

    def forward(self, _: Tensor) -> Any:
        return self.example.run(self.model)


@contextmanager
def _default_precision_of(part: nn.Module) -> Iterator[None]:
    """Others make the merged layer without saying its precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(next((x.dtype for x in part.parameters() if x.is_floating_point()), before))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _merger(part: nn.Module) -> Callable[[], object] | None:
    """A method of the module's own that needs no argument."""
    for name in MERGERS:
        method = getattr(part, name, None)
        if ismethod(method) and not _required(method):  # a layer of that name is no method
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
