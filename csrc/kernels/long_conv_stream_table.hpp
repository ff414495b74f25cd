// What a stream takes from the units compiled per instruction set.
#pragma once

#include "kernels/long_conv_stream_job.hpp"
#include "kernels/unit.hpp"

namespace circulant {

template <class S>
struct LongConvStreamTable {
    using T = Arithmetic<S>;

    std::size_t lanes, widest_radix, near_tile;
    void (*take_token)(const StreamArrays<T>&, const TokenJob<S>&, std::size_t first, std::size_t last);
    void (*add_near)(const StreamArrays<T>&, std::size_t group, std::ptrdiff_t block, std::size_t step);
    void (*turn_in)(const StreamArrays<T>&, std::ptrdiff_t time, std::size_t first, std::size_t last);
    void (*turn_out)(const StreamArrays<T>&, std::ptrdiff_t time, std::size_t first, std::size_t last);
    void (*run_steps)(const FarJob<T>&, const TransformStep*, std::size_t count);
    void (*transform_taps)(const TreeView<T>&, const T* taps, std::size_t count, std::size_t shift, T* values);
};

CIRCULANT_UNIT(Unit<LongConvStreamTable>, long_conv_stream_unit)

}  // namespace circulant
