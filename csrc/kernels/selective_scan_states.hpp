// The states of a block of channels, a tile of steps at a time, and the outputs.
#pragma once

#include "kernels/selective_scan_block.hpp"

namespace circulant::CIRCULANT_ISA {

// Memory for the states of a block while they advance.
template <class T>
struct ScanSpace {
    T* a;      // a vector for each state
    T* state;  // likewise
    T* delta;  // a vector for each step of a tile
    T* input;  // delta u
    T* y;
};

template <class T>
CIRCULANT_INLINE ScanSpace<T> scan_space(const SelectiveSizes& s, T* workspace) {
    const size_t states = s.state * kLanes<T>, steps = kLanes<T> * kLanes<T>;
    T* const tiles = workspace + 2 * states;
    return {workspace, workspace + states, tiles, tiles + steps, tiles + 2 * steps};
}

// Steps at .. at + kept - 1: states advance; with `observes`, outputs are summed.
template <bool observes, class S, class T = Arithmetic<S>>
void advance(const SelectiveSizes& s, const ChannelBlock& block, const SelectiveOperands<S>& operands, size_t at,
             size_t kept, const ScanSpace<T>& space) {
    constexpr size_t lanes = kLanes<T>;
    load_steps<S>(s, block, operands.delta, at, kept, space.delta);
    load_steps<S>(s, block, operands.u, at, kept, space.input);
    for (size_t l = 0; l < lanes; ++l) {
        store(space.input + l * lanes, load(space.input + l * lanes) * load(space.delta + l * lanes));
        if (observes) store(space.y + l * lanes, Vector<T>{});
    }
    for (size_t n = 0; n < s.state; ++n) {
        T wide_b[lanes], wide_c[lanes];
        const T* const b = widened(operands.b + shared_row(s, block, n) + at, kept, wide_b);
        const T* const c = widened(operands.c + shared_row(s, block, n) + at, kept, wide_c);
        const Vector<T> a = load(space.a + n * lanes);
        Vector<T> h = load(space.state + n * lanes);
        for (size_t l = 0; l < kept; ++l) {
            const Vector<T> decay = exp<T>(load(space.delta + l * lanes) * a);
            h = decay * h + load(space.input + l * lanes) * b[l];
            if (observes) store(space.y + l * lanes, load(space.y + l * lanes) + h * c[l]);
        }
        store(space.state + n * lanes, h);
    }
}

// workspace: a ScanSpace.
template <class S, class T = Arithmetic<S>>
void scan_blocks(const SelectiveForwardJob<S>& job, size_t first, size_t last, T* workspace) {
    constexpr size_t lanes = kLanes<T>;
    const SelectiveSizes& s = job.layout.sizes;
    const size_t blocks = job.layout.group_blocks;
    const ScanSpace<T> space = scan_space(s, workspace);
    for (size_t index = first; index < last; ++index) {
        const size_t pair = index / blocks;
        const ChannelBlock block = channel_block(job.layout, pair / s.groups, pair % s.groups, index % blocks, lanes);
        load_states(s, block, job.operands.a, false, space.a);
        load_states(s, block, job.operands.initial, true, space.state);
        for (size_t at = 0; at < s.length; at += lanes) {
            const size_t kept = s.length - at < lanes ? s.length - at : lanes;
            advance<true, S>(s, block, job.operands, at, kept, space);
            store_steps(s, block, space.y, at, kept, job.y);
        }
        store_states(s, block, space.state, job.last_state);
    }
}

}  // namespace circulant::CIRCULANT_ISA
