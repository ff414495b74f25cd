"""RecNeXt has the published sizes, and its two heads are averaged."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from circulant.core.tolerances import assert_close
from circulant.models import rec_next
from circulant.models.distilled_head import DistilledHead
from circulant.models.rec_next import RecNext, RecNextDesign, recursive_block

PUBLISHED = {  # parameters and multiply-adds at 224 x 224, as printed
    "M0": (2.5e6, 0.4e9),
    "M1": (5.2e6, 0.9e9),
    "M2": (6.8e6, 1.2e9),
    "M3": (8.2e6, 1.4e9),
    "M4": (14.1e6, 2.4e9),
    "M5": (22.9e6, 4.7e9),
}
QUICK = "M3"


@pytest.mark.parametrize(
    "name", [name if name == QUICK else pytest.param(name, marks=pytest.mark.slow) for name in PUBLISHED]
)
def test_parameters_and_work_are_the_published_ones(name):
    """The authors print one decimal, of networks whose norms are fused and whose two heads are one."""
    parameters, work = PUBLISHED[name]
    with torch.device("meta"):
        network = RecNext(getattr(rec_next, f"REC_NEXT_{name}")).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert network(torch.empty(1, 3, 224, 224)).shape == (1, 1000)
    counted = sum(p.numel() for p in network.parameters())
    counted -= sum(p.numel() for p in network.head.follower.parameters())
    assert counted == pytest.approx(parameters, rel=0.02)
    assert counter.get_total_flops() / 2 == pytest.approx(work, abs=0.06e9)


def test_a_block_adds_what_its_chain_gives():
    torch.manual_seed(0)
    block, x = recursive_block(6, 2).double().eval(), torch.randn(2, 6, 9, 11, dtype=torch.float64)
    mixer, norm, mlp = block.branch
    hidden = torch.nn.functional.gelu(mlp[0](norm(mixer(x))))
    assert hidden.shape[1] == 12
    assert_close(block(x), x + mlp[2](hidden))


def test_the_grid_halves_between_stages_and_the_channels_double():
    network = RecNext(RecNextDesign(8, (1, 1, 1), (2, 1, 0)), 5).eval()
    shapes = [tuple(features.shape) for features in network.features(torch.randn(2, 3, 44, 32))]
    assert shapes == [(2, 8, 11, 8), (2, 16, 6, 4), (2, 32, 3, 2)]


def test_the_two_heads_are_averaged_and_can_be_had_apart():
    torch.manual_seed(0)
    head, x = DistilledHead(6, 4).eval(), torch.randn(3, 6, 5, 5)
    student, follower = head.both(x)
    assert_close(student, head.student(x.mean((2, 3))))
    assert not torch.equal(student, follower)
    assert_close(head(x), (student + follower) / 2)
