"""From a network and pictures to the page."""

import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from circulant.core.atomic_file import write_atomically
from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.explain.cnn_explainer.chain import Layer, layers_of
from circulant.report.document import render
from circulant.report.fragment import Fragment
from circulant.report.numbers import percent, whole

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("arithmetic.js", "drawing.js", "network.js", "unit.js", "sizes.js", "start.js")
MOST_BYTE = 5_000_000


def export_cnn_explainer(
    network: nn.Module, pictures: Tensor, classes: Sequence[str], path: Path, *, title: str = "A network"
) -> None:
    """Create or replace the page at path, whole or not at all; the arguments of `cnn_explainer_page`."""
    write_atomically(path, cnn_explainer_page(network, pictures, classes, title=title))


def cnn_explainer_page(
    network: nn.Module, pictures: Tensor, classes: Sequence[str], *, title: str = "A network"
) -> str:
    """The page as text, in one file below 5 MB.

    Shapes: pictures (B, 1 or 3, H, W), float32, as the network wants them; the smallest and the largest
    of their values stand for black and white where a picture is drawn or opened in the page. The network
    is a chain of Conv2d, ReLU, MaxPool2d, Flatten, Dropout, Linear in eval mode; one class for each output.
    """
    _require(network, pictures)
    layers = layers_of(network, pictures)
    outputs = layers[-1].activations.shape[1]
    if len(classes) != outputs:
        raise ArgumentError(f"expected a name for each of the {outputs} outputs, got {len(classes)} classes")
    shares = torch.softmax(layers[-1].activations[0].flatten().double(), 0)
    content = {
        "title": f"{title} – CNN explainer",
        "network_title": title,
        "parameters": whole(sum(parameter.numel() for parameter in network.parameters())),
        "layer_count": len(layers) - 1,
        "first_class": classes[int(shares.argmax())],
        "first_share": percent(float(shares.max())),
        "payload": Fragment(_as_json(layers, pictures, classes)),
    }
    script = "".join((TEMPLATES / name).read_text("utf-8") for name in SCRIPTS)
    style = (TEMPLATES / "explainer.css").read_text("utf-8")
    page = render(TEMPLATES, "explainer.html", content, style=style, script=script)
    if len(page.encode()) > MOST_BYTE:
        raise ArgumentError(
            f"expected a page below {MOST_BYTE / 1e6:.0f} MB, got {len(page.encode()) / 1e6:.1f} MB for "
            f"{len(pictures)} pictures; give fewer, or smaller ones"
        )
    return page


def _require(network: nn.Module, pictures: Tensor) -> None:
    if network.training:
        raise ArgumentError(
            "expected a network in eval mode, got one in training mode; call network.eval() first"
        )
    if pictures.ndim != 4 or pictures.shape[1] not in (1, 3) or 0 in pictures.shape:
        raise ShapeError(
            f"expected pictures (B, 1 or 3, H, W), one or more, got {tuple(pictures.shape)}; "
            "add a batch axis, or choose grey or red, green and blue"
        )
    if pictures.dtype != torch.float32:
        raise DtypeError(f"expected pictures in float32, got {pictures.dtype}; convert them with .float()")
    if not bool(pictures.isfinite().all()) or float(pictures.min()) == float(pictures.max()):
        raise ArgumentError("expected pictures of finite values that differ, got others; look at them first")


def _as_json(layers: Sequence[Layer], pictures: Tensor, classes: Sequence[str]) -> str:
    """Safe inside a script element: no character there can end it."""
    payload = {
        "classes": list(classes),
        "black": float(pictures.min()),
        "white": float(pictures.max()),
        "layers": [_record(layer) for layer in layers],
        "activations": [
            [_float32(layer.activations[number]) for layer in layers] for number in range(len(pictures))
        ],
    }
    return json.dumps(payload).replace("<", "\\u003c").replace("&", "\\u0026")


def _record(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "shape": list(layer.activations.shape[1:]),
        "weight": None if layer.weight is None else _float32(layer.weight),
        "bias": None if layer.bias is None else _float32(layer.bias),
        **layer.settings,
    }


def _float32(values: Tensor) -> str:
    """Little-endian, in base 64."""
    flat = values.detach().to("cpu", torch.float32).contiguous().numpy()
    return b64encode(flat.astype("<f4").tobytes()).decode("ascii")
