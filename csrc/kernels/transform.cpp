#include "kernels/transform.hpp"

#include <cmath>
#include <numbers>

#include "core/error.hpp"
#include "kernels/transform_run.hpp"

namespace circulant {

namespace {

// Of the coefficients' own size, so that one product turns and scales: orthonormal.
template <class T>
std::vector<T> quarter_turns(std::size_t n, bool inverse) {
    std::vector<T> turns;
    for (std::size_t k = 0; k < n; ++k) {
        const double share = std::sqrt((k > 0 ? 2.0 : 1.0) / static_cast<double>(n));
        const double size = inverse ? 1.0 / (static_cast<double>(n) * share) : share / 2.0;
        const double angle = std::numbers::pi * static_cast<double>(k) / (2.0 * static_cast<double>(n));
        turns.push_back(static_cast<T>(size * std::cos(angle)));
        turns.push_back(static_cast<T>(size * std::sin(angle)));
    }
    return turns;
}

template <class T>
void check(const TransformPlan<T>& plan, std::size_t rows) {
    require(rows > 0 && plan.samples() > 0, "expected at least one row and sample; return an empty result");
}

// Every thread takes chunks of rows through all axes.
template <class T>
void by_chunks(const TransformPlan<T>& plan, std::size_t rows, std::size_t chunk, const T* from, T* to,
               std::size_t threads) {
    const TransformTable<T>& unit = transform_unit(plan.isa()).template of<T>();
    const bool to_samples = plan.sizes().family == TransformFamily::from_spectrum;
    const std::size_t in = to_samples ? plan.coefficients() : plan.samples();
    const std::size_t out = to_samples ? plan.samples() : plan.coefficients();
    const std::size_t own = buffer_scalars(plan, unit.lanes);
    parallel_ranges(threads, (rows + chunk - 1) / chunk, [&](std::size_t first, std::size_t last) {
        const Scratch<T> workspace(own + (needs_between(plan) ? chunk * plan.coefficients() : 0));
        for (std::size_t i = first; i < last; ++i) {
            const std::size_t row = i * chunk, count = std::min(chunk, rows - row);
            by_rows(plan, count, from + row * in, to + row * out, workspace.data() + own, workspace.data());
        }
    });
}

}  // namespace

template <class T>
TransformPlan<T>::TransformPlan(const TransformSizes& sizes, Isa isa) : sizes_(sizes), isa_(isa) {
    const TransformTable<T>& unit = transform_unit(isa).of<T>();
    const bool is_cosine = sizes.family == TransformFamily::cosine || sizes.family == TransformFamily::cosine_inverse;
    require(!sizes.sizes.empty(), "expected at least one axis, got none");
    require(sizes.kept > 0 && sizes.kept <= sizes.sizes.back() / 2 + 1,
            "expected bins that the last axis has, got " + std::to_string(sizes.kept));
    for (std::size_t axis = 0; axis < sizes.sizes.size(); ++axis) {
        const std::size_t n = sizes.sizes[axis];
        require(n > 0, "expected at least one sample along each axis; return an empty result");
        const auto same = std::find(sizes.sizes.begin(), sizes.sizes.begin() + static_cast<std::ptrdiff_t>(axis), n);
        const auto earlier = static_cast<std::size_t>(same - sizes.sizes.begin());
        ffts_.push_back(earlier < axis ? ffts_[earlier] : std::make_shared<const Fft<T>>(n, unit.widest_radix));
        turns_.push_back(is_cosine ? quarter_turns<T>(n, sizes.family == TransformFamily::cosine_inverse)
                                   : std::vector<T>{});
    }
}

template <class T>
std::size_t TransformPlan<T>::samples() const {
    return product(sizes_.sizes) * (sizes_.family == TransformFamily::complex ? 2 : 1);
}

template <class T>
std::size_t TransformPlan<T>::coefficients() const {
    const bool is_complex = is_half(sizes_.family) || sizes_.family == TransformFamily::complex;
    return product(bins_of(sizes_)) * (is_complex ? 2 : 1);
}

template <class T>
std::size_t TransformPlan<T>::workspace_bytes(std::size_t rows, std::size_t threads) const {
    const std::size_t lanes = transform_unit(isa_).of<T>().lanes;
    const std::size_t between = needs_between(*this) ? chunk_rows(*this, rows, lanes) * coefficients() : 0;
    return threads * (buffer_scalars(*this, lanes) + between) * sizeof(T);
}

template <class T>
void transform(const TransformPlan<T>& plan, std::size_t rows, const T* from, T* to, std::size_t threads) {
    check(plan, rows);
    const std::size_t chunk = chunk_rows(plan, rows, transform_unit(plan.isa()).template of<T>().lanes);
    const std::size_t chunks = (rows + chunk - 1) / chunk;
    const std::size_t useful = useful_threads(threads, rows, work_of(plan.sizes().sizes));
    if (chunks >= useful) return by_chunks(plan, rows, chunk, from, to, useful);
    const std::size_t share = (rows + useful - 1) / useful;
    if (rows >= useful && share * plan.samples() * sizeof(T) >= kChunkBytes / 8)
        return by_chunks(plan, rows, share, from, to, useful);
    const std::size_t lines = rows * product(plan.sizes().sizes) / plan.sizes().sizes.back();
    const AlignedBuffer<T> between(needs_between(plan) ? rows * plan.coefficients() : 1);
    by_axes(plan, rows, from, to, between.data(),
            useful_threads(threads, lines, work_of({plan.sizes().sizes.back()})));
}

#define CIRCULANT_INSTANTIATE(T)     \
    template class TransformPlan<T>; \
    template void transform(const TransformPlan<T>&, std::size_t, const T*, T*, std::size_t)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);

}  // namespace circulant
