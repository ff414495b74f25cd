// Gathered convolution of each channel by itself, many channels side by side: all of a place is one
// contiguous read, where planes as they are would take a cache line for each channel of each neighbour.
#pragma once

#include "kernels/channel_vectors.hpp"
#include "kernels/channels_last.hpp"
#include "kernels/gathered_job.hpp"

namespace circulant::CIRCULANT_ISA {

// Results first .. first + count - 1, and where their neighbours lie: rows[tap][result], in numbers. Row 0
// of the places is that of no neighbour.
struct Neighbours {
    size_t first, count;
    size_t* rows;
};

template <class S>
CIRCULANT_INLINE Neighbours look_up(const GatheredJob<S>& job, size_t first, size_t padded, size_t* rows) {
    const size_t left = job.outputs - first, count = left < kGathered ? left : kGathered;
    for (size_t i = 0; i < count; ++i)
        for (size_t tap = 0; tap < job.taps; ++tap)
            rows[tap * kGathered + i] =
                static_cast<size_t>(job.index[(first + i) * job.taps + tap] + 1) * padded;
    return {first, count, rows};
}

// An item's channels: `count` from number `channel` on, of the group that they all belong to.
struct ChannelBlock {
    size_t image_group, first, count;
};

template <class S>
CIRCULANT_INLINE ChannelBlock block_of(const GatheredJob<S>& job, size_t item, size_t channels) {
    const size_t first = item % job.blocks * job.block, left = channels - first;
    return {item / job.blocks, first, left < job.block ? left : job.block};
}

// Scratch memory of one thread: places, with a row of zeros before them, kernels and the results at hand.
template <class T>
struct GatheredScratch {
    T* places;
    T* kernels;
    T* tile;
    size_t* rows;
};

template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE GatheredScratch<T> row_scratch(const GatheredJob<S>& job, T* memory, size_t* rows) {
    T* const kernels = memory + (job.places + 1) * job.padded;
    __builtin_memset(memory, 0, (job.places + 1 + job.taps + kGathered) * job.padded * sizeof(T));
    return {memory, kernels, kernels + job.taps * job.padded, rows};
}

template <size_t n, size_t vectors, class T>
void sum_rows_of(const Neighbours& near, size_t taps, size_t padded, size_t channel,
                 const GatheredScratch<T>& s) {
    using Lanes = Channels<T, n>;
    for (size_t i = 0; i < near.count; ++i) {
        typename Lanes::type total[vectors] = {};
        for (size_t tap = 0; tap < taps; ++tap) {
            const T* const from = s.places + near.rows[tap * kGathered + i] + channel;
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v)
                total[v] +=
                    Lanes::load(from + v * n) * Lanes::load(s.kernels + tap * padded + channel + v * n);
        }
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) Lanes::store(s.tile + i * padded + channel + v * n, total[v]);
    }
}

// Items first .. last - 1 of the output, counted over (image, block of channels).
template <class S, class T = Arithmetic<S>>
void gathered_rows_output(const GatheredJob<S>& job, size_t first, size_t last, T* memory, size_t* rows) {
    const GatheredScratch<T> scratch = row_scratch(job, memory, rows);
    for (size_t item = first; item < last; ++item) {
        const ChannelBlock block = block_of(job, item, job.groups);
        const size_t channel = block.image_group * job.groups + block.first;
        to_pixels(job.first + channel * job.places, job.places, block.count, job.places,
                  scratch.places + job.padded, job.padded);
        to_pixels(job.second + block.first * job.taps, job.taps, block.count, job.taps, scratch.kernels,
                  job.padded);
        for (size_t at = 0; at < job.outputs; at += kGathered) {
            const Neighbours near = look_up(job, at, job.padded, scratch.rows);
            over_channels<T>(job.padded, [&]<size_t n, size_t vectors>(size_t from) {
                sum_rows_of<n, vectors>(near, job.taps, job.padded, from, scratch);
            });
            to_planes(scratch.tile, job.padded, block.count, near.count,
                      job.result + channel * job.outputs + at, job.outputs);
        }
    }
}

template <size_t n, size_t vectors, class T>
void spread_rows_of(const Neighbours& near, size_t taps, size_t padded, size_t channel,
                    const GatheredScratch<T>& s) {
    using Lanes = Channels<T, n>;
    for (size_t i = 0; i < near.count; ++i) {
        typename Lanes::type g[vectors];
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) g[v] = Lanes::load(s.tile + i * padded + channel + v * n);
        for (size_t tap = 0; tap < taps; ++tap) {
            T* const to = s.places + near.rows[tap * kGathered + i] + channel;
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v) {
                const auto share = g[v] * Lanes::load(s.kernels + tap * padded + channel + v * n);
                Lanes::store(to + v * n, Lanes::load(to + v * n) + share);
            }
        }
    }
}

