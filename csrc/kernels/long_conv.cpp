#include "kernels/long_conv.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/long_conv_table.hpp"

namespace circulant {

namespace {

void check(const LongConvSizes& s) {
    require(s.batch > 0 && s.channels > 0 && s.length > 0 && s.taps > 0,
            "expected sizes of at least 1, got batch " + std::to_string(s.batch) + ", channels " +
                std::to_string(s.channels) + ", length " + std::to_string(s.length) + ", taps " +
                std::to_string(s.taps) + "; return an empty result without this call");
    require(s.shift < s.length, "expected a shift below the length " + std::to_string(s.length) + ", got " +
                                    std::to_string(s.shift) + "; crop the input");
    const std::size_t most = s.circular ? s.length : s.length + s.shift;
    require(s.taps <= most, "expected at most " + std::to_string(most) + " taps, got " +
                                std::to_string(s.taps) + "; crop the kernel, or fold it when circular");
}

// Where everything lies. A circular row is laid out periodically, long enough for every tap, which
// leaves a linear problem; wrap-around of the transform falls outside the samples that are kept.
struct Layout {
    Placement x, y_gradient, kernel;
    std::size_t window;   // of y, for the output
    std::size_t samples;  // that the transform must hold
};

Layout layout_gradients(const LongConvSizes& s) {
    const std::size_t wrapped = s.circular ? s.taps - 1 : 0;
    const std::size_t offset = s.circular ? 0 : s.shift;
    const std::size_t phase = s.circular ? (s.length - s.shift) % s.length : 0;
    return {
        .x = {s.length, 0, 0, s.length},
        .y_gradient = {s.length, phase, offset, s.length + wrapped},
        .kernel = {s.taps, 0, 0, s.taps},
        .window = 0,
        .samples = std::max(s.length + s.taps - 1 - offset, s.length + offset),
    };
}

// The row is moved to the right until the window starts at a whole vector.
Layout layout_output(const LongConvSizes& s, std::size_t lanes) {
    Layout layout = layout_gradients(s);
    const std::size_t wrapped = s.circular ? s.taps - 1 : 0;
    const std::size_t start = s.circular ? s.taps - 1 : s.shift;
    const std::size_t offset = (lanes - start % lanes) % lanes;
    const std::size_t phase = s.circular ? (s.length + s.shift - wrapped) % s.length : 0;
    layout.x = {s.length, phase, offset, s.length + wrapped};
    layout.window = start + offset;
    layout.samples = std::max(layout.samples, layout.window + s.length);
    return layout;
}

double row_work(std::size_t size) {
    return 10.0 * static_cast<double>(size) * std::log2(static_cast<double>(size) + 1.0);
}

// Samples that a transform for any slot must hold.
std::size_t samples_of(const LongConvSizes& s, std::size_t lanes) {
    return std::max(layout_gradients(s).samples, layout_output(s, lanes).samples);
}

template <class S>
void run_filter(const FilterJob<S>& job, const LongConvPlan& plan, std::size_t threads) {
    const auto& tree = plan.tree<Arithmetic<S>>();
    const auto& unit = long_conv_unit(plan.isa()).template of<S>();
    const std::size_t rows = job.batch * job.channels;
    const std::size_t useful = useful_threads(threads, rows, row_work(tree.view().size));
    parallel_ranges(useful, rows, [&](std::size_t first, std::size_t last) {
        const AlignedBuffer<Arithmetic<S>> workspace(2 * tree.buffer_size());
        unit.filter_rows(job, first, last, workspace.data());
    });
}

template <class S>
void run_gradients(const GradientJob<S>& job, const LongConvPlan& plan, std::size_t threads) {
    const auto& tree = plan.tree<Arithmetic<S>>();
    const auto& unit = long_conv_unit(plan.isa()).template of<S>();
    const double work = static_cast<double>(job.batch) * row_work(tree.view().size);
    const std::size_t buffers = job.gx_rows == nullptr ? 3 : 4;
    const std::size_t useful = useful_threads(threads, job.channels, work);
    parallel_ranges(useful, job.channels, [&](std::size_t first, std::size_t last) {
        const AlignedBuffer<Arithmetic<S>> workspace(buffers * tree.buffer_size());
        unit.gradients_of_channels(job, first, last, workspace.data());
    });
}

template <class S>
GradientJob<S> gradient_job(const LongConvPlan& plan, const S* x, const S* g, S* gk) {
    const LongConvSizes& s = plan.sizes();
    const Layout layout = layout_gradients(s);
    return {.tree = plan.tree<Arithmetic<S>>().view(),
            .batch = s.batch,
            .channels = s.channels,
            .x = layout.x,
            .g = layout.y_gradient,
            .kernel = layout.kernel,
            .x_rows = x,
            .g_rows = g,
            .kernel_rows = nullptr,
            .gx_rows = nullptr,
            .gk_rows = gk};
}

}  // namespace

LongConvPlan::LongConvPlan(const LongConvSizes& sizes, bool is_double, Isa isa) : sizes_(sizes), isa_(isa) {
    check(sizes);
    const auto make = [&]<class T>(std::optional<Tree<T>>& tree) {
        const LongConvTable<T>& unit = long_conv_unit(isa).of<T>();
        tree.emplace(samples_of(sizes, unit.lanes), unit.lanes, unit.widest_radix);
    };
    if (is_double)
        make(twice_);
    else
        make(single_);
}

template <>
const Tree<float>& LongConvPlan::tree<float>() const {
    require(single_.has_value(), "expected operands of float64, for which the plan was made, got another type");
    return *single_;
}

template <>
const Tree<double>& LongConvPlan::tree<double>() const {
    require(twice_.has_value(), "expected operands of float32 or half precision, got float64; plan for it");
    return *twice_;
}

std::size_t LongConvPlan::workspace_bytes(std::size_t threads, std::size_t buffers) const {
    const std::size_t buffer =
        single_ ? single_->buffer_size() * sizeof(float) : twice_->buffer_size() * sizeof(double);
    return threads * buffers * buffer;
}

template <class S>
void long_conv_output(const LongConvPlan& plan, const LongConvOperands<S>& operands, S* y,
                      std::size_t threads) {
    const LongConvSizes& s = plan.sizes();
    const Layout layout = layout_output(s, long_conv_unit(plan.isa()).of<S>().lanes);
    const FilterJob<S> job = {.tree = plan.tree<Arithmetic<S>>().view(),
                              .batch = s.batch,
                              .channels = s.channels,
                              .source = layout.x,
                              .kernel = layout.kernel,
                              .window = layout.window,
                              .correlates = false,
                              .source_rows = operands.x,
                              .kernel_rows = operands.kernel,
                              .result_rows = y,
                              .skip_tap = s.shift,
                              .skip = operands.skip,
                              .gate_in = operands.gate_in,
                              .gate_out = operands.gate_out};
    run_filter(job, plan, threads);
}

template <class S>
void long_conv_input_gradient(const LongConvPlan& plan, const S* g, const S* kernel, S* gx,
                              std::size_t threads) {
    const LongConvSizes& s = plan.sizes();
    const Layout layout = layout_gradients(s);
    const FilterJob<S> job = {.tree = plan.tree<Arithmetic<S>>().view(),
                              .batch = s.batch,
                              .channels = s.channels,
                              .source = layout.y_gradient,
                              .kernel = layout.kernel,
                              .window = 0,
                              .correlates = true,
                              .source_rows = g,
                              .kernel_rows = kernel,
                              .result_rows = gx,
                              .skip_tap = 0,
                              .skip = nullptr,
                              .gate_in = nullptr,
                              .gate_out = nullptr};
    run_filter(job, plan, threads);
}

template <class S>
void long_conv_kernel_gradient(const LongConvPlan& plan, const S* x, const S* g, S* gk, std::size_t threads) {
    run_gradients(gradient_job(plan, x, g, gk), plan, threads);
}

template <class S>
void long_conv_gradients(const LongConvPlan& plan, const S* x, const S* kernel, const S* g, S* gx, S* gk,
                         std::size_t threads) {
    GradientJob<S> job = gradient_job(plan, x, g, gk);
    job.kernel_rows = kernel;
    job.gx_rows = gx;
    run_gradients(job, plan, threads);
}

#define CIRCULANT_INSTANTIATE(S)                                                                            \
    template void long_conv_output(const LongConvPlan&, const LongConvOperands<S>&, S*, std::size_t);       \
    template void long_conv_input_gradient(const LongConvPlan&, const S*, const S*, S*, std::size_t);       \
    template void long_conv_kernel_gradient(const LongConvPlan&, const S*, const S*, S*, std::size_t);      \
    template void long_conv_gradients(const LongConvPlan&, const S*, const S*, const S*, S*, S*, std::size_t)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
