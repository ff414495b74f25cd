"""Checks that must reject a mistake, each mistake a few words changed in a correct operator."""

from dataclasses import dataclass, field

RESULT = "        return y\n"
FORWARD = "        return self.scale(x)\n\n"
REQUIRE = "        require_input(x, self.channels, self.ndims)\n"
REFERENCE = "    return weight * x + bias\n"
MADE = "        self.channels = channels\n"
ENDING = "    mixer=_mixer,\n)\n"
DOCSTRING_SHAPES = "Shapes: x (B, C, L) -> y (B, C, L)."
PAPER = 'Paper("Nobody", 2000, "Gains", "https://example.org/gains")'

POSITION = "torch.arange(x.shape[-1], device=x.device, dtype=x.dtype)"
ROW_MAJOR = "x = x.as_strided(x.shape, (x.shape[1] * x.shape[2], x.shape[2], 1))\n"
AS_IMAGE = {
    "    ndims = (1,)\n": "    ndims = (2,)\n",
    "Case((2, 3, 8)": "Case((2, 3, 4, 2)",
    'says="(B, C, L)"': 'says="(B, C, H, W)"',
    "[:, None], state": "[:, None, None], state",
    '"bias"][:, None]': '"bias"][:, None, None]',
    DOCSTRING_SHAPES: "Shapes: x (B, C, H, W) -> y (B, C, H, W).",
    "            Law.CAUSAL,\n": "",
    "            Law.STREAMS,\n": "",
}
GRAPHS = frozenset({"compiles", "compiles_with_dynamic_sizes", "compiles_with_inductor"})


def without(*laws):
    """The card no longer claims what the mistake necessarily breaks as well."""
    return {f"            Law.{law},\n": "" for law in laws}


@dataclass(frozen=True)
class Twin:
    """Words of the source to change, what the check must say, other checks that must then fail too."""

    check: str
    mistake: str
    edits: dict[str, str]
    says: str
    also: frozenset[str] = field(default_factory=frozenset)

    def __str__(self):
        return f"{self.check}: {self.mistake}"


def both(old_result, reference):
    """The mistake is in the operator and in the reference, so that the numbers agree."""
    return {RESULT: old_result, REFERENCE: reference}


