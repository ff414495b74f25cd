// How the rows of a transform are shared out and taken through its axes.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "core/scratch.hpp"
#include "core/threads.hpp"
#include "kernels/transform.hpp"
#include "kernels/transform_table.hpp"

namespace circulant {

inline constexpr std::size_t kChunkBytes = std::size_t{1} << 18;  // of rows that all axes are done for before the next ones

using Sizes = std::vector<std::size_t>;

inline bool is_half(TransformFamily family) {
    return family == TransformFamily::to_spectrum || family == TransformFamily::from_spectrum;
}

inline std::size_t product(const Sizes& sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), std::size_t{1}, std::multiplies<>());
}

inline Sizes bins_of(const TransformSizes& sizes) {
    Sizes bins = sizes.sizes;
    if (is_half(sizes.family)) bins.back() = sizes.kept;
    return bins;
}

// The passes of `rows` rows in turn. Between the passes of from_spectrum `between` holds the spectra.
template <class T>
std::vector<TransformPass<T>> passes_of(const TransformPlan<T>& plan, std::size_t rows, const T* from, T* to,
                                        T* between) {
    const TransformSizes& s = plan.sizes();
    const std::size_t axes = s.sizes.size();
    const Sizes bins = bins_of(s);
    const bool last_axis_last = s.family == TransformFamily::from_spectrum;
    std::vector<TransformPass<T>> passes;
    const auto add = [&](std::size_t axis, PassKind kind, std::size_t outer, std::size_t inner) {
        const bool is_first = passes.empty();
        passes.push_back({.kind = kind,
                          .fft = plan.fft(axis).view(),
                          .outer = outer,
                          .inner = inner,
                          .bins = bins.back(),
                          .positive = is_half(s.family) ? last_axis_last : s.positive,
                          .scale = is_first ? static_cast<T>(s.scale) : T{1},
                          .middle = static_cast<T>(s.middle),
                          .turns = plan.turns(axis),
                          .from = is_first ? from : passes.back().to,
                          .to = last_axis_last && axis + 1 < axes ? between : to});
    };
    const auto add_last = [&] {
        constexpr PassKind kinds[] = {PassKind::real_to_spectrum, PassKind::spectrum_to_real, PassKind::complex,
                                      PassKind::cosine, PassKind::cosine_inverse};
        add(axes - 1, kinds[static_cast<std::size_t>(s.family)], rows * product(bins) / bins.back(), 1);
    };
    const bool is_cosine = s.family == TransformFamily::cosine || s.family == TransformFamily::cosine_inverse;
    if (!last_axis_last) add_last();
    std::size_t inner = bins.back();
    for (std::size_t axis = axes - 1; axis-- > 0; inner *= bins[axis]) {
        const PassKind kind = !is_cosine                           ? PassKind::complex
                              : s.family == TransformFamily::cosine ? PassKind::cosine
                                                                    : PassKind::cosine_inverse;
        add(axis, kind, rows * product(bins) / (inner * bins[axis]), inner);
    }
    if (last_axis_last) add_last();
    return passes;
}

template <class T>
std::size_t buffer_scalars(const TransformPlan<T>& plan, std::size_t lanes) {
    return 2 * buffer_vectors(*std::max_element(plan.sizes().sizes.begin(), plan.sizes().sizes.end())) * lanes;
}

template <class T>
bool needs_between(const TransformPlan<T>& plan) {
    return plan.sizes().family == TransformFamily::from_spectrum && plan.sizes().sizes.size() > 1;
}

// Rows that stay in cache from the first axis to the last, and fill blocks of lines.
template <class T>
std::size_t chunk_rows(const TransformPlan<T>& plan, std::size_t rows, std::size_t lanes) {
    const std::size_t row_bytes = (plan.samples() + plan.coefficients()) * sizeof(T);
    const std::size_t lines = std::max<std::size_t>(1, product(plan.sizes().sizes) / plan.sizes().sizes.back());
    const std::size_t unit = (2 * lanes + lines - 1) / lines;
    const std::size_t fitting = std::max<std::size_t>(1, kChunkBytes / row_bytes);
    return std::min(rows, (fitting + unit - 1) / unit * unit);
}

template <class T>
std::size_t block_count(const TransformPass<T>& pass, std::size_t lanes) {
    return PassBlocks(pass.outer, pass.inner, lines_abreast(pass.kind, lanes)).count;
}

// One thread takes the rows through all axes. workspace: buffer_scalars().
template <class T>
void by_rows(const TransformPlan<T>& plan, std::size_t rows, const T* from, T* to, T* between, T* workspace) {
    const TransformTable<T>& unit = transform_unit(plan.isa()).template of<T>();
    for (const TransformPass<T>& pass : passes_of(plan, rows, from, to, between))
        unit.transform_blocks(pass, 0, block_count(pass, unit.lanes), workspace);
}

// All threads take the same axis: few rows, or large ones.
template <class T>
void by_axes(const TransformPlan<T>& plan, std::size_t rows, const T* from, T* to, T* between, std::size_t threads) {
    const TransformTable<T>& unit = transform_unit(plan.isa()).template of<T>();
    for (const TransformPass<T>& pass : passes_of(plan, rows, from, to, between))
        parallel_ranges(threads, block_count(pass, unit.lanes), [&](std::size_t first, std::size_t last) {
            const Scratch<T> workspace(buffer_scalars(plan, unit.lanes));
            unit.transform_blocks(pass, first, last, workspace.data());
        });
}

inline double work_of(const Sizes& sizes) {
    const double samples = static_cast<double>(product(sizes));
    return 2.5 * samples * std::log2(samples + 1.0);
}

}  // namespace circulant
