// Whole rows into a transform and out of it.
#pragma once

#include "fft/ends.hpp"
#include "fft/walk.hpp"
#include "kernels/rows.hpp"

namespace circulant::CIRCULANT_ISA {

template <class Source, class T>
void take_in_up_to(const TreeView<T>& tree, size_t end, const Source& source, T* data) {
    if (end <= tree.size)
        take_in<true>(tree, source, data);
    else
        take_in<false>(tree, source, data);
}

// Samples -> the children of the root.
template <class S, class T = Arithmetic<S>>
void take_in_row(const TreeView<T>& tree, const RowSource<S>& source, T* data) {
    const size_t end = source.place.offset + source.place.extent;
    if (!source.is_plain()) return take_in_up_to(tree, end, source, data);
    if (source.gate == nullptr) return take_in_up_to(tree, end, source.template plain<false>(), data);
    take_in_up_to(tree, end, source.template plain<true>(), data);
}

template <class S, class T = Arithmetic<S>>
void give_out_row(const TreeView<T>& tree, const T* data, const RowSink<S>& sink) {
    if (sink.window + sink.count <= tree.size)
        give_out<true>(tree, data, sink);
    else
        give_out<false>(tree, data, sink);
}

// Samples -> values.
template <class S, class T = Arithmetic<S>>
void transform_row(const TreeView<T>& tree, const RowSource<S>& source, T* data) {
    take_in_row(tree, source, data);
    walk(tree, data, Evaluate<T>{});
}

template <class T>
size_t buffer_scalars(const TreeView<T>& tree) {
    return 2 * tree.padded_leaves * kLanes<T>;
}

// The walk down and up multiplies by n.
template <class T>
T inverse_of_size(const TreeView<T>& tree) {
    return T{1} / static_cast<T>(tree.size);
}

}  // namespace circulant::CIRCULANT_ISA
