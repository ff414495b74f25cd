// What the inverse convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/inverse_conv_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct InverseConvTable {
    std::size_t lanes;
    void (*pack_weights)(const S* weight, std::size_t channels, std::size_t taps, bool adjoint,
                         Arithmetic<S>* packed);
    void (*solve_images)(const InverseConvJob<S>&, std::size_t first, std::size_t last,
                         Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<InverseConvTable>, inverse_conv_unit)

}  // namespace circulant
