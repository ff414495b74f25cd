"""A small instance of every network of circulant.models, with what each is called with."""

import numpy as np
import torch
from tests.optimise.small import Small, on, on_codes, pyramid
from torch import nn

from circulant.models.aff_net import AffDesign, AFFNet, AffStage
from circulant.models.att_net import AttDesign, AttNet
from circulant.models.backbone import Backbone
from circulant.models.capsule_encoder import CapsuleEncoder
from circulant.models.causal_backbone import CausalBackbone
from circulant.models.cfsr import CFSR
from circulant.models.channel_autoregressive import (
    ChannelAutoregressiveTransformer,
)
from circulant.models.cond_conv_efficient_net import (
    CondConvEfficientNet,
    MobileStage,
)
from circulant.models.conv_first_net import ConvFirstNet, ConvFirstNetDesign
from circulant.models.conv_next import ConvNeXt, ConvNeXtDesign
from circulant.models.conv_s5 import ConvS5Predictor
from circulant.models.dc_gan_generator import DcGanGenerator
from circulant.models.dct_histo import DctHistoTransformer
from circulant.models.deep_lab import AtrousStage, DeepLab
from circulant.models.deep_rft_v2 import DeblurDesign, DeepRftV2
from circulant.models.dense_crf import DenseCRF, Filtering, PairwiseTerm
from circulant.models.diffusion_neural_operator import DiffusionNeuralOperator, trajectory_times
from circulant.models.efficient_vmamba import EfficientVMamba
from circulant.models.espcn import ESPCN
from circulant.models.far import FAR
from circulant.models.faster_net import FasterNet
from circulant.models.fe_net import FENet
from circulant.models.ff_net import FastForwardDesign, FastForwardNet
from circulant.models.ffdnn import FFDNN
from circulant.models.fftnet import FFTNet
from circulant.models.field_backbone import FieldBackbone, Scaling
from circulant.models.flash_intern_image import FlashInternDesign, FlashInternImage
from circulant.models.fnet import FNetClassifier, FNetEncoder, FNetPretraining, LinearMixing
from circulant.models.fourier_transformer import FourierTransformerEncoder
from circulant.models.fourier_vessel_net import FourierVesselNet3d
from circulant.models.freq_fusion import (
    FreqFusion2d,
)
from circulant.models.h3 import h3_language_model
from circulant.models.heads import PoolHead
from circulant.models.hornet import HorNet, HorNetDesign
from circulant.models.hybrid import HybridSequenceModel, LinearMixer, mixer_builder
from circulant.models.hyena import hyena_language_model
from circulant.models.inception_next import InceptionNeXt, InceptionNeXtDesign
from circulant.models.inverse_flow import InverseFlow
from circulant.models.lane_segmenter import LaneSegmenter
from circulant.models.language_model import LanguageModel, mixing_layer
from circulant.models.ls_net import LSDesign, LSNet
from circulant.models.mip_hyper_network import MipHyperNetwork
from circulant.models.mobile_net_v2 import MobileNetV2, MobileRow
from circulant.models.operator_network import Design, Stage
from circulant.models.p3d_res_net import P3DResNet
from circulant.models.rec_next import RecNext, RecNextDesign
from circulant.models.red_net import RedNet
from circulant.models.rep_lk_net import LargeKernelStage, RepLKNet
from circulant.models.res_net import ResNet
from circulant.models.rstar4d_net import RSTAR4DNet
from circulant.models.scale_equalizing_pyramid_conv2d import (
    ScaleEqualizingPyramidConv2d,
)
from circulant.models.scnet import ScNet
from circulant.models.sesr import SESR, SESRDesign
from circulant.models.smp_net import SMPNet
from circulant.models.spa_net import SPANet, SpaStage
from circulant.models.spartan import SpaRTAN, SpartanDesign
from circulant.models.spatiotemporal_neural_operator import SpatiotemporalNeuralOperator
from circulant.models.spectral_dictionary_lm import SpectralDictionaryLM
from circulant.models.spectral_diffusion_unet import (
    SpectralDiffusionUNet,
)
from circulant.models.stages import StagedNetwork
from circulant.models.tcnca import TCNCA
from circulant.models.terminator import Terminator, TerminatorDesign
from circulant.models.tiny_vgg import TinyVgg
from circulant.models.transform_once import TransformOnce
from circulant.models.transnormer import TransNormer
from circulant.models.tslanet import TSLANet
from circulant.models.u_mamba import u_mamba
from circulant.models.unet import UNet
from circulant.models.uni_rep_lk_net import UniRepLKNet, UniRepLKNetDesign
from circulant.models.unified_backbone import UnifiedBackbone, UnifiedDesign
from circulant.models.van import VAN, VanDesign
from circulant.models.vffc_ink_segmenter import VFFCInkSegmenter
from circulant.models.wave_mix import WaveMix, WaveMixV1
from circulant.models.wave_simulator_cnn import WaveSimulatorCnn
from circulant.operators.sequence.chunked_attention1d import ChunkedAttention1d

