// The register tile behind the dense kernels: rows of factors times vectors of numbers.
//
//     sum[r][v] += factor[r][c, t] number[c][tap(t) + position(v)]        over channels c and taps t
//
// Every number is loaded once for all rows and every factor once for all vectors.
#pragma once

#include "core/simd.hpp"

namespace circulant::CIRCULANT_ISA {

// With 32 registers 24 sums, 4 vectors of numbers and a factor fit; with 16, 12 sums and 2 vectors.
inline constexpr size_t kTileRows = 6;
inline constexpr size_t kTileVectors = CIRCULANT_VECTOR_BYTES == 64 ? 4 : 2;

template <class T>
struct Numbers {
    const T* first;  // of channel 0, tap at offset 0, position 0
    size_t channels, channel_stride;
    const size_t* taps;  // offsets
    size_t tap_count;
};

template <class T>
struct Factors {
    const T* first;  // a row holds channels times taps, taps innermost
    size_t row_stride;
};

// Vector v reads from position v lanes on, the last one from `last` on.
template <size_t rows, size_t vectors, class T>
CIRCULANT_INLINE void add_products(Vector<T> (&sum)[rows][vectors], const Factors<T>& factors,
                                   const Numbers<T>& numbers, size_t last) {
    const T* factor = factors.first;
    const T* channel = numbers.first;
    for (size_t c = 0; c < numbers.channels; ++c, channel += numbers.channel_stride)
        for (size_t t = 0; t < numbers.tap_count; ++t, ++factor) {
            const T* const from = channel + numbers.taps[t];
            Vector<T> number[vectors];
            CIRCULANT_UNROLL
            for (size_t v = 0; v < vectors; ++v)
                number[v] = load(from + (v + 1 < vectors ? v * kLanes<T> : last));
            CIRCULANT_UNROLL
            for (size_t r = 0; r < rows; ++r) {
                const T by = factor[r * factors.row_stride];
                CIRCULANT_UNROLL
                for (size_t v = 0; v < vectors; ++v) sum[r][v] += number[v] * by;
            }
        }
}

// `items` in as few blocks of at most `most` as can be, sizes as equal as can be.
struct Blocks {
    size_t count, size, larger;  // the first `larger` blocks have size + 1 items

    constexpr Blocks(size_t items, size_t most)
        : count((items + most - 1) / most), size(items / count), larger(items % count) {}

    constexpr size_t first(size_t block) const { return block * size + (block < larger ? block : larger); }
    constexpr size_t length(size_t block) const { return size + (block < larger ? 1 : 0); }
};

// Calls call.template run<rows, vectors>() for numbers of both known when the program runs.
template <size_t rows = kTileRows, size_t vectors = kTileVectors, class Call>
CIRCULANT_INLINE void with_tile(size_t wanted_rows, size_t wanted_vectors, const Call& call) {
    if constexpr (rows > 1) {
        if (wanted_rows < rows) return with_tile<rows - 1, vectors>(wanted_rows, wanted_vectors, call);
    }
    if constexpr (vectors > 1) {
        if (wanted_vectors < vectors) return with_tile<rows, vectors - 1>(wanted_rows, wanted_vectors, call);
    }
    call.template run<rows, vectors>();
}

}  // namespace circulant::CIRCULANT_ISA
