// What one call of the gathered convolution tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>
#include <cstdint>

namespace circulant {

inline constexpr std::size_t kGathered = 32;  // results whose neighbours are looked up together

// x and w for the output, g and w for the input's gradient, x and g for the kernel's.
template <class S>
struct GatheredJob {
    std::size_t batch, groups;
    std::size_t group_in, group_out;  // channels of a group
    std::size_t places, outputs, taps;
    std::size_t block, blocks;  // channels that one item computes, and how many such there are in a group
    std::size_t padded;         // numbers from one place to the next where those channels lie together
    std::size_t source_padded;  // the same for the channels that a dense product sums over
    const std::int64_t* index;
    const S* first;
    const S* second;
    S* result;
};

}  // namespace circulant
