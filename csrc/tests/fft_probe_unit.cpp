// Compiled once per instruction set.
#include "kernels/long_conv_rows.hpp"
#include "tests/fft_probe.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
void probe_evaluate(const TreeView<T>& tree, const T* row, const Placement& place, T* data) {
    transform_row(tree, RowSource<T>{row, place}, data);
}

template <class T>
void probe_interpolate(const TreeView<T>& tree, T* data, size_t count, T* row) {
    walk(tree, data, Interpolate<T>{});
    give_out<false>(tree, data, RowSink<T>{row, 0, count});
    for (size_t i = 0; i < count; ++i) row[i] /= static_cast<T>(tree.size);
}

constexpr Unit<tests::Probe> probe_unit = {
    {kLanes<float>, kWidestRadix, probe_evaluate<float>, probe_interpolate<float>},
    {kLanes<double>, kWidestRadix, probe_evaluate<double>, probe_interpolate<double>},
    {},
    {},
};

}  // namespace circulant::CIRCULANT_ISA
