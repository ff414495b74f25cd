// What one call of linear attention tells the units compiled per instruction set: plain data.
#pragma once

#include "kernels/linear_attention.hpp"

namespace circulant {

// Steps taken at once. Each number of the state then takes 2 products for each of them, and one to fade.
inline constexpr std::size_t kBlockSteps = 8;

template <class T>
struct LinearAttentionJob {
    LinearAttentionSizes sizes;
    LinearAttentionOperands<T> operands;
    T* result;
    std::size_t keys, values;  // rounded up to whole vectors, and whole tiles of them
};

// Scalars of scratch memory: the state; of a block, q, k, the factors, what reads and what is written by
// keys, then v, the factors and the result by values; the pairs of its steps.
constexpr std::size_t block_scalars(std::size_t keys, std::size_t padded_keys, std::size_t padded_values) {
    return keys * padded_values + (5 * kBlockSteps + 1) * padded_keys + 3 * kBlockSteps * padded_values +
           kBlockSteps * kBlockSteps;
}

}  // namespace circulant
