"""Every block with branches becomes one convolution, wherever it stands."""

import torch
from torch import nn

from circulant.core.tolerances import assert_close
from circulant.operators.spatial.depthwise_conv import DepthwiseConv2d
from circulant.operators.spatial.dilated_reparam_block import DilatedReparamBlock
from circulant.operators.spatial.large_kernel_conv import LargeKernelConv2d
from circulant.optimise.merge_large_kernel import merge_large_kernel

C = 4


def trained(module: nn.Module) -> nn.Module:
    """In float64, after some batches have moved the statistics, and with uneven scales."""
    torch.manual_seed(0)
    module = module.double()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    for _ in range(3):
        module(torch.randn(4, C, 12, 12, dtype=torch.float64) + 1)
    return module.eval()


def test_all_blocks_of_a_network_are_merged_by_name():
    shared = LargeKernelConv2d(C, 7)
    network = trained(nn.Sequential(shared, nn.GELU(), nn.Sequential(LargeKernelConv2d(C, 31), shared)))
    x = torch.randn(2, C, 17, 16, dtype=torch.float64)
    before = network(x)
    merging = merge_large_kernel(network)
    assert merging.module is network
    assert [each.name for each in merging.replaced] == ["0.body", "2.0.body"]
    assert network[0] is network[2][1]
    assert not any(isinstance(part, (nn.BatchNorm2d, DilatedReparamBlock)) for part in network.modules())
    assert_close(network(x), before)
    assert merge_large_kernel(network).replaced == ()
    assert isinstance(merging.undo()[0].body, DilatedReparamBlock)


def test_a_block_by_itself_is_given_back_merged():
    block = trained(DilatedReparamBlock(C, 13))
    merging = merge_large_kernel(block)
    x = torch.randn(2, C, 17, 16, dtype=torch.float64)
    assert isinstance(merging.module, DepthwiseConv2d)
    assert [each.name for each in merging.replaced] == [""]
    assert_close(merging.module(x), block(x))
