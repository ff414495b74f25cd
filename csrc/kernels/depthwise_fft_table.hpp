// What the depthwise convolution by FFT takes from the units compiled per instruction set.
#pragma once

#include "kernels/depthwise_fft_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct DepthwiseFftTable {
    std::size_t lanes, widest_radix;
    void (*filter_volumes)(const FlatFilterJob<S>&, std::size_t first, std::size_t last,
                           Arithmetic<S>* workspace);
    void (*correlate_volumes)(const FlatCorrelationJob<S>&, std::size_t first, std::size_t last,
                              Arithmetic<S>* workspace);
};

CIRCULANT_UNIT(Unit<DepthwiseFftTable>, depthwise_fft_unit)

}  // namespace circulant
