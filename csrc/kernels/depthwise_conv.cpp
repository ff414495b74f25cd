#include "kernels/depthwise_conv.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/depthwise_table.hpp"

namespace circulant {

namespace {

void check(const DepthwiseSizes& s) {
    for (const std::size_t size :
         {s.batch, s.channels, s.multiplier, s.rows.size, s.columns.size, s.rows.out_size, s.columns.out_size,
          s.rows.taps, s.columns.taps, s.rows.stride, s.columns.stride, s.rows.dilation, s.columns.dilation})
        require(size > 0, "expected sizes, strides and dilations of at least 1, got 0; "
                          "return an empty result without this call");
}

std::size_t round_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

std::size_t span(const DepthwiseAxis& axis) { return axis.dilation * (axis.taps - 1); }

double plane_work(const DepthwiseSizes& s) {
    return 2.0 * static_cast<double>(s.rows.out_size * s.columns.out_size) *
           static_cast<double>(s.rows.taps * s.columns.taps);
}

// x as the output and the weight's gradient read it.
Grid input_grid(const DepthwiseSizes& s, std::size_t lanes) {
    const std::size_t rows = (s.rows.out_size - 1) * s.rows.stride + span(s.rows) + 1;
    const std::size_t phase_width = round_up(s.columns.out_size, lanes) + span(s.columns) / s.columns.stride;
    return {.height = s.rows.size,
            .width = s.columns.size,
            .before_rows = s.rows.before,
            .before_columns = s.columns.before,
            .rows = rows,
            .step = s.columns.stride,
            .phase_width = phase_width,
            .row_scalars = s.columns.stride * phase_width};
}

std::vector<Tap> input_taps(const DepthwiseSizes& s, const Grid& grid) {
    std::vector<Tap> taps;
    for (std::size_t u = 0; u < s.rows.taps; ++u)
        for (std::size_t v = 0; v < s.columns.taps; ++v) {
            const std::size_t row = u * s.rows.dilation, column = v * s.columns.dilation;
            const std::size_t phase = column % grid.step * grid.phase_width;
            taps.push_back({row * grid.row_scalars + phase + column / grid.step, u * s.columns.taps + v});
        }
    return taps;
}

// Positions of x along one axis whose padded index is `residue` modulo the stride: they meet the same
// taps of the kernel. Position number p of them is x[p stride + residue - before].
struct Residue {
    std::size_t first, count;   // numbers p of those inside x
    std::size_t position;       // in x of the first
    std::vector<std::size_t> taps;
};

Residue residue_class(const DepthwiseAxis& axis, std::size_t residue) {
    Residue result{};
    result.first = axis.before > residue ? (axis.before - residue + axis.stride - 1) / axis.stride : 0;
    const std::size_t padded = result.first * axis.stride + residue;  // not below before
    result.position = padded - axis.before;
    if (result.position < axis.size) result.count = (axis.size - result.position - 1) / axis.stride + 1;
    for (std::size_t tap = 0; tap < axis.taps; ++tap)
        if (tap * axis.dilation % axis.stride == residue) result.taps.push_back(tap);
    return result;
}

// g as the input's gradient reads it, one piece per pair of residues.
class Scatter final {
public:
    Scatter(const DepthwiseSizes& sizes, std::size_t lanes) : sizes_(sizes) {
        const DepthwiseAxis &r = sizes.rows, &c = sizes.columns;
        const std::size_t before_columns = span(c) / c.stride;
        grid_ = {.height = r.out_size,
                 .width = c.out_size,
                 .before_rows = span(r) / r.stride,
                 .before_columns = before_columns,
                 .rows = span(r) / r.stride + (r.size - 1 + r.before) / r.stride + 1,
                 .step = 1,
                 .phase_width = before_columns + (c.size - 1 + c.before) / c.stride + lanes,
                 .row_scalars = 0};
        grid_.row_scalars = grid_.phase_width;
        for (std::size_t row = 0; row < r.stride; ++row)
            for (std::size_t column = 0; column < c.stride; ++column) add_piece(row, column, lanes);
        for (std::size_t i = 0; i < pieces_.size(); ++i) pieces_[i].taps = taps_[i].data();
    }

    const Grid& grid() const { return grid_; }
    const std::vector<Piece>& pieces() const { return pieces_; }
    std::size_t stage_scalars() const { return stage_scalars_; }

private:
    void add_piece(std::size_t row_residue, std::size_t column_residue, std::size_t lanes) {
        const DepthwiseAxis &r = sizes_.rows, &c = sizes_.columns;
        const Residue row = residue_class(r, row_residue), column = residue_class(c, column_residue);
        if (row.count == 0 || column.count == 0) return;
        std::vector<Tap>& taps = taps_.emplace_back();
        for (const std::size_t u : row.taps)
            for (const std::size_t v : column.taps) {
                const std::size_t up = grid_.before_rows - u * r.dilation / r.stride;
                const std::size_t left = grid_.before_columns - v * c.dilation / c.stride;
                taps.push_back({up * grid_.row_scalars + left, u * c.taps + v});
            }
        pieces_.push_back({.rows = row.count,
                           .columns = column.count,
                           .source = row.first * grid_.row_scalars + column.first,
                           .row_step = grid_.row_scalars,
                           .first_row = row.position,
                           .row_stride = r.stride,
                           .first_column = column.position,
                           .column_stride = c.stride,
                           .taps = nullptr,
                           .tap_count = taps.size()});
        stage_scalars_ = std::max(stage_scalars_, row.count * round_up(column.count, lanes));
    }

