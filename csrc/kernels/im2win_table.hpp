// What the im2win convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/im2win_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct Im2winTable {
    void (*lay_out_filters)(const Im2winJob<S>&, std::size_t first, std::size_t last);
    void (*run_tiles)(const Im2winJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<Im2winTable>, im2win_unit)

}  // namespace circulant
