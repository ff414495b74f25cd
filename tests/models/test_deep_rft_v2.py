"""Kernels that undo a known blur, columns that run backwards, and what kernels add to a small network."""

import pytest
import torch
import torch.nn.functional as F

from circulant.core.errors import ArgumentError
from circulant.core.tolerances import assert_close
from circulant.data.scenes import scene_patches
from circulant.engine.transform import irfftn
from circulant.models.deep_rft_v2 import DeblurDesign, DeepRftV2
from circulant.models.fourier_kernel_estimator import FourierKernelEstimator, transferred
from circulant.models.reversible import run_columns
from circulant.models.reversible_sub_unet import ReversibleSubUNet
from circulant.train.fit import fit
from circulant.train.recipe import Recipe


def circular(x, kernel):
    """Position by position, x and kernel (B, C, H, W)."""
    y = torch.zeros_like(x)
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            y += kernel[:, :, i : i + 1, j : j + 1] * x.roll((i, j), (2, 3))
    return y


def disturbed(module):
    """In float64, with no parameter at its first value: the blocks start as identities."""
    module = module.double()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, dtype=torch.float64, generator=generator))
    return module


def test_the_exact_ratio_of_spectra_restores_the_sharp_feature():
    torch.manual_seed(0)
    sharp = torch.randn(2, 3, 12, 15, dtype=torch.float64)
    kernel = torch.zeros(1, 1, 12, 15, dtype=torch.float64)
    kernel[..., 0, :5] = torch.tensor([0.4, 0.25, 0.15, 0.12, 0.08])  # uneven: no bin is lost
    blurred = circular(sharp, kernel.expand_as(sharp))
    spectrum = torch.fft.rfft2(blurred)
    assert spectrum.abs().min() > 1e-3
    transfer = torch.view_as_real(torch.fft.rfft2(sharp) / spectrum)
    assert_close(transferred(blurred, transfer), sharp, 1e-6)


