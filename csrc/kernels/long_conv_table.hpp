// What the long convolution takes from the units compiled per instruction set.
#pragma once

#include "kernels/long_conv_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct LongConvTable {
    std::size_t lanes, widest_radix;
    void (*filter_pieces)(const FilterJob<S>&, std::size_t first, std::size_t last, Arithmetic<S>* workspace);
    void (*transform_kernels)(const FilterJob<S>&, std::size_t first, std::size_t last,
                              Arithmetic<S>* spectra);
    void (*gradients_of_channels)(const GradientJob<S>&, std::size_t first, std::size_t last,
                                  Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<LongConvTable>, long_conv_unit)

}  // namespace circulant
