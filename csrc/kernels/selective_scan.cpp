#include "kernels/selective_scan.hpp"

#include <algorithm>

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/selective_scan_table.hpp"

namespace circulant {

namespace {

constexpr double kWorkPerState = 20.0;  // an exponential and its uses

void check(const SelectiveSizes& s, std::size_t lanes) {
    for (const std::size_t size : {s.batch, s.channels, s.groups, s.state, s.length})
        require(size > 0, "expected sizes of at least 1, got 0; return an empty result without this call");
    require(s.channels % s.groups == 0, "expected groups that divide the channels, got " +
                                            std::to_string(s.groups) + " groups; repeat B and C");
    require(s.chunk > 0 && s.chunk % lanes == 0, "expected chunks of a multiple of " + std::to_string(lanes) +
                                                     " steps, got " + std::to_string(s.chunk) + "; round up");
}

SelectiveLayout layout_of(const SelectiveSizes& s, std::size_t lanes) {
    const std::size_t channels = s.channels / s.groups;
    return {s, channels, (channels + lanes - 1) / lanes};
}

std::size_t scan_scalars(const SelectiveSizes& s, std::size_t lanes) {
    return 2 * s.state * lanes + 3 * lanes * lanes;
}

std::size_t gradient_scalars(const SelectiveSizes& s, std::size_t lanes) {
    const std::size_t chunks = (s.length + s.chunk - 1) / s.chunk;
    return scan_scalars(s, lanes) + ((chunks + 2) * s.state + 7 * s.chunk + 1) * lanes + 2 * s.chunk;
}

// sums[i] = parts[0][i] + parts[1][i] + ... in this order.
template <class T>
void add_up(const T* parts, std::size_t count, std::size_t size, T* sums) {
    std::copy(parts, parts + size, sums);
    for (std::size_t part = 1; part < count; ++part)
        for (std::size_t i = 0; i < size; ++i) sums[i] += parts[part * size + i];
}

}  // namespace

template <class S>
void selective_scan(const SelectiveSizes& sizes, const SelectiveOperands<S>& operands, Arithmetic<S>* result,
                    Execution execution) {
    const SelectiveTable<S>& set = selective_scan_unit(execution.isa).of<S>();
    check(sizes, set.lanes);
    const SelectiveLayout layout = layout_of(sizes, set.lanes);
    const SelectiveForwardJob<S> job = {layout, operands, result,
                                        result + sizes.batch * sizes.channels * sizes.length};
    const std::size_t blocks = sizes.batch * sizes.groups * layout.group_blocks;
    const double work = kWorkPerState * static_cast<double>(set.lanes * sizes.state * sizes.length);
    parallel_ranges(useful_threads(execution.threads, blocks, work), blocks,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<Arithmetic<S>> workspace(scan_scalars(sizes, set.lanes));
                        set.scan_blocks(job, first, last, workspace.data());
                    });
}

template <class S>
void selective_scan_gradients(const SelectiveSizes& sizes, const SelectiveOperands<S>& operands,
                              const Arithmetic<S>* y_gradient, const Arithmetic<S>* state_gradient,
                              Arithmetic<S>* result, Execution execution) {
    using T = Arithmetic<S>;
    const SelectiveTable<S>& set = selective_scan_unit(execution.isa).of<S>();
    check(sizes, set.lanes);
    const SelectiveLayout layout = layout_of(sizes, set.lanes);
    const std::size_t pairs = sizes.batch * sizes.groups, shared = pairs * sizes.state * sizes.length;
    const std::size_t row = sizes.channels * sizes.state, inputs = sizes.batch * sizes.channels * sizes.length;
    const double work = 3 * kWorkPerState * static_cast<double>(set.lanes * sizes.state * sizes.length);
    const std::size_t threads = useful_threads(execution.threads, pairs * layout.group_blocks, work);
    const std::size_t shares = std::min(layout.group_blocks, (threads + pairs - 1) / pairs);
    const AlignedBuffer<T> a_parts(sizes.batch * row), shared_parts(shares > 1 ? 2 * shares * shared : 0);
    T* const a = result + 2 * inputs;
    T* const b = a + row;
    T* const b_parts = shares > 1 ? shared_parts.data() : b;
    T* const c_parts = shares > 1 ? b_parts + shares * shared : b + shared;
    const SelectiveBackwardJob<S> job = {layout,  operands,        shares,  y_gradient, state_gradient, result,
                                         result + inputs, a_parts.data(), b_parts, c_parts,    b + 2 * shared};
    parallel_ranges(threads, pairs * shares, [&](std::size_t first, std::size_t last) {
        const AlignedBuffer<T> workspace(gradient_scalars(sizes, set.lanes));
        set.pull_back_shares(job, first, last, workspace.data());
    });
    add_up(a_parts.data(), sizes.batch, row, a);
    if (shares > 1) {
        add_up(b_parts, shares, shared, b);
        add_up(c_parts, shares, shared, b + shared);
    }
}

#define CIRCULANT_INSTANTIATE(S)                                                                              \
    template void selective_scan(const SelectiveSizes&, const SelectiveOperands<S>&, Arithmetic<S>*, Execution); \
    template void selective_scan_gradients(const SelectiveSizes&, const SelectiveOperands<S>&,                \
                                           const Arithmetic<S>*, const Arithmetic<S>*, Arithmetic<S>*, Execution)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
