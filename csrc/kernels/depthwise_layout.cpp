#include "kernels/depthwise_layout.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace circulant {

namespace {

constexpr std::size_t kStagedVectors = 64;     // of a series: 4 KiB of a level-1 cache, and the taps
constexpr std::size_t kDirectVectors = 2048;   // of a series: enough to hand out to threads
constexpr std::size_t kStagedStrips = 16;      // of a plane
constexpr std::size_t kBandBytes = 128 << 10;  // a part of a level-2 cache
constexpr std::size_t kBandRows = 28;          // at least, so that few rows are read twice

std::ptrdiff_t to_signed(std::size_t value) { return static_cast<std::ptrdiff_t>(value); }

std::size_t parts(std::size_t whole, std::size_t part) { return (whole + part - 1) / part; }

std::size_t most_results(const PlannedAxis& axis) {
    std::size_t most = 0;
    for (const AxisPiece& piece : axis.pieces) most = std::max(most, piece.count);
    return most;
}

PlannedAxis output_axis(const DepthwiseAxis& axis) {
    return {axis.size, axis.out_size, axis.taps, output_pieces(axis)};
}

PlannedAxis gradient_axis(const DepthwiseAxis& axis) {
    return {axis.out_size, axis.size, axis.taps, gradient_pieces(axis)};
}

bool is_single(const PlannedAxis& axis) {
    return axis.source == 1 && axis.result == 1 && axis.taps == 1 && axis.pieces[0].taps == 1 &&
           axis.pieces[0].before == 0;
}

// Places on an axis that some piece reads, from that of its first result on.
struct Reach {
    std::ptrdiff_t before = 0, behind = 0;
};

Reach reach_of(const PlannedAxis& axis) {
    Reach reach;
    bool is_first = true;
    for (const AxisPiece& piece : axis.pieces) {
        if (piece.taps == 0) continue;
        reach.before = is_first ? piece.before : std::max(reach.before, piece.before);
        reach.behind = is_first ? piece.reach() : std::max(reach.behind, piece.reach());
        is_first = false;
    }
    return reach;
}

}  // namespace

PlannedAxes output_axes(const DepthwiseSizes& s) {
    return {output_axis(s.depth), output_axis(s.rows), output_axis(s.columns)};
}

PlannedAxes gradient_axes(const DepthwiseSizes& s) {
    return {gradient_axis(s.depth), gradient_axis(s.rows), gradient_axis(s.columns)};
}

LayoutPlan::LayoutPlan(PlannedAxes axes, std::size_t sources, UnitTraits unit)
    : axes_(std::move(axes)), unit_(unit), column_stride_(axes_.columns.pieces[0].stride) {
    layout_.is_series = is_single(axes_.depth) && is_single(axes_.rows);
    layout_.source_depth = axes_.depth.source;
    layout_.source_height = axes_.rows.source;
    layout_.source_width = axes_.columns.source;
    layout_.result_depth = axes_.depth.result;
    layout_.result_height = axes_.rows.result;
    layout_.result_width = axes_.columns.result;
    layout_.kernel_size = axes_.depth.taps * axes_.rows.taps * axes_.columns.taps;
    layout_.phases = column_stride_;
    measure_columns();
    measure_inside();
    add_slices();
    for (const AxisPiece& rows : axes_.rows.pieces)
        for (const AxisPiece& columns : axes_.columns.pieces) add_piece(rows, columns);
    layout_.is_in_place = is_in_place(sources);
    add_blocks();
    layout_.pieces = pieces_.data();
    layout_.piece_count = pieces_.size();
    layout_.blocks = blocks_.data();
    layout_.block_count = blocks_.size();
    layout_.parts = parts_.data();
    layout_.slices = slices_.data();
    layout_.slice_count = slices_.size();
}

