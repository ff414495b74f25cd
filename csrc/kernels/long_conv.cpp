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

template <class S>
void run_filter(const FilterJob<S>& job, const Tree<Arithmetic<S>>& tree, const LongConvTable<S>& set, std::size_t threads) {
    const std::size_t rows = job.batch * job.channels;
    const std::size_t useful = useful_threads(threads, rows, row_work(job.tree.size));
    parallel_ranges(useful, rows, [&](std::size_t first, std::size_t last) {
        const AlignedBuffer<Arithmetic<S>> workspace(2 * tree.buffer_size());
        set.filter_rows(job, first, last, workspace.data());
    });
}

}  // namespace

template <class S>
void long_conv_output(const LongConvSizes& sizes, const S* x, const S* kernel, S* y, Execution execution) {
    check(sizes);
    const LongConvTable<S>& set = long_conv_unit(execution.isa).of<S>();
    const Layout layout = layout_output(sizes, set.lanes);
    const Tree<Arithmetic<S>> tree(layout.samples, set.lanes);
    run_filter<S>({tree.view(), sizes.batch, sizes.channels, layout.x, layout.kernel, layout.window, false, x,
                   kernel, y},
                  tree, set, execution.threads);
}

template <class S>
void long_conv_input_gradient(const LongConvSizes& sizes, const S* g, const S* kernel, S* gx,
                              Execution execution) {
    check(sizes);
    const LongConvTable<S>& set = long_conv_unit(execution.isa).of<S>();
    const Layout layout = layout_gradients(sizes);
    const Tree<Arithmetic<S>> tree(layout.samples, set.lanes);
    run_filter<S>({tree.view(), sizes.batch, sizes.channels, layout.y_gradient, layout.kernel, 0, true, g,
                   kernel, gx},
                  tree, set, execution.threads);
}

template <class S>
void long_conv_kernel_gradient(const LongConvSizes& sizes, const S* x, const S* g, S* gk,
                               Execution execution) {
    check(sizes);
    const LongConvTable<S>& set = long_conv_unit(execution.isa).of<S>();
    const Layout layout = layout_gradients(sizes);
    const Tree<Arithmetic<S>> tree(layout.samples, set.lanes);
    const CorrelationJob<S> job = {tree.view(), sizes.batch,  sizes.channels, layout.y_gradient,
                                   layout.x,    sizes.taps, g,              x,
                                   gk};
    const double work = static_cast<double>(sizes.batch) * row_work(tree.view().size);
    const std::size_t threads = useful_threads(execution.threads, sizes.channels, work);
    parallel_ranges(threads, sizes.channels, [&](std::size_t first, std::size_t last) {
        const AlignedBuffer<Arithmetic<S>> workspace(3 * tree.buffer_size());
        set.correlate_channels(job, first, last, workspace.data());
    });
}

#define CIRCULANT_INSTANTIATE(S)                                                                          \
    template void long_conv_output(const LongConvSizes&, const S*, const S*, S*, Execution);              \
    template void long_conv_input_gradient(const LongConvSizes&, const S*, const S*, S*, Execution);      \
    template void long_conv_kernel_gradient(const LongConvSizes&, const S*, const S*, S*, Execution)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
