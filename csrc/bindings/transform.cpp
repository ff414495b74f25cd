// Python's view of Fourier and cosine transforms, and of filters in the frequency domain.
#include "kernels/transform.hpp"

#include <nanobind/stl/vector.h>

#include "bindings/binding.hpp"
#include "kernels/spectral_filter.hpp"

namespace circulant::bindings {

namespace {

template <class T>
void bind_plan(nb::module_& m, const char* name) {
    nb::class_<TransformPlan<T>>(m, name)
        .def(nb::init<const TransformSizes&, Isa>(), "sizes"_a, "isa"_a)
        .def("workspace_bytes", &TransformPlan<T>::workspace_bytes, "rows"_a, "threads"_a);
    m.def(
        "transform",
        [](const TransformPlan<T>& plan, Scalar, Address from, Address to, std::size_t threads, std::size_t rows) {
            count_call();
            transform<T>(plan, rows, pointer<const T>(from), pointer<T>(to), threads);
        },
        nb::call_guard<nb::gil_scoped_release>());
}

template <class T>
void bind_filter(nb::module_& m) {
    using Plan = TransformPlan<T>;
    m.def(
        "spectral_filter",
        [](const Plan& forth, Scalar, Address x, Address gains, Address y, std::size_t threads, const Plan& back,
           const SpectralFilterSizes& sizes) {
            count_call();
            spectral_filter<T>(forth, back, sizes, pointer<const T>(x), pointer<const T>(gains), pointer<T>(y),
                               threads);
        },
        nb::call_guard<nb::gil_scoped_release>());
    m.def(
        "spectral_filter_gain_gradient",
        [](const Plan& forth, Scalar, Address x, Address g, Address gradient, std::size_t threads, const Plan& back,
           const SpectralFilterSizes& sizes) {
            count_call();
            spectral_filter_gain_gradient<T>(forth, back, sizes, pointer<const T>(x), pointer<const T>(g),
                                             pointer<T>(gradient), threads);
        },
        nb::call_guard<nb::gil_scoped_release>());
    m.def("spectral_filter_workspace", &spectral_filter_workspace<T>, "forth"_a, "sizes"_a, "gain_gradient"_a,
          "threads"_a);
}

}  // namespace

void bind_transform(nb::module_& m) {
    nb::enum_<TransformFamily>(m, "TransformFamily")
        .value("TO_SPECTRUM", TransformFamily::to_spectrum)
        .value("FROM_SPECTRUM", TransformFamily::from_spectrum)
        .value("COMPLEX", TransformFamily::complex)
        .value("COSINE", TransformFamily::cosine)
        .value("COSINE_INVERSE", TransformFamily::cosine_inverse);
    nb::class_<TransformSizes>(m, "TransformSizes")
        .def(
            "__init__",
            [](TransformSizes* self, TransformFamily family, const std::vector<std::size_t>& sizes, bool positive,
               double scale, double middle, std::size_t kept) {
                new (self) TransformSizes{family, sizes, positive, scale, middle, kept};
            },
            "family"_a, "sizes"_a, "positive"_a, "scale"_a, "middle"_a, "kept"_a);
    bind_plan<float>(m, "TransformPlanFloat32");
    bind_plan<double>(m, "TransformPlanFloat64");
    nb::class_<SpectralFilterSizes>(m, "SpectralFilterSizes")
        .def(
            "__init__",
            [](SpectralFilterSizes* self, std::size_t batch, std::size_t channels, bool shared, bool conjugated) {
                new (self) SpectralFilterSizes{batch, channels, shared, conjugated};
            },
            "batch"_a, "channels"_a, "shared"_a, "conjugated"_a);
    bind_filter<float>(m);
    bind_filter<double>(m);
}

}  // namespace circulant::bindings
