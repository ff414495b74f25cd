"""Feed-forward blocks on one input are one wide network; in a row they are fused where the drift allows."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.mnist import mnist_5k
from circulant.models.channel_mlp import ChannelMlp, GatedMlp
from circulant.models.channel_norm import ChannelLayerNorm, ChannelRMSNorm
from circulant.models.conv_next import ConvNeXt, ConvNeXtDesign, conv_next_block
from circulant.models.residual import Residual
from circulant.optimise.fuse_sequential_ffns import ffn_runs, fuse_sequential_ffns
from circulant.optimise.fused_ffn import fused_ffn

KINDS = {
    "SwiGLU": lambda hidden: Residual(GatedMlp(6, hidden), ChannelRMSNorm(6)),
    "SwiGLU after a layer norm": lambda hidden: Residual(GatedMlp(6, hidden, bias=True), ChannelLayerNorm(6)),
    "shift without bias": lambda hidden: Residual(GatedMlp(6, hidden), ChannelLayerNorm(6)),
    "MLP": lambda hidden: Residual(ChannelMlp(6, hidden), ChannelLayerNorm(6), channels=6, scale=0.3),
    "MLP without bias": lambda hidden: Residual(ChannelMlp(6, hidden, bias=False), ChannelRMSNorm(6)),
    "ConvNeXt": lambda hidden: conv_next_block(6, 5, scale=0.3),
}


def drawn(*layers):
    """In float64, with every parameter drawn: gains and shifts too."""
    stack = nn.Sequential(*layers).double().eval()
    for parameter in stack.parameters():
        nn.init.normal_(parameter, std=0.5)
    return stack


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_on_one_input_are_one_wide_network(kind):
    stack, x = drawn(*(KINDS[kind](hidden) for hidden in (7, 4, 9))), torch.randn(2, 6, 8, 7).double()
    expected = x + sum(layer(x) - x for layer in stack)
    wide = fused_ffn(list(stack))
    assert_close(wide(x), expected, 1e-12)
    assert not wide.training


def test_runs_are_like_blocks_in_a_row_but_for_the_last():
    ffns = [KINDS["SwiGLU"](4) for _ in range(4)]
    network = nn.Sequential(
        nn.Conv2d(1, 6, 1), nn.Sequential(ffns[0], nn.Identity(), ffns[1], ffns[2], KINDS["MLP"](4)), ffns[3]
    )
    assert ffn_runs(network) == (("1.0", "1.2"),)
    assert ffn_runs(network, keeps_last=False) == (("1.0", "1.2", "1.3"),)
    network.append(ffns[1])  # that stands in two places now
    assert ffn_runs(network, keeps_last=False) == ()


def digits_network():
    torch.manual_seed(0)
    return ConvNeXt(ConvNeXtDesign((8, 12), (4, 4), 3), 10, 1, scale=0.2).double().eval()


def test_the_report_tells_the_drift_on_digits_and_undo_restores():
    network, x = digits_network(), torch.from_numpy(mnist_5k(0).test.x[::50]).double()
    before, sequential = deepcopy(network), network(x)
    fusion = fuse_sequential_ffns(network, x, tolerance=1.0)
    print(fusion)
    assert [verdict.names for verdict in fusion.verdicts] == [
        ("stages.0.2", "stages.0.3", "stages.0.4"),
        ("stages.1.2", "stages.1.3", "stages.1.4"),
    ]
    measured = (network(x) - sequential).norm() / sequential.norm()
    assert fusion.drift == pytest.approx(measured.item(), rel=1e-9)
    assert 1e-4 < fusion.drift < 1
    assert str(fusion).startswith("fused 2 runs")
    hidden = before.stages[0][:2](x)
    parallel = hidden + sum(block(hidden) - hidden for block in before.stages[0][2:5])
    assert_close(network.stages[0](x), before.stages[0][5](parallel), 1e-12)
    assert torch.equal(fusion.undo()(x), sequential)


def test_a_fusion_over_the_tolerance_is_refused_and_leaves_the_network():
    network, x = digits_network(), torch.from_numpy(mnist_5k(0).test.x[::100]).double()
    runs = [("stages.0.2", "stages.0.3"), ("stages.1.2", "stages.1.3", "stages.1.4")]
    drifts = [fuse_sequential_ffns(digits_network(), x, tolerance=9, runs=[run]).drift for run in runs]
    tolerance = sum(drifts) / 2
    expected = network(x)
    fusion = fuse_sequential_ffns(network, x, tolerance=tolerance, runs=[runs[drifts[0] < drifts[1]]])
    assert [verdict.is_fused for verdict in fusion.verdicts] == [False]
    assert fusion.verdicts[0].drift == pytest.approx(max(drifts))
    assert torch.equal(network(x), expected)
    assert fusion.drift == 0
    assert "kept, drift above the tolerance" in str(fusion)


def test_what_cannot_be_fused_is_refused():
    network, x = digits_network(), torch.randn(1, 1, 28, 28).double()
    with pytest.raises(ArgumentError, match="two like feed-forward blocks or more in a row, got stages"):
        fuse_sequential_ffns(network, x, tolerance=1, runs=[("stages.0.2", "stages.0.4")])
    with pytest.raises(ArgumentError, match="each block in one run"):
        fuse_sequential_ffns(network, x, tolerance=1, runs=[("stages.0.2", "stages.0.3")] * 2)
    with pytest.raises(ArgumentError, match="tolerance of 0 or more"):
        fuse_sequential_ffns(network, x, tolerance=-1.0)
    network.stages[1][4].branch[0].register_forward_hook(lambda *_: None)
    with pytest.raises(ArgumentError, match=r"without hooks, got some in 'stages\.1\.4'"):
        fuse_sequential_ffns(network, x, tolerance=1)
    assert len(network.stages[0][3].branch) == 3  # nothing was fused before
    dropping = nn.Sequential(*(conv_next_block(4, drop_path=0.1) for _ in range(4)))
    assert ffn_runs(dropping) == ()
