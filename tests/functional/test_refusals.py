"""What the doors refuse, by which of our errors, and in which words."""

import pytest
import torch

import circulant
from circulant import functional
from circulant.core.errors import (
    ArgumentError,
    CirculantError,
    DeviceError,
    DtypeError,
    NoPlanError,
    ShapeError,
    UnknownNameError,
)
from circulant.functional import conv1d, conv2d, conv3d, conv_transpose2d, long_conv

X, W = torch.zeros(2, 4, 6, 6), torch.zeros(6, 4, 3, 3)
S, K = torch.zeros(2, 3, 8), torch.zeros(3, 5)


def plan2d(**settings):
    return circulant.plan("conv2d", input=X.shape, weight=W.shape, **settings)


REFUSED = {
    "an integer input": (
        lambda: conv2d(X.long(), W),
        DtypeError,
        "input of a floating-point dtype, got torch.int64",
    ),
    "a complex input": (lambda: conv2d(X + 0j, W), DtypeError, "got torch.complex64"),
    "two dtypes": (lambda: conv2d(X, W.double()), DtypeError, "weight of input's dtype torch.float32"),
    "a bias of another dtype": (
        lambda: conv2d(X, W, torch.zeros(6).half()),
        DtypeError,
        "bias of input's dtype",
    ),
    "two devices": (lambda: conv2d(X, W.to("meta")), DeviceError, "device cpu, got meta"),
    "too few axes": (lambda: conv2d(X[0, 0], W), ShapeError, "(B, C, H, W) or (C, H, W)"),
    "too many axes": (lambda: conv1d(X, W), ShapeError, "(B, C, L) or (C, L)"),
    "a weight of other rank": (lambda: conv3d(X, W), ShapeError, "weight of 5 axes, got input (2, 4, 6, 6)"),
    "other channels": (lambda: conv2d(X[:, :3], W), ShapeError, "C = 3 and groups = 1"),
    "groups that do not fit the weight": (lambda: conv2d(X, W, groups=2), ShapeError, "groups = 2"),
    "groups that do not divide the output": (
        lambda: conv2d(X, W[:5, :2], groups=2),
        ShapeError,
        "(O, C / groups, *kernel)",
    ),
    "no groups": (lambda: conv2d(X, W, groups=0), ArgumentError, "groups of 1 or more, got 0"),
    "a fraction of groups": (lambda: conv2d(X, W, groups=1.0), ArgumentError, "groups of 1 or more, got 1.0"),
    "a bias of other size": (lambda: conv2d(X, W, torch.zeros(4)), ShapeError, "bias (6,), got (4,)"),
    "a kernel without taps": (lambda: conv2d(X, W[..., :0]), ShapeError, "at least 1 tap along each axis"),
    "a kernel that does not fit": (lambda: conv2d(X, W, dilation=3), ShapeError, "spanning (7, 7) samples"),
    "negative padding": (lambda: conv2d(X, W, padding=-1), ArgumentError, "padding of 0 or more"),
    "stride nought": (lambda: conv2d(X, W, stride=(1, 0)), ArgumentError, "stride of 1 or more"),
    "negative dilation": (lambda: conv2d(X, W, dilation=-1), ArgumentError, "dilation of 1 or more"),
    "three strides for two axes": (
        lambda: conv2d(X, W, stride=(1, 1, 1)),
        ArgumentError,
        "stride as one int or 2",
    ),
    "a fraction of stride": (lambda: conv2d(X, W, stride=1.5), CirculantError, "stride"),
    "a fraction of padding": (
        lambda: conv2d(X, W, padding=(1.0, 1)),
        ArgumentError,
        "padding as one int or 2",
    ),
    "an unknown padding word": (
        lambda: conv2d(X, W, padding="full"),
        ArgumentError,
        "'valid', 'same' or 'causal'",
    ),
    "padding 'same' with a stride": (
        lambda: conv2d(X, W, stride=2, padding="same"),
        ArgumentError,
        "stride 1 with padding 'same'",
    ),
    "more reflection than samples": (
        lambda: conv2d(X, W, padding=6, boundary="reflect"),
        ShapeError,
        "at most 5 for boundary 'reflect'",
    ),
    "more wrapping than samples": (
        lambda: conv2d(X, W, padding=7, boundary="circular"),
        ShapeError,
        "at most 6 for boundary 'circular'",
    ),
    "a misspelt boundary": (
        lambda: conv2d(X, W, boundary="circlar"),
        UnknownNameError,
        "did you mean circular?",
    ),
    "an unknown algorithm": (lambda: conv2d(X, W, algorithm="fff"), UnknownNameError, "did you mean fft?"),
    "an unknown backend": (
        lambda: conv2d(X, W, backend="numpy"),
        UnknownNameError,
        "no backend named 'numpy'",
    ),
    "too much output padding": (
        lambda: conv_transpose2d(X, torch.zeros(4, 2, 3, 3), stride=2, output_padding=2),
        ArgumentError,
        "output_padding below stride or dilation",
    ),
    "words for a transposed convolution": (
        lambda: conv_transpose2d(X, torch.zeros(4, 2, 3, 3), padding="same"),
        ArgumentError,
        "as integers, got 'same'",
    ),
    "channels of a transposed convolution": (
        lambda: conv_transpose2d(X, W),
        ShapeError,
        "(C, O / groups, *kernel) with C = 4",
    ),
    "a transposed convolution of nothing": (
        lambda: conv_transpose2d(X, torch.zeros(4, 2, 1, 1), padding=3),
        ShapeError,
        "at least 1 sample along each axis",
    ),
    "an image for long_conv": (lambda: long_conv(X, K), ShapeError, "x (B, C, L) and kernel (C, K)"),
    "a batch of kernels": (lambda: long_conv(S, K[None]), ShapeError, "kernel (1, 3, 5)"),
    "kernels for other channels": (lambda: long_conv(S, K[:2]), ShapeError, "kernel (2, 5)"),
    "no sample": (lambda: long_conv(S[..., :0], K), ShapeError, "at least 1 sample and 1 tap"),
    "no tap": (lambda: long_conv(S, K[:, :0]), ShapeError, "at least 1 sample and 1 tap"),
    "a gate of other shape": (
        lambda: long_conv(S, K, gate_in=S[:1]),
        ShapeError,
        "gate_in of x's shape (2, 3, 8)",
    ),
    "an output gate of other shape": (
        lambda: long_conv(S, K, gate_out=S[..., 1:]),
        ShapeError,
        "gate_out of x's",
    ),
    "a gate of other dtype": (
        lambda: long_conv(S, K, gate_out=S.double()),
        DtypeError,
        "gate_out of x's dtype",
    ),
    "a gate elsewhere": (
        lambda: long_conv(S, K, gate_in=S.to("meta")),
        DeviceError,
        "gate_in on x's device cpu",
    ),
    "a skip of other size": (
        lambda: long_conv(S, K, skip=torch.zeros(4)),
        ShapeError,
        "skip (C,) with C = 3",
    ),
    "an unknown end": (lambda: long_conv(S, K, boundary="causl"), UnknownNameError, "did you mean causal?"),
    "an unknown operation": (
        lambda: circulant.plan("conv4d", input=(1,), weight=(1,)),
        UnknownNameError,
        "did you mean conv3d",
    ),
    "a limit that is not a number": (
        lambda: plan2d(workspace_limit=float("nan")),
        ArgumentError,
        "workspace_limit",
    ),
    "an infinite limit": (
        lambda: plan2d(workspace_limit=float("inf")),
        ArgumentError,
        "a finite number of 0 or more",
    ),
    "a negative tolerance": (lambda: plan2d(tolerance=-1.0), ArgumentError, "tolerance as a finite number"),
    "a tolerance that is not a number": (lambda: plan2d(tolerance=float("nan")), ArgumentError, "tolerance"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_doors_refuse(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error) as refusal:
        call()
    assert words in str(refusal.value)


FORCED = {
    "overlap-save of an image": (
        lambda: conv2d(X, W, algorithm="overlap_save"),
        "blocks 1 spatial axis, the problem has 2",
    ),
    "channels-last of a series": (
        lambda: conv1d(S, torch.zeros(3, 3, 2), algorithm="channels_last"),
        "no channels-last layout for 1 spatial axis",
    ),
    "a dense convolution by the core": (
        lambda: conv2d(X, W, algorithm="direct", backend="native"),
        "this one maps 4 to 6 channels in 1 groups",
    ),
    "an algorithm that the core lacks": (
        lambda: long_conv(S, K, algorithm="overlap_save", backend="native"),
        "asked for algorithm overlap_save",
    ),
    "an algorithm for transforms": (
        lambda: long_conv(S, K, algorithm="dft_matrix"),
        "asked for algorithm dft_matrix",
    ),
    "no workspace for a transform": (
        lambda: plan2d(algorithm="fft", workspace_limit=16),
        "bytes of workspace, the limit is 16",
    ),
    "an exactness that nobody offers": (lambda: plan2d(tolerance=1e-12), "tolerance 1.0e-12"),
    "a plan for the core": (lambda: plan2d(algorithm="direct", backend="native"), "takes depthwise problems"),
}


@pytest.mark.parametrize("name", FORCED)
def test_a_forced_choice_that_cannot_run_says_why_and_never_falls_back(name):
    call, reason = FORCED[name]
    with pytest.raises(NoPlanError) as refusal:
        call()
    assert reason in str(refusal.value)


def test_the_core_refuses_tensors_that_are_not_on_the_cpu():
    x = torch.zeros(2, 3, 8, device="meta")
    assert functional.long_conv(x, K.to("meta")).shape == x.shape  # shapes alone need no plan
    with pytest.raises(NoPlanError, match="runs on a CPU, the tensors are on meta"):
        circulant.engine.planner.plan(
            circulant.plan("long_conv", input=(1, 1, 8), weight=(1, 8)).problem,
            circulant.engine.choice.Choice(backend=functional.Backend.NATIVE),
            "meta",
        )


def test_every_refusal_can_be_caught_as_the_error_that_python_users_expect():
    with pytest.raises(ValueError, match="stride"):
        conv2d(X, W, stride=0)
    with pytest.raises(TypeError, match="dtype"):
        conv2d(X, W.double())
    with pytest.raises(KeyError, match="no boundary named"):
        conv2d(X, W, boundary="none")
