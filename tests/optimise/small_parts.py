"""A small instance of every part of a network of circulant.models, with what each is called with."""

import torch
from tests.optimise.small import Small, on, on_codes, pyramid
from tests.optimise.small_networks import TERMINATOR
from torch import nn

from circulant.models import res_net
from circulant.models.aff_net import AFFBlock, FilterLayer
from circulant.models.baselines import SelfAttention
from circulant.models.block import Block
from circulant.models.causal_attention import CausalAttention
from circulant.models.channel_autoregressive import (
    SliceAttention,
    SliceBlock,
)
from circulant.models.channel_mlp import ChannelMlp, GatedMlp
from circulant.models.channel_norm import ChannelLayerNorm, ChannelRMSNorm
from circulant.models.collapsible_linear_block import CollapsibleLinearBlock2d
from circulant.models.cond_conv_efficient_net import (
    ChannelGate,
    MobileBlock,
)
from circulant.models.conv_glu import ConvGlu
from circulant.models.coupling import AffineCoupling, ChannelAffine
from circulant.models.dct_histo import DctHistoBlock, MobileConv
from circulant.models.deep_lab import AtrousBottleneck
from circulant.models.deep_rft_v2 import DeblurDesign, DeblurScale
from circulant.models.distilled_head import DistilledHead
from circulant.models.efficient_vmamba import InvertedResidual as VmambaInvertedResidual
from circulant.models.efficient_vmamba import PatchMerge2d
from circulant.models.far import X3DBlock
from circulant.models.faster_net import FasterNetBlock
from circulant.models.fat_block import FatBlock
from circulant.models.fe_net import FeatureBlock, ShiftUnit
from circulant.models.ffdnn import BandFilter
from circulant.models.fftnet import FFTNetMixer
from circulant.models.fnet import FNetEncoder, LinearMixing
from circulant.models.fourier_kernel_estimator import FourierKernelEstimator
from circulant.models.fourier_transformer import FourierTransformerLayer
from circulant.models.freq_fusion import (
    AdaptiveHighPassGenerator2d,
    AdaptiveLowPassGenerator2d,
    OffsetGenerator2d,
)
from circulant.models.frequency_fusion import FrequencyFusion
from circulant.models.global_response_norm import GlobalResponseNorm
from circulant.models.group_standardisation import GroupStandardisation2d
from circulant.models.heads import NormedPoolHead, PoolHead
from circulant.models.hyena import HyenaConv, HyenaKernel, HyenaMixer, Sine
from circulant.models.inverse_conv_flow import InverseConvFlow
from circulant.models.inverted_residual import InvertedResidual
from circulant.models.ls_net import BiasedAttention
from circulant.models.meta_mixer import Fixed, Keys, MetaMixer, Values
from circulant.models.multires_layer import MultiresLayer
from circulant.models.naf_block import MeanGate, SimpleGate, naf_block
from circulant.models.normed_convs import NormedConvs, NormedSkip
from circulant.models.p3d_res_net import Pseudo3dBottleneck
from circulant.models.patch_conv import PatchConv
from circulant.models.red_net import Bottleneck
from circulant.models.rep_depthwise import RepDepthwise
from circulant.models.residual import DropPath, Residual
from circulant.models.reversible_sub_unet import ReversibleSubUNet
from circulant.models.rstar4d_net import Grow4d, SeparableUnit4d, Shrink4d, UnitPair4d
from circulant.models.scale_equalizing_pyramid_conv2d import (
    PyramidBranch2d,
    PyramidStage2d,
)
from circulant.models.sequence_view import SequenceView
from circulant.models.smp_net import SmpBranches
from circulant.models.spa_net import ScaledResidual
from circulant.models.spatiotemporal_neural_operator import SpectralLayer as SpatiotemporalSpectralLayer
from circulant.models.spectral_diffusion_unet import (
    ConvBlock,
    WaveletDown2d,
    WaveletUp2d,
)
from circulant.models.terminator import HyperBranches2d, SlowFastBlock2d
from circulant.models.token_attention import SpatialReductionAttention, WindowAttention
from circulant.models.transform_once import SpectralLayer
from circulant.models.translation_variant_residual import TranslationVariantResidual
from circulant.models.u_mamba import ResidualConvs, UMambaBlock
from circulant.models.unet import Concatenate
from circulant.models.uni_rep_lk_net import UniRepLKNetBlock
from circulant.models.vffc_ink_segmenter import BasicBlock3d, NormReLU
from circulant.operators.spatial.pseudo3d_conv import Pseudo3dVariant

