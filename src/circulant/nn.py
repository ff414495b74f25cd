"""Every operator of the catalogue, loaded when it is asked for.

Written by tools/generate.py; do not edit.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from circulant.operators.sequence.decay_attention import decay_attention
    from circulant.operators.sequence.learned_butterfly import LearnedButterfly
    from circulant.operators.sequence.linear_attention1d import LinearAttention1d
    from circulant.operators.sequence.long_conv1d import LongConv1d
    from circulant.operators.sequence.sg_conv import SGConv
    from circulant.operators.sequence.sgconv_kernel import Upsampling, sgconv_kernel
    from circulant.operators.spatial.dcls import Dcls1d, Dcls2d, Dcls3d
    from circulant.operators.spatial.dcls_kernel import DclsVersion, dcls_kernel
    from circulant.operators.spatial.dilated_reparam_block import DilatedBranch, DilatedReparamBlock
    from circulant.operators.spatial.fused_conv_first_block import FusedConvFirstBlock
    from circulant.operators.spatial.inception_dw_conv2d import InceptionDWConv2d
    from circulant.operators.spatial.large_kernel_attention2d import LargeKernelAttention2d
    from circulant.operators.spatial.large_kernel_conv import LargeKernelConv2d
    from circulant.operators.spectral.adaptive_spectral_filter1d import AdaptiveSpectralFilter1d
    from circulant.operators.spectral.fourier_attention3d import FourierAttention3d
    from circulant.operators.spectral.fourier_conv import FourierConv1d, FourierConv2d, FourierConv3d
    from circulant.operators.spectral.fourier_mixing1d import FourierMixing1d
    from circulant.operators.spectral.fourier_object_disentangle import FourierObjectDisentangle
    from circulant.operators.spectral.fourier_unit import FourierUnit1d, FourierUnit2d, FourierUnit3d
    from circulant.operators.spectral.global_fourier_filter import (
        GlobalFourierFilter1d,
        GlobalFourierFilter2d,
        GlobalFourierFilter3d,
    )
    from circulant.operators.spectral.haar_dwt import HaarDWT1d, HaarDWT2d, HaarDWT3d
    from circulant.operators.spectral.mod_relu import ModReLU
    from circulant.operators.spectral.spatiotemporal_spectral_conv3d import SpatiotemporalSpectralConv3d
    from circulant.operators.spectral.spectral_conv import SpectralConv1d, SpectralConv2d, SpectralConv3d
    from circulant.operators.spectral.spectral_transform import SpectralTransform
    from circulant.operators.spectral.temporal_spectral_conv1d import TemporalSpectralConv1d
    from circulant.operators.spectral.volumetric_ffc import FastFourierConv2d, VolumetricFFC3d
    from circulant.operators.spectral.wave_mix_block2d import WaveMixBlock2d
    from circulant.operators.spectral.wave_mix_block2d_v1 import WaveMixBlock2dV1
    from circulant.problems.conv_first_block import BlockActivation

_MODULES = {
    "AdaptiveSpectralFilter1d": "circulant.operators.spectral.adaptive_spectral_filter1d",
    "BlockActivation": "circulant.problems.conv_first_block",
    "ComplexConv1d": "circulant.operators.algebra.complex_conv",
    "ComplexConv2d": "circulant.operators.algebra.complex_conv",
    "ComplexConv3d": "circulant.operators.algebra.complex_conv",
    "CondConv2d": "circulant.operators.dynamic.cond_conv2d",
    "Dcls1d": "circulant.operators.spatial.dcls",
    "Dcls2d": "circulant.operators.spatial.dcls",
    "Dcls3d": "circulant.operators.spatial.dcls",
    "DclsVersion": "circulant.operators.spatial.dcls_kernel",
    "DeformableConv2dV4": "circulant.operators.dynamic.deformable_conv2d_v4",
    "DilatedBranch": "circulant.operators.spatial.dilated_reparam_block",
    "DilatedReparamBlock": "circulant.operators.spatial.dilated_reparam_block",
    "EfficientChannelAttention": "circulant.operators.gates.efficient_channel_attention",
    "FastFourierConv2d": "circulant.operators.spectral.volumetric_ffc",
    "FourierAttention3d": "circulant.operators.spectral.fourier_attention3d",
    "FourierConv1d": "circulant.operators.spectral.fourier_conv",
    "FourierConv2d": "circulant.operators.spectral.fourier_conv",
    "FourierConv3d": "circulant.operators.spectral.fourier_conv",
    "FourierMixing1d": "circulant.operators.spectral.fourier_mixing1d",
    "FourierObjectDisentangle": "circulant.operators.spectral.fourier_object_disentangle",
    "FourierUnit1d": "circulant.operators.spectral.fourier_unit",
    "FourierUnit2d": "circulant.operators.spectral.fourier_unit",
    "FourierUnit3d": "circulant.operators.spectral.fourier_unit",
    "FusedConvFirstBlock": "circulant.operators.spatial.fused_conv_first_block",
    "GlobalFourierFilter1d": "circulant.operators.spectral.global_fourier_filter",
    "GlobalFourierFilter2d": "circulant.operators.spectral.global_fourier_filter",
    "GlobalFourierFilter3d": "circulant.operators.spectral.global_fourier_filter",
    "HaarDWT1d": "circulant.operators.spectral.haar_dwt",
    "HaarDWT2d": "circulant.operators.spectral.haar_dwt",
    "HaarDWT3d": "circulant.operators.spectral.haar_dwt",
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
    "SGConv": "circulant.operators.sequence.sg_conv",
    "SpatiotemporalSpectralConv3d": "circulant.operators.spectral.spatiotemporal_spectral_conv3d",
    "SpectralConv1d": "circulant.operators.spectral.spectral_conv",
    "SpectralConv2d": "circulant.operators.spectral.spectral_conv",
    "SpectralConv3d": "circulant.operators.spectral.spectral_conv",
    "SpectralTransform": "circulant.operators.spectral.spectral_transform",
    "SqueezeExcitation1d": "circulant.operators.gates.squeeze_excitation",
    "SqueezeExcitation2d": "circulant.operators.gates.squeeze_excitation",
    "SqueezeExcitation3d": "circulant.operators.gates.squeeze_excitation",
    "TemporalSpectralConv1d": "circulant.operators.spectral.temporal_spectral_conv1d",
    "Upsampling": "circulant.operators.sequence.sgconv_kernel",
    "VolumetricFFC3d": "circulant.operators.spectral.volumetric_ffc",
    "WaveMixBlock2d": "circulant.operators.spectral.wave_mix_block2d",
    "WaveMixBlock2dV1": "circulant.operators.spectral.wave_mix_block2d_v1",
    "dcls_kernel": "circulant.operators.spatial.dcls_kernel",
    "dct_channel_pool": "circulant.operators.gates.multi_spectral_channel_attention2d",
    "decay_attention": "circulant.operators.sequence.decay_attention",
    "eca_kernel_size": "circulant.operators.gates.efficient_channel_attention",
    "sgconv_kernel": "circulant.operators.sequence.sgconv_kernel",
}

__all__ = [
    "AdaptiveSpectralFilter1d",
    "BlockActivation",
    "ComplexConv1d",
    "ComplexConv2d",
    "ComplexConv3d",
    "CondConv2d",
    "Dcls1d",
    "Dcls2d",
    "Dcls3d",
    "DclsVersion",
    "DeformableConv2dV4",
    "DilatedBranch",
    "DilatedReparamBlock",
    "EfficientChannelAttention",
    "FastFourierConv2d",
    "FourierAttention3d",
    "FourierConv1d",
    "FourierConv2d",
    "FourierConv3d",
    "FourierMixing1d",
    "FourierObjectDisentangle",
    "FourierUnit1d",
    "FourierUnit2d",
    "FourierUnit3d",
    "FusedConvFirstBlock",
    "GlobalFourierFilter1d",
    "GlobalFourierFilter2d",
    "GlobalFourierFilter3d",
    "HaarDWT1d",
    "HaarDWT2d",
    "HaarDWT3d",
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
    "SGConv",
    "SpatiotemporalSpectralConv3d",
    "SpectralConv1d",
    "SpectralConv2d",
    "SpectralConv3d",
    "SpectralTransform",
    "SqueezeExcitation1d",
    "SqueezeExcitation2d",
    "SqueezeExcitation3d",
    "TemporalSpectralConv1d",
    "Upsampling",
    "VolumetricFFC3d",
    "WaveMixBlock2d",
    "WaveMixBlock2dV1",
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
