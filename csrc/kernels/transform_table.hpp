// What transforms take from the units compiled per instruction set.
#pragma once

#include "kernels/transform_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class T>
struct TransformTable {
    std::size_t lanes, widest_radix;
    // workspace: two buffers of buffer_vectors(length) vectors.
    void (*transform_blocks)(const TransformPass<T>&, std::size_t first, std::size_t last, T* workspace);
    // Complex pairs, `scalars` numbers: values times gains or their conjugates; total += conj(x) g.
    void (*multiply)(T* values, const T* gains, std::size_t scalars, bool conjugated);
    void (*correlate)(const T* x, const T* g, T* total, std::size_t scalars);
};

struct TransformUnit {
    TransformTable<float> single;
    TransformTable<double> twice;

    template <class T>
    const TransformTable<T>& of() const {
        if constexpr (std::is_same_v<T, float>) return single;
        if constexpr (std::is_same_v<T, double>) return twice;
    }
};

CIRCULANT_UNIT(TransformUnit, transform_unit)

}  // namespace circulant
