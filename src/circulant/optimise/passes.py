"""The passes of an optimisation, in the order in which they are tried: exact ones first.

Those that know modules by their class or methods come before those that leave bare graphs, and the
convolution-first blocks before layouts and plans, which would hide them; packed weights come last, for they
hide layers from all others.
"""

from circulant.optimise.approximate_passes import (
    fuse_feed_forwards,
    low_rank,
    prune_by_beta_rank,
    prune_by_lasso,
    prune_by_magnitude,
    prune_by_relevance,
    shallow_parallel,
    to_int8,
)
from circulant.optimise.exact_passes import (
    blocks_of_patches,
    channels_last,
    collapse_blocks,
    fold_batch_norms,
    freeze_kernels,
    merge_branches,
    plan_convolutions,
)
from circulant.optimise.fold_scales import fold_scales
from circulant.optimise.fuse_conv_first_blocks import fuse_conv_first_blocks
from circulant.optimise.pack_weights import pack_weights
from circulant.optimise.remove_dead import remove_dead
from circulant.optimise.rewrite_pass import Pass

PASSES = (
    Pass("merge-branches", "what has a method for it becomes one layer", True, merge_branches, True),
    Pass(
        "collapse-linear-blocks", "two convolutions with nothing between as one", True, collapse_blocks, True
    ),
    Pass("fold-batch-norms", "each into the convolution before it, or behind", True, fold_batch_norms, True),
    Pass("remove-dead", "identities, idle dropout and calls that nobody reads", True, remove_dead, True),
    Pass("fold-scales", "factors of channels, into the layer before them", True, fold_scales, True),
    Pass("fuse-conv-first-blocks", "x + W3 f(W2 (w1 * x)) tile by tile", True, fuse_conv_first_blocks),
    Pass("freeze-kernels", "long kernels and their spectra, found once", True, freeze_kernels),
    Pass("space-to-depth", "patches as blocks of channels, then products", True, blocks_of_patches),
    Pass("plan-convolutions", "those that the engine runs faster than torch", True, plan_convolutions),
    Pass("channels-last", "weights, and so what flows between them", True, channels_last),
    Pass("low-rank", "kernels as outer products of rank 1", False, low_rank),
    Pass("prune-filters", "a quarter of the filters, the smallest", False, prune_by_magnitude),
    Pass("prune-channels-lasso", "a quarter of the channels; refits the others", False, prune_by_lasso),
    Pass("prune-beta-rank", "a quarter of the filters, those that pass on least", False, prune_by_beta_rank),
    Pass("prune-relevance", "a quarter of the filters, those that decide least", False, prune_by_relevance),
    Pass("shallow-parallel", "stacks of residual layers side by side", False, shallow_parallel),
    Pass("fuse-feed-forwards", "feed-forward blocks in a row as one wide one", False, fuse_feed_forwards),
    Pass("int8", "weights and activations of convolutions and linear layers", False, to_int8),
    Pass("pack-weights", "once, by oneDNN; sums and activations behind the layers too", True, pack_weights),
)