void LayoutPlan::measure_columns() {
    const Reach reach = reach_of(axes_.columns);
    const std::ptrdiff_t margin = std::max<std::ptrdiff_t>(reach.before, 0);
    margin_ = static_cast<std::size_t>(margin);
    extent_ = static_cast<std::size_t>(std::max<std::ptrdiff_t>(reach.behind + margin, 0));
    strips_ = parts(most_results(axes_.columns), unit_.lanes);
}

void LayoutPlan::measure_inside() {
    const bool reads_edges = layout_.is_series || unit_.has_masked_loads;
    layout_.is_staged = column_stride_ > 1 || !unit_.stores_what_it_computes || !reads_edges;
    if (layout_.is_staged) {
        const std::size_t widest = std::min(strips_, layout_.is_series ? kStagedVectors : kStagedStrips);
        // One vector more, which nothing reads, for copies of rows to end in.
        layout_.phase_width = (widest + 1) * unit_.lanes + extent_ / column_stride_;
        layout_.inside_end = strips_;
        return;
    }
    const std::size_t room = axes_.columns.source + margin_;
    layout_.inside_first = std::min(parts(margin_, unit_.lanes), strips_);
    const std::size_t end = room > extent_ ? (room - extent_) / unit_.lanes : 0;
    layout_.inside_end = std::clamp(end, layout_.inside_first, strips_);
}

// The part of a plane that is worked on at a time; a series is one band.
void LayoutPlan::add_blocks() {
    const std::size_t row = std::max(axes_.columns.source, column_stride_ * layout_.phase_width);
    const std::size_t fitting = kBandBytes / (row * unit_.scalar_bytes) / axes_.rows.pieces[0].stride;
    const std::size_t band = std::max(kBandRows, fitting), rows = most_results(axes_.rows);
    const std::size_t direct = layout_.is_series ? kDirectVectors : strips_;
    const std::size_t staged = layout_.is_series ? kStagedVectors : kStagedStrips;
    const std::size_t widest = layout_.is_staged ? staged : direct;
    for (std::size_t first = 0; first < rows; first += band)
        for (std::size_t strip = 0; strip < strips_; strip += widest) {
            const std::size_t padded_column = strip * unit_.lanes * column_stride_;
            add_block({.row = first,
                       .row_end = std::min(first + band, rows),
                       .strip = strip,
                       .strip_end = std::min(strip + widest, strips_),
                       .window_row = 0,
                       .window_rows = 0,
                       .window_column = to_signed(padded_column) - to_signed(margin_)});
        }
}

void LayoutPlan::add_block(Block block) {
    if (layout_.is_series)
        block = series_part(block);
    else if (layout_.is_staged)
        block = staged_band(block);
    const std::size_t vectors = (block.row_end - block.row) * (block.strip_end - block.strip);
    const std::size_t staged = block.window_rows * layout_.phases * layout_.phase_width;
    if (!layout_.is_in_place) layout_.block_scalars = std::max(layout_.block_scalars, vectors * unit_.lanes);
    layout_.window_scalars = std::max(layout_.window_scalars, staged);
    blocks_.push_back(block);
    for (const Piece& piece : pieces_) parts_.push_back(part_of(block, piece));
}

// Its strips become rows.
Block LayoutPlan::series_part(Block block) const {
    block.row = block.strip;
    block.row_end = block.strip_end;
    block.strip = 0;
    block.strip_end = 1;
    block.window_row = to_signed(block.row);
    block.window_rows = layout_.is_staged ? 1 : 0;
    return block;
}

Part LayoutPlan::part_of(const Block& block, const Piece& piece) const {
    const std::size_t lanes = unit_.lanes;
    const std::size_t strips = layout_.is_series ? 1 : parts(piece.columns, lanes);
    Part part{.row = block.row,
              .row_end = std::min(block.row_end, piece.rows),
              .strip = block.strip,
              .strip_end = std::min(block.strip_end, strips),
              .columns = 0,
              .place = 0};
    const std::size_t first = (layout_.is_series ? part.row : part.strip) * lanes;
    const std::size_t vector_end = layout_.is_series ? part.row_end : part.strip_end;
    const std::size_t end = std::min(piece.columns, vector_end * lanes);
    part.columns = end > first ? end - first : 0;
    const std::size_t row = layout_.is_series ? 0 : piece.first_row + part.row * piece.row_step;
    part.place = row * layout_.result_width + piece.first_column + first * piece.column_step;
    return part;
}