TWINS = (
    Twin("equals_reference", "a constant too much", {RESULT: "        return y + 0.01\n"}, "evaluation mode"),
    Twin(
        "equals_reference", "another result in training",
        {RESULT: "        return y + 0.01 if self.training else y\n"}, "training mode",
    ),
    Twin(
        "equals_reference", "a parameter that starts at zero is not used",
        {"w[:, None, None], b, groups": "w[:, None, None], None, groups"}, "evaluation mode",
        also=frozenset({"gradients_equal_reference"}),
    ),
    Twin(
        "gradients_equal_reference", "a gradient off by less than finite differences see",
        {RESULT: "        return y + 1e-7 * (x - x.detach())\n"}, "gradient of x",
    ),
    Twin(
        "reference_is_independent", "uses torch.fft",
        {REFERENCE: "    return weight * torch.fft.ifft(torch.fft.fft(x)).real + bias\n"}, "attribute .fft",
    ),
    Twin(
        "reference_is_independent", "uses a function of torch.fft under another name",
        {
            REFERENCE: "    return weight * backward(forward(x)).real + bias\n",
            "from torch import Tensor, nn\n": (
                "from torch import Tensor, nn\nfrom torch.fft import fft as forward, ifft as backward\n"
            ),
        },
        "got backward of torch.fft",
    ),
    Twin(
        "reference_is_independent", "uses the library",
        {REFERENCE: "    return (weight * x + bias).reshape(len(x), product(x.shape[1:2]), -1)\n"},
        "product of circulant.core.sizes",
    ),
    Twin(
        "reference_is_independent", "a function it calls uses the library",
        {
            "def reference": "def _count(x: Tensor) -> int:\n    return product(x.shape)\n\n\ndef reference",
            REFERENCE: "    return weight * x + bias * _count(x) / x.numel()\n",
        },
        "expected _count to be plain torch code",
    ),
    Twin(
        "reference_is_independent", "asks the operator",
        {REFERENCE: "    return weight * x + bias * ChannelGain1d.ndims[0]\n"}, "the operator ChannelGain1d",
    ),
    Twin(
        "first_derivative", "a parameter is cut off, in the reference too",
        {"w, b = self.weight, self.bias": "w, b = self.weight, self.bias.detach()",
         REFERENCE: "    return weight * x + bias.detach()\n"},
        "first derivative differs",
    ),
    Twin(
        "second_derivative", "right at first order only",
        {RESULT: "        return y + (x - x.detach()) * (w - w.detach())[:, None]\n"},
        "second derivative differs",
    ),
    Twin(
        "linear", "a square",
        both("        return y + 0.1 * x * x\n", "    return weight * x + bias + 0.1 * x * x\n"),
        "f(2 x - 3 z)",
    ),
    Twin(
        "shift_equivariant", "knows positions",
        both(f"        return y * {POSITION}\n", f"    return (weight * x + bias) * {POSITION}\n")
        | without("PERMUTATION_EQUIVARIANT", "STREAMS"),
        "shifted by (1,)",
    ),
    Twin(
        "shift_equivariant", "loses positions",
        both("        return y[..., ::2]\n", "    return (weight * x + bias)[..., ::2]\n")
        | without("PERMUTATION_EQUIVARIANT", "CAUSAL", "STREAMS")
        | {DOCSTRING_SHAPES: "Shapes: x (B, C, L) -> y (B, C, L_out)."},
        "an output at every position", also=frozenset({"mixer_keeps_shape"}),
    ),
    Twin(
        "permutation_equivariant", "looks at the neighbour",
        both("        return y + x.roll(1, -1)\n", "    return weight * x + bias + x.roll(1, -1)\n")
        | without("CAUSAL", "STREAMS"),
        "permuted positions",
    ),
    Twin(
        "causal", "a mean over all time",
        both("        return y + x.mean(-1, True)\n", "    return weight * x + bias + x.mean(-1, True)\n")
        | without("STREAMS"),
        "depends on x after it",
    ),
    Twin(
        "depthwise", "a mean over channels",
        both("        return y + x.mean(1, True)\n", "    return weight * x + bias + x.mean(1, True)\n"),
        "reaches the outputs of other channels",
    ),
    Twin(
        "streams", "the state counts chunks",
        {"return self.scale(x), state": "return self.scale(x) + state, state + 1"}, "in chunks of [1, 1, 1",
    ),
    Twin(
        "streams", "float32 becomes float64",
        {"return self.scale(x), state": "return self.scale(x).double(), state"}, "dtype torch.float64",
    ),
    Twin(
        "keeps_dtype", "float16 comes back as float32",
        {RESULT: "        return y.float() if x.dtype == torch.float16 else y\n"},
        "expected y of torch.float16",
    ),
    Twin(
        "close_in_every_dtype", "float32 is computed in bfloat16",
        {RESULT: "        return y.bfloat16().to(y.dtype) if x.dtype == torch.float32 else y\n"},
        "output in torch.float32 against float64",
    ),
    Twin(
        "close_in_every_dtype", "float16 overflows",
        {RESULT: "        return y * 1e5 * 1e-5 if x.dtype == torch.float16 else y\n"},
        "torch.float16 is not finite",
    ),
    Twin(
        "autocast", "another result under autocast",
        {RESULT: '        return 2 * y if torch.is_autocast_enabled("cpu") else y\n'}, "under autocast",
    ),
    Twin(
        "autocast", "dtypes collide under autocast",
        {RESULT: '        return y @ y.double().mT @ y if torch.is_autocast_enabled("cpu") else y\n'},
        "does not run under autocast",
    ),
    Twin(
        "autocast", "no gradient under autocast",
        {RESULT: '        return y + x - x if torch.is_autocast_enabled("cpu") else y\n',
         FORWARD: '        return self.scale(x.detach() if torch.is_autocast_enabled("cpu") else x)\n\n'},
        "no gradient reaches x",
    ),
    Twin(
        "memory_layouts", "takes every sequence for row-major",
        {FORWARD: f"        {ROW_MAJOR}{FORWARD}"}, "output for transposed x",
    ),
    Twin(
        "memory_layouts", "takes channels-last images for row-major",
        AS_IMAGE
        | {
            FORWARD: "        if x.is_contiguous(memory_format=torch.channels_last):\n"
            "            x = x.as_strided(x.shape, (x.shape[1] * 8, 8, 2, 1))\n" + FORWARD
        },
        "output for channels-last x",
    ),
    Twin(
        "leaves_input_unchanged", "clears its input in training",
        {REQUIRE: f"{REQUIRE}        if self.training:\n            x.detach().mul_(1.0)\n"}, "writes into x",
    ),
    Twin(
        "empty_batch", "a reshape that guesses a size",
        {FORWARD: "        x = x.reshape(x.shape[0], -1, x.shape[2])\n" + FORWARD}, "an empty batch fails",
    ),
    Twin(
        "empty_batch", "at least one example",
        {RESULT: "        return y if len(x) else y.sum() + torch.zeros(1, 3, 8, dtype=x.dtype)\n"},
        "expected y (0, 3, 8)",
    ),
    Twin(
        "examples_are_independent", "a mean over the batch",
        both("        return y + x.mean(0, True)\n", "    return weight * x + bias + x.mean(0, True)\n"),
        "example 0 of a batch against alone",
    ),
    Twin(
        "meta_device", "a tensor on the CPU",
        {RESULT: '        return y + torch.zeros(1, device="cpu", dtype=y.dtype)\n'},
        "does not run on the meta device",
    ),
    Twin(
        "copies", "holds a function without a name",
        {MADE: f"{MADE}        self.rule = lambda: None\n"}, "cannot be pickled",
    ),
    Twin(
        "copies", "shares itself with its copies",
        {"    def cost": "    def __deepcopy__(self, memo):\n        return self\n\n    def cost"},
        "after changing a deepcopy",
    ),
    Twin(
        "state_dict", "a complex buffer",
        {MADE: MADE + '        self.register_buffer("phase", torch.ones(1, device=device).cfloat())\n'},
        "expected a real tensor phase",
    ),
    Twin(
        "state_dict", "a random buffer that is not stored",
        {MADE: MADE + '        self.register_buffer("start", torch.rand(1), persistent=False)\n'}
        | both("        return y + self.start\n", '    return weight * x + bias + state["start"]\n'),
        "after loading the state dict",
    ),
    Twin(
        "factory_arguments", "a parameter of the default dtype",
        {"torch.zeros(channels, device=device, dtype=dtype)": "torch.zeros(channels)"},
        "bias ignores device or dtype",
    ),
    Twin(
        "factory_arguments", "no dtype in the constructor",
        {"        dtype: torch.dtype | None = None,\n    ) -> None:": "    ) -> None:\n        dtype = None"},
        "got no ['dtype']",
    ),
    Twin("repr", "says nothing", {"return str(self.channels)": 'return ""'}, "nothing of the configuration"),
    Twin(
        "compiles", "a graph break",
        {FORWARD: "        torch._dynamo.graph_break()\n" + FORWARD}, "fullgraph=True", also=GRAPHS,
    ),
    Twin(
        "compiles", "another result when compiled",
        {RESULT: "        return 2 * y if torch.compiler.is_dynamo_compiling() else y\n"}, "compiled output",
        also=GRAPHS,
    ),
    Twin(
        "compiles_with_dynamic_sizes", "a branch on the batch",
        {FORWARD: "        x = x.clone() if x.shape[0] % 2 else x\n" + FORWARD}, "take a graph each",
    ),
    Twin(
        "compiles_with_inductor", "float32 differs when compiled",
        {RESULT: "        late = torch.compiler.is_dynamo_compiling() and x.dtype == torch.float32\n"
         "        return 1.01 * y if late else y\n"},
        "compiled output",
    ),
    Twin(
        "exports", "another result when exported",
        {RESULT: "        return 2 * y if torch.compiler.is_exporting() else y\n"}, "exported program",
    ),
    Twin(
        "exports", "a number read while exporting",
        {RESULT: "        return y * float(x.sum()) if torch.compiler.is_exporting() else y\n"},
        "torch.export.export fails",
    ),
    Twin("cost_equals_counted_flop", "counts products only", {"flop=2.0": "flop=1.0"}, "predicts 48 FLOP"),
    Twin("cost_grows_with_batch", "no traffic", {"8.0 * product(shape)": "8.0"}, "grows with the batch"),
    Twin("refuses_bad_input", "other words", {'says="(B, C, L)"': 'says="(B, L, C)"'}, "lacks ['(B, L, C)']"),
    Twin(
        "refuses_bad_input", "nothing to refuse",
        {'refuses=(BadInput((3, 8), lambda: ChannelGain1d(3), says="(B, C, L)"),)': "refuses=()"},
        "lists no input to refuse",
    ),
    Twin(
        "refuses_bad_input", "work before the refusal",
        {REQUIRE: f"        x = x + 0\n{REQUIRE}"}, "is refused only after",
        also=frozenset({"refuses_integers", "refuses_wrong_shape"}),
    ),
    Twin(
        "refuses_integers", "takes integers",
        {REQUIRE: f"        x = x if x.is_floating_point() else x.to(self.weight.dtype)\n{REQUIRE}"},
        "it was accepted",
    ),
    Twin(
        "refuses_wrong_shape", "leaves the channels to torch",
        {REQUIRE: "        require_input(x, x.shape[1] if x.ndim > 1 else 0, self.ndims)\n"},
        "expected ShapeError for x (2, 4, 8)",
    ),
    Twin(
        "docstring", "no sentence",
        {"A gain and an offset for each channel: the smallest operator that can claim every law.": "Gain."},
        "to begin with a sentence",
    ),
    Twin("docstring", "no equation", {"    y[b, c, l] = weight": "    weight"}, "expected an equation"),
    Twin(
        "documented_shapes", "axes exchanged", {DOCSTRING_SHAPES: "Shapes: x (B, C, L) -> y (B, L, C)."},
        "but x (2, 3, 8) -> y (2, 3, 8)",
    ),
    Twin("documented_shapes", "no shapes", {DOCSTRING_SHAPES: ""}, "expected 'Shapes: x (...) -> y (...)'"),
    Twin(
        "constructor_is_annotated", "no annotation",
        {"        channels: int,\n": "        channels,\n"}, "none on ['channels']",
    ),
    Twin("is_final", "open to subclasses", {"@final\n": ""}, "expected typing.final on ChannelGain1d"),
    Twin("file_ends_with_card", "something after it", {ENDING: f"{ENDING}\nEXTRA = 1\n"}, "got ['EXTRA']"),
    Twin("papers", "no paper", {f"papers=({PAPER},)": "papers=()"}, "ChannelGain1d to name its paper"),
    Twin("papers", "no link", {"https://example.org/gains": "a book"}, "and an https link"),
    Twin(
        "mixer_keeps_shape", "halves the length",
        {"return ChannelGain1d(channels)": "return nn.Sequential(ChannelGain1d(channels), nn.AvgPool1d(2))"},
        "expected mixer(32, (49,)) to keep x (2, 32, 49)",
    ),
    Twin(
        "mixer_can_be_trained", "frozen",
        {"return ChannelGain1d(channels)": "return ChannelGain1d(channels).requires_grad_(False)"},
        "is zero for spatial size (49,)",
    ),
    Twin(
        "mixer_can_be_trained", "an infinite slope",
        {"return ChannelGain1d(channels)": "return nn.Sequential(ChannelGain1d(channels), Root())",
         "def _mixer": "class Root(nn.Module):\n    def forward(self, x):\n        return (x - x).sqrt()\n\n"
         "def _mixer"},
        "is not finite for spatial size (49,)",
    ),
)  # fmt: skip
