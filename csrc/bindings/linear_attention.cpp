// Python's view of linear attention and the delta rule's solve.
#include "kernels/linear_attention.hpp"

#include "bindings/binding.hpp"

namespace circulant::bindings {

namespace {

// Calls call.operator()<T>() for a type of the arithmetic: callers widen half precision.
template <class Call>
auto dispatch_wide(Scalar scalar, const Call& call) {
    return scalar == Scalar::float64 ? call.template operator()<double>() : call.template operator()<float>();
}

// `log_decay` and `initial` may be 0: there is none.
void run(const LinearAttentionSizes& sizes, Scalar scalar, Address q, Address k, Address v, Address log_decay,
         Address initial, Address result, std::size_t threads, Isa isa) {
    count_call();
    dispatch_wide(scalar, [&]<class T>() {
        const LinearAttentionOperands<T> operands = {pointer<const T>(q), pointer<const T>(k), pointer<const T>(v),
                                                     pointer<const T>(log_decay), pointer<const T>(initial)};
        linear_attention<T>(sizes, operands, pointer<T>(result), Execution{threads, isa});
    });
}

}  // namespace

void bind_linear_attention(nb::module_& m) {
    nb::enum_<Fading>(m, "Fading")
        .value("NONE", Fading::none)
        .value("HEAD", Fading::head)
        .value("STEP", Fading::step)
        .value("KEY", Fading::key)
        .value("VALUE", Fading::value);
    nb::class_<LinearAttentionSizes>(m, "LinearAttentionSizes")
        .def(
            "__init__",
            [](LinearAttentionSizes* self, std::size_t rows, std::size_t heads, std::size_t length, std::size_t keys,
               std::size_t values, Fading fading, bool strict, bool reverse, bool solve) {
                new (self) LinearAttentionSizes{rows, heads, length, keys, values, fading, strict, reverse, solve};
            },
            "rows"_a, "heads"_a, "length"_a, "keys"_a, "values"_a, "fading"_a, "strict"_a, "reverse"_a, "solve"_a);
    m.def("linear_attention", &run, nb::call_guard<nb::gil_scoped_release>(), "sizes"_a, "scalar"_a, "q"_a, "k"_a,
          "v"_a, "log_decay"_a, "initial"_a, "result"_a, "threads"_a, "isa"_a);
    m.def(
        "linear_attention_workspace",
        [](const LinearAttentionSizes& sizes, Scalar scalar) {
            return dispatch_wide(scalar, [&]<class T>() { return linear_attention_workspace<T>(sizes); });
        },
        "sizes"_a, "scalar"_a);
}

}  // namespace circulant::bindings
