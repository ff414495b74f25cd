"""Each pass on a network of which it is known what it does."""

from copy import deepcopy

import pytest
import torch
from tests.optimise.merging import Merging
from tests.optimise.settled import settled
from torch import nn
from torch.nn import functional as F

from circulant.models.channel_mlp import ChannelMlp
from circulant.models.channel_norm import ChannelLayerNorm
from circulant.models.collapsible_linear_block import CollapsibleLinearBlock2d
from circulant.models.conv_first_net import conv_first_block
from circulant.models.residual import Residual
from circulant.operators.spatial.dilated_reparam_block import DilatedReparamBlock
from circulant.operators.spatial.fused_conv_first_block import FusedConvFirstBlock
from circulant.operators.spatial.large_kernel_conv import LargeKernelConv2d
from circulant.optimise.example import Example
from circulant.optimise.passes import PASSES
from circulant.optimise.remove_dead import remove_dead
from circulant.optimise.replace_with_fft import PlannedConv
from circulant.optimise.rewrite_pass import Changed, Pass, Refused
from circulant.optimise.verify_rewrite import TOLERANCES, check_rewrite

BY_NAME = {each.name: each for each in PASSES}


def applied(name, model, *shape, samples=None):
    """The changed model, which is asserted to be exact where the pass says so, and the words."""
    example = Example((torch.randn(shape),), {}, samples)
    found = BY_NAME[name].applied(model, example)
    assert isinstance(found, Changed), found
    checks = [
        check_rewrite(BY_NAME[name], model, found.model, example, dtype, is_trained=False)
        for dtype in TOLERANCES
    ]
    assert [check.fault for check in checks] == ["", ""]
    assert all(check.error == check.error for check in checks)
    return found


def refused(name, model, *shape):
    found = BY_NAME[name].applied(model, Example((torch.randn(shape),)))
    assert isinstance(found, Refused)
    return found.reason


def count(model, kind):
    return sum(isinstance(part, kind) for part in model.modules())


def conv_bn(ins, outs, **options):
    return [nn.Conv2d(ins, outs, 3, padding=1, **options), nn.BatchNorm2d(outs)]


class DeadBranch(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.dead, self.idle = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 40, 3), nn.Identity()

    def forward(self, x):
        self.dead(x).mean()
        y = F.dropout(self.idle(self.used(x)), 0.5, self.training)
        z = y * 1
        z.relu_()
        return z


def test_identities_idle_dropout_and_dead_branches_go_and_writing_in_place_stays():
    found = applied("remove-dead", DeadBranch().eval(), 2, 3, 5, 5)
    assert "1 identities" in found.words
    assert "1 idle dropouts" in found.words
    assert "2 calls that nobody reads" in found.words
    assert [name for name, _ in found.model.named_children()] == ["used"]
    assert (found.model(torch.randn(1, 3, 5, 5)) >= 0).all()


def test_dropout_that_drops_stays():
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.Dropout(0.0)).train()
    found = remove_dead(deepcopy(model), Example((torch.randn(2, 3),)))
    assert isinstance(found, Changed)
    assert count(found.model, nn.Dropout) == 1


def test_a_part_with_hooks_is_left_alone_with_the_reason():
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 3), nn.Identity()), nn.Identity()).eval()
    model[0].register_forward_hook(lambda *_: None)
    assert "hooks" in refused("remove-dead", model, 2, 3)


def test_batch_norms_are_folded_into_the_convolutions_before_them():
    model = settled(nn.Sequential(*conv_bn(3, 4), nn.ReLU(), *conv_bn(4, 6, groups=2, bias=False)))
    found = applied("fold-batch-norms", model, 2, 3, 8, 8)
    assert found.words == "folded 2 batch norms"
    assert count(found.model, nn.BatchNorm2d) == 0


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 6, 1),
        nn.Conv2d(4, 6, 1, padding="same", bias=False),
        nn.Conv2d(4, 6, 3, stride=2, dilation=2, groups=2),
        nn.Conv2d(4, 4, 3, groups=4, padding="valid"),
    ],
    ids=str,
)
def test_a_batch_norm_is_folded_into_a_convolution_behind_it_that_pads_nothing(conv):
    for norm in (nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False)):
        model = settled(nn.Sequential(nn.ReLU(), norm, deepcopy(conv)))
        found = applied("fold-batch-norms", model, 2, 4, 8, 8)
        assert found.words == "folded 1 batch norms"
        assert count(found.model, nn.BatchNorm2d) == 0
    volumes = settled(nn.Sequential(nn.BatchNorm3d(4), nn.Conv3d(4, 2, (1, 2, 3))))
    assert applied("fold-batch-norms", volumes, 2, 4, 4, 4, 5).words == "folded 1 batch norms"


