"""Everything that is said of one network: the parts against the functions that they come from."""

import json
from dataclasses import fields

import numpy as np
import pytest
import torch
from tests.explain.explained import (
    ABOUT,
    branching_explained,
    digit_examples,
    digit_networks,
    of_pictures,
    pictures_explained,
    series_examples,
    series_explained,
)
from torch import nn

from circulant.core.errors import ArgumentError, ShapeError
from circulant.explain import About, explain
from circulant.explain.aliasing_score import layer_aliasing
from circulant.explain.azimuthal_power_spectrum import azimuthal_power_spectrum
from circulant.explain.cka import Estimator, linear_cka
from circulant.explain.class_maps import grad_cam
from circulant.explain.distribution_shift import distribution_shift
from circulant.explain.eigen_cam import eigen_cam
from circulant.explain.filter_basis import filter_basis
from circulant.explain.filter_statistics import filter_statistics
from circulant.explain.frequency_response import frequency_response
from circulant.explain.gradient_maps import gradient_times_input, integrated_gradients
from circulant.explain.linear_interpreter import interpreter_rows, linear_interpreter
from circulant.explain.overview.explanation import Parts
from circulant.explain.overview.layers import CONVOLVING, UpTo, named_layers, spread
from circulant.explain.overview.part import LeftOut
from circulant.explain.overview.sight import FEW, SHOWN, STEPS, SeriesAsPictures
from circulant.explain.receptive_field import effective_receptive_field
from circulant.nn import InceptionDWConv2d

KEYS = [field.name for field in fields(Parts)]


def test_every_part_of_a_small_network_of_pictures_is_there():
    assert not [key for key in KEYS if isinstance(getattr(pictures_explained().parts, key), LeftOut)]


def test_filters_are_those_of_the_single_functions():
    network, other = digit_networks()
    parts = pictures_explained().parts
    found = {one.layer.name: one for one in parts.filters.layers}
    assert list(found) == ["0", "2", "5"]
    for size, names in (((3, 3), ["2", "5"]), ((5, 5), ["0"])):
        assert tuple(found[name].layer for name in names) == filter_statistics(network, size)
        assert all(found[name].size == size for name in names)
    assert torch.equal(parts.basis.components, filter_basis(network, (3, 3)).components)
    assert parts.shift.found.total == distribution_shift(network, other, (3, 3)).total


def test_receptive_fields_are_those_of_the_network_cut_behind_each_layer():
    network = digit_networks()[0]
    found = pictures_explained().parts.receptive_fields
    assert [one.name for one in found.layers] == ["0", "2", "5"]
    for one in found.layers:
        part = network[: int(one.name) + 1].eval()
        expected = effective_receptive_field(part, digit_examples()[:FEW])
        np.testing.assert_allclose(one.field.share, expected.share, atol=1e-12)
        assert one.field.half_side == expected.half_side


def test_maps_are_those_of_the_single_functions():
    network, x = digit_networks()[0], digit_examples()[:SHOWN]
    found = pictures_explained().parts.maps
    assert found.layer == "6"  # the activation behind the last convolution
    logits = network(x)
    assert torch.equal(found.targets, logits.argmax(1))
    torch.testing.assert_close(found.shares, logits.softmax(1).amax(1), rtol=1e-5, atol=0)
    expected = (
        eigen_cam(network, x, [network[6]]),
        grad_cam(network, x, network[6]),
        gradient_times_input(network, x),
        integrated_gradients(network, x, steps=STEPS),
    )
    assert [one.method for one in found.methods] == [one.method for one in expected]
    for one, other in zip(found.methods, expected, strict=True):
        torch.testing.assert_close(one.values, other.values)


def test_the_linear_system_is_that_of_the_interpreter_at_the_first_example():
    interpreter = linear_interpreter(digit_networks()[0], digit_examples()[:1])
    found = pictures_explained().parts.interpreter
    assert found.bias_share == interpreter.bias_share
    assert found.target == int(interpreter.output.argmax())
    assert torch.equal(found.row, interpreter_rows(interpreter, torch.tensor([found.target]))[0])


def test_frequencies_are_those_of_the_single_functions():
    network, x = digit_networks()[0], digit_examples()
    parts = pictures_explained().parts
    assert parts.aliasing.layers == layer_aliasing(network, x)
    read = x[:FEW]
    for one in parts.responses.layers:
        reads = network[: int(one.name)](read).detach()
        expected = frequency_response(network[int(one.name)], reads)
        np.testing.assert_allclose(one.response.gain, expected.gain, atol=1e-6)
    assert [one.name for one in parts.spectra.layers] == ["input", "0", "2", "5"]
    for one in parts.spectra.layers:
        gave = read if one.name == "input" else network[: int(one.name) + 1](read)
        expected = azimuthal_power_spectrum(gave)
        np.testing.assert_allclose(one.spectrum.power, expected.power, rtol=1e-5)


