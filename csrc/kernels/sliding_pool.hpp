// Largest value or average of every window of 1-D and 2-D planes, in logarithmically many steps.
//
//     y[p, i, j] = max or mean over u, v of x[p, i stride + u - before, j stride + v - before]
//
// Outside its plane x counts as minus infinity for the largest value and as zero for the average, which
// divides by all taps. x (planes, height, width) and y are contiguous; y is written in full. A largest
// value is NaN where one of its window is.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"
#include "kernels/window.hpp"

namespace circulant {

enum class PoolMode { max = 0, average = 1 };

struct SlidingPoolSizes {
    std::size_t planes;
    WindowAxis rows, columns;             // of dilation 1
    PoolMode mode;
    std::size_t tile_rows, tile_columns;  // outputs computed from one strip
};

template <class S>
void sliding_pool(const SlidingPoolSizes& sizes, const S* x, S* y, Execution execution);

// Bytes of scratch memory that a call takes for each of its threads.
template <class S>
std::size_t sliding_pool_workspace(const SlidingPoolSizes& sizes);

}  // namespace circulant