DEBLUR = DeblurDesign((4, 8), (1, 1), 1, 2)


def branches(earlier: int) -> HyperBranches2d:
    return HyperBranches2d(4, 6, 3, earlier, 1, TERMINATOR)


PARTS: dict[str, Small] = {
    "AFFBlock": on(lambda: AFFBlock(8, 2), (2, 8, 9, 9)),
    "AdaptiveHighPassGenerator2d": on(lambda: AdaptiveHighPassGenerator2d(4), (2, 9, 6, 5)),
    "AdaptiveLowPassGenerator2d": on(lambda: AdaptiveLowPassGenerator2d(4), (2, 25, 6, 5)),
    "AffineCoupling": on(lambda: AffineCoupling(5, 3), (2, 5, 6, 6)),
    "AtrousBottleneck": on(lambda: AtrousBottleneck(8, 4, 2, 2, projects=True), (2, 8, 9, 9)),
    "BandFilter": on(lambda: BandFilter(5, (1, 3)), (2, 5, 4)),
    "BasicBlock3d": on(lambda: BasicBlock3d(4, 8, 2), (2, 4, 4, 6, 6)),
    "BiasedAttention": on(lambda: BiasedAttention(8, 2, 4), (2, 8, 4, 4)),
    "Block": on(lambda: Block(4, nn.Conv2d(4, 4, 3, padding=1)), (2, 4, 6, 6)),
    "Bottleneck": on(lambda: Bottleneck(64, 128, 2), (2, 64, 6, 6)),
    "Bottleneck ResNet": on(lambda: res_net.Bottleneck(8, 4, 2), (2, 8, 6, 6)),
    "CausalAttention": on(lambda: CausalAttention(8, 2), (2, 8, 9)),
    "ChannelAffine": on(lambda: ChannelAffine(4), (2, 4, 6, 6)),
    "ChannelGate": on(lambda: ChannelGate(8, 4), (2, 8, 6, 6)),
    "ChannelLayerNorm": on(lambda: ChannelLayerNorm(4), (2, 4, 6, 6)),
    "ChannelMlp": on(lambda: ChannelMlp(4, 8, dropout=0.1), (2, 4, 6, 6)),
    "ChannelRMSNorm": on(lambda: ChannelRMSNorm(4), (2, 4, 6, 6)),
    "CollapsibleLinearBlock2d": on(
        lambda: CollapsibleLinearBlock2d(3, 3, residual=True, features=8), (2, 3, 6, 6)
    ),
    "Concatenate": on(Concatenate, (2, 3, 6, 6), (2, 3, 5, 5)),
    "ConvBlock": on(lambda: ConvBlock(8, 16), (2, 8, 6, 6)),
    "ConvGlu": on(lambda: ConvGlu(4, 6), (2, 4, 6, 6)),
    "DctHistoBlock": on(lambda: DctHistoBlock(8), (2, 8, 6, 6)),
    "DeblurScale": on(lambda: DeblurScale(DEBLUR, 3, True, True), (2, 3, 8, 8), (2, 4, 4, 4)),
    "DistilledHead": on(lambda: DistilledHead(6, 4), (2, 6, 5, 5)),
    "DropPath": on(lambda: DropPath(0.25), (2, 4, 6)),
    "FNet no mixing": on_codes(lambda: FNetEncoder(7, 8, 1, 9, mixing=lambda C, L: nn.Identity()), 2, 9),
    "FFTNetMixer": on(lambda: FFTNetMixer(8, 10, 2), (2, 8, 10)),
    "FasterNetBlock": on(lambda: FasterNetBlock(8, nn.ReLU), (2, 8, 6, 6)),
    "FatBlock": on(lambda: FatBlock(8, 4, 2, shifted=True), (2, 8, 8, 8)),
    "FeatureBlock": on(lambda: FeatureBlock(16, 16, 3), (2, 16, 8, 8)),
    "FilterLayer": on(lambda: FilterLayer(8), (2, 8, 9, 9)),
    "Fixed": on(lambda: Fixed(nn.Conv2d(4, 4, 1)), (2, 4, 6, 6), (2, 4, 6, 6)),
    "FourierKernelEstimator": on(lambda: FourierKernelEstimator(4), (2, 3, 6, 8), (2, 3, 6, 8), (2, 4, 6, 8)),
    "FourierTransformerLayer": on(lambda: FourierTransformerLayer(8, 2, 16, ratio=0.5), (2, 8, 9)),
    "FrequencyFusion": on(FrequencyFusion, (2, 3, 8, 8), (2, 3, 8, 8)),
    "GatedMlp": on(lambda: GatedMlp(4, 8), (2, 4, 6, 6)),
    "GlobalResponseNorm": on(lambda: GlobalResponseNorm(4), (2, 6, 6, 4)),
    "GroupStandardisation2d": on(lambda: GroupStandardisation2d(8, 4), (2, 8, 6, 6)),
    "Grow4d": on(lambda: Grow4d(SeparableUnit4d(2, 2, planar=False), plane=2), (2, 2, 3, 3, 4, 4)),
    "HyperBranches2d": Small(
        lambda: branches(1), lambda: (torch.randn(2, 4, 6, 6), (torch.randn(2, 2, 6, 6),))
    ),
    "InverseConvFlow": on(lambda: InverseConvFlow(4, (2, 3)), (2, 4, 6, 6)),
    "InvertedResidual": on(lambda: InvertedResidual(4, 6, 2), (2, 4, 6, 6)),
    "InvertedResidual of VMamba": on(lambda: VmambaInvertedResidual(8), (2, 8, 6, 6)),
    "Keys": on(lambda: Keys(nn.Linear(6, 5)), (2, 7, 5), (2, 7, 6)),
    "LinearMixing": on(lambda: LinearMixing(8, 9), (2, 8, 9)),
    "MeanGate": on(lambda: MeanGate(4), (2, 4, 6, 6)),
    "MetaMixer": on(
        lambda: MetaMixer(nn.Linear(6, 5), Keys(nn.Linear(6, 5)), nn.Softmax(-1), Values(nn.Linear(6, 5))),
        (2, 7, 6),
    ),
    "MobileBlock": on(lambda: MobileBlock(8, 8, 3, 1, 2, experts=3), (2, 8, 6, 6)),
    "MobileConv": on(lambda: MobileConv(8), (2, 8, 6, 6)),
    "MultiresLayer": on(lambda: MultiresLayer(4, 16, batch_norm=True), (2, 4, 16)),
    "NormReLU": on(lambda: NormReLU(4), (2, 4, 3, 6, 6)),
    "NormedConvs": on(lambda: NormedConvs(4, 8, (7, 3), stride=2, groups=4), (2, 4, 9, 9)),
    "NormedPoolHead": on(lambda: NormedPoolHead(nn.LayerNorm(4), 4, 5), (2, 4, 6, 6)),
    "NormedSkip": on(lambda: NormedSkip(4), (2, 4, 6, 6)),
    "OffsetGenerator2d": on(lambda: OffsetGenerator2d(8, 2), (2, 8, 8, 6), (2, 8, 4, 3), (2, 4, 8, 6)),
    "PatchConv": on(lambda: PatchConv(3, 4, (6, 6), 2), (2, 3, 6, 6)),
    "PatchMerge2d": on(lambda: PatchMerge2d(4, 8), (2, 4, 5, 6)),
    "PoolHead": on(lambda: PoolHead(4, 5, nn.BatchNorm2d(4)), (2, 4, 6, 6)),
    "HyenaConv": on(lambda: HyenaConv(4, 9), *((2, 4, 9),) * 3),
    "HyenaKernel": Small(lambda: HyenaKernel(4, 9), lambda: (7,)),
    "HyenaMixer": on(lambda: HyenaMixer(4, 9), (2, 4, 9)),
    "Sine": on(lambda: Sine(4), (2, 9, 4)),
    "Pseudo3dBottleneck": on(lambda: Pseudo3dBottleneck(8, 2, Pseudo3dVariant.C), (2, 8, 4, 5, 5)),
    "PyramidBranch2d": Small(lambda: PyramidBranch2d(3, equalized=True, normed=True), pyramid),
    "PyramidStage2d": Small(lambda: PyramidStage2d(3, equalized=True, normed=True), pyramid),
    "RepDepthwise": on(lambda: RepDepthwise(6), (2, 6, 7, 7)),
    "Residual": on(
        lambda: Residual(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), channels=4, scale=0.5, drop_path=0.1),
        (2, 4, 6, 6),
    ),
    "Residual NAF": on(lambda: naf_block(4), (2, 4, 6, 6)),
    "ResidualConvs": on(lambda: ResidualConvs(3, 4, 2, 2), (2, 3, 8, 8)),
    "ReversibleSubUNet": Small(
        lambda: ReversibleSubUNet((4, 6), (1, 1)),
        lambda: (
            torch.randn(2, 4, 8, 8),
            (torch.randn(2, 4, 8, 8), torch.randn(2, 6, 4, 4), torch.randn(2, 4, 8, 8)),
        ),
    ),
    "ScaledResidual": on(
        lambda: ScaledResidual(4, nn.Conv2d(4, 4, 1), is_scaled=True, drop_path=0.1), (2, 4, 6, 6)
    ),
    "SelfAttention": on(lambda: SelfAttention(4, (3, 3)), (2, 4, 3, 3)),
    "SeparableUnit4d": on(lambda: SeparableUnit4d(2, 3, planar=False), (2, 2, 3, 3, 4, 4)),
    "SequenceView": on(lambda: SequenceView(nn.Conv1d(4, 4, 3, padding=1)), (2, 4, 5, 5)),
    "ShiftUnit": on(lambda: ShiftUnit(8, 8, 2, is_residual=True), (2, 8, 6, 6)),
    "Shrink4d": on(lambda: Shrink4d(2, 3, 2, planar=False), (2, 2, 3, 3, 4, 4)),
    "SimpleGate": on(SimpleGate, (2, 4, 6, 6)),
    "SliceAttention": on(lambda: SliceAttention(12, 3, 2), (2, 12, 4, 4)),
    "SliceBlock": on(lambda: SliceBlock(12, 3, 2, 4), (2, 12, 8, 8)),
    "SlowFastBlock2d": on(lambda: SlowFastBlock2d(branches(0), 12, 12), (2, 4, 6, 6)),
    "SmpBranches": on(lambda: SmpBranches(6, 7), (2, 6, 9, 9)),
    "SpatialReductionAttention": on(lambda: SpatialReductionAttention(6, 3, 2), (2, 6, 6, 6)),
    "SpectralLayer": on(lambda: SpectralLayer(2, (3, 4), 12), (2, 2, 6, 6)),
    "SpectralLayer of films": on(lambda: SpatiotemporalSpectralLayer(4, (2, 2, 2)), (2, 4, 6, 6, 5)),
    "TranslationVariantResidual": on(lambda: TranslationVariantResidual(4, 6, (3, 4), 2), (2, 4, 6, 8)),
    "UMambaBlock": on(lambda: UMambaBlock(2, 4, 2, states=3), (2, 2, 4, 4)),
    "UniRepLKNetBlock": on(lambda: UniRepLKNetBlock(6, 7), (2, 6, 9, 9)),
    "UnitPair4d": on(lambda: UnitPair4d(3, 2, False), (2, 3, 3, 3, 4, 4)),
    "Values": on(lambda: Values(nn.Linear(6, 5)), (2, 7, 7), (2, 7, 6)),
    "WaveletDown2d": on(lambda: WaveletDown2d(4, 6), (2, 4, 8, 6)),
    "WaveletUp2d": on(lambda: WaveletUp2d(6, 4), (2, 6, 4, 3)),
    "WindowAttention": on(lambda: WindowAttention(4, 2, 4, 2), (2, 4, 8, 8)),
    "X3DBlock": on(lambda: X3DBlock(4, 8, 4, gated=True), (2, 4, 4, 6, 6)),
}
