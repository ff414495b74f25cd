// What one call of the sampled convolution tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

namespace circulant {

struct SampledAxis {
    std::size_t size, out_size, taps, stride, dilation, before;
};

inline constexpr std::size_t kPositions = 32;      // results whose places are worked out together
inline constexpr std::size_t kChannelMultiple = 16;  // the widest vector
inline constexpr std::size_t kBorder = 3;  // zeros along each axis: one before, two behind

template <class S>
struct SampledJob {
    std::size_t group_channels, groups;
    std::size_t block_channels, blocks;  // of a group that are sampled together, and how many such
    std::size_t padded_channels;         // numbers of a pixel when its channels lie beside each other
    SampledAxis axes[3];                 // depth, rows, columns; single where there are fewer
    std::size_t pixels;                  // of a plane with its border
    const S* x;
    const S* offset;
    const S* modulation;
    const S* g;  // of the output; only for the gradients
    S* result;   // the output, or the input's gradient
    S* offset_gradient;
    S* modulation_gradient;
};

}  // namespace circulant
