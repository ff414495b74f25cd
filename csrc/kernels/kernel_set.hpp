// The functions that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <type_traits>

#include "core/isa.hpp"
#include "kernels/depthwise_job.hpp"
#include "kernels/long_conv_job.hpp"

namespace circulant {

template <class T>
struct Kernels {
    std::size_t lanes;
    void (*filter_rows)(const FilterJob<T>&, std::size_t first, std::size_t last, T* workspace);
    void (*correlate_channels)(const CorrelationJob<T>&, std::size_t first, std::size_t last,
                               T* workspace);
    void (*gather_planes)(const GatherJob<T>&, std::size_t first, std::size_t last, T* workspace);
    void (*correlate_planes)(const PlaneCorrelationJob<T>&, std::size_t first, std::size_t last,
                             T* workspace);
};

struct KernelSet {
    Kernels<float> single;
    Kernels<double> twice;
};

// Refuses a level that this build or this machine lacks.
const KernelSet& kernel_set(Isa isa);

template <class T>
const Kernels<T>& kernels(Isa isa) {
    if constexpr (std::is_same_v<T, float>)
        return kernel_set(isa).single;
    else
        return kernel_set(isa).twice;
}

}  // namespace circulant