    const DepthwiseSizes sizes_;
    Grid grid_{};
    std::vector<std::vector<Tap>> taps_;
    std::vector<Piece> pieces_;
    std::size_t stage_scalars_ = 0;
};

template <class S>
void run_gather(const GatherJob<S>& job, std::size_t planes, double work, Execution execution) {
    const DepthwiseTable<S>& set = depthwise_unit(execution.isa).of<S>();
    const std::size_t copy_scalars = job.grid.rows * job.grid.row_scalars;
    const std::size_t scalars = job.sources * (copy_scalars + job.kernel_size) + job.stage_scalars;
    parallel_ranges(useful_threads(execution.threads, planes, work), planes,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<Arithmetic<S>> workspace(scalars);
                        set.gather_planes(job, first, last, workspace.data());
                    });
}

}  // namespace

template <class S>
void depthwise_output(const DepthwiseSizes& sizes, const S* x, const S* weight, S* y, Execution execution) {
    check(sizes);
    const std::size_t lanes = depthwise_unit(execution.isa).of<S>().lanes;
    const Grid grid = input_grid(sizes, lanes);
    const std::vector<Tap> taps = input_taps(sizes, grid);
    const std::size_t height = sizes.rows.out_size, width = sizes.columns.out_size;
    const std::size_t channels = sizes.channels * sizes.multiplier;
    const Piece piece = {.rows = height,
                         .columns = width,
                         .source = 0,
                         .row_step = sizes.rows.stride * grid.row_scalars,
                         .first_row = 0,
                         .row_stride = 1,
                         .first_column = 0,
                         .column_stride = 1,
                         .taps = taps.data(),
                         .tap_count = taps.size()};
    const GatherJob<S> job = {.grid = grid,
                              .pieces = &piece,
                              .piece_count = 1,
                              .stage_scalars = height * round_up(width, lanes),
                              .result_channels = channels,
                              .source_channels = sizes.channels,
                              .sources = 1,
                              .sharing = sizes.multiplier,
                              .result_height = height,
                              .result_width = width,
                              .kernel_size = taps.size(),
                              .source = x,
                              .weight = weight,
                              .result = y};
    run_gather(job, sizes.batch * channels, plane_work(sizes), execution);
}

template <class S>
void depthwise_input_gradient(const DepthwiseSizes& sizes, const S* g, const S* weight, S* gx,
                              Execution execution) {
    check(sizes);
    const Scatter scatter(sizes, depthwise_unit(execution.isa).of<S>().lanes);
    const GatherJob<S> job = {.grid = scatter.grid(),
                              .pieces = scatter.pieces().data(),
                              .piece_count = scatter.pieces().size(),
                              .stage_scalars = scatter.stage_scalars(),
                              .result_channels = sizes.channels,
                              .source_channels = sizes.channels * sizes.multiplier,
                              .sources = sizes.multiplier,
                              .sharing = 1,
                              .result_height = sizes.rows.size,
                              .result_width = sizes.columns.size,
                              .kernel_size = sizes.rows.taps * sizes.columns.taps,
                              .source = g,
                              .weight = weight,
                              .result = gx};
    const double work = plane_work(sizes) * static_cast<double>(sizes.multiplier);
    run_gather(job, sizes.batch * sizes.channels, work, execution);
}

template <class S>
void depthwise_kernel_gradient(const DepthwiseSizes& sizes, const S* x, const S* g, S* gw,
                               Execution execution) {
    check(sizes);
    const DepthwiseTable<S>& set = depthwise_unit(execution.isa).of<S>();
    const Grid grid = input_grid(sizes, set.lanes);
    const std::vector<Tap> taps = input_taps(sizes, grid);
    const std::size_t channels = sizes.channels * sizes.multiplier;
    const PlaneCorrelationJob<S> job = {.grid = grid,
                                        .taps = taps.data(),
                                        .tap_count = taps.size(),
                                        .row_step = sizes.rows.stride * grid.row_scalars,
                                        .batch = sizes.batch,
                                        .channels = channels,
                                        .sharing = sizes.multiplier,
                                        .height = sizes.rows.out_size,
                                        .width = sizes.columns.out_size,
                                        .x = x,
                                        .g = g,
                                        .result = gw};
    const double work = plane_work(sizes) * static_cast<double>(sizes.batch);
    const std::size_t stage_scalars = sizes.rows.out_size * round_up(sizes.columns.out_size, set.lanes);
    const std::size_t scalars = grid.rows * grid.row_scalars + taps.size() + stage_scalars;
    parallel_ranges(useful_threads(execution.threads, channels, work), channels,
                    [&](std::size_t first, std::size_t last) {
                        const AlignedBuffer<Arithmetic<S>> workspace(scalars);
                        set.correlate_planes(job, first, last, workspace.data());
                    });
}

#define CIRCULANT_INSTANTIATE(S)                                                                         \
    template void depthwise_output(const DepthwiseSizes&, const S*, const S*, S*, Execution);            \
    template void depthwise_input_gradient(const DepthwiseSizes&, const S*, const S*, S*, Execution);    \
    template void depthwise_kernel_gradient(const DepthwiseSizes&, const S*, const S*, S*, Execution)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
