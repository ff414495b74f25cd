"""Every operator of the catalogue, loaded when it is asked for.

Written by tools/generate.py; do not edit.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circulant.engine.companion import companion_decode
    from circulant.engine.conv_scan import conv_parallel_scan
    from circulant.operators.algebra.complex_conv import ComplexConv1d, ComplexConv2d, ComplexConv3d
    from circulant.operators.algebra.parameterized_hypercomplex_conv import (
        ParameterizedHypercomplexConv1d,
        ParameterizedHypercomplexConv2d,
        ParameterizedHypercomplexConv3d,
    )
    from circulant.operators.attention.halo_attention2d import HaloAttention2d
    from circulant.operators.attention.neighborhood_attention2d import NeighborhoodAttention2d
    from circulant.operators.dynamic.cond_conv2d import CondConv2d
    from circulant.operators.dynamic.deformable_conv2d_v4 import DeformableConv2dV4
    from circulant.operators.dynamic.involution2d import Involution2d
    from circulant.operators.gates.efficient_channel_attention import (
        EfficientChannelAttention,
        eca_kernel_size,
    )
    from circulant.operators.gates.multi_spectral_channel_attention2d import (
        MultiSpectralChannelAttention2d,
        dct_channel_pool,
    )
    from circulant.operators.gates.squeeze_excitation import (
        SqueezeExcitation1d,
        SqueezeExcitation2d,
        SqueezeExcitation3d,
    )
    from circulant.operators.sequence.atrous_selective_scan2d import (
        AtrousSelectiveScan2d,
        atrous_merge,
        atrous_scan,
    )
    from circulant.operators.sequence.bidirectional_ssm import BidirectionalSsm
    from circulant.operators.sequence.conv_s5 import ConvS5
    from circulant.operators.sequence.conv_ssm import ConvSSM
    from circulant.operators.sequence.decay_attention import decay_attention
    from circulant.operators.sequence.diagonal_ssm import DiagonalSsm
    from circulant.operators.sequence.discretisation import Discretisation
    from circulant.operators.sequence.efficient_visual_state_space2d import EfficientVisualStateSpace2d
    from circulant.operators.sequence.frame_readout import FrameReadout
    from circulant.operators.sequence.h3_mixer import H3Mixer
    from circulant.operators.sequence.learned_butterfly import LearnedButterfly
    from circulant.operators.sequence.linear_attention1d import LinearAttention1d
    from circulant.operators.sequence.long_conv1d import LongConv1d
    from circulant.operators.sequence.rational_kernel import RtfInitialisation
    from circulant.operators.sequence.rational_transfer_function1d import RationalTransferFunction1d
    from circulant.operators.sequence.s4d_mixer1d import S4dMixer1d
    from circulant.operators.sequence.selective_scan2d import SelectiveScan2d, cross_merge, cross_scan
    from circulant.operators.sequence.selective_ssm1d import SelectiveSsm1d
    from circulant.operators.sequence.sg_conv import SGConv
    from circulant.operators.sequence.sgconv_kernel import Upsampling, sgconv_kernel
    from circulant.operators.sequence.shift_ssm import ShiftSsm
    from circulant.operators.spatial.dcls import Dcls1d, Dcls2d, Dcls3d
    from circulant.operators.spatial.dcls_kernel import DclsVersion, dcls_kernel
    from circulant.operators.spatial.dilated_reparam_block import DilatedBranch, DilatedReparamBlock
    from circulant.operators.spatial.fused_conv_first_block import FusedConvFirstBlock
    from circulant.operators.spatial.inception_dw_conv2d import InceptionDWConv2d
    from circulant.operators.spatial.large_kernel_attention2d import LargeKernelAttention2d
    from circulant.operators.spatial.large_kernel_conv import LargeKernelConv2d
    from circulant.operators.spectral.adaptive_spectral_filter1d import AdaptiveSpectralFilter1d
    from circulant.operators.spectral.fourier_mixing1d import FourierMixing1d
    from circulant.operators.spectral.mod_relu import ModReLU
    from circulant.problems.conv_first_block import BlockActivation

_MODULES = {
    "AdaptiveSpectralFilter1d": "circulant.operators.spectral.adaptive_spectral_filter1d",
    "AtrousSelectiveScan2d": "circulant.operators.sequence.atrous_selective_scan2d",
    "BidirectionalSsm": "circulant.operators.sequence.bidirectional_ssm",
    "BlockActivation": "circulant.problems.conv_first_block",
    "ComplexConv1d": "circulant.operators.algebra.complex_conv",
    "ComplexConv2d": "circulant.operators.algebra.complex_conv",
    "ComplexConv3d": "circulant.operators.algebra.complex_conv",
    "CondConv2d": "circulant.operators.dynamic.cond_conv2d",
    "ConvS5": "circulant.operators.sequence.conv_s5",
    "ConvSSM": "circulant.operators.sequence.conv_ssm",
    "Dcls1d": "circulant.operators.spatial.dcls",
    "Dcls2d": "circulant.operators.spatial.dcls",
    "Dcls3d": "circulant.operators.spatial.dcls",
    "DclsVersion": "circulant.operators.spatial.dcls_kernel",
    "DeformableConv2dV4": "circulant.operators.dynamic.deformable_conv2d_v4",
    "DiagonalSsm": "circulant.operators.sequence.diagonal_ssm",
    "DilatedBranch": "circulant.operators.spatial.dilated_reparam_block",
    "DilatedReparamBlock": "circulant.operators.spatial.dilated_reparam_block",
    "Discretisation": "circulant.operators.sequence.discretisation",
    "EfficientChannelAttention": "circulant.operators.gates.efficient_channel_attention",
    "EfficientVisualStateSpace2d": "circulant.operators.sequence.efficient_visual_state_space2d",
    "FourierMixing1d": "circulant.operators.spectral.fourier_mixing1d",
    "FrameReadout": "circulant.operators.sequence.frame_readout",
    "FusedConvFirstBlock": "circulant.operators.spatial.fused_conv_first_block",
    "H3Mixer": "circulant.operators.sequence.h3_mixer",
    "HaloAttention2d": "circulant.operators.attention.halo_attention2d",
    "InceptionDWConv2d": "circulant.operators.spatial.inception_dw_conv2d",
    "Involution2d": "circulant.operators.dynamic.involution2d",
    "LargeKernelAttention2d": "circulant.operators.spatial.large_kernel_attention2d",
    "LargeKernelConv2d": "circulant.operators.spatial.large_kernel_conv",
    "LearnedButterfly": "circulant.operators.sequence.learned_butterfly",
    "LinearAttention1d": "circulant.operators.sequence.linear_attention1d",
    "LongConv1d": "circulant.operators.sequence.long_conv1d",
    "ModReLU": "circulant.operators.spectral.mod_relu",
    "MultiSpectralChannelAttention2d": "circulant.operators.gates.multi_spectral_channel_attention2d",
    "NeighborhoodAttention2d": "circulant.operators.attention.neighborhood_attention2d",
    "ParameterizedHypercomplexConv1d": "circulant.operators.algebra.parameterized_hypercomplex_conv",
    "ParameterizedHypercomplexConv2d": "circulant.operators.algebra.parameterized_hypercomplex_conv",
    "ParameterizedHypercomplexConv3d": "circulant.operators.algebra.parameterized_hypercomplex_conv",
    "RationalTransferFunction1d": "circulant.operators.sequence.rational_transfer_function1d",
    "RtfInitialisation": "circulant.operators.sequence.rational_kernel",
    "S4dMixer1d": "circulant.operators.sequence.s4d_mixer1d",
    "SGConv": "circulant.operators.sequence.sg_conv",
    "SelectiveScan2d": "circulant.operators.sequence.selective_scan2d",
    "SelectiveSsm1d": "circulant.operators.sequence.selective_ssm1d",
    "ShiftSsm": "circulant.operators.sequence.shift_ssm",
    "SqueezeExcitation1d": "circulant.operators.gates.squeeze_excitation",
    "SqueezeExcitation2d": "circulant.operators.gates.squeeze_excitation",
    "SqueezeExcitation3d": "circulant.operators.gates.squeeze_excitation",
    "Upsampling": "circulant.operators.sequence.sgconv_kernel",
    "atrous_merge": "circulant.operators.sequence.atrous_selective_scan2d",
    "atrous_scan": "circulant.operators.sequence.atrous_selective_scan2d",
    "companion_decode": "circulant.engine.companion",
    "conv_parallel_scan": "circulant.engine.conv_scan",
    "cross_merge": "circulant.operators.sequence.selective_scan2d",
    "cross_scan": "circulant.operators.sequence.selective_scan2d",
    "dcls_kernel": "circulant.operators.spatial.dcls_kernel",
    "dct_channel_pool": "circulant.operators.gates.multi_spectral_channel_attention2d",
    "decay_attention": "circulant.operators.sequence.decay_attention",
    "eca_kernel_size": "circulant.operators.gates.efficient_channel_attention",
    "sgconv_kernel": "circulant.operators.sequence.sgconv_kernel",
}

__all__ = [
    "AdaptiveSpectralFilter1d",
    "AtrousSelectiveScan2d",
    "BidirectionalSsm",
    "BlockActivation",
    "ComplexConv1d",
    "ComplexConv2d",
    "ComplexConv3d",
    "CondConv2d",
    "ConvS5",
    "ConvSSM",
    "Dcls1d",
    "Dcls2d",
    "Dcls3d",
    "DclsVersion",
    "DeformableConv2dV4",
    "DiagonalSsm",
    "DilatedBranch",
    "DilatedReparamBlock",
    "Discretisation",
    "EfficientChannelAttention",
    "EfficientVisualStateSpace2d",
    "FourierMixing1d",
    "FrameReadout",
    "FusedConvFirstBlock",
    "H3Mixer",
    "HaloAttention2d",
    "InceptionDWConv2d",
    "Involution2d",
    "LargeKernelAttention2d",
    "LargeKernelConv2d",
    "LearnedButterfly",
    "LinearAttention1d",
    "LongConv1d",
    "ModReLU",
    "MultiSpectralChannelAttention2d",
    "NeighborhoodAttention2d",
    "ParameterizedHypercomplexConv1d",
    "ParameterizedHypercomplexConv2d",
    "ParameterizedHypercomplexConv3d",
    "RationalTransferFunction1d",
    "RtfInitialisation",
    "S4dMixer1d",
    "SGConv",
    "SelectiveScan2d",
    "SelectiveSsm1d",
    "ShiftSsm",
    "SqueezeExcitation1d",
    "SqueezeExcitation2d",
    "SqueezeExcitation3d",
    "Upsampling",
    "atrous_merge",
    "atrous_scan",
    "companion_decode",
    "conv_parallel_scan",
    "cross_merge",
    "cross_scan",
    "dcls_kernel",
    "dct_channel_pool",
    "decay_attention",
    "eca_kernel_size",
    "sgconv_kernel",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'circulant.nn' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
