// What one call of the local convolution tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

namespace circulant {

struct LocalAxis {
    std::size_t size, out_size, taps, stride, dilation, before;
};

// Results that a thread computes together: that many channels of a group at a time, over that many
// rows and columns. Columns are a multiple of kBlockColumns.
struct LocalBlock {
    std::size_t channels, rows, columns;
};

inline constexpr std::size_t kBlockColumns = 16;  // the widest vector, so that blocks suit every level

// Lines that a block of results sees, copied with zeros around them: for each tap along the depth a
// slice of `rows` lines, the columns of each sorted by their index modulo `step`, so that a strided
// convolution reads consecutive memory too.
struct LocalStrip {
    std::size_t rows, step, phase_width;
    std::size_t line_scalars;     // step * phase_width
    std::size_t channel_scalars;  // from one channel to the next
};

// How the results are cut into blocks: image and group outermost, columns innermost.
struct LocalGrid {
    std::size_t slices, rows, columns;  // of results
    std::size_t first_column;           // the columns count from here
    std::size_t row_blocks, column_blocks;
};

// x and w for the output, g and w for the input's gradient, x and g for the kernel's.
template <class S>
struct LocalJob {
    std::size_t group_channels, taps;
    LocalAxis depth, rows, columns;
    LocalBlock block;
    LocalStrip strip;
    LocalGrid grid;
    const S* first;
    const S* second;
    S* result;
};

}  // namespace circulant