def test_alignment_is_unbiased_linear_cka_within_and_between_networks():
    network, other = digit_networks()
    x = digit_examples()
    parts = pictures_explained().parts
    cuts = [1, 3, 6, 10]
    ours, theirs = ([one[:cut](x) for cut in cuts] for one in (network, other))
    # layer 0 is compared as the convolution gives it, before the activation that works in its place
    ours[0], theirs[0] = network[0](x), other[0](x)
    for found, others in ((parts.likeness, ours), (parts.likeness_against, theirs)):
        expected = [[linear_cka(a, b, Estimator.UNBIASED) for b in others] for a in ours]
        np.testing.assert_allclose(found.cka, expected, atol=1e-6)
        assert found.rows == found.columns == ("0", "2", "5", "9")


def test_efficiency_counts_operations_of_the_whole_batch():
    found = pictures_explained().parts.efficiency
    assert found.batch == 12
    flop = 2 * 12 * (784 * 6 * 25 + 196 * 8 * 6 * 9 + 196 * 8 * 8 * 9 + 32 * 10)
    assert found.found.whole.cost.flop == flop
    assert not found.is_calibrated_here


def test_of_series_there_are_maps_fields_responses_and_spectra_too():
    parts, x = series_explained().parts, series_examples()
    left_out = {key for key in KEYS if isinstance(getattr(parts, key), LeftOut)}
    assert left_out == {"shift", "likeness_against"}
    assert [one.method for one in parts.maps.methods] == [
        "Eigen-CAM",
        "gradient x input",
        "integrated gradients",
    ]
    assert all(one.values.shape == (SHOWN, 1, 40) for one in parts.maps.methods)
    assert parts.receptive_fields.layers[0].field.share.shape == (1, 40)
    np.testing.assert_allclose(
        parts.spectra.layers[0].spectrum.power, azimuthal_power_spectrum(x[:FEW]).power
    )


def test_maps_of_series_add_up_to_the_change_of_the_logit():
    """Integrated gradients are complete: they sum to f(x) - f(0)."""
    network = nn.Sequential(nn.Conv1d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(114, 4)).double()
    x = series_examples()[:2].double()
    found = integrated_gradients(SeriesAsPictures(network), x[:, :, None], steps=2000)
    logits, nothing = network(x), network(torch.zeros_like(x))
    chosen = logits.argmax(1, keepdim=True)
    change = (logits - nothing).gather(1, chosen)[:, 0]
    torch.testing.assert_close(found.values.sum((1, 2)), change, atol=1e-3, rtol=0)


def test_a_network_without_convolutions_says_what_it_lacks_and_gives_the_rest():
    parts = branching_explained().parts
    for key in ("filters", "basis", "receptive_fields", "responses", "aliasing"):
        assert "expected convolutions" in getattr(parts, key).reason
    assert "multiplies features with features" in parts.interpreter.reason
    assert parts.maps.layer is None
    assert len(parts.maps.methods) == 2
    assert parts.likeness.rows == ("first", "last")
    assert [one.name for one in parts.spectra.layers] == ["input"]


class Residual(nn.Module):
    """One activation that runs twice, and a shortcut whose convolution runs last."""

    def __init__(self):
        super().__init__()
        self.conv, self.shortcut = nn.Conv2d(1, 4, 3, 2, 1), nn.Conv2d(1, 4, 1, 2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.relu(self.conv(x)) + self.shortcut(x))


