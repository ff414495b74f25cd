#include "kernels/fused_block.hpp"

#include <type_traits>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/fused_block_table.hpp"
#include "kernels/window.hpp"

namespace circulant {

namespace {

constexpr std::size_t kWidestVector = 16;  // numbers, of any instruction set
constexpr std::size_t kWidestChunk = 64;   // positions expanded together, of any instruction set

std::size_t round_up(std::size_t value) { return tile_count(value, kWidestVector) * kWidestVector; }

void check(const FusedBlockSizes& s) {
    for (const std::size_t size : {s.batch, s.channels, s.groups, s.expanded, s.height, s.width, s.taps,
                                   s.tile_rows, s.tile_columns})
        require(size > 0, "expected sizes and tiles of at least 1, got 0; return an empty result without this call");
    require(s.taps % 2 == 1 && s.channels % s.groups == 0,
            "expected an odd number of taps and groups of equal width, got others; run the layers one by one");
}

Strip strip_of(const FusedBlockSizes& s) {
    return {.height = s.height,
            .width = s.width,
            .before_rows = s.taps / 2,
            .before_columns = s.taps / 2,
            .step = 1,
            .phase_width = round_up(s.tile_columns) + s.taps - 1};
}

std::size_t strip_scalars(const FusedBlockSizes& s) { return (s.tile_rows + s.taps - 1) * strip_of(s).phase_width; }

// The last row of a tile may be written a vector beyond its end.
std::size_t position_scalars(const FusedBlockSizes& s) {
    return s.tile_rows * s.tile_columns + kWidestVector;
}

struct WeightCounts {
    std::size_t conv, expand;
};

WeightCounts weight_counts(const FusedBlockSizes& s) {
    return {s.channels * (s.channels / s.groups) * s.taps * s.taps, s.expanded * s.channels};
}

std::size_t weight_scalars(const FusedBlockSizes& s) {
    const WeightCounts counts = weight_counts(s);
    return counts.conv + 2 * counts.expand + 2 * s.channels + s.expanded;
}

std::size_t thread_scalars(const FusedBlockSizes& s) {
    return s.channels * (strip_scalars(s) + position_scalars(s)) + s.expanded * kWidestChunk;
}

// The weights as they are computed with: widened into the buffer, or those given.
template <class S>
FusedBlockWeights<Arithmetic<S>> widened(const FusedBlockSizes& s, const FusedBlockWeights<S>& weights,
                                         const FusedBlockTable<S>& set, Arithmetic<S>* buffer) {
    if constexpr (std::is_same_v<S, Arithmetic<S>>) {
        return weights;
    } else {
        const WeightCounts counts = weight_counts(s);
        const auto widen = [&](const S* from, std::size_t count) {
            set.widen(from, count, buffer);
            buffer += count;
            return buffer - count;
        };
        return {widen(weights.conv, counts.conv),     widen(weights.conv_bias, s.channels),
                widen(weights.expand, counts.expand), widen(weights.expand_bias, s.expanded),
                widen(weights.project, counts.expand), widen(weights.project_bias, s.channels)};
    }
}

}  // namespace

template <class S>
std::size_t fused_block_workspace(const FusedBlockSizes& s) {
    check(s);
    const bool widens = sizeof(S) != sizeof(Arithmetic<S>);
    return (thread_scalars(s) + (widens ? weight_scalars(s) : 0)) * sizeof(Arithmetic<S>);
}

template <class S>
void fused_block(const FusedBlockSizes& s, const S* x, const FusedBlockWeights<S>& weights, S* y,
                 Execution execution) {
    check(s);
    const FusedBlockTable<S>& set = fused_block_unit(execution.isa).template of<S>();
    const bool widens = sizeof(S) != sizeof(Arithmetic<S>);
    const AlignedBuffer<Arithmetic<S>> buffer(widens ? weight_scalars(s) : 0);
    const Strip strip = strip_of(s);
    std::vector<std::size_t> taps;
    for (std::size_t u = 0; u < s.taps; ++u)
        for (std::size_t v = 0; v < s.taps; ++v) taps.push_back(u * strip.phase_width + v);
    const FusedBlockJob<S> job = {.sizes = s,
                                  .row_tiles = tile_count(s.height, s.tile_rows),
                                  .column_tiles = tile_count(s.width, s.tile_columns),
                                  .strip = strip,
                                  .strip_scalars = strip_scalars(s),
                                  .position_scalars = position_scalars(s),
                                  .taps = taps.data(),
                                  .weights = widened(s, weights, set, buffer.data()),
                                  .x = x,
                                  .y = y};
    const std::size_t items = s.batch * job.row_tiles * job.column_tiles;
    const double work = 2.0 * static_cast<double>(weight_scalars(s) * s.tile_rows * s.tile_columns);
    parallel_ranges(useful_threads(execution.threads, items, work), items,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<Arithmetic<S>> workspace(thread_scalars(s));
                        set.run_tiles(job, first, last, workspace.data());
                    });
}

#define CIRCULANT_INSTANTIATE(S)                                                                     \
    template void fused_block(const FusedBlockSizes&, const S*, const FusedBlockWeights<S>&, S*,     \
                              Execution);                                                            \
    template std::size_t fused_block_workspace<S>(const FusedBlockSizes&)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
