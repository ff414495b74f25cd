// What Winograd's convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/unit.hpp"
#include "kernels/winograd_job.hpp"

namespace circulant {

template <class S>
struct WinogradTable {
    void (*transform_filters)(const WinogradJob<S>&, std::size_t first, std::size_t last);
    void (*run_tiles)(const WinogradJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<WinogradTable>, winograd_unit)

}  // namespace circulant