// Items of the input's gradient; a thread adds up all that reaches its places, in the order of the results.
template <class S, class T = Arithmetic<S>>
void gathered_rows_input_gradient(const GatheredJob<S>& job, size_t first, size_t last, T* memory,
                                  size_t* rows) {
    const GatheredScratch<T> scratch = row_scratch(job, memory, rows);
    for (size_t item = first; item < last; ++item) {
        const ChannelBlock block = block_of(job, item, job.groups);
        const size_t channel = block.image_group * job.groups + block.first;
        __builtin_memset(scratch.places, 0, (job.places + 1) * job.padded * sizeof(T));
        to_pixels(job.second + block.first * job.taps, job.taps, block.count, job.taps, scratch.kernels,
                  job.padded);
        for (size_t at = 0; at < job.outputs; at += kGathered) {
            const Neighbours near = look_up(job, at, job.padded, scratch.rows);
            to_pixels(job.first + channel * job.outputs + at, job.outputs, block.count, near.count,
                      scratch.tile, job.padded);
            over_channels<T>(job.padded, [&]<size_t n, size_t vectors>(size_t from) {
                spread_rows_of<n, vectors>(near, job.taps, job.padded, from, scratch);
            });
        }
        to_planes(scratch.places + job.padded, job.padded, block.count, job.places,
                  job.result + channel * job.places, job.places);
    }
}

// kernels += g times the neighbours, for `taps` taps from number `tap` on.
template <size_t taps, size_t n, size_t vectors, class T>
CIRCULANT_INLINE void correlate_taps(const Neighbours& near, size_t tap, size_t padded, size_t channel,
                                     const GatheredScratch<T>& s) {
    using Lanes = Channels<T, n>;
    T* const to = s.kernels + tap * padded + channel;
    typename Lanes::type total[taps][vectors];
    CIRCULANT_UNROLL
    for (size_t t = 0; t < taps; ++t)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) total[t][v] = Lanes::load(to + t * padded + v * n);
    for (size_t i = 0; i < near.count; ++i) {
        const T* const g = s.tile + i * padded + channel;
        CIRCULANT_UNROLL
        for (size_t t = 0; t < taps; ++t) {
            const T* const from = s.places + near.rows[(tap + t) * kGathered + i] + channel;
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v)
                total[t][v] += Lanes::load(g + v * n) * Lanes::load(from + v * n);
        }
    }
    CIRCULANT_UNROLL
    for (size_t t = 0; t < taps; ++t)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) Lanes::store(to + t * padded + v * n, total[t][v]);
}

template <size_t n, size_t vectors, class T>
void correlate_rows_of(const Neighbours& near, size_t taps, size_t padded, size_t channel,
                       const GatheredScratch<T>& scratch) {
    size_t tap = 0;
    for (; tap + 4 <= taps; tap += 4) correlate_taps<4, n, vectors>(near, tap, padded, channel, scratch);
    for (; tap < taps; ++tap) correlate_taps<1, n, vectors>(near, tap, padded, channel, scratch);
}

// Blocks of channels of the kernel's gradient; the batch is summed in the same order whatever the threads.
template <class S, class T = Arithmetic<S>>
void gathered_rows_kernel_gradient(const GatheredJob<S>& job, size_t first, size_t last, T* memory,
                                   size_t* rows) {
    const GatheredScratch<T> scratch = row_scratch(job, memory, rows);
    for (size_t item = first; item < last; ++item) {
        const ChannelBlock block = block_of(job, item, job.groups);
        __builtin_memset(scratch.kernels, 0, job.taps * job.padded * sizeof(T));
        for (size_t image = 0; image < job.batch; ++image) {
            const size_t channel = image * job.groups + block.first;
            to_pixels(job.first + channel * job.places, job.places, block.count, job.places,
                      scratch.places + job.padded, job.padded);
            for (size_t at = 0; at < job.outputs; at += kGathered) {
                const Neighbours near = look_up(job, at, job.padded, scratch.rows);
                to_pixels(job.second + channel * job.outputs + at, job.outputs, block.count, near.count,
                          scratch.tile, job.padded);
                over_channels<T>(job.padded, [&]<size_t n, size_t vectors>(size_t from) {
                    correlate_rows_of<n, vectors>(near, job.taps, job.padded, from, scratch);
                });
            }
        }
        to_planes(scratch.kernels, job.padded, block.count, job.taps, job.result + block.first * job.taps,
                  job.taps);
    }
}

}  // namespace circulant::CIRCULANT_ISA
