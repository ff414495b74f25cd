#include "kernels/long_conv.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.hpp"
#include "core/scratch.hpp"
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

std::ptrdiff_t difference(std::size_t a, std::size_t b) {
    return static_cast<std::ptrdiff_t>(a) - static_cast<std::ptrdiff_t>(b);
}

std::size_t whole_vectors(std::size_t samples, std::size_t lanes) {
    return (samples + lanes - 1) / lanes * lanes;
}

// The stretch that one piece reads, and where its results start among the positions.
struct Layout {
    Stretch stretch;
    std::size_t window;
    std::size_t samples;  // that the transform must hold
};

// Of the output's gradient, for those of x and kernel. A row in one piece may wrap around in the
// transform where nothing is read; a circular one is laid out long enough for every tap.
Layout layout_gradients(const LongConvSizes& s, std::size_t fresh, bool is_whole) {
    const bool is_open = is_whole && !s.circular;  // nothing beyond the ends
    const std::size_t extent = fresh + (is_open ? s.shift : s.taps - 1);
    const std::size_t reached = is_open ? s.length + s.taps - 1 - s.shift : extent;
    return {.stretch = {difference(0, s.shift), extent, s.circular},
            .window = 0,
            .samples = std::max(reached, extent)};
}

// Of the source, for the output: the window starts at a whole vector.
Layout layout_output(const LongConvSizes& s, std::size_t fresh, bool is_whole, std::size_t lanes) {
    const bool is_open = is_whole && !s.circular;
    const std::size_t window = whole_vectors(is_open ? s.shift : s.taps - 1, lanes);
    const std::size_t extent = fresh + window - (is_open ? s.shift : 0);
    return {.stretch = {difference(s.shift, window), extent, s.circular},
            .window = window,
            .samples = fresh + window};
}

double row_work(std::size_t size) {
    return 10.0 * static_cast<double>(size) * std::log2(static_cast<double>(size) + 1.0);
}

// Samples that a transform of the whole row must hold, for any slot.
std::size_t samples_of(const LongConvSizes& s, std::size_t lanes) {
    return std::max(layout_gradients(s, s.length, true).samples,
                    layout_output(s, s.length, true, lanes).samples);
}

// A transform of that many coefficients holds twice as many real samples, of which a window is not new.
template <class S>
Pieces pieces_of(const LongConvPlan& plan) {
    const LongConvSizes& s = plan.sizes();
    if (plan.is_whole()) return {s.length, s.length, 1};
    const std::size_t lanes = long_conv_unit(plan.isa()).of<S>().lanes;
    const std::size_t fresh = 2 * plan.transform_size() - whole_vectors(s.taps - 1, lanes);
    return {s.length, fresh, (s.length + fresh - 1) / fresh};
}

template <class S>
void run_filter(const FilterJob<S>& job, const LongConvPlan& plan, std::size_t threads) {
    const auto& tree = plan.tree<Arithmetic<S>>();
    const auto& unit = long_conv_unit(plan.isa()).template of<S>();
    const std::size_t pieces = job.batch * job.channels * job.pieces.count;
    const std::size_t useful = useful_threads(threads, pieces, row_work(tree.view().size));
    parallel_ranges(useful, pieces, [&](std::size_t first, std::size_t last) {
        const Scratch<Arithmetic<S>> workspace(2 * tree.buffer_size());
        unit.filter_pieces(job, first, last, workspace.data());
    });
}

template <class S>
void run_gradients(const GradientJob<S>& job, const LongConvPlan& plan, std::size_t threads) {
    const auto& tree = plan.tree<Arithmetic<S>>();
    const auto& unit = long_conv_unit(plan.isa()).template of<S>();
    const double work = static_cast<double>(job.batch * job.pieces.count) * row_work(tree.view().size);
    const std::size_t buffers = job.gx_rows == nullptr ? 3 : 4;
    const std::size_t useful = useful_threads(threads, job.channels, work);
    parallel_ranges(useful, job.channels, [&](std::size_t first, std::size_t last) {
        const Scratch<Arithmetic<S>> workspace(buffers * tree.buffer_size());
        unit.gradients_of_channels(job, first, last, workspace.data());
    });
}

template <class S>
GradientJob<S> gradient_job(const LongConvPlan& plan, const S* x, const S* g, S* gk) {
    const LongConvSizes& s = plan.sizes();
    const Pieces pieces = pieces_of<S>(plan);
    return {.tree = plan.tree<Arithmetic<S>>().view(),
            .batch = s.batch,
            .channels = s.channels,
            .pieces = pieces,
            .g = layout_gradients(s, pieces.fresh, plan.is_whole()).stretch,
            .kernel = {s.taps, 0, 0, s.taps},
            .x_rows = x,
            .g_rows = g,
            .kernel_rows = nullptr,
            .gx_rows = nullptr,
            .gk_rows = gk};
}

