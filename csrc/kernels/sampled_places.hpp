// Where the taps of a sampled convolution read: pixels of a bordered plane, and the share of each.
//
// The channels of a group share their places, so they lie beside each other in memory: one place is
// worked out and one corner is one contiguous read for all of them. With the planes as they are, each
// corner of each channel would be a cache line of its own, of which 4 bytes are used.
#pragma once

#include "kernels/channels_last.hpp"
#include "kernels/sampled_job.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
struct IntsOf {
    typedef int type __attribute__((vector_size(kLanes<T> * sizeof(int))));
};

template <class T>
using Ints = typename IntsOf<T>::type;

template <size_t ndim>
inline constexpr size_t kCorners = size_t{1} << ndim;

// kPositions results that follow each other, counted over all axes.
template <size_t ndim, class T>
struct Tile {
    size_t first, count;
    T starts[ndim][kPositions];  // where the first tap lies if nothing is moved
};

template <size_t ndim, class S>
CIRCULANT_INLINE const SampledAxis& axis_of(const SampledJob<S>& job, size_t axis) {
    return job.axes[3 - ndim + axis];
}

template <class S>
CIRCULANT_INLINE size_t outputs(const SampledJob<S>& job) {
    return job.axes[0].out_size * job.axes[1].out_size * job.axes[2].out_size;
}

template <class S>
CIRCULANT_INLINE size_t tap_count(const SampledJob<S>& job) {
    return job.axes[0].taps * job.axes[1].taps * job.axes[2].taps;
}

// Pixels from one index along an axis to the next.
template <size_t ndim, class S>
CIRCULANT_INLINE size_t pixel_step(const SampledJob<S>& job, size_t axis) {
    size_t step = 1;
    for (size_t inner = axis + 1; inner < ndim; ++inner) step *= axis_of<ndim>(job, inner).size + kBorder;
    return step;
}

template <size_t ndim, class S, class T = Arithmetic<S>>
void start_tile(const SampledJob<S>& job, size_t first, Tile<ndim, T>& tile) {
    const size_t left = outputs(job) - first;
    tile.first = first;
    tile.count = left < kPositions ? left : kPositions;
    size_t index[ndim];
    for (size_t axis = ndim, rest = first; axis-- > 0; rest /= axis_of<ndim>(job, axis).out_size)
        index[axis] = rest % axis_of<ndim>(job, axis).out_size;
    for (size_t i = 0; i < kPositions; ++i) {
        for (size_t axis = 0; axis < ndim; ++axis) {
            const SampledAxis& a = axis_of<ndim>(job, axis);
            tile.starts[axis][i] = static_cast<T>(index[axis] * a.stride) - static_cast<T>(a.before);
        }
        for (size_t axis = ndim; axis-- > 0; index[axis] = 0)
            if (++index[axis] < axis_of<ndim>(job, axis).out_size) break;
    }
}

// Of a vector of results: the pixel of the lowest corner, and along each axis the way from there.
template <size_t ndim, class T>
struct Spot {
    Ints<T> pixel;
    Vector<T> way[ndim];
    Vector<T> inside[ndim];  // 1 where a small move moves the place, 0 where it is far outside
};

// Numbers at + i of a row of a tile, zero behind its last.
template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE Vector<T> tile_row(const S* row, size_t at, size_t count) {
    if (at + kLanes<T> <= count) return widen(row + at);
    return at < count ? widen_between(row + at, 0, count - at) : Vector<T>{};
}

template <size_t ndim, class S, class T = Arithmetic<S>>
CIRCULANT_INLINE Spot<ndim, T> locate(const SampledJob<S>& job, const Tile<ndim, T>& tile, const S* offset,
                                      size_t tap, size_t at) {
    Spot<ndim, T> spot{};
    for (size_t axis = ndim; axis-- > 0;) {
        const SampledAxis& a = axis_of<ndim>(job, axis);
        const T shift = static_cast<T>(tap % a.taps * a.dilation);
        tap /= a.taps;
        const Vector<T> moved = tile_row(offset + axis * outputs(job) + tile.first, at, tile.count);
        const Vector<T> wanted = load(tile.starts[axis] + at) + shift + moved;
        // Far outside counts as one sample outside, where there are zeros. What is no number stays none,
        // and reads at the border.
        const Vector<T> low = Vector<T>{} - T{1}, high = Vector<T>{} + static_cast<T>(a.size);
        const Vector<T> above = wanted < low ? low : wanted;
        const Vector<T> place = above > high ? high : above;
        const Vector<T> number = place == place ? place : low;
        const Ints<T> towards_zero = __builtin_convertvector(number, Ints<T>);
        const auto is_above = __builtin_convertvector(towards_zero, Vector<T>) > number;  // -1 where it is
        const Ints<T> floor = towards_zero + __builtin_convertvector(is_above, Ints<T>);
        spot.way[axis] = place - __builtin_convertvector(floor, Vector<T>);
        spot.inside[axis] = (wanted >= low) & (wanted <= high) ? Vector<T>{} + T{1} : Vector<T>{};
        spot.pixel += (floor + 1) * static_cast<int>(pixel_step<ndim>(job, axis));
    }
    return spot;
}

