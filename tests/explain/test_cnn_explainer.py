"""The page that takes a network apart: what it holds, what its script computes, what a click does."""

import json
import re
import shutil
import subprocess
from base64 import b64decode
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.report.chromium import browser
from torch import nn

from circulant.core.errors import ArgumentError, DtypeError, ShapeError
from circulant.explain import cnn_explainer
from circulant.explain.cnn_explainer import cnn_explainer_page, export_cnn_explainer
from circulant.models.tiny_vgg import TinyVgg

CLASSES = [f"class {number}" for number in range(10)]
ARITHMETIC = Path(cnn_explainer.__file__).parent / "templates/arithmetic.js"
ENTER, ARROW_LEFT, ARROW_UP, ARROW_RIGHT, ARROW_DOWN = "\ue007", "\ue012", "\ue013", "\ue014", "\ue015"


class Strided(nn.Module):
    """Padding, strides, windows that overlap, no bias, two linear layers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, (3, 5), stride=(2, 1), padding=(1, 2), bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.rest = nn.Sequential(
            nn.MaxPool2d(3, stride=2),
            nn.Dropout(),
            nn.Flatten(),
            nn.Linear(4 * 4 * 7, 6),
            nn.ReLU(inplace=True),
        )
        self.last = nn.Linear(6, 3)

    def forward(self, x):
        return self.last(self.rest(self.relu(self.first(x))))


class Summed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))

    def forward(self, x):
        return self.head(x + self.conv(x))


def small():
    torch.manual_seed(0)
    return TinyVgg(in_channels=1, side=28).eval(), torch.rand(2, 1, 28, 28)


def strided():
    torch.manual_seed(1)
    return Strided().eval(), torch.randn(2, 3, 17, 15)


def payload_of(page):
    return json.loads(re.search(r'<script type="application/json" id="payload">(.*?)</script>', page)[1])


def decoded(text):
    return np.frombuffer(b64decode(text), "<f4")


def in_node(script, payload):
    if shutil.which("node") is None:
        pytest.skip("left out: needs node (Debian: nodejs)")
    program = ARITHMETIC.read_text() + "\nconst given = JSON.parse(require('fs').readFileSync(0));\n" + script
    result = subprocess.run(
        ["node", "-e", program],
        input=json.dumps(payload), capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    return json.loads(result.stdout)


RECOMPUTE = """
const network = networkOf(given);
const found = network.expected.map((one) => activationsOf(network.layers, one[0]).map((map) => [...map]));
console.log(JSON.stringify(found));
"""


def test_tiny_vgg_has_the_published_sizes_and_parameters():
    network = TinyVgg()
    assert sum(parameter.numel() for parameter in network.parameters()) == 19_920
    x, sides = torch.zeros(1, 3, 64, 64), []
    for layer in network.layers[:10]:
        x = layer(x)
        sides.append(x.shape[-1])
    assert sides == [62, 62, 60, 60, 30, 28, 28, 26, 26, 13]
    assert network(torch.zeros(2, 3, 64, 64)).shape == (2, 10)
    with pytest.raises(ArgumentError, match="16 pixels"):
        TinyVgg(side=15)


def test_the_page_holds_what_torch_computes_flattened_channel_by_channel():
    network, x = small()
    payload = payload_of(cnn_explainer_page(network, x, CLASSES))
    assert [one["kind"] for one in payload["layers"]] == (
        ["input", *["conv", "relu", "conv", "relu", "pool"] * 2, "linear"]
    )
    expected = [x]
    for layer in network.layers:
        expected.append(layer(expected[-1]))
    del expected[11]  # flattened: the same numbers
    for example in range(2):
        for found, wanted in zip(payload["activations"][example], expected, strict=True):
            np.testing.assert_allclose(decoded(found), wanted[example].detach().flatten(), atol=1e-5)
    maps = decoded(payload["activations"][0][10]).reshape(10, 4, 4)
    weights = decoded(payload["layers"][-1]["weight"]).reshape(10, 10, 4, 4)
    logits = np.einsum("ochw,chw->o", weights, maps) + decoded(payload["layers"][-1]["bias"])
    np.testing.assert_allclose(logits, expected[-1][0].detach(), atol=1e-5)


@pytest.mark.parametrize("make", [small, strided])
def test_the_script_computes_every_layer_as_torch_does(make):
    network, x = make()
    page = cnn_explainer_page(network, x, CLASSES[: network(x).shape[1]])
    payload = payload_of(page)
    for example, layers in enumerate(in_node(RECOMPUTE, payload)):
        assert len(layers) == len(payload["layers"])
        for found, wanted in zip(layers, payload["activations"][example], strict=True):
            np.testing.assert_allclose(found, decoded(wanted), atol=1e-5)


def test_single_convolutions_and_the_bias_add_up_to_the_map_and_a_wrong_weight_is_noticed():
    network, x = strided()
    payload = payload_of(cnn_explainer_page(network, x, CLASSES[:3]))
    sums, right, wrong = in_node(
        """
        const network = networkOf(given);
        const [before, layer] = network.layers;
        const [input] = network.expected[0];
        const alone = [0, 1, 2].map((channel) => singleConvolution(layer, before, input, 2, channel));
        const sums = [...alone[0]].map((_, place) => alone.reduce((sum, map) => sum + map[place], 0));
        const difference = () => largestDifference(activationsOf(network.layers, input), network.expected[0]);
        const right = difference();
        layer.weights[7] += 0.1;
        console.log(JSON.stringify([sums, right, difference()]));
        """,
        payload,
    )
    wanted = network.first(x[:1].clone())[0, 2].detach().flatten()
    np.testing.assert_allclose(sums, wanted, atol=1e-5)
    assert right < 1e-5 < 1e-2 < wrong


def test_sizes_follow_the_formula_and_are_broken_where_the_stride_does_not_fit():
    cases = [(n, k, p, s) for n in (5, 6, 9) for k in (2, 3) for p in (0, 1) for s in (1, 2, 3)]
    found = in_node("console.log(JSON.stringify(given.map((one) => outputSize(...one))));", cases)
    for (n, k, p, s), size in zip(cases, found, strict=True):
        assert nn.Conv1d(1, 1, k, s, p)(torch.zeros(1, 1, n)).shape[-1] == int(size)
        assert (size == int(size)) == ((n + 2 * p - k) % s == 0)


def test_the_page_of_tiny_vgg_is_one_file_below_5_mb_that_loads_nothing(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "page.html"
    export_cnn_explainer(TinyVgg().eval(), torch.rand(3, 3, 64, 64), CLASSES, path)
    text = path.read_text()
    assert path.stat().st_size < 5_000_000
    assert re.findall(r"\bsrc\s*=|url\(|@import|\bfetch\(|XMLHttp|import\(", text) == []
    assert {one for one in re.findall(r'<link[^>]*href="([^"]*)"', text)} == {"data:,"}
    assert all(
        one.startswith(("#", "data:", "https://arxiv.org/")) for one in re.findall(r'href="([^"]*)"', text)
    )
    assert "default-src 'none'" in unescape(text)
    with pytest.raises(ArgumentError, match="below 5 MB"):
        cnn_explainer_page(TinyVgg().eval(), torch.rand(5, 3, 64, 64), CLASSES)


def test_names_cannot_break_out_of_the_page():
    network, x = small()
    names = ["</script><b>&", *CLASSES[1:]]
    page = cnn_explainer_page(network, x, names, title="<i>mine</i>")
    assert "</script><b>" not in page
    assert "<i>mine" not in page
    assert payload_of(page)["classes"] == names


def test_the_network_is_left_as_it_was():
    network, x = small()
    kept = x.clone()
    cnn_explainer_page(network, x, CLASSES)
    with pytest.raises(ArgumentError):
        cnn_explainer_page(network, x, CLASSES[1:])
    assert all(not module._forward_hooks for module in network.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    assert torch.equal(x, kept)


def headed(*layers):
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(2)).eval()


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (Summed().eval(), "chain"),
        (headed(nn.Conv2d(1, 2, 3), nn.Sigmoid()), "Sigmoid"),
        (headed(nn.Conv2d(1, 2, 3, dilation=2)), "dilation 1"),
        (headed(nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular")), "padded with zeros"),
        (headed(nn.MaxPool2d(2, padding=1)), "without padding"),
        (headed(nn.Conv2d(1, 65, 3)), "at most 64"),
        (nn.Sequential(headed(), nn.Softmax(1)).eval(), "Softmax"),
        (nn.Sequential(nn.Conv2d(1, 2, 8)).eval(), "ends in nn.Linear"),
        (headed().train(), "eval mode"),
    ],
)
def test_a_network_that_cannot_be_shown_whole_is_refused(network, words):
    with pytest.raises(ArgumentError, match=words):
        cnn_explainer_page(network, torch.rand(1, 1, 8, 8), CLASSES[:2])


def test_pictures_that_are_none_are_refused():
    network, x = small()
    with pytest.raises(ShapeError, match="1 or 3"):
        cnn_explainer_page(network, x[0], CLASSES)
    with pytest.raises(DtypeError, match="float32"):
        cnn_explainer_page(network, x.double(), CLASSES)
    with pytest.raises(ArgumentError, match="differ"):
        cnn_explainer_page(network, torch.zeros_like(x), CLASSES)
    with pytest.raises(ArgumentError, match="each of the 10 outputs"):
        cnn_explainer_page(network, x, CLASSES[:3])


def click(window, selector, across=0.5, down=0.5):
    """A real click at that place of the element."""
    box = window.run(
        f"const one = document.querySelector('{selector}'); one.scrollIntoView({{ block: 'center' }});"
        "const box = one.getBoundingClientRect(); return [box.left, box.top, box.width, box.height];"
    )
    place = {"x": round(box[0] + across * box[2]), "y": round(box[1] + down * box[3])}
    steps = [
        {"type": "pointerMove", **place},
        {"type": "pointerDown", "button": 0},
        {"type": "pointerUp", "button": 0},
    ]
    act(window, {"type": "pointer", "id": "mouse", "actions": steps})


def press(window, *keys):
    steps = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
    act(window, {"type": "key", "id": "keyboard", "actions": steps})


def act(window, source):
    window.post(f"/session/{window.session}/actions", actions=[source])


LOOK = """
const text = (id) => document.getElementById(id).textContent;
return {
  unit: text("h-unit"), pixel: text("h-pixel"), sum: text("sum"), check: text("check"),
  difference: Number(document.getElementById("check").dataset.difference),
  said: `${text("said-class")} ${text("said-share")}`,
  formula: text("size-formula"),
  invalid: document.querySelector("[name=stride]").getAttribute("aria-invalid"),
  terms: document.querySelectorAll(".term").length,
  products: [...document.querySelectorAll("#product figure:last-child td")].map((one) => one.textContent),
  links: document.querySelectorAll("#links line").length,
  loaded: performance.getEntriesByType("resource").map((one) => one.name).filter((n) => !/^data:/.test(n)),
  sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
};
"""


def last_number(text):
    return float(re.findall(r"−?[\d.]+", text)[-1].replace("−", "-"))


def test_a_click_on_a_unit_and_a_pixel_shows_the_products_that_torch_adds_up(tmp_path):
    network, x = small()
    path = tmp_path / "page.html"
    export_cnn_explainer(network, x, CLASSES, path)
    conv = network.layers[:3](x)[0].detach()
    with browser(tmp_path / "profile") as window:
        window.open(path, 1200)
        first = window.run(LOOK)
        click(window, ".column:nth-child(4) .map-button:nth-of-type(3)")
        click(window, "#output", 10.5 / 24, 4.5 / 24)
        click(window, ".term:nth-child(6)")
        unit = window.run(LOOK)
        click(window, ".column.classes .map-button:nth-of-type(2)")
        output = window.run(LOOK)
        messages = window.messages()
    assert messages == []
    assert first["loaded"] == []
    assert first["difference"] < 1e-5
    assert unit["unit"] == "Convolution, map 3"
    assert unit["pixel"] == "Row 5, column 11: ReLU, map 6"
    assert (unit["terms"], unit["links"]) == (10, 10)
    assert last_number(unit["sum"]) == pytest.approx(conv[2, 4, 10].item(), abs=6e-4)
    window_of_6 = network.layers[:2](x)[0, 5, 4:7, 10:13]
    products = (window_of_6 * network.layers[2].weight[2, 5]).flatten().tolist()
    assert [last_number(one) for one in unit["products"]] == pytest.approx(products, abs=6e-4)
    share = torch.softmax(network(x)[0], 0)[1].item()
    assert output["unit"] == "Class class 1"
    assert last_number(output["sum"]) == pytest.approx(100 * share, abs=0.06)


def test_the_keyboard_reaches_units_pixels_and_the_brush_on_a_phone(tmp_path):
    network, x = small()
    network.layers[-1].weight.data.mul_(30)  # so that what is drawn shows in the shares
    path = tmp_path / "page.html"
    export_cnn_explainer(network, x, CLASSES, path)
    focus = "document.querySelector('{}').focus();"
    with browser(tmp_path / "profile") as window:
        window.open(path, 390)
        window.run(focus.format(".column .map-button[aria-pressed=true]"))
        press(window, ARROW_RIGHT, ARROW_RIGHT, ARROW_DOWN)
        walked = window.run(LOOK)
        window.run(focus.format("#output"))
        press(window, ARROW_LEFT, ARROW_UP, ARROW_UP)
        moved = window.run(LOOK)
        window.run(focus.format("#easel"))
        press(window, ENTER, ARROW_DOWN, ARROW_DOWN, " ")
        window.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));")
        drawn = window.run(LOOK)
        window.run("document.querySelector('#size-form [name=size]').value = 6;")
        window.run(focus.format("[name=stride]"))
        press(window, ARROW_UP)
        strided = window.run(LOOK)
        messages = window.messages()
    assert messages == []
    assert walked["sideways"] <= 0
    assert walked["unit"] == "Convolution, map 2"
    row, column = (int(one) for one in re.findall(r"\d+", walked["pixel"])[:2])
    assert moved["pixel"].startswith(f"Row {row - 2}, column {column - 1}:")
    painted = x[:1].clone()
    for top in (14, 16):
        painted[0, 0, top : top + 2, 14:16] = x.max()
    shares = torch.softmax(network(painted)[0], 0)
    assert "Your own picture" in drawn["check"]
    assert drawn["said"].startswith(CLASSES[int(shares.argmax())])
    assert last_number(drawn["said"]) == pytest.approx(100 * shares.max().item(), abs=0.06)
    assert walked["said"] != drawn["said"]
    assert strided["invalid"] == "true"
    assert "2.50, not a whole number" in strided["formula"]
