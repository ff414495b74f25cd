// What the recurrence takes from the units compiled per instruction set.
#pragma once

#include "kernels/recurrence_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

// Rows first .. last - 1, counted in groups of `lanes`.
template <class S>
using RecurrenceRun = void (*)(const RecurrenceJob<S>&, std::size_t first, std::size_t last);

template <class S>
struct RecurrenceTable {
    std::size_t lanes;
    RecurrenceRun<S> run[2][2][2];  // by varying, complex, adjoint
};

CIRCULANT_UNIT(Unit<RecurrenceTable>, recurrence_unit)

}  // namespace circulant
