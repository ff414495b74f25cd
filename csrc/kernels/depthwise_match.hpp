// The innermost loops of the kernel's gradient: a column of gradient vectors stays in registers while the
// samples pass over it; the sums of a few columns of taps stay there too.
#pragma once

#include "kernels/depthwise_tile.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
struct Match {
    const TapColumn* columns;
    T* sums;  // one vector for each weight
    ptrdiff_t weight_pitch;
    const T* x;  // of the gradient's first row, in the window
    ptrdiff_t x_pitch;
    const T* g;
    size_t g_pitch;
    ptrdiff_t first, step, height;  // row of the source under the first row of g, distance of two, limit
    size_t tiles;
    size_t lanes;             // of g that are wanted
    ptrdiff_t column, width;  // of the source at lane 0 of the first row, and how many it has
};

// Beyond any row or column of a source.
inline constexpr ptrdiff_t kEndless = static_cast<ptrdiff_t>(~size_t{0} >> 2);

// Samples, lane 0 of them column `column` of the source, that lie inside it and under wanted lanes of g:
// zero times an infinity behind the gradient's end would be NaN.
template <class T>
CIRCULANT_INLINE LaneRange<T> lanes_met(const Match<T>& match, ptrdiff_t column) {
    const ptrdiff_t end = match.width - column, lanes = static_cast<ptrdiff_t>(match.lanes);
    return LaneRange<T>(-column, end < lanes ? end : lanes);
}

// One row of the source, the i-th under a tile of the gradient: every tap that meets it.
template <Edge edge, size_t rows, size_t taps, size_t columns, class T>
CIRCULANT_INLINE void add_row(const Match<T>& match, size_t i, const T* const (&x)[columns], ptrdiff_t at,
                              LaneRange<T> (&met)[columns], const Vector<T> (&gradient)[rows],
                              Vector<T> (&total)[columns][taps]) {
    const ptrdiff_t column = match.column + static_cast<ptrdiff_t>(i * kLanes<T>);
    CIRCULANT_UNROLL_TILE
    for (size_t c = 0; c < columns; ++c) {
        if constexpr (edge == Edge::series) met[c] = lanes_met(match, column + match.columns[c].offset);
        Vector<T> sample = edge == Edge::none ? load(x[c] + at) : met[c].load(x[c] + at);
        if constexpr (taps > 1) keep_in_register<T>(sample);
        CIRCULANT_UNROLL_TILE
        for (size_t tap = 0; tap < taps; ++tap)
            if (tap <= i && i - tap < rows) total[c][tap] += gradient[i - tap] * sample;
    }
}

template <size_t taps, size_t columns, class T>
CIRCULANT_INLINE void add_totals(const Match<T>& match, const Vector<T> (&total)[columns][taps]) {
    constexpr ptrdiff_t lanes = static_cast<ptrdiff_t>(kLanes<T>);
    CIRCULANT_UNROLL_TILE
    for (size_t c = 0; c < columns; ++c) {
        T* sum = match.sums + match.columns[c].weight * lanes;
        CIRCULANT_UNROLL_TILE
        for (size_t tap = 0; tap < taps; ++tap, sum += match.weight_pitch * lanes)
            store(sum, load(sum) + total[c][tap]);
    }
}

// Adds `tiles` tiles, one below the other; of a series one.
template <Edge edge, size_t rows, size_t taps, size_t columns, class T>
void add_matches(const Match<T>& match) {
    const LaneRange<T> wanted(0, static_cast<ptrdiff_t>(match.lanes));
    // From zero, and added to the sums at the end: rounding errors grow with the root of either count.
    Vector<T> total[columns][taps] = {};
    const T* x[columns];
    LaneRange<T> met[columns];
    CIRCULANT_UNROLL_TILE
    for (size_t c = 0; c < columns; ++c) {
        const ptrdiff_t offset = match.columns[c].offset;
        x[c] = match.x + offset;
        if constexpr (edge == Edge::columns) met[c] = lanes_met(match, match.column + offset);
    }
    const T* g = match.g;
    ptrdiff_t at = 0;  // in x
    for (size_t tile = 0; tile < match.tiles; ++tile) {
        const ptrdiff_t first = match.first + static_cast<ptrdiff_t>(tile * rows) * match.step;
        std::uint32_t inside = rows_inside(first, match.step, rows + taps - 1, match.height);
        keep_in_register(inside);
        Vector<T> gradient[rows];
        CIRCULANT_UNROLL_TILE
        for (size_t i = 0; i < rows; ++i, g += match.g_pitch)
            gradient[i] = edge == Edge::none ? load(g) : wanted.load(g);
        CIRCULANT_UNROLL_TILE
        for (size_t i = 0; i < rows + taps - 1; ++i, at += match.x_pitch)
            if (inside & 1u << i) add_row<edge>(match, i, x, at, met, gradient, total);
        at -= static_cast<ptrdiff_t>(taps - 1) * match.x_pitch;
    }
    add_totals(match, total);
}

inline constexpr size_t kMatchRows = 7;

// Registers left for sums beside kMatchRows rows of the gradient.
inline constexpr size_t kSums = CIRCULANT_VECTOR_BYTES == 64 ? 16 : 8;
inline constexpr size_t kMostColumns = 8;

constexpr size_t most_columns(size_t taps) {
    return kSums / taps < kMostColumns ? kSums / taps : kMostColumns;
}

template <class T>
using MatchFunction = void (*)(const Match<T>&);

template <Edge edge, size_t rows, size_t taps, size_t columns, class T>
constexpr MatchFunction<T> match_function() {
    if constexpr (columns <= most_columns(taps))
        return add_matches<edge, rows, taps, columns, T>;
    else
        return nullptr;
}

template <class T>
struct MatchFunctions {
    MatchFunction<T> columns[kMostColumns];
};

template <Edge edge, size_t rows, size_t taps, class T>
constexpr MatchFunctions<T> match_functions() {
    return {match_function<edge, rows, taps, 1, T>(), match_function<edge, rows, taps, 2, T>(),
            match_function<edge, rows, taps, 3, T>(), match_function<edge, rows, taps, 4, T>(),
            match_function<edge, rows, taps, 5, T>(), match_function<edge, rows, taps, 6, T>(),
            match_function<edge, rows, taps, 7, T>(), match_function<edge, rows, taps, 8, T>()};
}

// By number of taps. Of Edge::series only those of one row are asked for.
template <Edge edge, size_t rows, class T>
inline constexpr MatchFunctions<T> kMatches[kMostTaps] = {
    match_functions<edge, rows, 1, T>(), match_functions<edge, rows, 2, T>(),
    match_functions<edge, rows, 3, T>(), match_functions<edge, rows, 4, T>(),
    match_functions<edge, rows, 5, T>(), match_functions<edge, rows, 6, T>(),
    match_functions<edge, rows, 7, T>()};

}  // namespace circulant::CIRCULANT_ISA
