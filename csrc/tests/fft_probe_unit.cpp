// Compiled once per instruction set.
#include "fft/walk.hpp"
#include "kernels/rows.hpp"
#include "tests/fft_probe.hpp"

namespace circulant::CIRCULANT_ISA {

template <class T>
void probe_evaluate(const TreeView<T>& tree, const T* row, const Placement& place, T* data) {
    place_row(tree, row, place, data);
    walk(tree, data, Evaluate<T>{});
}

template <class T>
void probe_interpolate(const TreeView<T>& tree, T* data, size_t count, T* row) {
    walk(tree, data, Interpolate<T>{});
    take_row(tree, data, 0, count, row);
}

constexpr Unit<tests::Probe> probe_unit = {
    {probe_evaluate<float>, probe_interpolate<float>},
    {probe_evaluate<double>, probe_interpolate<double>},
    {},
    {},
};

}  // namespace circulant::CIRCULANT_ISA
