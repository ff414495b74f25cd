// The three gradients of a sampled convolution in one pass over its places.
//
// For a tap of a result let d[corner] be the output's gradient times the corner's pixel, summed over the
// channels. The modulation's gradient interpolates d, that of a move along an axis differentiates the
// interpolation; both need no more of the channels. The input's gradient adds to the corners what they
// gave. One thread does a whole group of channels, so its sums come in one order.
#pragma once

#include "kernels/sampled_sum.hpp"
#include "core/transpose.hpp"

namespace circulant::CIRCULANT_ISA {

// What a tile reads and adds to: pixels of x, of its gradient and of the output's gradient.
template <size_t ndim, class T>
struct Scatter {
    Samples<ndim, T> samples;
    T* pixels_gradient;
    const T* g;
    T* dots;      // [corner][position] of one tap
    T* products;  // [corner][position][lane] of one tap, not yet summed over the lanes
};

// One tap of results at .. at + positions - 1, for `vectors` vectors of `n` channels from `channel` on.
template <size_t ndim, size_t n, size_t vectors, class T>
void scatter_tap(const Scatter<ndim, T>& scatter, size_t tap, size_t channel) {
    using Lanes = Channels<T, n>;
    const Samples<ndim, T>& samples = scatter.samples;
    const T* const shares = samples.places.shares + tap * kCorners<ndim> * kPositions;
    for (size_t i = 0; i < samples.count; ++i) {
        const auto pixel = static_cast<size_t>(samples.places.pixels[tap * kPositions + i]);
        const size_t from = pixel * samples.padded + channel;
        typename Lanes::type g[vectors];
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v)
            g[v] = Lanes::load(scatter.g + i * samples.padded + channel + v * n);
        CIRCULANT_UNROLL
        for (size_t corner = 0; corner < kCorners<ndim>; ++corner) {
            const size_t at = from + samples.steps[corner];
            typename Lanes::type dot = {};
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v) {
                dot += g[v] * Lanes::load(samples.pixels + at + v * n);
                T* const to = scatter.pixels_gradient + at + v * n;
                Lanes::store(to, Lanes::load(to) + g[v] * shares[corner * kPositions + i]);
            }
            T* const product = scatter.products + (corner * kPositions + i) * n;
            Lanes::store(product, channel == 0 ? dot : Lanes::load(product) + dot);
        }
    }
}

// dots[corner][position] of a tap from its products.
template <size_t ndim, class T>
void sum_products(const Scatter<ndim, T>& scatter) {
    constexpr size_t lanes = kLanes<T>;
    const size_t padded = scatter.samples.padded, count = scatter.samples.count;
    for (size_t corner = 0; corner < kCorners<ndim>; ++corner) {
        T* const dots = scatter.dots + corner * kPositions;
        if (padded < lanes) {
            const T* product = scatter.products + corner * kPositions * padded;
            for (size_t i = 0; i < count; ++i) {
                dots[i] = *product++;
                for (size_t c = 1; c < padded; ++c) dots[i] += *product++;
            }
            continue;
        }
        for (size_t at = 0; at < count; at += lanes) {
            Vector<T> rows[lanes];
            CIRCULANT_UNROLL
            for (size_t i = 0; i < lanes; ++i)
                rows[i] = load(scatter.products + (corner * kPositions + at + i) * lanes);
            store(dots + at, sum_rows<T>(rows));
        }
    }
}

template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void store_tile_row(S* row, Vector<T> value, size_t at, size_t count) {
    if (at + kLanes<T> <= count)
        narrow(row + at, value);
    else
        narrow_first(row + at, value, count - at);
}

