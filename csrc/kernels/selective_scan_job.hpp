// What one call of the selective scan tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "kernels/selective_scan.hpp"

namespace circulant {

// Channels of a group are taken `lanes` at a time, one in each lane: a block.
struct SelectiveLayout {
    SelectiveSizes sizes;
    std::size_t group_channels, group_blocks;
};

// Blocks first .. last - 1, counted over (image, group, block).
template <class S>
struct SelectiveForwardJob {
    SelectiveLayout layout;
    SelectiveOperands<S> operands;
    Arithmetic<S>* y;
    Arithmetic<S>* last_state;
};

// One unit of work is a share of the blocks of one image and group: it alone sums the gradients of B and
// C over its blocks. Those of A are left unsummed over the batch.
template <class S>
struct SelectiveBackwardJob {
    SelectiveLayout layout;
    SelectiveOperands<S> operands;
    std::size_t shares;  // of the blocks of an image and group
    const Arithmetic<S>* y_gradient;
    const Arithmetic<S>* state_gradient;
    Arithmetic<S>* u;
    Arithmetic<S>* delta;
    Arithmetic<S>* a;  // (batch, channels, state)
    Arithmetic<S>* b;  // (shares, batch, groups, state, length)
    Arithmetic<S>* c;
    Arithmetic<S>* initial;
};

}  // namespace circulant