def test_a_batch_norm_before_a_convolution_that_pads_or_does_not_read_it_alone_stays():
    class Read(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.conv = nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            y = self.norm(x)
            return self.conv(y) + y

    padded = nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1))
    reflected = nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding="same", padding_mode="reflect"))
    without = nn.Sequential(nn.BatchNorm2d(4, track_running_stats=False), nn.Conv2d(4, 4, 1))
    for model in (Read(), padded, reflected, without):
        assert "no batch norm" in refused("fold-batch-norms", settled(model), 1, 4, 5, 5)


def test_a_batch_norm_behind_a_convolution_that_others_read_stays():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = conv_bn(3, 3)

        def forward(self, x):
            y = self.conv(x)
            return self.norm(y) + y

    assert "no batch norm" in refused("fold-batch-norms", settled(Shared()), 1, 3, 5, 5)


class Fusing(nn.Module):
    """fuse() hands back what stands in its place, in torch's default precision."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)

    def forward(self, x):
        return self.second(self.first(x))

    def fuse(self):
        single = nn.Linear(4, 4, bias=False)
        single.weight.data.copy_(self.second.weight @ self.first.weight)
        return single


def test_modules_of_others_are_merged_by_the_methods_that_they_have():
    found = applied("merge-branches", nn.Sequential(Merging(), nn.ReLU()).eval(), 2, 4, 6, 6)
    assert found.model[0].single is not None
    fused = applied("merge-branches", nn.Sequential(Fusing()).eval(), 2, 4)
    assert type(fused.model[0]) is nn.Linear
    assert type(applied("merge-branches", Fusing().eval(), 2, 4).model) is nn.Linear


def test_modules_of_ours_are_merged_and_merged_ones_are_not_merged_again():
    model = settled(nn.Sequential(DilatedReparamBlock(4, 7), LargeKernelConv2d(4, 9)))
    found = applied("merge-branches", model, 1, 4, 12, 12)
    assert count(found.model, DilatedReparamBlock) == 0
    assert refused("merge-branches", found.model, 1, 4, 12, 12) == "no branches to merge"


def test_a_layer_that_is_called_fuse_is_no_way_to_merge():
    class Joining(nn.Module):
        def __init__(self):
            super().__init__()
            self.block, self.fuse = Merging(), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            return self.fuse(self.block(x))

    found = applied("merge-branches", Joining().eval(), 2, 4, 6, 6)
    assert found.words == "merged branches in block"


def test_linear_blocks_collapse():
    model = nn.Sequential(CollapsibleLinearBlock2d(3, 5, 3), nn.ReLU()).eval()
    found = applied("collapse-linear-blocks", model, 1, 3, 8, 8)
    assert type(found.model[0]) is nn.Conv2d
    assert "no collapsible" in refused("collapse-linear-blocks", nn.Linear(2, 2), 1, 2)


class ConvFirst(nn.Module):
    def __init__(self, has_norms, turned=False):
        super().__init__()
        convs = [nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.Conv2d(8, 16, 1), nn.Conv2d(16, 8, 1)]
        parts = [[conv, nn.BatchNorm2d(conv.out_channels)] if has_norms else [conv] for conv in convs]
        self.branch = nn.Sequential(*parts[0], *parts[1], nn.SiLU(), *parts[2])
        self.turned = turned

    def forward(self, x):
        return self.branch(x) + x if self.turned else x + self.branch(x)


@pytest.mark.parametrize("has_norms", [False, True])
def test_blocks_that_convolve_first_are_found_and_fused(has_norms):
    model = settled(nn.Sequential(ConvFirst(has_norms), nn.ReLU(), ConvFirst(has_norms, turned=True)))
    found = applied("fuse-conv-first-blocks", model, 2, 8, 10, 9)
    assert count(found.model, FusedConvFirstBlock) == 2
    assert count(found.model, nn.BatchNorm2d) == 0


def test_a_block_is_found_behind_identities_that_folding_leaves_and_a_residual_layer_has():
    model = nn.Sequential(settled(conv_first_block(8)), nn.Identity())
    folded = applied("fold-batch-norms", model, 2, 8, 6, 6).model
    for each in (model, folded):
        assert count(applied("fuse-conv-first-blocks", each, 2, 8, 6, 6).model, FusedConvFirstBlock) == 1


def test_what_is_written_in_place_beside_a_fused_block_stays_written():
    class Beside(ConvFirst):
        def forward(self, x):
            y = super().forward(x)
            z = x * 2
            z.relu_()
            return y + z

    applied("fuse-conv-first-blocks", settled(Beside(True)), 2, 8, 6, 6)


def test_a_block_whose_middle_is_read_elsewhere_is_not_fused():
    class Read(ConvFirst):
        def forward(self, x):
            y = self.branch[0](x)
            return x + self.branch[3](self.branch[2](self.branch[1](y))) + y

    assert "no block" in refused("fuse-conv-first-blocks", settled(Read(False)), 1, 8, 6, 6)


def test_a_large_depthwise_convolution_is_planned_whatever_else_the_model_takes():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(4, 4, 2001, padding=1000, groups=4)

        def forward(self, x, gain):
            return self.conv(x) * gain

    model, plan = Two().eval(), BY_NAME["plan-convolutions"]
    x, gain = torch.randn(1, 4, 4000), torch.tensor(2.0)
    for example in (Example((x, gain)), Example((), {"x": x, "gain": gain})):
        found = plan.applied(model, example)
        assert isinstance(found, Changed)
        assert type(found.model.conv) is PlannedConv
        for dtype in TOLERANCES:
            assert not check_rewrite(plan, model, found.model, example, dtype, False).fault


def test_convolutions_of_patches_read_blocks_at_every_size():
    model = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.GELU(), nn.Conv2d(8, 8, 2, 2, groups=2)).eval()
    found = applied("space-to-depth", model, 2, 3, 16, 16)
    assert found.words == "2 convolutions of patches read blocks"
    odd = torch.randn(1, 3, 19, 22)
    torch.testing.assert_close(found.model(odd), model(odd))
    overlapping = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 2, 2, 1))
    assert "no convolution whose stride" in refused("space-to-depth", overlapping, 2, 3, 16, 16)


def test_channels_last_changes_the_layout_and_no_value():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3)).eval()
    found = applied("channels-last", model, 2, 3, 8, 8)
    assert found.words == "laid 2 weights out with channels last"
    assert found.model[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert "no weight" in refused("channels-last", nn.Linear(2, 2), 1, 2)


def feed_forwards():
    return nn.Sequential(
        *(Residual(ChannelMlp(8, 2), ChannelLayerNorm(8), channels=8, scale=1e-3) for _ in range(4))
    )


def convolutions():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4)
    )


@pytest.mark.parametrize(
    ("name", "model", "shape", "words"),
    [
        ("low-rank", convolutions, (2, 3, 6, 6), "2 convolutions"),
        ("prune-filters", convolutions, (2, 3, 6, 6), "quarter"),
        ("prune-channels-lasso", convolutions, (40, 3, 6, 6), "read fewer"),
        ("prune-beta-rank", convolutions, (4, 3, 6, 6), "quarter"),
        ("prune-relevance", convolutions, (4, 3, 6, 6), "quarter"),
        ("shallow-parallel", lambda: nn.Sequential(feed_forwards()), (2, 8, 6), "side by side: 0"),
        ("fuse-feed-forwards", feed_forwards, (2, 8, 6), "1 runs"),
        ("int8", convolutions, (2, 3, 6, 6), "3 layers"),
    ],
    ids=[each.name for each in PASSES if not each.is_exact],
)
def test_an_approximate_pass_runs_on_all_inputs_and_says_what_it_did(name, model, shape, words):
    found = applied(name, model().eval(), *shape)
    assert words in found.words


def test_approximate_passes_refuse_what_they_do_not_know():
    for each in PASSES:
        if not each.is_exact:
            assert refused(each.name, nn.Sequential(nn.PReLU()), 2, 3)


def test_every_pass_has_a_name_of_its_own_and_exact_ones_come_first_but_what_hides_layers():
    assert len(BY_NAME) == len(PASSES)
    *others, last = PASSES
    kinds = [each.is_exact for each in others]
    assert kinds == sorted(kinds, reverse=True)
    assert last.name == "pack-weights"
    assert all(isinstance(each, Pass) for each in PASSES)
