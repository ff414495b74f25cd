"""Exact passes on networks of timm and Hugging Face, with random weights."""

import pytest
import torch
from tests.optimise.exact_chain import assert_kept, rounding_error
from tests.optimise.settled import settled
from torch import nn

from circulant.optimise.example import Example, example_of
from circulant.optimise.verify_rewrite import TOLERANCES

pytestmark = pytest.mark.oracles

MERGE, FOLD, CLEAN, SCALES = "merge-branches", "fold-batch-norms", "remove-dead", "fold-scales"
PATCHES, LAYOUT, PACK = "space-to-depth", "channels-last", "pack-weights"  # the last in float32 alone

# What changes something at 64 x 64 pixels, or at 224 x 224 where the network takes no others.
PICTURES = {
    "resnet18": [FOLD, CLEAN, LAYOUT],
    "resnet50": [FOLD, CLEAN, LAYOUT],
    "mobilenetv2_100": [FOLD, CLEAN, LAYOUT],
    "mobilenetv3_small_100": [FOLD, CLEAN, LAYOUT],
    "efficientnet_b0": [FOLD, CLEAN, LAYOUT],
    "convnext_atto": [CLEAN, SCALES, PATCHES],
    "regnetx_002": [FOLD, CLEAN, LAYOUT],
    "repvgg_a0": [MERGE, CLEAN, LAYOUT],
    "mobileone_s0": [MERGE, CLEAN, LAYOUT],
    "ghostnet_100": [FOLD, CLEAN, LAYOUT],
    "inception_next_atto": [FOLD, CLEAN, SCALES, PATCHES],
    "fastvit_t8": [MERGE, FOLD, CLEAN, SCALES, LAYOUT],
    "repvit_m0_9": [MERGE, CLEAN, LAYOUT],
    "densenet121": [FOLD, CLEAN, LAYOUT],
    "vit_tiny_patch16_224": [CLEAN, PATCHES],
    "mixer_s32_224": [CLEAN, PATCHES],
}
MAGNIFIED = {"efficientnet_b0": frozenset({"large values"})}


def of_timm(name):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    side = 224 if name.endswith("224") else 64
    return settled(timm.create_model(name, pretrained=False)), Example((torch.randn(2, 3, side, side),))


def assert_expected(changed, expected, dtype):
    last = [PACK] if dtype is torch.float32 else []
    assert [each for each in changed if each != "plan-convolutions"] == expected + last


@pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", PICTURES)
def test_networks_of_timm_are_kept(name, dtype):
    model, example = of_timm(name)
    changed = assert_kept(model, example, dtype, MAGNIFIED.get(name, frozenset()))
    assert_expected(changed, PICTURES[name], dtype)


@pytest.mark.parametrize(("name", "cases"), MAGNIFIED.items())
def test_what_may_differ_more_has_rounding_errors_of_that_size_before_any_pass(name, cases):
    assert min(rounding_error(*of_timm(name), case) for case in cases) > TOLERANCES[torch.float32]


def test_no_batch_norm_behind_a_convolution_is_left_in_a_network_of_timm():
    from circulant.optimise.passes import PASSES

    fold = next(each for each in PASSES if each.name == FOLD)
    found = fold.applied(*of_timm("mobilenetv3_small_100"))
    assert not any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in found.model.modules())


SIZES = {"hidden_sizes": [8, 16], "depths": [1, 1], "num_labels": 5}
BERT = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 16,
}
HUGGING_FACE = {
    "ResNetForImageClassification": ("ResNetConfig", {**SIZES, "embedding_size": 8}, [FOLD, CLEAN, LAYOUT]),
    "RegNetForImageClassification": (
        "RegNetConfig",
        {**SIZES, "embedding_size": 8, "groups_width": 4},
        [FOLD, CLEAN, LAYOUT],
    ),
    "ConvNextForImageClassification": (
        "ConvNextConfig",
        {**SIZES, "num_stages": 2},
        [CLEAN, SCALES, PATCHES],
    ),
    "BertForSequenceClassification": ("BertConfig", BERT, [CLEAN]),
}


@pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])
@pytest.mark.parametrize("name", HUGGING_FACE)
def test_networks_of_hugging_face_which_return_mappings_are_kept(name, dtype):
    transformers = pytest.importorskip("transformers")
    config, options, expected = HUGGING_FACE[name]
    torch.manual_seed(0)
    model = settled(getattr(transformers, name)(getattr(transformers, config)(**options)))
    given = {"pixel_values": torch.randn(2, 3, 32, 32)}
    if name.startswith("Bert"):
        mask = torch.ones(2, 9, dtype=torch.int64)
        given = {"input_ids": torch.randint(50, (2, 9)), "attention_mask": mask}
    changed = assert_kept(model, example_of(given), dtype)
    assert_expected(changed, expected, dtype)
