// The transform alone, as compiled for one instruction set.
#pragma once

#include "fft/tree.hpp"
#include "kernels/long_conv_job.hpp"
#include "kernels/unit.hpp"

namespace circulant::tests {

template <class T>
struct Probe {
    std::size_t lanes, widest_radix;
    // row -> values of its polynomial, in `data`
    void (*evaluate)(const TreeView<T>&, const T* row, const Placement&, T* data);
    // values in `data` -> the first `count` samples
    void (*interpolate)(const TreeView<T>&, T* data, std::size_t count, T* row);
};

}  // namespace circulant::tests

namespace circulant {

CIRCULANT_UNIT(Unit<tests::Probe>, probe_unit)

}  // namespace circulant