def test_maps_look_behind_the_sum_of_a_residual_block_not_at_its_shortcut():
    network = nn.Sequential(Residual(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    found = explain(network, digit_examples()[:1]).parts.maps
    assert found.layer == "0"
    torch.testing.assert_close(
        found.methods[0].values, eigen_cam(network, digit_examples()[:1], [network[0]]).values
    )


def test_a_convolution_that_runs_again_and_again_has_no_maps_of_features():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x):
            return self.conv(self.conv(x)).mean((2, 3))

    found = explain(Twice(), digit_examples()[:1]).parts.maps
    assert found.layer is None and len(found.methods) == 2


def test_one_example_is_too_few_to_compare_layers():
    parts = explain(of_pictures(0), digit_examples()[:1]).parts
    assert "expected 8 examples or more" in parts.likeness.reason


def test_noise_has_no_maps():
    parts = explain(of_pictures(0), torch.randn(1, 1, 28, 28), about=About(is_noise=True)).parts
    assert "noise" in parts.maps.reason


def test_a_part_that_fails_in_the_users_code_does_not_stop_the_others():
    class OnlyFloat(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, padding=1)

        def forward(self, x):
            return self.conv(x) @ torch.ones(28, 28)  # raises where x is of another dtype

    parts = explain(OnlyFloat(), digit_examples()).parts
    assert not isinstance(parts.receptive_fields, LeftOut)  # cut behind the convolution, before the product
    assert "logits (B, classes)" in parts.maps.reason
    integers = explain(nn.Sequential(nn.Embedding(5, 3)), torch.randint(0, 5, (8, 6))).parts
    assert "real numbers" in integers.receptive_fields.reason
    assert not isinstance(integers.efficiency, LeftOut)


def test_an_operator_of_the_catalogue_is_one_layer():
    network = nn.Sequential(nn.Conv2d(1, 16, 3), InceptionDWConv2d(16))
    assert list(named_layers(network, CONVOLVING)) == ["0", "1"]


def test_the_network_up_to_a_layer_ends_before_what_works_in_place_behind_it():
    network, x = of_pictures(0).eval(), digit_examples()
    torch.testing.assert_close(UpTo(network, "0")(x), network[0](x))
    assert UpTo(network, "0")(x).min() < 0
    with pytest.raises(ShapeError, match="did not"):
        unused = nn.ModuleDict({"a": nn.Conv1d(1, 1, 1)})
        UpTo(nn.Sequential(Unused(unused)), "0.inner.a")(x)


class Unused(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x


def test_layers_are_spread_evenly_with_both_ends():
    assert spread(range(5), 6) == (0, 1, 2, 3, 4)
    assert spread(range(11), 3) == (0, 5, 10)
    assert spread(range(7), 6) == (0, 1, 2, 4, 5, 6)


def hooks(network):
    return [
        dict(getattr(module, kind))
        for module in network.modules()
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    ]


def test_modes_hooks_gradients_and_numbers_of_both_networks_are_left_as_they_were():
    networks = of_pictures(0).train(), of_pictures(1).train()
    for network in networks:
        network[3].eval()
        network[0].weight.requires_grad_(False)
    before = [{key: value.clone() for key, value in network.state_dict().items()} for network in networks]
    modes = [[module.training for module in network.modules()] for network in networks]
    explain(networks[0], digit_examples(), against=networks[1])
    assert modes == [[module.training for module in network.modules()] for network in networks]
    for network, numbers in zip(networks, before, strict=True):
        assert not any(hooks(network))
        assert all(torch.equal(numbers[key], value) for key, value in network.state_dict().items())
        assert all(parameter.grad is None for parameter in network.parameters())
        assert [parameter.requires_grad for parameter in network.parameters()] == [False] + [True] * 9


def test_each_part_is_named_once_as_it_begins():
    for against, about in ((None, About()), (of_pictures(1), About(is_noise=True))):
        names = []
        explain(of_pictures(0), digit_examples()[:2], against=against, about=about, watch=names.append)
        assert len(names) == len(set(names)) == len(fields(Parts))


def test_json_has_numbers_of_every_part_and_nothing_that_json_does_not_have():
    found = json.loads(json.dumps(pictures_explained().json(), allow_nan=False))
    assert list(found) == ["circulant", "model", "input", "summary", "parts"]
    assert found["model"] == {
        "name": "net.py:digits",
        "kind": "Sequential",
        "parameters": 6 * 25 + 6 + 8 * 54 + 8 + 16 + 8 * 72 + 8 + 330,
        "convolutions": 3,
        "linear": 1,
        "output_shape": [12, 10],
    }
    assert found["input"] == {"source": "digits", "shape": [12, 1, 28, 28]}
    parts = found["parts"]
    assert list(parts) == KEYS
    assert {key: sorted(value) for key, value in parts.items()} == {
        "filters": ["layers"],
        "basis": ["explained", "size"],
        "shift": ["divergence", "explained", "size", "total"],
        "receptive_fields": ["layer_count", "layers"],
        "maps": ["layer", "methods", "shares", "targets"],
        "interpreter": ["bias_share", "row_norm", "target"],
        "responses": ["layer_count", "layers"],
        "aliasing": ["layers"],
        "spectra": ["layers"],
        "efficiency": ["batch", "is_calibrated_here", "modules"],
        "likeness": ["cka", "columns", "rows"],
        "likeness_against": ["cka", "columns", "rows"],
    }
    first = parts["efficiency"]["modules"][0]
    assert first["name"] == ""
    assert np.isclose(first["efficiency"], first["ideal_seconds"] / first["seconds"])


def test_json_says_why_a_part_is_left_out_and_has_null_for_what_is_no_number():
    found = branching_explained().json()["parts"]
    assert list(found["filters"]) == ["left_out"]
    single = explain(nn.Sequential(nn.Conv2d(1, 1, 3)), digit_examples()).json()["parts"]
    assert single["filters"]["layers"][0]["orthogonality"] is None


def test_an_input_that_the_model_does_not_take_is_refused_with_the_models_own_words():
    with pytest.raises(ShapeError, match=r"net\.py:digits takes, but for \(1, 3, 28, 28\).*RuntimeError"):
        explain(of_pictures(0), torch.randn(1, 3, 28, 28), about=ABOUT)
    with pytest.raises(ShapeError, match=r"net\.py:other takes"):
        explain(of_pictures(0), digit_examples(), against=nn.Linear(3, 3), about=ABOUT)
    with pytest.raises(ShapeError, match="one or more"):
        explain(of_pictures(0), torch.randn(0, 1, 28, 28))
    with pytest.raises(ArgumentError, match=r"torch\.nn\.Module, got function"):
        explain(lambda x: x, digit_examples())


def test_a_model_that_gives_several_tensors_is_told_of():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3)

        def forward(self, x):
            return self.conv(x), x

    found = explain(Two(), digit_examples())
    assert found.facts.output_shape is None
    assert not isinstance(found.parts.receptive_fields, LeftOut)
