// What linear attention takes from the units compiled per instruction set.
#pragma once

#include <type_traits>

#include "kernels/linear_attention_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

// Rows first .. last - 1 with the scratch memory of one thread.
template <class T>
using LinearAttentionRun = void (*)(const LinearAttentionJob<T>&, std::size_t first, std::size_t last, T* scratch);

template <class T>
struct LinearAttentionTable {
    std::size_t lanes, tile;  // of a vector, and of the values taken at once
    LinearAttentionRun<T> attend, attend_by_value, solve;
};

struct LinearAttentionUnit {
    LinearAttentionTable<float> single;
    LinearAttentionTable<double> twice;

    template <class T>
    const LinearAttentionTable<T>& of() const {
        if constexpr (std::is_same_v<T, float>) return single;
        if constexpr (std::is_same_v<T, double>) return twice;
    }
};

CIRCULANT_UNIT(LinearAttentionUnit, linear_attention_unit)

}  // namespace circulant
