// What the selective scan takes from the units compiled per instruction set.
#pragma once

#include "kernels/selective_scan_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct SelectiveTable {
    std::size_t lanes;
    void (*scan_blocks)(const SelectiveForwardJob<S>&, std::size_t first, std::size_t last,
                        Arithmetic<S>* workspace);
    void (*pull_back_shares)(const SelectiveBackwardJob<S>&, std::size_t first, std::size_t last,
                             Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<SelectiveTable>, selective_scan_unit)

}  // namespace circulant
