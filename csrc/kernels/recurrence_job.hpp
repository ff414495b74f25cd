// What one call of the recurrence tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

namespace circulant {

template <class S>
struct RecurrenceJob {
    std::size_t rows, channels, row_scalars;  // of x
    const S* a;
    const S* x;
    const S* initial;  // null for zeros
    S* h;
};

}  // namespace circulant
