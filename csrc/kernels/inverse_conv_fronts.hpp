// Substitution front by front: a front's values stay in registers while every earlier value it depends
// on is taken off, for a few channels at once.
#pragma once

#include "core/convert.hpp"
#include "kernels/inverse_conv_job.hpp"
#include "kernels/inverse_conv_stage.hpp"

namespace circulant::CIRCULANT_ISA {

inline constexpr size_t kSolvedChannels = 4;

constexpr size_t solved_together(size_t left) {
    return left >= kSolvedChannels ? kSolvedChannels : left >= 2 ? 2 : 1;
}

// For each block of channels: the weights of every earlier value, one for each channel of the block,
// then those below the diagonal inside the block, row by row.
template <class S, class T = Arithmetic<S>>
void pack_weights(const S* weight, size_t channels, size_t taps, bool adjoint, T* packed) {
    const auto at = [=](size_t o, size_t i, size_t tap) {
        const size_t index = adjoint ? (channels - 1 - i) * channels + channels - 1 - o : o * channels + i;
        return widen_one(weight[index * taps + tap]);
    };
    for (size_t first = 0; first < channels;) {
        const size_t count = solved_together(channels - first);
        for (size_t tap = 0; tap < taps; ++tap)
            for (size_t i = 0; i < (tap + 1 < taps ? channels : first); ++i)
                for (size_t o = 0; o < count; ++o) *packed++ = at(first + o, i, tap);
        for (size_t o = 1; o < count; ++o)
            for (size_t i = 0; i < o; ++i) *packed++ = at(first + o, first + i, taps - 1);
        first += count;
    }
}

// One tile: `channels` channels of `vectors` vectors of lanes, of which the last keeps `kept` lanes.
template <size_t channels, size_t vectors, class T>
void solve_tile(const EarlierValue* earlier, size_t count, const T* const* fronts, size_t lane,
                const T* weight, T* solved, size_t channel_lanes, size_t kept) {
    constexpr size_t lanes = kLanes<T>;
    Vector<T> total[channels][vectors];
    CIRCULANT_UNROLL
    for (size_t o = 0; o < channels; ++o)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) total[o][v] = load(solved + o * channel_lanes + v * lanes);
    for (size_t t = 0; t < count; ++t, weight += channels) {
        const T* const from = fronts[earlier[t].step] + earlier[t].offset + lane;
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) {
            const Vector<T> value = load(from + v * lanes);
            CIRCULANT_UNROLL
            for (size_t o = 0; o < channels; ++o) total[o][v] -= value * weight[o];
        }
    }
    CIRCULANT_UNROLL
    for (size_t o = 1; o < channels; ++o)
        CIRCULANT_UNROLL
        for (size_t i = 0; i < o; ++i, ++weight)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v) total[o][v] -= total[i][v] * *weight;
    CIRCULANT_UNROLL
    for (size_t o = 0; o < channels; ++o) {
        T* const to = solved + o * channel_lanes;
        CIRCULANT_UNROLL
        for (size_t v = 0; v + 1 < vectors; ++v) store(to + v * lanes, total[o][v]);
        T* const last = to + (vectors - 1) * lanes;
        if (kept == lanes)
            store(last, total[o][vectors - 1]);
        else  // lanes behind are lines that have not begun: they stay zero
            narrow_first<T>(last, total[o][vectors - 1], kept);
    }
}

// Lanes first .. first + count - 1 of a block of channels that starts at channel `block`.
template <size_t channels, class T>
void solve_lanes(const EarlierValue* earlier, size_t terms, const T* const* fronts, const T* weight,
                 T* front, size_t channel_lanes, size_t first, size_t count) {
    constexpr size_t lanes = kLanes<T>;
    while (count > 0) {
        const size_t vectors = (count + lanes - 1) / lanes;
        const size_t taken = vectors >= 4 && CIRCULANT_VECTOR_BYTES == 64 ? 4 : vectors >= 2 ? 2 : 1;
        const size_t solved = count < taken * lanes ? count : taken * lanes;
        const size_t kept = solved - (taken - 1) * lanes;
        T* const at = front + first;
        if (taken == 4)
            solve_tile<channels, 4>(earlier, terms, fronts, first, weight, at, channel_lanes, kept);
        else if (taken == 2)
            solve_tile<channels, 2>(earlier, terms, fronts, first, weight, at, channel_lanes, kept);
        else
            solve_tile<channels, 1>(earlier, terms, fronts, first, weight, at, channel_lanes, kept);
        first += solved;
        count -= solved;
    }
}

// Every channel of `count` neighbouring lanes of a front.
template <class S, class T = Arithmetic<S>>
void solve_run(const InverseConvJob<S>& job, const T* const* fronts, T* front, size_t first, size_t count) {
    const size_t row = job.layout.channel_lanes;
    const T* weight = job.packed_weights;
    for (size_t block = 0; block < job.channels;) {
        const size_t terms = job.earlier_places + block, width = solved_together(job.channels - block);
        T* const at = front + block * row;
        if (width == 4)
            solve_lanes<4>(job.earlier, terms, fronts, weight, at, row, first, count);
        else if (width == 2)
            solve_lanes<2>(job.earlier, terms, fronts, weight, at, row, first, count);
        else
            solve_lanes<1>(job.earlier, terms, fronts, weight, at, row, first, count);
        weight += terms * width + width * (width - 1) / 2;
        block += width;
    }
}

// Images first .. last - 1, counted in blocks of layout.images.
// workspace: the ring of fronts, room for a tile to read beyond it, then the addresses of the fronts.
template <class S, class T = Arithmetic<S>>
void solve_images(const InverseConvJob<S>& job, size_t first, size_t last, T* workspace) {
    const FrontLayout& layout = job.layout;
    const size_t front_scalars = job.channels * layout.channel_lanes;
    const size_t ring_scalars = layout.ring * front_scalars + 4 * kLanes<T>;
    const T** const fronts = reinterpret_cast<const T**>(workspace + (ring_scalars + 7) / 8 * 8);
    for (size_t block = first; block < last; ++block) {
        Stage<S> stage(job, block, workspace);
        __builtin_memset(workspace, 0, ring_scalars * sizeof(T));
        for (size_t front = 0; front < job.depth + job.height + job.width - 2; ++front) {
            for (size_t back = 0; back < layout.steps; ++back) fronts[back] = stage.front(front + layout.ring - back);
            T* const own = stage.front(front);
            stage.for_each_run(front, [&](const Run& run) { stage.take(run, front); });
            stage.for_each_run(front, [&](const Run& run) {
                solve_run(job, fronts, own, stage.lane(run.slice, run.first), run.count * layout.images);
            });
            stage.for_each_run(front, [&](const Run& run) { stage.give(run, front); });
        }
    }
}

}  // namespace circulant::CIRCULANT_ISA