Block LayoutPlan::staged_band(Block block) const {
    const Reach reach = reach_of(axes_.rows);
    const std::ptrdiff_t stride = to_signed(axes_.rows.pieces[0].stride);
    const std::ptrdiff_t first = to_signed(block.row) * stride - reach.before;
    const std::ptrdiff_t end = to_signed(block.row_end - 1) * stride + reach.behind + 1;
    block.window_row = std::max<std::ptrdiff_t>(first, 0);
    const std::ptrdiff_t rows = std::min(end, to_signed(axes_.rows.source)) - block.window_row;
    block.window_rows = rows > 0 ? static_cast<std::size_t>(rows) : 0;
    return block;
}

void LayoutPlan::add_piece(const AxisPiece& rows, const AxisPiece& columns) {
    const std::size_t common = std::gcd(rows.stride, rows.dilation);
    Piece piece{.rows = rows.count,
                .columns = columns.count,
                .first_row = rows.first,
                .row_step = rows.step,
                .first_column = columns.first,
                .column_step = columns.step,
                .classes = rows.dilation / common,
                .class_rows = to_signed(rows.stride),
                .source_step = to_signed(rows.stride * (rows.dilation / common)),
                .runs = nullptr,
                .run_count = 0};
    std::vector<TapRun>& runs = runs_.emplace_back();
    if (layout_.is_series) {
        piece.rows = parts(columns.count, unit_.lanes);
        add_series_runs(columns, runs);
    } else {
        add_plane_runs(rows, columns, runs);
    }
    piece.runs = runs.data();
    piece.run_count = runs.size();
    pieces_.push_back(piece);
}

// Rows t stride + tap dilation of the source: with the taps of one residue modulo stride / gcd, results
// of one residue modulo dilation / gcd meet every row at a tap one further down than the result above.
void LayoutPlan::add_plane_runs(const AxisPiece& rows, const AxisPiece& columns, std::vector<TapRun>& runs) {
    if (columns.taps == 0) return;
    const std::size_t common = std::gcd(rows.stride, rows.dilation), tap_step = rows.stride / common;
    const std::ptrdiff_t width = to_signed(axes_.columns.taps);
    for (std::size_t residue = 0; residue < std::min(tap_step, rows.taps); ++residue)
        for (std::size_t tap = residue; tap < rows.taps; tap += kMostTaps * tap_step) {
            std::vector<TapColumn>& together = columns_.emplace_back();
            for (std::size_t column = 0; column < columns.taps; ++column) {
                together.push_back(tap_column(columns, column));
                together.back().weight += (rows.weight_first + to_signed(tap) * rows.weight_step) * width;
            }
            runs.push_back({.height = std::min(kMostTaps, parts(rows.taps - tap, tap_step)),
                            .row = to_signed(tap * rows.dilation) - rows.before,
                            .weight_pitch = to_signed(tap_step) * rows.weight_step * width,
                            .columns = together.data(),
                            .count = together.size()});
        }
}