template <class S>
FilterJob<S> output_job(const LongConvPlan& plan, const LongConvOperands<S>& operands, S* y) {
    const LongConvSizes& s = plan.sizes();
    const Pieces pieces = pieces_of<S>(plan);
    const std::size_t lanes = long_conv_unit(plan.isa()).of<S>().lanes;
    const Layout layout = layout_output(s, pieces.fresh, plan.is_whole(), lanes);
    return {.tree = plan.tree<Arithmetic<S>>().view(),
            .batch = s.batch,
            .channels = s.channels,
            .pieces = pieces,
            .source = layout.stretch,
            .kernel = {s.taps, 0, 0, s.taps},
            .window = layout.window,
            .correlates = false,
            .source_rows = operands.x,
            .kernel_rows = operands.kernel,
            .result_rows = y,
            .skip_tap = s.shift,
            .skip = operands.skip,
            .gate_in = operands.gate_in,
            .gate_out = operands.gate_out,
            .spectra = operands.spectra};
}

}  // namespace

LongConvPlan::LongConvPlan(const LongConvSizes& sizes, bool is_double, Isa isa, std::size_t block)
    : sizes_(sizes), isa_(isa), block_(block) {
    check(sizes);
    require(block == 0 || (block >= 2 * sizes.taps && block < sizes.length),
            "expected a block of at least twice the taps " + std::to_string(sizes.taps) +
                " and below the length " + std::to_string(sizes.length) + ", got " + std::to_string(block) +
                "; take the whole row");
    const auto make = [&]<class T>(std::optional<Tree<T>>& tree) {
        const LongConvTable<T>& unit = long_conv_unit(isa).of<T>();
        const std::size_t samples = block == 0 ? samples_of(sizes, unit.lanes) : block;
        tree.emplace(samples, unit.lanes, unit.widest_radix);
    };
    if (is_double)
        make(twice_);
    else
        make(single_);
}

template <>
const Tree<float>& LongConvPlan::tree<float>() const {
    require(single_.has_value(), "expected operands of float64, as the plan was made, got another type");
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
    run_filter(output_job(plan, operands, y), plan, threads);
}

template <class S>
void long_conv_spectra(const LongConvPlan& plan, const S* kernel, const S* skip, Arithmetic<S>* spectra,
                       std::size_t threads) {
    const LongConvOperands<S> operands{nullptr, kernel, skip, nullptr, nullptr};
    const FilterJob<S> job = output_job<S>(plan, operands, nullptr);
    const std::size_t channels = plan.sizes().channels;
    parallel_ranges(useful_threads(threads, channels, row_work(plan.transform_size())), channels,
                    [&](std::size_t first, std::size_t last) {
                        long_conv_unit(plan.isa()).of<S>().transform_kernels(job, first, last, spectra);
                    });
}

template <class S>
void long_conv_input_gradient(const LongConvPlan& plan, const S* g, const S* kernel, S* gx,
                              std::size_t threads) {
    const LongConvSizes& s = plan.sizes();
    const Pieces pieces = pieces_of<S>(plan);
    const FilterJob<S> job = {.tree = plan.tree<Arithmetic<S>>().view(),
                              .batch = s.batch,
                              .channels = s.channels,
                              .pieces = pieces,
                              .source = layout_gradients(s, pieces.fresh, plan.is_whole()).stretch,
                              .kernel = {s.taps, 0, 0, s.taps},
                              .window = 0,
                              .correlates = true,
                              .source_rows = g,
                              .kernel_rows = kernel,
                              .result_rows = gx,
                              .skip_tap = 0,
                              .skip = nullptr,
                              .gate_in = nullptr,
                              .gate_out = nullptr,
                              .spectra = nullptr};
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
    template void long_conv_spectra(const LongConvPlan&, const S*, const S*, Arithmetic<S>*, std::size_t);  \
    template void long_conv_input_gradient(const LongConvPlan&, const S*, const S*, S*, std::size_t);       \
    template void long_conv_kernel_gradient(const LongConvPlan&, const S*, const S*, S*, std::size_t);      \
    template void long_conv_gradients(const LongConvPlan&, const S*, const S*, const S*, S*, S*, std::size_t)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
