// Sampled convolution: the places of a few results are worked out, then each result sums its taps with
// all of its channels in registers.
#pragma once

#include "kernels/channel_vectors.hpp"
#include "kernels/sampled_places.hpp"

namespace circulant::CIRCULANT_ISA {

// Of a tile: where its taps read, and the pixels that they read from.
template <size_t ndim, class T>
struct Samples {
    Places<T> places;
    size_t count, taps, padded;
    size_t steps[kCorners<ndim>];
    const T* pixels;
};

// result[position] = sum over taps and corners, for `vectors` vectors of `n` channels from `channel` on.
template <size_t ndim, size_t n, size_t vectors, class T>
void sum_samples(const Samples<ndim, T>& samples, size_t channel, T* result) {
    using Lanes = Channels<T, n>;
    for (size_t i = 0; i < samples.count; ++i) {
        typename Lanes::type total[vectors] = {};
        const T* share = samples.places.shares + i;
        for (size_t tap = 0; tap < samples.taps; ++tap, share += kCorners<ndim> * kPositions) {
            const auto pixel = static_cast<size_t>(samples.places.pixels[tap * kPositions + i]);
            const T* const from = samples.pixels + pixel * samples.padded + channel;
            // The corners are summed first: a shorter chain of sums through the taps.
            typename Lanes::type sample[vectors] = {};
            CIRCULANT_UNROLL
            for (size_t corner = 0; corner < kCorners<ndim>; ++corner)
                CIRCULANT_UNROLL
                for (size_t v = 0; v < vectors; ++v)
                    sample[v] +=
                        Lanes::load(from + samples.steps[corner] + v * n) * share[corner * kPositions];
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v) total[v] += sample[v];
        }
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v)
            Lanes::store(result + i * samples.padded + channel + v * n, total[v]);
    }
}

// Items first .. last - 1, counted over (image, group, block of channels).
// memory: the plane, the shares, the results of a tile.
template <size_t ndim, class S, class T = Arithmetic<S>>
void sample_planes(const SampledJob<S>& job, size_t first, size_t last, T* memory, int* pixels) {
    const size_t padded = job.padded_channels, taps = tap_count(job);
    const size_t plane = job.axes[0].size * job.axes[1].size * job.axes[2].size;
    T* const shares = memory + job.pixels * padded;
    T* const results = shares + taps * kCorners<ndim> * kPositions;
    __builtin_memset(memory, 0, job.pixels * padded * sizeof(T));
    Samples<ndim, T> samples = {{pixels, shares}, 0, taps, padded, {}, memory};
    corner_steps<ndim>(job, samples.steps);
    for (size_t item = first; item < last; ++item) {
        const size_t image_group = item / job.blocks, block = item % job.blocks * job.block_channels;
        const size_t left = job.group_channels - block;
        const size_t channels = left < job.block_channels ? left : job.block_channels;
        const size_t channel = image_group * job.group_channels + block;
        lay_plane<ndim>(job, job.x + channel * plane, channels, memory);
        for (size_t at = 0; at < outputs(job); at += kPositions) {
            Tile<ndim, T> tile;
            start_tile<ndim>(job, at, tile);
            place_taps<ndim>(job, tile, image_group, samples.places);
            samples.count = tile.count;
            over_channels<T>(padded, [&]<size_t n, size_t vectors>(size_t from) {
                sum_samples<ndim, n, vectors>(samples, from, results);
            });
            to_planes(results, padded, channels, tile.count, job.result + channel * outputs(job) + at,
                      outputs(job));
        }
    }
}

}  // namespace circulant::CIRCULANT_ISA