SIZES = {"channels": 8, "depth": 2, "heads": 2, "hidden": 16}
DESIGN = Design((Stage(4, 2), Stage(6, 1)))
SCALING = Scaling(np.array([5.0, -1.0]), np.array([2.0, 0.1]))
TERMS = (PairwiseTerm(3, 1), PairwiseTerm(4, 6, 0.5))
FAR_SIZES = {"inner": (8, 8, 12, 12), "outer": (4, 8, 8, 8), "depths": (1, 1, 1, 1), "head": 16}
TERMINATOR = TerminatorDesign(
    (12, 2, 1), (1, 1, 1), (0, 0, 1), (0.0, 0.0, 0.0), (3, 5, 3, 3), 16, 8, 8, (8, 16)
)
INK = {"widths": (4, 8), "depths": (1, 1), "blocks": 1}
LARGE_KERNELS = (LargeKernelStage(8, 2, 7), LargeKernelStage(16, 1, 5))
MOBILE_ROWS = (MobileRow(8, 1, 1, 1), MobileRow(12, 2, 2))
MOBILE = (MobileStage(8, 1, 3, 1, 1), MobileStage(12, 2, 5, 2, 2, True))


def conv(channels: int, spatial: tuple[int, ...]) -> nn.Module:
    """What stands in the slot of a backbone."""
    return (
        nn.Conv2d(channels, channels, 3, padding=1) if len(spatial) == 2 else nn.Conv1d(channels, channels, 1)
    )


def joined_levels() -> UNet:
    def layer(inner: int, outer: int, **options: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inner, outer, 3, padding=1, **options), nn.BatchNorm2d(outer), nn.ReLU()
        )

    ups = [nn.ConvTranspose2d(6, 4, 2, 2), nn.ConvTranspose2d(8, 6, 2, 2)]
    return UNet(
        [layer(3, 4), layer(4, 6)], [nn.MaxPool2d(2), nn.Identity()], layer(6, 8, stride=2), ups,
        [layer(8, 4), layer(12, 6)], nn.Conv2d(4, 2, 1),
    )  # fmt: skip


