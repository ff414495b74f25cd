"""The Fourier Transformer shares its weights with the plain encoder and does less with them."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.errors import ArgumentError, ShapeError
from circulant.core.tolerances import assert_close
from circulant.data.text import stdlib_text, windows
from circulant.models.fourier_transformer import (
    FourierTransformerEncoder,
    FourierTransformerLayer,
    retained_energy,
)
from circulant.models.language_model import LanguageModel
from circulant.models.tcnca import TCNCA
from circulant.train.fit import fit


def encoders(ratios, **sizes):
    torch.manual_seed(0)
    short = FourierTransformerEncoder(20, 64, ratios, dropout=0.0, **sizes).double().eval()
    plain = FourierTransformerEncoder(20, 64, {}, dropout=0.0, **sizes).double().eval()
    return short, plain


def test_weights_of_the_plain_encoder_load_unchanged():
    short, plain = encoders({0: 0.2, 1: 0.5})
    assert list(short.state_dict()) == list(plain.state_dict())
    short.load_state_dict(plain.state_dict())
    codes = torch.randint(0, 20, (2, 50))
    assert plain(codes).shape == (2, 64, 50)
    assert short(codes).shape == (2, 64, 5)


def test_keeping_every_position_is_the_plain_layer_on_the_normed_input():
    torch.manual_seed(0)
    plain, short = (FourierTransformerLayer(8, 2, 16, ratio=ratio).double() for ratio in (None, 1.0))
    short.load_state_dict(plain.state_dict())
    x = torch.randn(2, 8, 10, dtype=torch.float64)
    normed = plain.norm(x)
    assert_close(short(x), plain.feed(normed + plain._attended(normed, None)))


def test_a_mask_hides_padding_until_the_sequence_is_shortened():
    short, plain = encoders({1: 0.5})
    codes, mask = torch.randint(0, 20, (1, 12)), torch.arange(12)[None] < 9
    other = codes.clone()
    other[:, 9:] = (other[:, 9:] + 1) % 20
    assert_close(plain(codes, mask)[..., :9], plain(other, mask)[..., :9])
    assert not torch.equal(plain(codes)[..., :9], plain(other)[..., :9])
    assert short(codes, mask).shape == (1, 64, 6)


def test_the_class_token_stays_in_its_place():
    short, _ = encoders({0: 0.2, 1: 0.5}, keep_first=True)
    codes = torch.randint(0, 20, (2, 50))
    assert short(codes).shape == (2, 64, 7)  # 1 + 10, of which 6 and the first


def flop(layer, length):
    """Of the linear maps and of the products of attention."""
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        layer(torch.zeros(1, 64, length))
    counts = {str(op): n for op, n in counter.get_flop_counts()["Global"].items()}
    return counts["aten.addmm"], counts["aten.bmm"]


def test_counted_work_of_later_layers_falls_by_the_ratio_and_in_attention_by_its_square():
    layer = FourierTransformerLayer(64, 2, 128)
    linear, products = flop(layer, 200)
    short_linear, short_products = flop(
        layer, FourierTransformerLayer(64, 2, 128, ratio=0.2).shorten.kept(200)
    )
    assert short_linear == 0.2 * linear
    assert short_products == pytest.approx(0.04 * products)


def test_bad_settings_are_refused():
    with pytest.raises(ArgumentError, match=r"layers 0 to 1, got some for \[2\]"):
        FourierTransformerEncoder(20, 64, {2: 0.5})
    with pytest.raises(ArgumentError, match="divisor of channels"):
        FourierTransformerLayer(8, 3, 16)
    with pytest.raises(ShapeError, match="at most 64"):
        FourierTransformerEncoder(20, 64, {})(torch.zeros(1, 65, dtype=torch.int64))


@pytest.mark.slow
def test_a_trained_network_for_text_keeps_more_energy_in_low_frequencies_than_noise():
    text = stdlib_text()
    x, y = (torch.from_numpy(codes) for codes in windows(text.train, 64))
    torch.manual_seed(0)
    network = LanguageModel(len(text.characters), 32, [TCNCA(32, 64, 64, value_channels=32)])
    fit(network, x, y, steps=100)
    with torch.no_grad():
        hidden = network.layers(network.embedding(x[:64]).transpose(1, 2))
    energy = {ratio: retained_energy(hidden, ratio) for ratio in (0.1, 0.2, 0.5, 1.0)}
    print("energy kept of hidden states of text:", {r: round(e, 3) for r, e in energy.items()})
    assert energy[0.2] > 0.25 > retained_energy(torch.randn(64, 32, 64), 0.2)
    assert energy[1.0] == pytest.approx(1, abs=1e-5)
