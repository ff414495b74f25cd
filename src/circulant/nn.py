"""Every operator of the catalogue, loaded when it is asked for.

Written by tools/generate.py; do not edit.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circulant.core.sub_pixels import icnr_, sub_pixel_shuffle, sub_pixel_unshuffle
    from circulant.engine.companion import companion_decode
    from circulant.engine.conv_scan import conv_parallel_scan
    from circulant.engine.space_to_depth import depth_to_space, space_to_depth
    from circulant.operators.algebra.complex_conv import ComplexConv1d, ComplexConv2d, ComplexConv3d
    from circulant.operators.algebra.parameterized_hypercomplex_conv import (
        ParameterizedHypercomplexConv1d,
        ParameterizedHypercomplexConv2d,
        ParameterizedHypercomplexConv3d,
    )
    from circulant.operators.attention.halo_attention2d import HaloAttention2d
    from circulant.operators.attention.neighborhood_attention2d import NeighborhoodAttention2d
    from circulant.operators.dynamic.adaptive_downscale2d import AdaptiveDownscale2d, downscale
    from circulant.operators.dynamic.adaptive_kernel import AdaptiveKernelDecomposition
    from circulant.operators.dynamic.attentive_conv2d import AttentiveConv2d
    from circulant.operators.dynamic.cond_conv2d import CondConv2d
    from circulant.operators.dynamic.context_slow_net import ContextSlowNet
    from circulant.operators.dynamic.deformable_conv import (
        DeformableConv1d,
        DeformableConv2d,
        DeformableConv3d,
    )
    from circulant.operators.dynamic.deformable_conv2d_v4 import DeformableConv2dV4
    from circulant.operators.dynamic.fd_conv2d import FDConv2d
    from circulant.operators.dynamic.fourier_disjoint_weight import FourierDisjointWeight
    from circulant.operators.dynamic.frequency_adaptive_dilated_conv2d import FrequencyAdaptiveDilatedConv2d
    from circulant.operators.dynamic.frequency_band_modulation2d import FrequencyBandModulation2d
    from circulant.operators.dynamic.frequency_selection2d import FrequencySelection2d
    from circulant.operators.dynamic.hardware_deform_conv2d import HardwareDeformConv2d
    from circulant.operators.dynamic.hyper_gates import HyperChannelGate2d, HyperGate2d
    from circulant.operators.dynamic.hyper_zzw_global2d import HyperZZWGlobal2d, hyper_zzw
    from circulant.operators.dynamic.hyper_zzw_local2d import HyperZZWLocal2d
    from circulant.operators.dynamic.involution2d import Involution2d
    from circulant.operators.dynamic.kernel_generator import ChannelKernelGenerator
    from circulant.operators.dynamic.kernel_spatial_modulation import KernelSpatialModulation
    from circulant.operators.dynamic.large_kernel_perception import LargeKernelPerception
    from circulant.operators.dynamic.learnable_sensor_layout2d import LayoutForm, LearnableSensorLayout2d
    from circulant.operators.dynamic.ls_conv2d import LSConv2d
    from circulant.operators.dynamic.place_kernels import FrozenTranslationVariantConv2d
    from circulant.operators.dynamic.recursive_gated_unit import RecursiveGatedUnit2d
    from circulant.operators.dynamic.region_adaptive_conv2d import RegionAdaptiveConv2d
    from circulant.operators.dynamic.scale_affine2d import ScaleAffine2d
    from circulant.operators.dynamic.slow_net import SlowNet
    from circulant.operators.dynamic.small_kernel_aggregation import small_kernel_aggregation
    from circulant.operators.dynamic.tap_places import OffsetForm
    from circulant.operators.dynamic.translation_variant_conv2d import TranslationVariantConv2d
    from circulant.operators.dynamic.tunable_conv import TunableConv1d, TunableConv2d, TunableConv3d, tune
    from circulant.operators.dynamic.tunable_layer import TuningMode
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
    from circulant.operators.sequence.causal_flow_attention1d import CausalFlowAttention1d
    from circulant.operators.sequence.causal_light_net_mixer1d import CausalLightNetMixer1d
    from circulant.operators.sequence.chunk_attention import chunk_attention
    from circulant.operators.sequence.chunked_attention1d import ChunkedAttention1d
    from circulant.operators.sequence.conv_s5 import ConvS5
    from circulant.operators.sequence.conv_ssm import ConvSSM
    from circulant.operators.sequence.delta_rule_mixer1d import DeltaRuleMixer1d
    from circulant.operators.sequence.diag_attention1d import DiagAttention1d
    from circulant.operators.sequence.diagonal_ssm import DiagonalSsm
    from circulant.operators.sequence.dilated_tcn1d import DilatedTCN1d
    from circulant.operators.sequence.discretisation import Discretisation
    from circulant.operators.sequence.efficient_visual_state_space2d import EfficientVisualStateSpace2d
    from circulant.operators.sequence.flow_attention import FlowAttention1d, FlowAttention2d, FlowAttention3d
    from circulant.operators.sequence.frame_readout import FrameReadout
    from circulant.operators.sequence.gated_delta_net_mixer1d import GatedDeltaNetMixer1d
    from circulant.operators.sequence.gated_linear_attention1d import GatedLinearAttention1d
    from circulant.operators.sequence.h3_mixer import H3Mixer
    from circulant.operators.sequence.hgrn2_mixer1d import Hgrn2Mixer1d
    from circulant.operators.sequence.interactive_conv_block1d import InteractiveConvBlock1d
    from circulant.operators.sequence.learned_butterfly import LearnedButterfly
    from circulant.operators.sequence.light_net_mixer import LightNetMixer1d, LightNetMixer2d, LightNetMixer3d
    from circulant.operators.sequence.linear_attention1d import LinearAttention1d
    from circulant.operators.sequence.long_conv1d import LongConv1d
    from circulant.operators.sequence.multi_dim_toeplitz_pe import (
        MultiDimToeplitzPe1d,
        MultiDimToeplitzPe2d,
        MultiDimToeplitzPe3d,
    )
    from circulant.operators.sequence.multires_conv1d import MultiresConv1d
    from circulant.operators.sequence.norm_attention1d import NormAttention1d
    from circulant.operators.sequence.rational_kernel import RtfInitialisation
    from circulant.operators.sequence.rational_transfer_function1d import RationalTransferFunction1d
    from circulant.operators.sequence.retention_mixer1d import RetentionMixer1d
    from circulant.operators.sequence.s4d_mixer1d import S4dMixer1d
    from circulant.operators.sequence.selective_scan2d import SelectiveScan2d, cross_merge, cross_scan
    from circulant.operators.sequence.selective_ssm1d import SelectiveSsm1d
    from circulant.operators.sequence.sg_conv import SGConv
    from circulant.operators.sequence.sgconv_kernel import Upsampling, sgconv_kernel
    from circulant.operators.sequence.shift_ssm import ShiftSsm
    from circulant.operators.sequence.spectral_dictionary_mixer1d import SpectralDictionaryMixer1d
    from circulant.operators.spatial.atrous_conv import AtrousConv1d, AtrousConv2d, AtrousConv3d
    from circulant.operators.spatial.atrous_spatial_pyramid_pooling2d import AtrousSpatialPyramidPooling2d
    from circulant.operators.spatial.circular_conv1d import CircularConv1d
    from circulant.operators.spatial.conv_former_layer2d import ConvFormerLayer2d
    from circulant.operators.spatial.cross_dimensional_conv import CrossDimensionalConv
    from circulant.operators.spatial.dcls import Dcls1d, Dcls2d, Dcls3d
    from circulant.operators.spatial.dcls_kernel import DclsVersion, dcls_kernel
    from circulant.operators.spatial.dilated_reparam_block import DilatedBranch, DilatedReparamBlock
    from circulant.operators.spatial.dispersed_kernel import dispersed_kernel, dispersion
    from circulant.operators.spatial.edge_preserving_conv2d import EdgePreservingConv2d
    from circulant.operators.spatial.edge_preserving_mlp2d import EdgePreservingMlp2d
    from circulant.operators.spatial.ffnified_attention2d import FFNifiedAttention2d
    from circulant.operators.spatial.fouri_scale_conv import (
        FouriScaleConv1d,
        FouriScaleConv2d,
        FouriScaleConv3d,
        decayed_scale,
    )
    from circulant.operators.spatial.fused_conv_first_block import FusedConvFirstBlock
    from circulant.operators.spatial.global_local_filter2d import GlobalLocalFilter2d
    from circulant.operators.spatial.gn_conv2d import GnConv2d
    from circulant.operators.spatial.inception_dw_conv2d import InceptionDWConv2d
    from circulant.operators.spatial.large_kernel_attention2d import LargeKernelAttention2d
    from circulant.operators.spatial.large_kernel_conv import LargeKernelConv2d
    from circulant.operators.spatial.low_pass_gains import LowPass, low_pass_gains
    from circulant.operators.spatial.one_way_conv import OneWayConv2d, OneWayConv3d
    from circulant.operators.spatial.partial_conv import (
        PartialConv1d,
        PartialConv2d,
        PartialConv3d,
        PartialForm,
    )
    from circulant.operators.spatial.phase_shift import phase_shift_kernel
    from circulant.operators.spatial.pseudo3d_conv import Pseudo3dConv, Pseudo3dVariant
    from circulant.operators.spatial.re_dilated_conv import (
        ReDilatedConv1d,
        ReDilatedConv2d,
        ReDilatedConv3d,
        decayed_factor,
    )
    from circulant.operators.spatial.recursive_conv2d import RecursiveConv2d
    from circulant.operators.spatial.separable_conv4d import SeparableConv4d
    from circulant.operators.spatial.shift_conv2d import ShiftConv2d, shift8
    from circulant.operators.spatial.single_intra_channel_conv2d import SingleIntraChannelConv2d
    from circulant.operators.spatial.smp_conv import SMPConv1d, SMPConv2d, SMPConv3d
    from circulant.operators.spatial.smp_kernel import PointForm, SelfMovingPointKernel
    from circulant.operators.spatial.space_to_depth_conv import (
        SpaceToDepthConv1d,
        SpaceToDepthConv2d,
        SpaceToDepthConv3d,
    )
    from circulant.operators.spatial.sparse_shift import SparseShift1d, SparseShift2d, SparseShift3d
    from circulant.operators.spatial.spatial_bottleneck_conv2d import SpatialBottleneckConv2d
    from circulant.operators.spatial.spatial_message_passing2d import Direction, SpatialMessagePassing2d
    from circulant.operators.spatial.spatial_reinforcement_mixer2d import SpatialReinforcementMixer2d
    from circulant.operators.spatial.sub_pixel_conv import SubPixelConv1d, SubPixelConv2d, SubPixelConv3d
    from circulant.operators.spatial.topological_pointwise import TopologicalPointwise
    from circulant.operators.spatial.wave_channel_mixer2d import WaveChannelMixer2d
    from circulant.operators.spatial.weighted_conv import WeightedConv1d, WeightedConv2d, WeightedConv3d
    from circulant.operators.spectral.adaptive_frequency_filter import (
        AdaptiveFrequencyFilter1d,
        AdaptiveFrequencyFilter2d,
        AdaptiveFrequencyFilter3d,
    )
    from circulant.operators.spectral.adaptive_spectral_block1d import AdaptiveSpectralBlock1d
    from circulant.operators.spectral.adaptive_spectral_filter1d import AdaptiveSpectralFilter1d
    from circulant.operators.spectral.causal_fourier_mixing1d import CausalFourierMixing1d
    from circulant.operators.spectral.dct_attention2d import DctAttention2d
    from circulant.operators.spectral.dct_downsample1d import DCTDownsample1d
    from circulant.operators.spectral.de_aliasing_filter import (
        DeAliasingFilter1d,
        DeAliasingFilter2d,
        DeAliasingFilter3d,
    )
    from circulant.operators.spectral.dynamic_spectrum_mixer2d import DynamicSpectrumMixer2d
    from circulant.operators.spectral.fourier_attention3d import FourierAttention3d
    from circulant.operators.spectral.fourier_conv import FourierConv1d, FourierConv2d, FourierConv3d
    from circulant.operators.spectral.fourier_enhancement2d import FourierEnhancement2d
    from circulant.operators.spectral.fourier_mixing1d import FourierMixing1d
    from circulant.operators.spectral.fourier_object_disentangle import FourierObjectDisentangle
    from circulant.operators.spectral.fourier_unit import FourierUnit1d, FourierUnit2d, FourierUnit3d
    from circulant.operators.spectral.frequency_decomposition_window_attention2d import (
        FrequencyDecompositionWindowAttention2d,
    )
    from circulant.operators.spectral.frequency_mixing2d import FrequencyMixing2d
    from circulant.operators.spectral.frequency_modulation_ffn2d import FrequencyModulationFFN2d
    from circulant.operators.spectral.global_fourier_filter import (
        GlobalFourierFilter1d,
        GlobalFourierFilter2d,
        GlobalFourierFilter3d,
    )
    from circulant.operators.spectral.haar_dwt import HaarDWT1d, HaarDWT2d, HaarDWT3d
    from circulant.operators.spectral.learnable_time_frequency_filter1d import LearnableTimeFrequencyFilter1d
    from circulant.operators.spectral.low_pass import nyquist_frequency
    from circulant.operators.spectral.mod_relu import ModReLU
    from circulant.operators.spectral.spatiotemporal_spectral_conv3d import SpatiotemporalSpectralConv3d
    from circulant.operators.spectral.spectral_conv import SpectralConv1d, SpectralConv2d, SpectralConv3d
    from circulant.operators.spectral.spectral_pooling_aggregation2d import SpectralPoolingAggregation2d
    from circulant.operators.spectral.spectral_pooling_filter import (
        SpectralPoolingFilter1d,
        SpectralPoolingFilter2d,
        SpectralPoolingFilter3d,
    )
    from circulant.operators.spectral.spectral_transform import SpectralTransform
    from circulant.operators.spectral.temporal_spectral_conv1d import TemporalSpectralConv1d
    from circulant.operators.spectral.volumetric_ffc import FastFourierConv2d, VolumetricFFC3d
    from circulant.operators.spectral.wave_mix_block2d import WaveMixBlock2d
    from circulant.operators.spectral.wave_mix_block2d_v1 import WaveMixBlock2dV1
    from circulant.operators.spectral.wavelet_gating2d import WaveletGating2d
    from circulant.problems.conv_first_block import BlockActivation

_MODULES = {
    "AdaptiveDownscale2d": "circulant.operators.dynamic.adaptive_downscale2d",
    "AdaptiveFrequencyFilter1d": "circulant.operators.spectral.adaptive_frequency_filter",
    "AdaptiveFrequencyFilter2d": "circulant.operators.spectral.adaptive_frequency_filter",
    "AdaptiveFrequencyFilter3d": "circulant.operators.spectral.adaptive_frequency_filter",
    "AdaptiveKernelDecomposition": "circulant.operators.dynamic.adaptive_kernel",
    "AdaptiveSpectralBlock1d": "circulant.operators.spectral.adaptive_spectral_block1d",
    "AdaptiveSpectralFilter1d": "circulant.operators.spectral.adaptive_spectral_filter1d",
    "AtrousConv1d": "circulant.operators.spatial.atrous_conv",
    "AtrousConv2d": "circulant.operators.spatial.atrous_conv",
    "AtrousConv3d": "circulant.operators.spatial.atrous_conv",
    "AtrousSelectiveScan2d": "circulant.operators.sequence.atrous_selective_scan2d",
    "AtrousSpatialPyramidPooling2d": "circulant.operators.spatial.atrous_spatial_pyramid_pooling2d",
    "AttentiveConv2d": "circulant.operators.dynamic.attentive_conv2d",
    "BidirectionalSsm": "circulant.operators.sequence.bidirectional_ssm",
    "BlockActivation": "circulant.problems.conv_first_block",
    "CausalFlowAttention1d": "circulant.operators.sequence.causal_flow_attention1d",
    "CausalFourierMixing1d": "circulant.operators.spectral.causal_fourier_mixing1d",
    "CausalLightNetMixer1d": "circulant.operators.sequence.causal_light_net_mixer1d",
    "ChannelKernelGenerator": "circulant.operators.dynamic.kernel_generator",
    "ChunkedAttention1d": "circulant.operators.sequence.chunked_attention1d",
    "CircularConv1d": "circulant.operators.spatial.circular_conv1d",
    "ComplexConv1d": "circulant.operators.algebra.complex_conv",
    "ComplexConv2d": "circulant.operators.algebra.complex_conv",
    "ComplexConv3d": "circulant.operators.algebra.complex_conv",
    "CondConv2d": "circulant.operators.dynamic.cond_conv2d",
    "ContextSlowNet": "circulant.operators.dynamic.context_slow_net",
    "ConvFormerLayer2d": "circulant.operators.spatial.conv_former_layer2d",
    "ConvS5": "circulant.operators.sequence.conv_s5",
    "ConvSSM": "circulant.operators.sequence.conv_ssm",
    "CrossDimensionalConv": "circulant.operators.spatial.cross_dimensional_conv",
    "DCTDownsample1d": "circulant.operators.spectral.dct_downsample1d",
    "Dcls1d": "circulant.operators.spatial.dcls",
    "Dcls2d": "circulant.operators.spatial.dcls",
    "Dcls3d": "circulant.operators.spatial.dcls",
    "DclsVersion": "circulant.operators.spatial.dcls_kernel",
    "DctAttention2d": "circulant.operators.spectral.dct_attention2d",
    "DeAliasingFilter1d": "circulant.operators.spectral.de_aliasing_filter",
    "DeAliasingFilter2d": "circulant.operators.spectral.de_aliasing_filter",
    "DeAliasingFilter3d": "circulant.operators.spectral.de_aliasing_filter",
    "DeformableConv1d": "circulant.operators.dynamic.deformable_conv",
    "DeformableConv2d": "circulant.operators.dynamic.deformable_conv",
    "DeformableConv2dV4": "circulant.operators.dynamic.deformable_conv2d_v4",
    "DeformableConv3d": "circulant.operators.dynamic.deformable_conv",
    "DeltaRuleMixer1d": "circulant.operators.sequence.delta_rule_mixer1d",
    "DiagAttention1d": "circulant.operators.sequence.diag_attention1d",
    "DiagonalSsm": "circulant.operators.sequence.diagonal_ssm",
    "DilatedBranch": "circulant.operators.spatial.dilated_reparam_block",
    "DilatedReparamBlock": "circulant.operators.spatial.dilated_reparam_block",
    "DilatedTCN1d": "circulant.operators.sequence.dilated_tcn1d",
    "Direction": "circulant.operators.spatial.spatial_message_passing2d",
    "Discretisation": "circulant.operators.sequence.discretisation",
    "DynamicSpectrumMixer2d": "circulant.operators.spectral.dynamic_spectrum_mixer2d",
    "EdgePreservingConv2d": "circulant.operators.spatial.edge_preserving_conv2d",
    "EdgePreservingMlp2d": "circulant.operators.spatial.edge_preserving_mlp2d",
    "EfficientChannelAttention": "circulant.operators.gates.efficient_channel_attention",
    "EfficientVisualStateSpace2d": "circulant.operators.sequence.efficient_visual_state_space2d",
    "FDConv2d": "circulant.operators.dynamic.fd_conv2d",
    "FFNifiedAttention2d": "circulant.operators.spatial.ffnified_attention2d",
    "FastFourierConv2d": "circulant.operators.spectral.volumetric_ffc",
    "FlowAttention1d": "circulant.operators.sequence.flow_attention",
    "FlowAttention2d": "circulant.operators.sequence.flow_attention",
    "FlowAttention3d": "circulant.operators.sequence.flow_attention",
    "FouriScaleConv1d": "circulant.operators.spatial.fouri_scale_conv",
    "FouriScaleConv2d": "circulant.operators.spatial.fouri_scale_conv",
    "FouriScaleConv3d": "circulant.operators.spatial.fouri_scale_conv",
    "FourierAttention3d": "circulant.operators.spectral.fourier_attention3d",
    "FourierConv1d": "circulant.operators.spectral.fourier_conv",
    "FourierConv2d": "circulant.operators.spectral.fourier_conv",
    "FourierConv3d": "circulant.operators.spectral.fourier_conv",
    "FourierDisjointWeight": "circulant.operators.dynamic.fourier_disjoint_weight",
    "FourierEnhancement2d": "circulant.operators.spectral.fourier_enhancement2d",
    "FourierMixing1d": "circulant.operators.spectral.fourier_mixing1d",
    "FourierObjectDisentangle": "circulant.operators.spectral.fourier_object_disentangle",
    "FourierUnit1d": "circulant.operators.spectral.fourier_unit",
    "FourierUnit2d": "circulant.operators.spectral.fourier_unit",
    "FourierUnit3d": "circulant.operators.spectral.fourier_unit",
    "FrameReadout": "circulant.operators.sequence.frame_readout",
    "FrequencyAdaptiveDilatedConv2d": "circulant.operators.dynamic.frequency_adaptive_dilated_conv2d",
    "FrequencyBandModulation2d": "circulant.operators.dynamic.frequency_band_modulation2d",
    "FrequencyDecompositionWindowAttention2d": "circulant.operators.spectral.frequency_decomposition_window_attention2d",
    "FrequencyMixing2d": "circulant.operators.spectral.frequency_mixing2d",
    "FrequencyModulationFFN2d": "circulant.operators.spectral.frequency_modulation_ffn2d",
    "FrequencySelection2d": "circulant.operators.dynamic.frequency_selection2d",
    "FrozenTranslationVariantConv2d": "circulant.operators.dynamic.place_kernels",
    "FusedConvFirstBlock": "circulant.operators.spatial.fused_conv_first_block",
    "GatedDeltaNetMixer1d": "circulant.operators.sequence.gated_delta_net_mixer1d",
    "GatedLinearAttention1d": "circulant.operators.sequence.gated_linear_attention1d",
    "GlobalFourierFilter1d": "circulant.operators.spectral.global_fourier_filter",
    "GlobalFourierFilter2d": "circulant.operators.spectral.global_fourier_filter",
    "GlobalFourierFilter3d": "circulant.operators.spectral.global_fourier_filter",
    "GlobalLocalFilter2d": "circulant.operators.spatial.global_local_filter2d",
    "GnConv2d": "circulant.operators.spatial.gn_conv2d",
    "H3Mixer": "circulant.operators.sequence.h3_mixer",
    "HaarDWT1d": "circulant.operators.spectral.haar_dwt",
    "HaarDWT2d": "circulant.operators.spectral.haar_dwt",
    "HaarDWT3d": "circulant.operators.spectral.haar_dwt",
    "HaloAttention2d": "circulant.operators.attention.halo_attention2d",
    "HardwareDeformConv2d": "circulant.operators.dynamic.hardware_deform_conv2d",
    "Hgrn2Mixer1d": "circulant.operators.sequence.hgrn2_mixer1d",
    "HyperChannelGate2d": "circulant.operators.dynamic.hyper_gates",
    "HyperGate2d": "circulant.operators.dynamic.hyper_gates",
    "HyperZZWGlobal2d": "circulant.operators.dynamic.hyper_zzw_global2d",
    "HyperZZWLocal2d": "circulant.operators.dynamic.hyper_zzw_local2d",
    "InceptionDWConv2d": "circulant.operators.spatial.inception_dw_conv2d",
    "InteractiveConvBlock1d": "circulant.operators.sequence.interactive_conv_block1d",
    "Involution2d": "circulant.operators.dynamic.involution2d",
    "KernelSpatialModulation": "circulant.operators.dynamic.kernel_spatial_modulation",
    "LSConv2d": "circulant.operators.dynamic.ls_conv2d",
    "LargeKernelAttention2d": "circulant.operators.spatial.large_kernel_attention2d",
    "LargeKernelConv2d": "circulant.operators.spatial.large_kernel_conv",
    "LargeKernelPerception": "circulant.operators.dynamic.large_kernel_perception",
    "LayoutForm": "circulant.operators.dynamic.learnable_sensor_layout2d",
    "LearnableSensorLayout2d": "circulant.operators.dynamic.learnable_sensor_layout2d",
    "LearnableTimeFrequencyFilter1d": "circulant.operators.spectral.learnable_time_frequency_filter1d",
    "LearnedButterfly": "circulant.operators.sequence.learned_butterfly",
    "LightNetMixer1d": "circulant.operators.sequence.light_net_mixer",
    "LightNetMixer2d": "circulant.operators.sequence.light_net_mixer",
    "LightNetMixer3d": "circulant.operators.sequence.light_net_mixer",
    "LinearAttention1d": "circulant.operators.sequence.linear_attention1d",
    "LongConv1d": "circulant.operators.sequence.long_conv1d",
    "LowPass": "circulant.operators.spatial.low_pass_gains",
    "ModReLU": "circulant.operators.spectral.mod_relu",
    "MultiDimToeplitzPe1d": "circulant.operators.sequence.multi_dim_toeplitz_pe",
    "MultiDimToeplitzPe2d": "circulant.operators.sequence.multi_dim_toeplitz_pe",
    "MultiDimToeplitzPe3d": "circulant.operators.sequence.multi_dim_toeplitz_pe",
    "MultiSpectralChannelAttention2d": "circulant.operators.gates.multi_spectral_channel_attention2d",
    "MultiresConv1d": "circulant.operators.sequence.multires_conv1d",
    "NeighborhoodAttention2d": "circulant.operators.attention.neighborhood_attention2d",
    "NormAttention1d": "circulant.operators.sequence.norm_attention1d",
    "OffsetForm": "circulant.operators.dynamic.tap_places",
    "OneWayConv2d": "circulant.operators.spatial.one_way_conv",
    "OneWayConv3d": "circulant.operators.spatial.one_way_conv",
    "ParameterizedHypercomplexConv1d": "circulant.operators.algebra.parameterized_hypercomplex_conv",
    "ParameterizedHypercomplexConv2d": "circulant.operators.algebra.parameterized_hypercomplex_conv",
    "ParameterizedHypercomplexConv3d": "circulant.operators.algebra.parameterized_hypercomplex_conv",
    "PartialConv1d": "circulant.operators.spatial.partial_conv",
    "PartialConv2d": "circulant.operators.spatial.partial_conv",
    "PartialConv3d": "circulant.operators.spatial.partial_conv",
    "PartialForm": "circulant.operators.spatial.partial_conv",
    "PointForm": "circulant.operators.spatial.smp_kernel",
    "Pseudo3dConv": "circulant.operators.spatial.pseudo3d_conv",
    "Pseudo3dVariant": "circulant.operators.spatial.pseudo3d_conv",
    "RationalTransferFunction1d": "circulant.operators.sequence.rational_transfer_function1d",
    "ReDilatedConv1d": "circulant.operators.spatial.re_dilated_conv",
    "ReDilatedConv2d": "circulant.operators.spatial.re_dilated_conv",
    "ReDilatedConv3d": "circulant.operators.spatial.re_dilated_conv",
    "RecursiveConv2d": "circulant.operators.spatial.recursive_conv2d",
    "RecursiveGatedUnit2d": "circulant.operators.dynamic.recursive_gated_unit",
    "RegionAdaptiveConv2d": "circulant.operators.dynamic.region_adaptive_conv2d",
    "RetentionMixer1d": "circulant.operators.sequence.retention_mixer1d",
    "RtfInitialisation": "circulant.operators.sequence.rational_kernel",
    "S4dMixer1d": "circulant.operators.sequence.s4d_mixer1d",
    "SGConv": "circulant.operators.sequence.sg_conv",
    "SMPConv1d": "circulant.operators.spatial.smp_conv",
    "SMPConv2d": "circulant.operators.spatial.smp_conv",
    "SMPConv3d": "circulant.operators.spatial.smp_conv",
    "ScaleAffine2d": "circulant.operators.dynamic.scale_affine2d",
    "SelectiveScan2d": "circulant.operators.sequence.selective_scan2d",
    "SelectiveSsm1d": "circulant.operators.sequence.selective_ssm1d",
    "SelfMovingPointKernel": "circulant.operators.spatial.smp_kernel",
    "SeparableConv4d": "circulant.operators.spatial.separable_conv4d",
    "ShiftConv2d": "circulant.operators.spatial.shift_conv2d",
    "ShiftSsm": "circulant.operators.sequence.shift_ssm",
    "SingleIntraChannelConv2d": "circulant.operators.spatial.single_intra_channel_conv2d",
    "SlowNet": "circulant.operators.dynamic.slow_net",
    "SpaceToDepthConv1d": "circulant.operators.spatial.space_to_depth_conv",
    "SpaceToDepthConv2d": "circulant.operators.spatial.space_to_depth_conv",
    "SpaceToDepthConv3d": "circulant.operators.spatial.space_to_depth_conv",
    "SparseShift1d": "circulant.operators.spatial.sparse_shift",
    "SparseShift2d": "circulant.operators.spatial.sparse_shift",
    "SparseShift3d": "circulant.operators.spatial.sparse_shift",
    "SpatialBottleneckConv2d": "circulant.operators.spatial.spatial_bottleneck_conv2d",
    "SpatialMessagePassing2d": "circulant.operators.spatial.spatial_message_passing2d",
    "SpatialReinforcementMixer2d": "circulant.operators.spatial.spatial_reinforcement_mixer2d",
    "SpatiotemporalSpectralConv3d": "circulant.operators.spectral.spatiotemporal_spectral_conv3d",
    "SpectralConv1d": "circulant.operators.spectral.spectral_conv",
    "SpectralConv2d": "circulant.operators.spectral.spectral_conv",
    "SpectralConv3d": "circulant.operators.spectral.spectral_conv",
    "SpectralDictionaryMixer1d": "circulant.operators.sequence.spectral_dictionary_mixer1d",
    "SpectralPoolingAggregation2d": "circulant.operators.spectral.spectral_pooling_aggregation2d",
    "SpectralPoolingFilter1d": "circulant.operators.spectral.spectral_pooling_filter",
    "SpectralPoolingFilter2d": "circulant.operators.spectral.spectral_pooling_filter",
    "SpectralPoolingFilter3d": "circulant.operators.spectral.spectral_pooling_filter",
    "SpectralTransform": "circulant.operators.spectral.spectral_transform",
    "SqueezeExcitation1d": "circulant.operators.gates.squeeze_excitation",
    "SqueezeExcitation2d": "circulant.operators.gates.squeeze_excitation",
    "SqueezeExcitation3d": "circulant.operators.gates.squeeze_excitation",
    "SubPixelConv1d": "circulant.operators.spatial.sub_pixel_conv",
    "SubPixelConv2d": "circulant.operators.spatial.sub_pixel_conv",
    "SubPixelConv3d": "circulant.operators.spatial.sub_pixel_conv",
    "TemporalSpectralConv1d": "circulant.operators.spectral.temporal_spectral_conv1d",
    "TopologicalPointwise": "circulant.operators.spatial.topological_pointwise",
    "TranslationVariantConv2d": "circulant.operators.dynamic.translation_variant_conv2d",
    "TunableConv1d": "circulant.operators.dynamic.tunable_conv",
    "TunableConv2d": "circulant.operators.dynamic.tunable_conv",
    "TunableConv3d": "circulant.operators.dynamic.tunable_conv",
    "TuningMode": "circulant.operators.dynamic.tunable_layer",
    "Upsampling": "circulant.operators.sequence.sgconv_kernel",
    "VolumetricFFC3d": "circulant.operators.spectral.volumetric_ffc",
    "WaveChannelMixer2d": "circulant.operators.spatial.wave_channel_mixer2d",
    "WaveMixBlock2d": "circulant.operators.spectral.wave_mix_block2d",
    "WaveMixBlock2dV1": "circulant.operators.spectral.wave_mix_block2d_v1",
    "WaveletGating2d": "circulant.operators.spectral.wavelet_gating2d",
    "WeightedConv1d": "circulant.operators.spatial.weighted_conv",
    "WeightedConv2d": "circulant.operators.spatial.weighted_conv",
    "WeightedConv3d": "circulant.operators.spatial.weighted_conv",
    "atrous_merge": "circulant.operators.sequence.atrous_selective_scan2d",
    "atrous_scan": "circulant.operators.sequence.atrous_selective_scan2d",
    "chunk_attention": "circulant.operators.sequence.chunk_attention",
    "companion_decode": "circulant.engine.companion",
    "conv_parallel_scan": "circulant.engine.conv_scan",
    "cross_merge": "circulant.operators.sequence.selective_scan2d",
    "cross_scan": "circulant.operators.sequence.selective_scan2d",
    "dcls_kernel": "circulant.operators.spatial.dcls_kernel",
    "dct_channel_pool": "circulant.operators.gates.multi_spectral_channel_attention2d",
    "decayed_factor": "circulant.operators.spatial.re_dilated_conv",
    "decayed_scale": "circulant.operators.spatial.fouri_scale_conv",
    "depth_to_space": "circulant.engine.space_to_depth",
    "dispersed_kernel": "circulant.operators.spatial.dispersed_kernel",
    "dispersion": "circulant.operators.spatial.dispersed_kernel",
    "downscale": "circulant.operators.dynamic.adaptive_downscale2d",
    "eca_kernel_size": "circulant.operators.gates.efficient_channel_attention",
    "hyper_zzw": "circulant.operators.dynamic.hyper_zzw_global2d",
    "icnr_": "circulant.core.sub_pixels",
    "low_pass_gains": "circulant.operators.spatial.low_pass_gains",
    "nyquist_frequency": "circulant.operators.spectral.low_pass",
    "phase_shift_kernel": "circulant.operators.spatial.phase_shift",
    "sgconv_kernel": "circulant.operators.sequence.sgconv_kernel",
    "shift8": "circulant.operators.spatial.shift_conv2d",
    "small_kernel_aggregation": "circulant.operators.dynamic.small_kernel_aggregation",
    "space_to_depth": "circulant.engine.space_to_depth",
    "sub_pixel_shuffle": "circulant.core.sub_pixels",
    "sub_pixel_unshuffle": "circulant.core.sub_pixels",
    "tune": "circulant.operators.dynamic.tunable_conv",
}

__all__ = [
    "AdaptiveDownscale2d",
    "AdaptiveFrequencyFilter1d",
    "AdaptiveFrequencyFilter2d",
    "AdaptiveFrequencyFilter3d",
    "AdaptiveKernelDecomposition",
    "AdaptiveSpectralBlock1d",
    "AdaptiveSpectralFilter1d",
    "AtrousConv1d",
    "AtrousConv2d",
    "AtrousConv3d",
    "AtrousSelectiveScan2d",
    "AtrousSpatialPyramidPooling2d",
    "AttentiveConv2d",
    "BidirectionalSsm",
    "BlockActivation",
    "CausalFlowAttention1d",
    "CausalFourierMixing1d",
    "CausalLightNetMixer1d",
    "ChannelKernelGenerator",
    "ChunkedAttention1d",
    "CircularConv1d",
    "ComplexConv1d",
    "ComplexConv2d",
    "ComplexConv3d",
    "CondConv2d",
    "ContextSlowNet",
    "ConvFormerLayer2d",
    "ConvS5",
    "ConvSSM",
    "CrossDimensionalConv",
    "DCTDownsample1d",
    "Dcls1d",
    "Dcls2d",
    "Dcls3d",
    "DclsVersion",
    "DctAttention2d",
    "DeAliasingFilter1d",
    "DeAliasingFilter2d",
    "DeAliasingFilter3d",
    "DeformableConv1d",
    "DeformableConv2d",
    "DeformableConv2dV4",
    "DeformableConv3d",
    "DeltaRuleMixer1d",
    "DiagAttention1d",
    "DiagonalSsm",
    "DilatedBranch",
    "DilatedReparamBlock",
    "DilatedTCN1d",
    "Direction",
    "Discretisation",
    "DynamicSpectrumMixer2d",
    "EdgePreservingConv2d",
    "EdgePreservingMlp2d",
    "EfficientChannelAttention",
    "EfficientVisualStateSpace2d",
    "FDConv2d",
    "FFNifiedAttention2d",
    "FastFourierConv2d",
    "FlowAttention1d",
    "FlowAttention2d",
    "FlowAttention3d",
    "FouriScaleConv1d",
    "FouriScaleConv2d",
    "FouriScaleConv3d",
    "FourierAttention3d",
    "FourierConv1d",
    "FourierConv2d",
    "FourierConv3d",
    "FourierDisjointWeight",
    "FourierEnhancement2d",
    "FourierMixing1d",
    "FourierObjectDisentangle",
    "FourierUnit1d",
    "FourierUnit2d",
    "FourierUnit3d",
    "FrameReadout",
    "FrequencyAdaptiveDilatedConv2d",
    "FrequencyBandModulation2d",
    "FrequencyDecompositionWindowAttention2d",
    "FrequencyMixing2d",
    "FrequencyModulationFFN2d",
    "FrequencySelection2d",
    "FrozenTranslationVariantConv2d",
    "FusedConvFirstBlock",
    "GatedDeltaNetMixer1d",
    "GatedLinearAttention1d",
    "GlobalFourierFilter1d",
    "GlobalFourierFilter2d",
    "GlobalFourierFilter3d",
    "GlobalLocalFilter2d",
    "GnConv2d",
    "H3Mixer",
    "HaarDWT1d",
    "HaarDWT2d",
    "HaarDWT3d",
    "HaloAttention2d",
    "HardwareDeformConv2d",
    "Hgrn2Mixer1d",
    "HyperChannelGate2d",
    "HyperGate2d",
    "HyperZZWGlobal2d",
    "HyperZZWLocal2d",
    "InceptionDWConv2d",
    "InteractiveConvBlock1d",
    "Involution2d",
    "KernelSpatialModulation",
    "LSConv2d",
    "LargeKernelAttention2d",
    "LargeKernelConv2d",
    "LargeKernelPerception",
    "LayoutForm",
    "LearnableSensorLayout2d",
    "LearnableTimeFrequencyFilter1d",
    "LearnedButterfly",
    "LightNetMixer1d",
    "LightNetMixer2d",
    "LightNetMixer3d",
    "LinearAttention1d",
    "LongConv1d",
    "LowPass",
    "ModReLU",
    "MultiDimToeplitzPe1d",
    "MultiDimToeplitzPe2d",
    "MultiDimToeplitzPe3d",
    "MultiSpectralChannelAttention2d",
    "MultiresConv1d",
    "NeighborhoodAttention2d",
    "NormAttention1d",
    "OffsetForm",
    "OneWayConv2d",
    "OneWayConv3d",
    "ParameterizedHypercomplexConv1d",
    "ParameterizedHypercomplexConv2d",
    "ParameterizedHypercomplexConv3d",
    "PartialConv1d",
    "PartialConv2d",
    "PartialConv3d",
    "PartialForm",
    "PointForm",
    "Pseudo3dConv",
    "Pseudo3dVariant",
    "RationalTransferFunction1d",
    "ReDilatedConv1d",
    "ReDilatedConv2d",
    "ReDilatedConv3d",
    "RecursiveConv2d",
    "RecursiveGatedUnit2d",
    "RegionAdaptiveConv2d",
    "RetentionMixer1d",
    "RtfInitialisation",
    "S4dMixer1d",
    "SGConv",
    "SMPConv1d",
    "SMPConv2d",
    "SMPConv3d",
    "ScaleAffine2d",
    "SelectiveScan2d",
    "SelectiveSsm1d",
    "SelfMovingPointKernel",
    "SeparableConv4d",
    "ShiftConv2d",
    "ShiftSsm",
    "SingleIntraChannelConv2d",
    "SlowNet",
    "SpaceToDepthConv1d",
    "SpaceToDepthConv2d",
    "SpaceToDepthConv3d",
    "SparseShift1d",
    "SparseShift2d",
    "SparseShift3d",
    "SpatialBottleneckConv2d",
    "SpatialMessagePassing2d",
    "SpatialReinforcementMixer2d",
    "SpatiotemporalSpectralConv3d",
    "SpectralConv1d",
    "SpectralConv2d",
    "SpectralConv3d",
    "SpectralDictionaryMixer1d",
    "SpectralPoolingAggregation2d",
    "SpectralPoolingFilter1d",
    "SpectralPoolingFilter2d",
    "SpectralPoolingFilter3d",
    "SpectralTransform",
    "SqueezeExcitation1d",
    "SqueezeExcitation2d",
    "SqueezeExcitation3d",
    "SubPixelConv1d",
    "SubPixelConv2d",
    "SubPixelConv3d",
    "TemporalSpectralConv1d",
    "TopologicalPointwise",
    "TranslationVariantConv2d",
    "TunableConv1d",
    "TunableConv2d",
    "TunableConv3d",
    "TuningMode",
    "Upsampling",
    "VolumetricFFC3d",
    "WaveChannelMixer2d",
    "WaveMixBlock2d",
    "WaveMixBlock2dV1",
    "WaveletGating2d",
    "WeightedConv1d",
    "WeightedConv2d",
    "WeightedConv3d",
    "atrous_merge",
    "atrous_scan",
    "chunk_attention",
    "companion_decode",
    "conv_parallel_scan",
    "cross_merge",
    "cross_scan",
    "dcls_kernel",
    "dct_channel_pool",
    "decayed_factor",
    "decayed_scale",
    "depth_to_space",
    "dispersed_kernel",
    "dispersion",
    "downscale",
    "eca_kernel_size",
    "hyper_zzw",
    "icnr_",
    "low_pass_gains",
    "nyquist_frequency",
    "phase_shift_kernel",
    "sgconv_kernel",
    "shift8",
    "small_kernel_aggregation",
    "space_to_depth",
    "sub_pixel_shuffle",
    "sub_pixel_unshuffle",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'circulant.nn' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
