// Python's view of the selective scan.
#include "kernels/selective_scan.hpp"

#include <nanobind/stl/array.h>

#include <array>

#include "bindings/binding.hpp"

namespace circulant::bindings {

namespace {

// Of u, delta, A, B, C and the initial state.
using Addresses = std::array<std::uintptr_t, 6>;

template <class S>
SelectiveOperands<S> operands_at(const Addresses& at) {
    using T = Arithmetic<S>;
    return {pointer<const S>(at[0]), pointer<const S>(at[1]), pointer<const T>(at[2]),
            pointer<const S>(at[3]), pointer<const S>(at[4]), pointer<const T>(at[5])};
}

void scan(const SelectiveSizes& sizes, Scalar scalar, const Addresses& operands, std::uintptr_t result,
          std::size_t threads, Isa isa) {
    count_call();
    dispatch(scalar, [&]<class S>() {
        selective_scan<S>(sizes, operands_at<S>(operands), pointer<Arithmetic<S>>(result), Execution{threads, isa});
    });
}

void gradients(const SelectiveSizes& sizes, Scalar scalar, const Addresses& operands, std::uintptr_t y_gradient,
               std::uintptr_t state_gradient, std::uintptr_t result, std::size_t threads, Isa isa) {
    count_call();
    dispatch(scalar, [&]<class S>() {
        using T = Arithmetic<S>;
        selective_scan_gradients<S>(sizes, operands_at<S>(operands), pointer<const T>(y_gradient),
                                    pointer<const T>(state_gradient), pointer<T>(result), Execution{threads, isa});
    });
}

}  // namespace

void bind_selective_scan(nb::module_& m) {
    nb::class_<SelectiveSizes>(m, "SelectiveSizes")
        .def(
            "__init__",
            [](SelectiveSizes* self, std::size_t batch, std::size_t channels, std::size_t groups, std::size_t state,
               std::size_t length, std::size_t chunk) {
                new (self) SelectiveSizes{batch, channels, groups, state, length, chunk};
            },
            "batch"_a, "channels"_a, "groups"_a, "state"_a, "length"_a, "chunk"_a);
    m.def("selective_scan", &scan, nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a, "operands"_a,
          "result"_a, "threads"_a, "isa"_a);
    m.def("selective_scan_gradients", &gradients, nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a,
          "operands"_a, "y_gradient"_a, "state_gradient"_a, "result"_a, "threads"_a, "isa"_a);
}

}  // namespace circulant::bindings
