// Linear recurrences along rows, and their adjoints.
//
//     h[l] = a[l] h[l-1] + x[l],  h[-1] = initial or 0
//     adjoint: h[l] = x[l] + conj(a[l+1]) h[l+1],  with 0 behind the last
//
// x and h (batch, channels, length), initial (batch, channels) or null; a like x, or one number for
// each channel. Complex numbers are pairs. All contiguous; nothing is reordered: every row is computed
// step after step.
#pragma once

#include <cstddef>

#include "kernels/execution.hpp"

namespace circulant {

struct RecurrenceSizes {
    std::size_t batch, channels, length;
    bool varying;  // a has a value for each step
    bool complex, adjoint;
};

template <class S>
void recurrence(const RecurrenceSizes& sizes, const S* a, const S* x, const S* initial, S* h, Execution execution);

}  // namespace circulant
