// Python's view of the linear recurrence.
#include "kernels/recurrence.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

namespace {

// `initial` may be 0: no initial state.
void run(const RecurrenceSizes& sizes, Scalar scalar, std::uintptr_t a, std::uintptr_t x, std::uintptr_t initial,
         std::uintptr_t result, std::size_t threads, Isa isa) {
    count_call();
    dispatch(scalar, [&]<class S>() {
        recurrence<S>(sizes, pointer<const S>(a), pointer<const S>(x), pointer<const S>(initial),
                      pointer<S>(result), Execution{threads, isa});
    });
}

}  // namespace

void bind_recurrence(nb::module_& m) {
    nb::class_<RecurrenceSizes>(m, "RecurrenceSizes")
        .def(
            "__init__",
            [](RecurrenceSizes* self, std::size_t batch, std::size_t channels, std::size_t length, bool varying,
               bool complex, bool adjoint) {
                new (self) RecurrenceSizes{batch, channels, length, varying, complex, adjoint};
            },
            "batch"_a, "channels"_a, "length"_a, "varying"_a, "complex"_a, "adjoint"_a);
    m.def("recurrence", &run, nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a, "a"_a, "x"_a,
          "initial"_a, "result"_a, "threads"_a, "isa"_a);
}

}  // namespace circulant::bindings
