// How the taps of a stream's kernel are divided, and by when each part must be evaluated.
//
// Lags below kDirectTaps are summed token by token. A level of block U serves lags from 2U on: its
// share of the outputs U .. 2U - 1 after a boundary (a multiple of U tokens) depends on inputs before
// the boundary only, so that there are U tokens of time to evaluate it. The near level sums directly;
// each far level is a transform, its block twice that of the one before.
#pragma once

#include <cstddef>
#include <vector>

namespace circulant {

inline constexpr std::size_t kNearBlock = 16;
inline constexpr std::size_t kDirectTaps = 2 * kNearBlock;
inline constexpr std::size_t kFarBlock = 64;  // of the first far level, a whole number of vectors
inline constexpr std::size_t kNearTaps = 2 * kFarBlock;
inline constexpr std::size_t kRecent = kNearTaps;  // tokens that are kept as they came

struct FarSizes {
    std::size_t block, taps;  // lags 2 block .. 2 block + taps - 1

    std::size_t first_tap() const { return 2 * block; }
    // Samples before a boundary that the outputs of a block depend on, and one more.
    std::size_t window() const { return block + taps; }
};

// A level takes up to three blocks of taps if no other follows, two otherwise.
inline std::vector<FarSizes> far_levels(std::size_t taps) {
    std::vector<FarSizes> levels;
    for (std::size_t block = kFarBlock; taps > 2 * block; block *= 2) {
        const std::size_t rest = taps - 2 * block;
        const bool is_last = rest <= 3 * block;
        levels.push_back({block, is_last ? rest : 2 * block});
        if (is_last) break;
    }
    return levels;
}

// Place of a time, which may be before zero, in a ring of `length` tokens. Always inline, since units of
// several instruction sets use it (core/simd.hpp).
__attribute__((always_inline)) inline std::size_t ring_place(std::ptrdiff_t time, std::size_t length) {
    const auto size = static_cast<std::ptrdiff_t>(length);
    return static_cast<std::size_t>((time % size + size) % size);
}

}  // namespace circulant
