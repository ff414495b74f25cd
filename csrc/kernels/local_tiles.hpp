// The two inner loops of local convolution: a tile of results stays in registers while all that adds
// to it passes by.
#pragma once

#include "core/simd.hpp"

namespace circulant::CIRCULANT_ISA {

// Half of the registers hold results.
inline constexpr size_t kLocalTile = CIRCULANT_VECTOR_BYTES == 64 ? 16 : 8;

// At most so many channels (or taps) beside each other: one vector of each fills half a tile, which
// hides the latency of a multiply-add.
inline constexpr size_t kLocalRows = kLocalTile / 2;

// Lines of equal length: number i starts at first + i step.
template <class T>
struct Lines {
    T* first;
    size_t step;
};

// A sum of products of lines. Product number m of row r is factor line m times the line of r that
// starts at offsets[m].
template <class T>
struct LineSum {
    const size_t* offsets;
    size_t count;
    Lines<const T> factors;
    Lines<const T> rows;
    Lines<T> result;
};

template <size_t rows, size_t vectors, class T>
CIRCULANT_INLINE void mix_tile(const LineSum<T>& sum, size_t at) {
    Vector<T> total[rows][vectors] = {};
    for (size_t m = 0; m < sum.count; ++m) {
        const T* const from = sum.rows.first + sum.offsets[m] + at;
        const T* const factors = sum.factors.first + m * sum.factors.step + at;
        Vector<T> factor[vectors];
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) factor[v] = load(factors + v * kLanes<T>);
        CIRCULANT_UNROLL
        for (size_t r = 0; r < rows; ++r)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v)
                total[r][v] += factor[v] * load(from + r * sum.rows.step + v * kLanes<T>);
    }
    CIRCULANT_UNROLL
    for (size_t r = 0; r < rows; ++r)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v)
            store(sum.result.first + r * sum.result.step + at + v * kLanes<T>, total[r][v]);
}

// result[r] = sum_m factor[m] row[r] at offset m, for `width` columns rounded up to a vector.
template <size_t rows, class T>
void mix_rows(const LineSum<T>& sum, size_t width) {
    constexpr size_t lanes = kLanes<T>;
    size_t at = 0;
    if constexpr (4 * rows <= kLocalTile)
        for (; at + 3 * lanes < width; at += 4 * lanes) mix_tile<rows, 4>(sum, at);
    if constexpr (2 * rows <= kLocalTile)
        for (; at + lanes < width; at += 2 * lanes) mix_tile<rows, 2>(sum, at);
    for (; at < width; at += lanes) mix_tile<rows, 1>(sum, at);
}

template <size_t taps, size_t vectors, class T>
CIRCULANT_INLINE void correlate_tile(const LineSum<T>& sum, size_t first_tap, size_t at) {
    Vector<T> total[taps][vectors] = {};
    const size_t* const offsets = sum.offsets + first_tap;
    for (size_t c = 0; c < sum.count; ++c) {
        const T* const from = sum.rows.first + c * sum.rows.step + at;
        const T* const factors = sum.factors.first + c * sum.factors.step + at;
        Vector<T> factor[vectors];
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v) factor[v] = load(factors + v * kLanes<T>);
        CIRCULANT_UNROLL
        for (size_t t = 0; t < taps; ++t)
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v)
                total[t][v] += factor[v] * load(from + offsets[t] + v * kLanes<T>);
    }
    CIRCULANT_UNROLL
    for (size_t t = 0; t < taps; ++t)
        CIRCULANT_UNROLL
        for (size_t v = 0; v < vectors; ++v)
            store(sum.result.first + (first_tap + t) * sum.result.step + at + v * kLanes<T>, total[t][v]);
}

// result[m] = sum_c factor[c] row[c] at offset m, for taps first_tap .. first_tap + taps - 1; here the
// sum runs over the rows.
template <size_t taps, class T>
void correlate_rows(const LineSum<T>& sum, size_t first_tap, size_t width) {
    constexpr size_t lanes = kLanes<T>;
    size_t at = 0;
    if constexpr (4 * taps <= kLocalTile)
        for (; at + 3 * lanes < width; at += 4 * lanes) correlate_tile<taps, 4>(sum, first_tap, at);
    if constexpr (2 * taps <= kLocalTile)
        for (; at + lanes < width; at += 2 * lanes) correlate_tile<taps, 2>(sum, first_tap, at);
    for (; at < width; at += lanes) correlate_tile<taps, 1>(sum, first_tap, at);
}

// Calls part(Count<n>{}, first) for pieces of nearly equal size n that cover 0 .. count - 1.
template <size_t n>
struct Count {
    static constexpr size_t value = n;
};

template <size_t n = kLocalRows, class Part>
CIRCULANT_INLINE void dispatch_count(size_t count, size_t first, const Part& part) {
    if constexpr (n > 0) {
        if (count == n)
            part(Count<n>{}, first);
        else
            dispatch_count<n - 1>(count, first, part);
    }
}

template <class Part>
CIRCULANT_INLINE void in_even_parts(size_t count, const Part& part) {
    const size_t parts = (count + kLocalRows - 1) / kLocalRows;
    for (size_t first = 0, rest = parts; rest > 0; --rest) {
        const size_t size = (count - first + rest - 1) / rest;
        dispatch_count(size, first, part);
        first += size;
    }
}

}  // namespace circulant::CIRCULANT_ISA