// The modulation's gradient and the offsets' of one tap, from its dots.
template <size_t ndim, class S, class T = Arithmetic<S>>
void finish_tap(const SampledJob<S>& job, const Tile<ndim, T>& tile, size_t kernel, size_t tap,
                const T* dots) {
    const size_t plane = outputs(job);
    for (size_t at = 0; at < tile.count; at += kLanes<T>) {
        const S* const offset = job.offset + kernel * ndim * plane;
        const Spot<ndim, T> spot = locate<ndim>(job, tile, offset, tap, at);
        const Vector<T> weight = tile_row(job.modulation + kernel * plane + tile.first, at, tile.count);
        Vector<T> value[kCorners<ndim>], slope[ndim][kCorners<ndim>];
        for (size_t corner = 0; corner < kCorners<ndim>; ++corner)
            value[corner] = load(dots + corner * kPositions + at);
        size_t width = kCorners<ndim> / 2;
        for (size_t axis = ndim; axis-- > 0; width /= 2) {
            const Vector<T> way = spot.way[axis], back = T{1} - way;
            for (size_t k = 0; k < width; ++k) {
                for (size_t inner = axis + 1; inner < ndim; ++inner)
                    slope[inner][k] = slope[inner][2 * k] * back + slope[inner][2 * k + 1] * way;
                slope[axis][k] = value[2 * k + 1] - value[2 * k];
                value[k] = value[2 * k] * back + value[2 * k + 1] * way;
            }
        }
        store_tile_row(job.modulation_gradient + kernel * plane + tile.first, value[0], at, tile.count);
        for (size_t axis = 0; axis < ndim; ++axis) {
            const Vector<T> moved = spot.inside[axis] != T{0} ? slope[axis][0] * weight : Vector<T>{};
            store_tile_row(job.offset_gradient + (kernel * ndim + axis) * plane + tile.first, moved, at,
                           tile.count);
        }
    }
}

// Numbers of type T that one thread needs for the gradients besides the two planes.
template <size_t ndim>
CIRCULANT_INLINE size_t gradient_scalars(size_t taps, size_t padded, size_t lanes) {
    return kPositions * (taps * kCorners<ndim> + padded + kCorners<ndim> * (lanes + 1));
}

// The tiles of one group of channels.
template <size_t ndim, class S, class T = Arithmetic<S>>
void gradients_of_group(const SampledJob<S>& job, size_t image_group, Scatter<ndim, T>& scatter, T* g) {
    const size_t taps = tap_count(job), channel = image_group * job.group_channels, plane = outputs(job);
    for (size_t at = 0; at < plane; at += kPositions) {
        Tile<ndim, T> tile;
        start_tile<ndim>(job, at, tile);
        scatter.samples.count = tile.count;
        place_taps<ndim>(job, tile, image_group, scatter.samples.places);
        to_pixels(job.g + channel * plane + at, plane, job.group_channels, tile.count, g,
                  job.padded_channels);
        for (size_t tap = 0; tap < taps; ++tap) {
            over_channels<T>(job.padded_channels, [&]<size_t n, size_t vectors>(size_t from) {
                scatter_tap<ndim, n, vectors>(scatter, tap, from);
            });
            sum_products(scatter);
            finish_tap<ndim>(job, tile, image_group * taps + tap, tap, scatter.dots);
        }
    }
}

// Groups first .. last - 1, counted over (image, group).
// memory: x, its gradient, the shares, the output's gradient of a tile, dots, products.
template <size_t ndim, class S, class T = Arithmetic<S>>
void sampled_gradients(const SampledJob<S>& job, size_t first, size_t last, T* memory, int* pixels) {
    const size_t padded = job.padded_channels, taps = tap_count(job), plane = job.pixels * padded;
    T* const shares = memory + 2 * plane;
    T* const g = shares + taps * kCorners<ndim> * kPositions;
    T* const dots = g + kPositions * padded;
    const size_t lanes = kChannelMultiple < padded ? kChannelMultiple : padded;
    __builtin_memset(memory, 0, (2 * plane + gradient_scalars<ndim>(taps, padded, lanes)) * sizeof(T));
    Scatter<ndim, T> scatter = {{{pixels, shares}, 0, taps, padded, {}, memory},
                                memory + plane, g, dots, dots + kCorners<ndim> * kPositions};
    corner_steps<ndim>(job, scatter.samples.steps);
    for (size_t item = first; item < last; ++item) {
        const size_t channel = item * job.group_channels;
        const size_t size = job.axes[0].size * job.axes[1].size * job.axes[2].size;
        lay_plane<ndim>(job, job.x + channel * size, job.group_channels, memory);
        __builtin_memset(scatter.pixels_gradient, 0, plane * sizeof(T));
        gradients_of_group<ndim>(job, item, scatter, g);
        take_plane<ndim>(job, scatter.pixels_gradient, job.group_channels, job.result + channel * size);
    }
}

}  // namespace circulant::CIRCULANT_ISA