# By class; where a class has variants of different structure, with words behind it.
NETWORKS: dict[str, Small] = {
    "AFFNet": on(
        lambda: AFFNet(AffDesign((AffStage(8, 2, 2, False), AffStage(16, 2, 1)), 2), 5), (2, 3, 16, 16)
    ),
    "AttNet": on(lambda: AttNet(AttDesign((8, 16), (1, 1), expand=(2, 2)), 5), (2, 3, 16, 16)),
    "Backbone": on(lambda: Backbone((3, 8, 8), 5, conv, 0, DESIGN), (2, 3, 8, 8)),
    "CFSR": on(lambda: CFSR(2, channels=8, depths=(2,), kernel_size=5, scale=1.0), (2, 3, 8, 8)),
    "CapsuleEncoder": on(lambda: CapsuleEncoder(16, 3, cells=2), (2, 16, 9)),
    "CondConvEfficientNet": on(
        lambda: CondConvEfficientNet(MOBILE, 5, experts=2, stem=8, head=16, drop_path=0.1), (2, 3, 16, 16)
    ),
    "ConvFirstNet": on(lambda: ConvFirstNet(ConvFirstNetDesign((8, 16), (1, 2)), 5), (2, 3, 16, 16)),
    "ConvNeXt": on(lambda: ConvNeXt(ConvNeXtDesign((8, 16), (2, 1)), 5), (2, 3, 32, 32)),
    "DcGanGenerator": on(lambda: DcGanGenerator(5, 3, 4, 16), (2, 5, 1, 1)),
    "DctHistoTransformer": on(lambda: DctHistoTransformer(5, 8, 2), (2, 3, 16, 16)),
    "DeepLab": on(
        lambda: DeepLab(3, (AtrousStage(4, 1, 1, 1), AtrousStage(4, 2, 2, 2)), stem=8, rates=(1, 2)),
        (2, 3, 17, 17),
    ),
    "DeepRftV2": on(lambda: DeepRftV2(DeblurDesign((4,), (1,), 1, 2)), (2, 3, 8, 8)),
    "DenseCRF lattice": Small(
        lambda: DenseCRF(TERMS, steps=2), lambda: (torch.rand(2, 2, 6, 6).softmax(1), torch.rand(2, 3, 6, 6))
    ),
    "DenseCRF": Small(
        lambda: DenseCRF(TERMS, 2, Filtering.EXACT),
        lambda: (torch.rand(2, 2, 6, 6).softmax(1), torch.rand(2, 3, 6, 6)),
    ),
    "EfficientVMamba": on(
        lambda: EfficientVMamba((8, 8, 8, 8), (1, 1, 1, 1), 5, states=2, mlp_ratio=2.0), (2, 3, 32, 32)
    ),
    "ESPCN": on(lambda: ESPCN(2, 1, (8, 4)), (2, 1, 8, 8)),
    "FENet": on(lambda: FENet(0.125, 5, head=16), (2, 3, 32, 32)),
    "FasterNet": on(lambda: FasterNet(8, (1, 1, 1, 1), 5), (2, 3, 32, 32)),
    "FastForwardNet": on(
        lambda: FastForwardNet(FastForwardDesign((8, 16), (1, 1), (3, 7), (3, 7), stem=8), 5), (2, 3, 16, 16)
    ),
    "FlashInternImage": on(lambda: FlashInternImage(FlashInternDesign(16, (1, 1)), 5), (2, 3, 32, 32)),
    "FreqFusion2d": on(lambda: FreqFusion2d(4, 8, compressed=8, resample=True), (2, 4, 8, 6), (2, 8, 4, 3)),
    "HorNet": on(lambda: HorNet(HorNetDesign(8, (1, 1), (2, 3), (None, 4)), 5), (2, 3, 32, 32)),
    "InceptionNeXt": on(
        lambda: InceptionNeXt(InceptionNeXtDesign((8, 16), (2, 1), (4, 3)), 5), (2, 3, 32, 32)
    ),
    "LSNet": on(lambda: LSNet(LSDesign((16, 16, 16, 16), (1, 1, 1, 1)), 5, size=64), (2, 3, 64, 64)),
    "LaneSegmenter": on(
        lambda: LaneSegmenter(
            nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4)), nn.Identity(), 4, (4, 4), 2, stride=2
        ),
        (2, 3, 8, 8),
    ),
    "RecNext": on(lambda: RecNext(RecNextDesign(8, (1, 1, 1), (2, 1, 0)), 5), (2, 3, 32, 32)),
    "RedNet": on(lambda: RedNet((1, 1), 5, width=32), (2, 3, 16, 16)),
    "ScNet": on(lambda: ScNet(2, 8, 2), (2, 3, 6, 6)),
    "SESR": on(lambda: SESR(2, SESRDesign(2, 4, 16)), (2, 1, 8, 8)),
    "SESR expanded": on(lambda: SESR(2, SESRDesign(2, 4, 16), expanded=True), (2, 1, 8, 8)),
    "RepLKNet": on(lambda: RepLKNet(LARGE_KERNELS, 5), (2, 3, 32, 32)),
    "ResNet": on(lambda: ResNet((1, 2), 5, width=8), (2, 3, 32, 32)),
    "MobileNetV2": on(lambda: MobileNetV2(MOBILE_ROWS, 5, stem=8, last=16), (2, 3, 16, 16)),
    "SMPNet": on(lambda: SMPNet(LARGE_KERNELS, 5), (2, 3, 32, 32)),
    "SPANet": on(lambda: SPANet((SpaStage(8, 1, 2.0), SpaStage(16, 1, 1.0, True)), 5), (2, 3, 32, 32)),
    "SpaRTAN": on(
        lambda: SpaRTAN(SpartanDesign((8, 16, 16, 24), (1, 1, 1, 1), (2, 2, 2, 2)), 5), (2, 3, 32, 32)
    ),
    "SpectralDiffusionUNet": Small(
        lambda: SpectralDiffusionUNet(1, 4), lambda: (torch.randn(2, 1, 8, 8), torch.rand(2))
    ),
    "StagedNetwork": on(
        lambda: StagedNetwork([[nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)], [nn.GELU()]], PoolHead(4, 5)),
        (2, 3, 8, 8),
    ),
    "Terminator": on(lambda: Terminator(TERMINATOR, 5, 1, size=6), (2, 1, 6, 6)),
    "TinyVgg": on(lambda: TinyVgg(3, 20, 5, 4), (2, 3, 20, 20)),
    "UNet": on(joined_levels, (2, 3, 8, 8)),
    "UNet mamba": on(lambda: u_mamba(1, 2, (4, 6, 8), 2), (2, 1, 8, 8)),
    "UniRepLKNet": on(lambda: UniRepLKNet(UniRepLKNetDesign(8, ((3,), (7, 3))), 5), (2, 3, 32, 32)),
    "UnifiedBackbone": on(
        lambda: UnifiedBackbone(design=UnifiedDesign((16, 32), (1, 1)), classes=5), (2, 3, 32, 32)
    ),
    "VAN": on(lambda: VAN(VanDesign((8, 16), (1, 1), (2, 2)), 5), (2, 3, 32, 32)),
    "WaveMix": on(lambda: WaveMix(5, 16, 1, levels=2), (2, 3, 32, 32)),
    "WaveMixV1": on(lambda: WaveMixV1(5, 16, 1, levels=2), (2, 3, 8, 8)),
    "CausalBackbone": on_codes(lambda: CausalBackbone(7, 9, conv, 0, DESIGN), 2, 1, 9),
    "ChannelAutoregressiveTransformer": on(
        lambda: ChannelAutoregressiveTransformer(12, 3, 2, ratio=2, heads=2, window=4),
        (2, 24, 8, 8),
        (2, 12, 8, 8),
    ),
    "ConvS5Predictor": on(lambda: ConvS5Predictor(1, 4, 4, 2, dropout=0.1), (2, 1, 5, 6, 6)),
    "DiffusionNeuralOperator": on(
        lambda: DiffusionNeuralOperator(1, trajectory_times(4), width=8, attention_levels=(1,)), (2, 1, 8, 4)
    ),
    "FAR": on(lambda: FAR(4, 1, **FAR_SIZES), (2, 1, 8, 32, 32)),
    "FFDNN": on(lambda: FFDNN(3, 2, widths=(16, 16), modes=6, kept=(1, 2)), (2, 3, 12)),
    "FFTNet": on(lambda: FFTNet(3, 10, 5, channels=8, depth=2, heads=2), (2, 3, 10)),
    "FNetClassifier": on_codes(lambda: FNetClassifier(FNetEncoder(7, 8, 1, 9), 4), 2, 9),
    "FNetEncoder": on_codes(lambda: FNetEncoder(7, 8, 2, 9, attention_layers=1), 2, 9),
    "FNetPretraining": on_codes(lambda: FNetPretraining(FNetEncoder(7, 8, 1, 9, mixing=LinearMixing)), 2, 9),
    "FieldBackbone": on(lambda: FieldBackbone((1, 8, 8), SCALING, conv, 0, DESIGN), (2, 1, 8, 8)),
    "FourierTransformerEncoder": on_codes(lambda: FourierTransformerEncoder(7, 9, {1: 0.5}, **SIZES), 2, 9),
    "FourierVesselNet3d": on(lambda: FourierVesselNet3d(1, 2, grid=16, width=4), (2, 1, 16, 16, 16)),
    "HybridSequenceModel": on_codes(
        lambda: HybridSequenceModel(7, 8, 4, mixer_builder(LinearMixer.HGRN2, 8, 2, 4), 1, heads=2), 2, 9
    ),
    "InverseFlow": on(lambda: InverseFlow(1, steps=2, hidden=4), (2, 1, 6, 6)),
    "LanguageModel": on_codes(
        lambda: LanguageModel(7, 8, [mixing_layer(8, ChunkedAttention1d(8, 4))], positions=9), 2, 9
    ),
    "LanguageModel Hyena": on_codes(lambda: hyena_language_model(7, 8, 1, 9), 2, 9),
    "LanguageModel H3": on_codes(lambda: h3_language_model(7, 8, 1), 2, 9),
    "MipHyperNetwork": Small(lambda: MipHyperNetwork(2, {"a": (3, 2)}, (8,)), lambda: (torch.rand(2, 2),)),
    "P3DResNet": on(lambda: P3DResNet((1, 1, 1, 1), 5, width=4), (2, 3, 16, 32, 32)),
    "RSTAR4DNet": on(lambda: RSTAR4DNet(2), (1, 2, 4, 4, 8, 8)),
    "ScaleEqualizingPyramidConv2d": Small(lambda: ScaleEqualizingPyramidConv2d(3, 2), pyramid),
    "SpatiotemporalNeuralOperator": on(
        lambda: SpatiotemporalNeuralOperator((2, 2, 2), 4, steps=4, latent_steps=3, depth=2), (2, 5, 8, 8)
    ),
    "SpectralDictionaryLM": on_codes(lambda: SpectralDictionaryLM(7, 8, atoms=6), 2, 9),
    "TCNCA": on(lambda: TCNCA(6, 4, 32), (2, 6, 9)),
    "TransNormer": on_codes(lambda: TransNormer(7, 8, 4, block=4), 2, 9),
    "TransformOnce": on(lambda: TransformOnce(1, 1, 6, 4, (8, 8), 2), (2, 1, 8, 8)),
    "TSLANet": on(lambda: TSLANet(3, 16, 5, channels=8, depth=2), (2, 3, 16)),
    "VFFCInkSegmenter": on(
        lambda: VFFCInkSegmenter(mixing=lambda C: nn.Conv3d(C, C, 1), **INK), (1, 1, 4, 32, 32)
    ),
    "WaveSimulatorCnn": on(lambda: WaveSimulatorCnn(width=8, depth=2, rank=1), (2, 2, 8, 8)),
}
