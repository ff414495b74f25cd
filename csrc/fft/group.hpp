// How leaves are grouped; shared by the code that fills the roots and the code that reads them.
//
// A leaf is one vector of `lanes` coefficients, modulo x^lanes - c. Its values follow in two stages:
// radix `blocks` over the blocks of 128 bits, radix `block_lanes` over the places in a block. Before
// each, registers and lanes of a group change places (exchange.hpp), so that a stage is the same
// arithmetic in all lanes.
#pragma once

#include <cstddef>

namespace circulant {

inline constexpr std::size_t kGroup = 4;  // leaves that are finished together

constexpr std::size_t block_lanes(std::size_t scalar_bytes, std::size_t lanes) {
    const std::size_t in_block = 16 / scalar_bytes;
    return in_block < lanes ? in_block : lanes;
}

// Pairs of vectors (re, im) of roots for a stage: one for each register but the first of each set.
constexpr std::size_t stage_roots(std::size_t radix) { return kGroup / radix * (radix - 1); }

constexpr std::size_t group_roots(std::size_t scalar_bytes, std::size_t lanes) {
    const std::size_t in_block = block_lanes(scalar_bytes, lanes);
    return stage_roots(lanes / in_block) + stage_roots(in_block);
}

}  // namespace circulant
