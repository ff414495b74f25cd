// Compiled once per instruction set; CIRCULANT_ISA names the namespace.
#include "kernels/recurrence_rows.hpp"
#include "kernels/recurrence_table.hpp"

namespace circulant::CIRCULANT_ISA {

template <class S>
constexpr RecurrenceTable<S> recurrence_table = {
    kLanes<Arithmetic<S>>,
    {{{run_rows<S, false, false, false>, run_rows<S, false, false, true>},
      {run_rows<S, false, true, false>, run_rows<S, false, true, true>}},
     {{run_rows<S, true, false, false>, run_rows<S, true, false, true>},
      {run_rows<S, true, true, false>, run_rows<S, true, true, true>}}},
};

constexpr Unit<RecurrenceTable> recurrence_unit = {recurrence_table<float>, recurrence_table<double>,
                                                   recurrence_table<Half>, recurrence_table<BFloat16>};

}  // namespace circulant::CIRCULANT_ISA