@pytest.mark.parametrize("size", [(6, 8), (5, 7)])
def test_applying_what_is_estimated_is_a_circular_convolution(size):
    torch.manual_seed(0)
    estimator = disturbed(FourierKernelEstimator(4))
    blurred, restored = torch.randn(2, 2, 3, *size, dtype=torch.float64)
    feature = torch.randn(2, 4, *size, dtype=torch.float64)
    with torch.no_grad():
        transfer = estimator.transfer(blurred, restored, feature)
        assert transfer.shape == (2, 4, size[0], size[1] // 2 + 1, 2)
        y = estimator.carry(feature)
        sharper = circular(y, irfftn(transfer, size))
        assert_close(transferred(y, transfer), sharper, 1e-9)
        fused = estimator.fuse(torch.cat([sharper, feature], 1))
        deblurred = estimator(blurred, restored, feature)
    assert_close(deblurred.feature, fused, 1e-9)
    assert_close(deblurred.picture, estimator.show(fused) + blurred, 1e-9)


def columns(count):
    torch.manual_seed(0)
    return [disturbed(ReversibleSubUNet((4, 6, 8), (1, 1, 1))) for _ in range(count)]


def test_the_inverse_of_each_column_reconstructs_the_state_before_it():
    stack = columns(4)
    x = torch.randn(2, 4, 8, 12, dtype=torch.float64)
    states = [stack[0].empty_state(x)]
    assert [state.shape[1] for state in states[0]] == [4, 6, 8, 6, 4]
    with torch.no_grad():
        for column in stack:
            states.append(column(x, states[-1]))
        state = states[-1]
        for column, expected in zip(reversed(stack), reversed(states[:-1])):
            state = column.inverse(x, state)
            for got, wanted in zip(state, expected):
                assert (got - wanted).abs().max() < 1e-5


def test_in_single_precision_the_inverse_stays_within_the_tolerance():
    column = columns(1)[0].float()
    x = torch.randn(1, 4, 8, 8)
    before = tuple(torch.randn_like(level) for level in column.empty_state(x))
    with torch.no_grad():
        after = column.inverse(x, column(x, before))
    assert all((got - wanted).abs().max() < 1e-5 for got, wanted in zip(after, before))


def test_gradients_equal_those_of_ordinary_backpropagation():
    stack = columns(3)
    x = torch.randn(2, 4, 8, 8, dtype=torch.float64, requires_grad=True)
    start = tuple(torch.randn_like(level).requires_grad_() for level in stack[0].empty_state(x))
    parameters = [parameter for column in stack for parameter in column.parameters()]
    parameters[3].requires_grad_(False)
    leaves = [x, *start, *(parameter for parameter in parameters if parameter.requires_grad)]

    def gradients(saves_memory):
        made = run_columns(stack, x, start, saves_memory=saves_memory)
        loss = sum(((number + 1) * level.sin()).sum() for number, level in enumerate(made))
        return made, torch.autograd.grad(loss, leaves)

    (plain, expected), (made, got) = gradients(False), gradients(True)
    for one, other in zip((*made, *got), (*plain, *expected)):
        assert_close(one, other, 1e-8)


def test_the_backward_pass_keeps_one_state_however_many_columns_there_are():
    x = torch.randn(1, 4, 8, 8, dtype=torch.float64, requires_grad=True)

    def kept(count, saves_memory):
        stack, total = columns(count), 0

        def pack(tensor):
            nonlocal total
            total += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            run_columns(stack, x, stack[0].empty_state(x), saves_memory=saves_memory)
        return total

    assert kept(4, True) == kept(1, True) < kept(1, False)
    assert kept(4, False) > 3 * kept(1, False)


def test_factors_near_zero_keep_their_distance():
    column = ReversibleSubUNet((4,), (1,)).double()
    x = torch.randn(1, 4, 4, 4, dtype=torch.float64)
    with torch.no_grad():
        column.scales[0].copy_(torch.tensor([0.0, 1e-9, -1e-9, 2.0])[:, None, None])
        before = (torch.ones_like(x),)
        assert_close(column.inverse(x, column(x, before))[0], before[0], 1e-9)


def test_the_network_restores_on_every_scale_and_both_ways_of_training_agree():
    torch.manual_seed(0)
    design = DeblurDesign((4, 8), (1, 1), 2, 2)
    network = DeepRftV2(design).double()
    other = DeepRftV2(design, saves_memory=False).double()
    other.load_state_dict(network.state_dict())
    x = torch.rand(1, 3, 16, 24, dtype=torch.float64)
    assert [tuple(made.shape[2:]) for made in network.restorations(x)] == [(8, 12)] * 3 + [(16, 24)] * 3
    assert len(DeepRftV2(design, estimates_kernel=False).double().restorations(x)) == 4
    network(x).square().sum().backward()
    other(x).square().sum().backward()
    for one, two in zip(network.parameters(), other.parameters()):
        assert (one.grad is None) == (two.grad is None)
        if one.grad is not None:
            assert_close(one.grad, two.grad, 1e-8)


def test_grids_that_cannot_be_halved_are_refused():
    with pytest.raises(ArgumentError, match="divisible by 4"):
        ReversibleSubUNet((4, 6, 8), (1, 1, 1)).empty_state(torch.ones(1, 4, 6, 8))
    with pytest.raises(ArgumentError, match="a depth for each"):
        ReversibleSubUNet((4, 6), (1,))


def _moved(pictures, seed):
    """Photographs blurred by straight motion of 5, 7 or 9 pixels, in a circle."""
    generator = torch.Generator().manual_seed(seed)
    lengths = 5 + 2 * torch.randint(3, (len(pictures),), generator=generator)
    rows = [
        torch.stack([picture.roll(step - length // 2, -1) for step in range(length)]).mean(0)
        for picture, length in zip(pictures, lengths.tolist())
    ]
    return torch.stack(rows)


def _peak_signal_to_noise(estimates_kernel):
    """In decibels, on unseen patches, after a short training."""
    sharp, unseen = (torch.from_numpy(scene_patches(24, count, count)) for count in (330, 110))
    torch.manual_seed(0)
    design = DeblurDesign((8,), (1,), 1, 1)
    network = DeepRftV2(design, 1, estimates_kernel=estimates_kernel, saves_memory=False)
    recipe = Recipe(batch=16, learning_rate=1e-2, weight_decay=0.0)
    fit(network, _moved(sharp, 1), sharp, steps=200, loss=F.mse_loss, recipe=recipe)
    with torch.no_grad():
        return -10 * F.mse_loss(network(_moved(unseen, 2)), unseen).log10().item()


@pytest.mark.slow
def test_pictures_blurred_by_motion_are_restored_better_with_kernels_than_without():
    assert _peak_signal_to_noise(True) > _peak_signal_to_noise(False) + 0.2
