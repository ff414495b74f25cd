"""Size, work, time and memory, against what can be computed by hand."""

import numpy as np
import pytest
import torch
from tests.compare.tiny import DESIGN, experiment
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from circulant.compare import profile
from circulant.compare.experiment import Experiment
from circulant.compare.profile import Bench, measure
from circulant.compare.records import CONTROL
from circulant.compare.transform_flop import FORMULAS
from circulant.measuring.live_memory import peak_byte
from circulant.models.backbone import Backbone
from circulant.train.tensors import to_tensors


@pytest.fixture(scope="module")
def measured():
    return measure(experiment(), (CONTROL, "Conv", "SelfAttention"))


def bench_of(operator):
    return Bench(experiment(), operator, to_tensors(experiment().dataset))


def test_parameters_are_those_of_the_network_by_hand(measured):
    profiles = {one.operator: one for one in measured.profiles}
    blocks = [(4, 8 * 8), (8, 4 * 4)]  # width and positions of each
    mlp = sum(2 * w * w + 2 * w + 2 * w * w + w for w, _ in blocks)
    norms_and_scales = sum(2 * w + 2 * w + w + w for w, _ in blocks)
    patches, head = (1 * 4 + 4) + (4 * 8 * 4 + 8), 2 * 8 + 8 * 2 + 2
    control = mlp + norms_and_scales + patches + head
    assert profiles[CONTROL].parameters == control
    assert profiles["Conv"].parameters == control + sum(9 * w * w + w for w, _ in blocks)
    mac = sum(4 * w * w * n for w, n in blocks) + 1 * 4 * 64 + 4 * 4 * 8 * 16 + 8 * 2
    assert profiles[CONTROL].mac == mac
    assert profiles["Conv"].mac == mac + sum(9 * w * w * n for w, n in blocks)


def test_times_are_ordered_and_training_takes_longer_than_a_forward_pass(measured):
    for one in measured.profiles:
        for spread in (one.forward, one.train_step):
            assert 0 < spread.low <= spread.median <= spread.high
        assert one.train_step.median > one.forward.median
        assert one.batch == 8
    assert measured.machine.threads == 1 and measured.machine.memory_byte > 1e8 and measured.machine.processor


def test_memory_of_training_exceeds_a_forward_pass_and_attention_exceeds_the_control(measured):
    profiles = {one.operator: one for one in measured.profiles}
    assert all(one.train_byte > one.forward_byte > 0 for one in measured.profiles)
    assert profiles["SelfAttention"].train_byte > profiles[CONTROL].train_byte


def test_operators_take_turns_in_every_round(monkeypatch):
    turns = []
    for name in ("forward", "train_step"):
        original = getattr(Bench, name)

        def noted(self, name=name, original=original):
            turns.append((self.operator, name))
            return original(self)

        monkeypatch.setattr(Bench, name, noted)
    monkeypatch.setattr(profile, "WARM_UP", 0)
    monkeypatch.setattr(profile, "MOST_ROUNDS", 3)
    measure(experiment(), ("Conv", CONTROL))
    once = [(operator, name) for operator in ("Conv", CONTROL) for name in ("forward", "train_step")]
    assert turns[: 3 * len(once)] == 3 * once


def test_rounds_end_when_the_time_is_up_but_not_before_the_fewest(monkeypatch):
    monkeypatch.setattr(profile, "SECONDS", 1e-9)
    shares = []
    measure(experiment(), (CONTROL,), shares.append)
    assert len(shares) == profile.FEWEST_ROUNDS + 1 and shares == sorted(shares) and shares[-1] == 1


def test_peak_memory_counts_what_is_alive_at_once_in_bytes():
    x = torch.zeros(1000)

    def one_after_another():
        return (x + 1).sum() + (x + 2).sum()

    def together():
        first, second = x + 1, x + 2
        return first, second

    assert 4000 <= peak_byte(one_after_another) < 4400
    assert 8000 <= peak_byte(together) < 8400
    assert peak_byte(lambda: x) == 0


def test_measuring_memory_writes_nothing_on_the_terminal(capfd):
    peak_byte(lambda: torch.zeros(10) + 1)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("transform", "shape", "flop"),
    [
        (torch.fft.rfft, (3, 16), 3 * 2.5 * 16 * 4),
        (torch.fft.rfft2, (3, 4, 8), 3 * 2.5 * 32 * 5),
        (torch.fft.fft, (3, 16), 3 * 2.5 * 16 * 4),
        (lambda x: torch.fft.fft(torch.view_as_complex(x)), (3, 16, 2), 3 * 5 * 16 * 4),
        (lambda x: torch.fft.irfft(torch.view_as_complex(x), n=16), (3, 9, 2), 3 * 2.5 * 16 * 4),
        (lambda x: torch.fft.irfft2(torch.view_as_complex(x), s=(4, 8)), (3, 4, 5, 2), 3 * 2.5 * 32 * 5),
    ],
)
def test_fourier_transforms_of_torch_are_counted(transform, shape, flop):
    counter = FlopCounterMode(display=False, custom_mapping=dict(FORMULAS))
    with counter:
        transform(torch.zeros(shape))
    # an n-D transform may run as one call or axis by axis: n log n is the same up to the real axis
    assert flop <= counter.get_total_flops() <= 2 * flop


@pytest.mark.parametrize("operator", ["FourierMixing1d", "AdaptiveSpectralFilter1d", "LongConv1d"])
def test_operators_that_work_in_the_spectrum_are_not_free(operator):
    macs = {name: bench_of(name).mac() for name in (operator, CONTROL)}
    assert macs[operator] > macs[CONTROL]


def test_the_description_names_the_sizes_that_are_used():
    backbone = Experiment(experiment().dataset, experiment().budget).describe()
    assert (
        "Patches of 1 × 1 pixels, then 4 residual blocks in 3 stages of 24, 48, 96 channels"
        in backbone.sentence
    )
    assert (backbone.width, backbone.depth, backbone.batch) == (24, 4, 12)
    assert "AdamW, learning rate 0.006" in backbone.optimiser


def test_a_bench_runs_the_network_of_a_trial():
    bench = bench_of("Conv")
    assert isinstance(bench.network, Backbone) and len(bench.network.blocks) == DESIGN.depth
    before = [parameter.clone() for parameter in bench.network.parameters()]
    assert bench.forward().shape == (8, 2)
    assert all(torch.equal(a, b) for a, b in zip(before, bench.network.parameters(), strict=True))
    bench.train_step()
    assert not all(torch.equal(a, b) for a, b in zip(before, bench.network.parameters(), strict=True))
    assert all(isinstance(block.mixer, nn.Conv2d) for block in bench.network.blocks)
    assert np.isfinite(bench.train_step())
