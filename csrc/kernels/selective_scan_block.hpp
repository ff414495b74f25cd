// One block of channels of one image: where its operands lie, and tiles of them turned so that a vector
// holds one step of every channel.
#pragma once

#include "core/convert.hpp"
#include "core/exponential.hpp"
#include "core/transpose.hpp"
#include "kernels/selective_scan_job.hpp"

namespace circulant::CIRCULANT_ISA {

struct ChannelBlock {
    size_t image, group, first, count;  // its channels

    CIRCULANT_INLINE size_t row(const SelectiveSizes& s, size_t lane) const {
        return image * s.channels + first + (lane < count ? lane : count - 1);
    }
};

CIRCULANT_INLINE ChannelBlock channel_block(const SelectiveLayout& layout, size_t image, size_t group, size_t block,
                                            size_t lanes) {
    const size_t left = layout.group_channels - block * lanes;
    return {image, group, group * layout.group_channels + block * lanes, left < lanes ? left : lanes};
}

// Steps at .. at + kept - 1 of each channel, zeros behind and in lanes without a channel.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void load_steps(const SelectiveSizes& s, const ChannelBlock& block, const S* data, size_t at,
                                 size_t kept, T* steps) {
    constexpr size_t lanes = kLanes<T>;
    Vector<T> tile[lanes];
    for (size_t i = 0; i < lanes; ++i) {
        const S* const from = data + block.row(s, i) * s.length + at;
        if (i >= block.count) {
            tile[i] = Vector<T>{};
        } else if (kept == lanes) {
            tile[i] = widen(from);
        } else {
            T numbers[lanes] = {};
            for (size_t j = 0; j < kept; ++j) numbers[j] = widen_one(from[j]);
            tile[i] = load(numbers);
        }
    }
    transpose<T>(tile);
    for (size_t i = 0; i < lanes; ++i) store(steps + i * lanes, tile[i]);
}

template <class T>
CIRCULANT_INLINE void store_steps(const SelectiveSizes& s, const ChannelBlock& block, const T* steps, size_t at,
                                  size_t kept, T* data) {
    constexpr size_t lanes = kLanes<T>;
    Vector<T> tile[lanes];
    for (size_t i = 0; i < lanes; ++i) tile[i] = load(steps + i * lanes);
    transpose<T>(tile);
    for (size_t i = 0; i < block.count; ++i)
        narrow_first<T>(data + block.row(s, i) * s.length + at, tile[i], kept);
}

// A (channels, state) array, or one of (batch, channels, state), with a vector for each state.
template <class T>
CIRCULANT_INLINE void load_states(const SelectiveSizes& s, const ChannelBlock& block, const T* data, bool per_image,
                                  T* states) {
    constexpr size_t lanes = kLanes<T>;
    for (size_t n = 0; n < s.state; ++n)
        for (size_t i = 0; i < lanes; ++i) {
            const size_t row = block.row(s, i) - (per_image ? 0 : block.image * s.channels);
            states[n * lanes + i] = i < block.count ? data[row * s.state + n] : T{0};
        }
}

template <class T>
CIRCULANT_INLINE void store_states(const SelectiveSizes& s, const ChannelBlock& block, const T* states, T* data) {
    for (size_t n = 0; n < s.state; ++n)
        for (size_t i = 0; i < block.count; ++i)
            data[block.row(s, i) * s.state + n] = states[n * kLanes<T> + i];
}

// Start of B's or C's row of state n: `length` steps.
CIRCULANT_INLINE size_t shared_row(const SelectiveSizes& s, const ChannelBlock& block, size_t n) {
    return ((block.image * s.groups + block.group) * s.state + n) * s.length;
}

// `count` numbers of a row of B or C: where they lie, or widened into the buffer.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE const T* widened(const S* row, size_t count, T* buffer) {
    if constexpr (sizeof(S) == sizeof(T)) {
        return row;
    } else {
        widen_row(row, count, buffer);
        return buffer;
    }
}

}  // namespace circulant::CIRCULANT_ISA