// The same for rows that are vectors: result r lanes + j meets sample (r lanes + j) stride + tap dilation.
void LayoutPlan::add_series_runs(const AxisPiece& columns, std::vector<TapRun>& runs) {
    const std::size_t row = unit_.lanes * columns.stride, common = std::gcd(row, columns.dilation);
    const bool shares = columns.dilation == common;  // else rows would fall into classes
    const std::size_t tap_step = shares ? row / common : std::max<std::size_t>(columns.taps, 1);
    for (std::size_t upper = 0; upper * tap_step < columns.taps; upper += kMostTaps) {
        const std::size_t left = columns.taps - upper * tap_step;
        // The first columns hold one tap more than the rest.
        const std::size_t full = std::min((left - 1) % tap_step + 1, left), height = parts(left, tap_step);
        const std::size_t most = std::min(height, kMostTaps);
        const std::size_t least = std::min(height - 1, kMostTaps);
        const std::size_t edges[] = {0, most == least ? tap_step : full, tap_step};
        for (std::size_t part = 0; part < 2; ++part) {
            const std::size_t taps = part == 0 ? most : least;
            if (taps == 0 || edges[part] == edges[part + 1]) continue;
            std::vector<TapColumn>& together = columns_.emplace_back();
            for (std::size_t tap = edges[part]; tap < edges[part + 1]; ++tap) {
                together.push_back(tap_column(columns, tap));
                together.back().weight += to_signed(upper * tap_step) * columns.weight_step;
            }
            runs.push_back({.height = taps,
                            .row = to_signed(upper),
                            .weight_pitch = to_signed(tap_step) * columns.weight_step,
                            .columns = together.data(),
                            .count = together.size()});
        }
    }
}

TapColumn LayoutPlan::tap_column(const AxisPiece& columns, std::size_t tap) const {
    const std::ptrdiff_t margin = to_signed(margin_) - columns.before;
    const auto place = static_cast<std::size_t>(to_signed(tap * columns.dilation) + margin);
    const std::size_t offset = place % column_stride_ * layout_.phase_width + place / column_stride_;
    return {to_signed(offset), columns.weight_first + to_signed(tap) * columns.weight_step};
}

bool LayoutPlan::is_in_place(std::size_t sources) const {
    bool holds = unit_.stores_what_it_computes && sources == 1;
    for (const Piece& piece : pieces_) holds = holds && piece.run_count == 1 && piece.column_step == 1;
    for (const Slice& slice : slices_) holds = holds && slice.layer_count == 1;
    return holds;
}

void LayoutPlan::add_slices() {
    slices_.resize(axes_.depth.result);
    for (const AxisPiece& piece : axes_.depth.pieces)
        for (std::size_t result = 0; result < piece.count; ++result) {
            const std::vector<Layer>& met = layers_.emplace_back(layers(piece, result));
            const std::size_t plane = piece.first + piece.step * result;
            slices_[plane] = {plane, met.data(), met.size(), axes_.depth.source, 0};
            if (met.empty()) continue;
            slices_[plane].stage_first = met.front().plane;
            slices_[plane].stage_end = met.back().plane + 1;
        }
    for (std::size_t i = slices_.size() - 1; i > 0; --i)
        slices_[i - 1].stage_first = std::min(slices_[i - 1].stage_first, slices_[i].stage_first);
    layout_.ring = 1;
    for (std::size_t i = 0; i < slices_.size(); ++i) {
        if (i > 0) slices_[i].stage_end = std::max(slices_[i].stage_end, slices_[i - 1].stage_end);
        if (slices_[i].stage_end > slices_[i].stage_first)
            layout_.ring = std::max(layout_.ring, slices_[i].stage_end - slices_[i].stage_first);
    }
}

std::vector<Layer> LayoutPlan::layers(const AxisPiece& piece, std::size_t result) const {
    std::vector<Layer> met;
    const std::ptrdiff_t plane_taps = to_signed(axes_.rows.taps * axes_.columns.taps);
    for (std::size_t tap = 0; tap < piece.taps; ++tap) {
        const std::ptrdiff_t plane = to_signed(result * piece.stride + tap * piece.dilation) - piece.before;
        if (plane < 0 || plane >= to_signed(axes_.depth.source)) continue;
        const std::ptrdiff_t weight = piece.weight_first + to_signed(tap) * piece.weight_step;
        met.push_back({static_cast<std::size_t>(plane), weight * plane_taps});
    }
    return met;
}

}  // namespace circulant