// The share of a corner; its bits, from the lowest, say which end along the last axis, the one before ...
template <size_t ndim, class T>
CIRCULANT_INLINE Vector<T> corner_share(const Spot<ndim, T>& spot, size_t corner, Vector<T> share) {
    for (size_t axis = 0; axis < ndim; ++axis) {
        const bool far_end = corner >> (ndim - 1 - axis) & 1;
        share = share * (far_end ? spot.way[axis] : T{1} - spot.way[axis]);
    }
    return share;
}

template <size_t ndim, class S>
CIRCULANT_INLINE void corner_steps(const SampledJob<S>& job, size_t (&steps)[kCorners<ndim>]) {
    for (size_t corner = 0; corner < kCorners<ndim>; ++corner) {
        steps[corner] = 0;
        for (size_t axis = 0; axis < ndim; ++axis)
            if (corner >> (ndim - 1 - axis) & 1) steps[corner] += pixel_step<ndim>(job, axis);
        steps[corner] *= job.padded_channels;
    }
}

// Pixels and shares of all taps of a tile: pixels[tap][position], shares[tap][corner][position].
template <class T>
struct Places {
    int* pixels;
    T* shares;
};

template <size_t ndim, class S, class T = Arithmetic<S>>
void place_taps(const SampledJob<S>& job, const Tile<ndim, T>& tile, size_t image_group,
                const Places<T>& places) {
    const size_t taps = tap_count(job), plane = outputs(job);
    for (size_t tap = 0; tap < taps; ++tap) {
        const size_t kernel = image_group * taps + tap;
        const S* const weights = job.modulation + kernel * plane + tile.first;
        for (size_t at = 0; at < tile.count; at += kLanes<T>) {
            const Spot<ndim, T> spot = locate<ndim>(job, tile, job.offset + kernel * ndim * plane, tap, at);
            const Vector<T> weight = tile_row(weights, at, tile.count);
            __builtin_memcpy(places.pixels + tap * kPositions + at, &spot.pixel, sizeof spot.pixel);
            T* const shares = places.shares + tap * kCorners<ndim> * kPositions + at;
            for (size_t corner = 0; corner < kCorners<ndim>; ++corner)
                store(shares + corner * kPositions, corner_share(spot, corner, weight));
        }
    }
}

// The pixel of the first column of a row, counted with the border.
template <size_t ndim, class S>
CIRCULANT_INLINE size_t row_pixel(const SampledJob<S>& job, size_t slice, size_t row) {
    size_t pixel = 1;
    if constexpr (ndim > 1) pixel += (row + 1) * pixel_step<ndim>(job, ndim - 2);
    if constexpr (ndim > 2) pixel += (slice + 1) * pixel_step<ndim>(job, 0);
    return pixel * job.padded_channels;
}

// Planes into pixels whose border is zero already.
template <size_t ndim, class S, class T = Arithmetic<S>>
void lay_plane(const SampledJob<S>& job, const S* planes, size_t channels, T* pixels) {
    const size_t rows = job.axes[1].size, columns = job.axes[2].size,
                 plane = job.axes[0].size * rows * columns;
    for (size_t line = 0; line < job.axes[0].size * rows; ++line)
        to_pixels(planes + line * columns, plane, channels, columns,
                  pixels + row_pixel<ndim>(job, line / rows, line % rows), job.padded_channels);
}

// Pixels, without their border, into planes.
template <size_t ndim, class S, class T = Arithmetic<S>>
void take_plane(const SampledJob<S>& job, const T* pixels, size_t channels, S* planes) {
    const size_t rows = job.axes[1].size, columns = job.axes[2].size,
                 plane = job.axes[0].size * rows * columns;
    for (size_t line = 0; line < job.axes[0].size * rows; ++line)
        to_planes(pixels + row_pixel<ndim>(job, line / rows, line % rows), job.padded_channels, channels,
                  columns, planes + line * columns, plane);
}

}  // namespace circulant::CIRCULANT_ISA
