// The innermost loops of the depthwise convolution: a column of result vectors stays in registers while
// every column of taps passes over it; a sample is loaded once for all taps of its column.
#pragma once

#include "core/partial.hpp"
#include "kernels/depthwise_job.hpp"

namespace circulant::CIRCULANT_ISA {

#define CIRCULANT_UNROLL_TILE _Pragma("GCC unroll 32")

// What a load of samples must leave out.
enum class Edge {
    none,
    columns,  // the same lanes in every row
    series,   // whose rows follow each other: other lanes in each
};

template <class T>
struct Tile {
    const TapColumn* columns;
    size_t column_count;
    const T* weight;
    ptrdiff_t weight_pitch;
    const T* source;  // of the result's first row, in the window
    ptrdiff_t source_pitch;
    std::uint32_t inside;  // bit i: row i of the source is inside its plane
    T* result;
    size_t result_pitch;
    size_t rows;   // that are wanted of those computed
    size_t lanes;  // that are wanted
    bool adds;     // to the results, or else overwrites them
    ptrdiff_t column, width;  // of the source at lane 0 of the first row, and how many it has
};

template <class T>
CIRCULANT_INLINE Vector<T> spread(T value) {
    return value - Vector<T>{};
}

// Compilers like to load a sample again for every use of it, and to keep all tests of a mask in memory.
template <class T>
CIRCULANT_INLINE void keep_in_register(Vector<T>& value) {
#if defined(__AVX512F__)
    asm("" : "+v"(value));
#elif defined(__x86_64__)
    asm("" : "+x"(value));
#elif defined(__aarch64__)
    asm("" : "+w"(value));
#endif
}

CIRCULANT_INLINE void keep_in_register(std::uint32_t& value) { asm("" : "+r"(value)); }

// Samples from `source` on, whose lane 0 is column `column` of a row of `width` samples.
template <class T>
CIRCULANT_INLINE LaneRange<T> lanes_inside(ptrdiff_t column, ptrdiff_t width) {
    return LaneRange<T>(-column, width - column);
}

template <Edge edge, size_t rows, size_t taps, class T>
void compute_tile(const Tile<T>& tile) {
    constexpr ptrdiff_t row_columns = edge == Edge::series ? static_cast<ptrdiff_t>(kLanes<T>) : 0;
    Vector<T> total[rows];
    CIRCULANT_UNROLL_TILE
    for (size_t i = 0; i < rows; ++i) {
        total[i] = Vector<T>{};
        if (tile.adds && i < tile.rows) total[i] = load(tile.result + i * tile.result_pitch);
    }
    const TapColumn* const end = tile.columns + tile.column_count;
    std::uint32_t inside = tile.inside;
    for (const TapColumn* tap_column = tile.columns; tap_column != end; ++tap_column) {
        const T* weight = tile.weight + tap_column->weight;
        Vector<T> factor[taps];
        CIRCULANT_UNROLL_TILE
        for (size_t tap = 0; tap < taps; ++tap, weight += tile.weight_pitch) factor[tap] = spread<T>(*weight);
        const T* source = tile.source + tap_column->offset;
        ptrdiff_t column = tile.column + tap_column->offset;
        LaneRange<T> range = lanes_inside<T>(column, tile.width);
        keep_in_register(inside);
        CIRCULANT_UNROLL_TILE
        for (size_t i = 0; i < rows + taps - 1; ++i, source += tile.source_pitch, column += row_columns) {
            if (!(inside & 1u << i)) continue;
            if constexpr (edge == Edge::series) range = lanes_inside<T>(column, tile.width);
            Vector<T> sample = edge == Edge::none ? load(source) : range.load(source);
            if constexpr (taps > 1) keep_in_register<T>(sample);
            CIRCULANT_UNROLL_TILE
            for (size_t tap = 0; tap < taps; ++tap)
                if (tap <= i && i - tap < rows) total[i - tap] += sample * factor[tap];
        }
    }
    T* result = tile.result;
    CIRCULANT_UNROLL_TILE
    for (size_t i = 0; i < rows; ++i, result += tile.result_pitch)
        if (i < tile.rows) store_first(result, total[i], tile.lanes);
}

// Tiles as tall as the registers allow, and smaller ones for what is left.
inline constexpr size_t kTileSizes = 5;
inline constexpr size_t kTileRows[kTileSizes] = {CIRCULANT_VECTOR_BYTES == 64 ? 14 : 8,
                                                 CIRCULANT_VECTOR_BYTES == 64 ? 7 : 6, 4, 2, 1};

template <class T>
using TileFunction = void (*)(const Tile<T>&);

template <class T>
struct TileFunctions {
    TileFunction<T> taps[kMostTaps];
};

template <Edge edge, size_t rows, class T>
constexpr TileFunctions<T> tile_functions() {
    return {compute_tile<edge, rows, 1, T>, compute_tile<edge, rows, 2, T>, compute_tile<edge, rows, 3, T>,
            compute_tile<edge, rows, 4, T>, compute_tile<edge, rows, 5, T>, compute_tile<edge, rows, 6, T>,
            compute_tile<edge, rows, 7, T>};
}

// By size; those of a plane's edges are not asked for without masked loads.
template <Edge edge, class T>
inline constexpr TileFunctions<T> kTiles[kTileSizes] = {
    tile_functions<edge, kTileRows[0], T>(), tile_functions<edge, kTileRows[1], T>(),
    tile_functions<edge, kTileRows[2], T>(), tile_functions<edge, kTileRows[3], T>(),
    tile_functions<edge, kTileRows[4], T>()};

template <class T>
inline constexpr TileFunctions<T> kSeriesEdges = tile_functions<Edge::series, 1, T>();

// The tallest tile of which at least four fifths are wanted.
CIRCULANT_INLINE size_t tile_size(size_t rows) {
    for (size_t size = 0; size + 1 < kTileSizes; ++size)
        if (5 * rows >= 4 * kTileRows[size]) return size;
    return kTileSizes - 1;
}

// Bits i < count of the rows first + step i that lie in 0 .. height - 1.
CIRCULANT_INLINE std::uint32_t rows_inside(ptrdiff_t first, ptrdiff_t step, size_t count, ptrdiff_t height) {
    const std::uint32_t all = (1u << count) - 1u;
    if (first >= 0 && first + step * static_cast<ptrdiff_t>(count - 1) < height) return all;
    if (first >= height) return 0;
    const ptrdiff_t before = first < 0 ? (step - 1 - first) / step : 0;
    const ptrdiff_t end = (height - 1 - first) / step + 1;
    if (before >= static_cast<ptrdiff_t>(count)) return 0;
    const std::uint32_t upper = end >= static_cast<ptrdiff_t>(count) ? all : (1u << end) - 1u;
    return upper & ~((1u << before) - 1u);
}

}  // namespace circulant::CIRCULANT_ISA
