// How a depthwise convolution is cut into pieces, blocks and runs of taps.
#pragma once

#include <vector>

#include "kernels/depthwise_axis.hpp"
#include "kernels/depthwise_job.hpp"

namespace circulant {

struct PlannedAxis {
    std::size_t source, result, taps;  // samples; taps of the kernel
    std::vector<AxisPiece> pieces;
};

struct PlannedAxes {
    PlannedAxis depth, rows, columns;
};

PlannedAxes output_axes(const DepthwiseSizes& sizes);
PlannedAxes gradient_axes(const DepthwiseSizes& sizes);

// What the layout has to know of the unit that will read it.
struct UnitTraits {
    std::size_t lanes;
    std::size_t scalar_bytes;      // of what is computed with
    bool stores_what_it_computes;  // so that the source can be read where it is
    bool has_masked_loads;
};

class LayoutPlan final {
public:
    // Results are sums over `sources` volumes.
    LayoutPlan(PlannedAxes axes, std::size_t sources, UnitTraits unit);
    LayoutPlan(const LayoutPlan&) = delete;
    LayoutPlan& operator=(const LayoutPlan&) = delete;

    const DepthwiseLayout& layout() const { return layout_; }

private:
    void measure_columns();
    void measure_inside();
    void add_blocks();
    void add_block(Block block);
    Block series_part(Block block) const;
    Block staged_band(Block block) const;
    Part part_of(const Block& block, const Piece& piece) const;
    void add_piece(const AxisPiece& rows, const AxisPiece& columns);
    void add_plane_runs(const AxisPiece& rows, const AxisPiece& columns, std::vector<TapRun>& runs);
    void add_series_runs(const AxisPiece& columns, std::vector<TapRun>& runs);
    TapColumn tap_column(const AxisPiece& columns, std::size_t tap) const;
    bool is_in_place(std::size_t sources) const;
    void add_slices();
    std::vector<Layer> layers(const AxisPiece& piece, std::size_t result) const;

    const PlannedAxes axes_;
    const UnitTraits unit_;
    std::size_t column_stride_, margin_ = 0, extent_ = 0;  // of the columns, in samples
    std::size_t strips_ = 0;                                // or vectors of a series
    std::vector<std::vector<TapColumn>> columns_;
    std::vector<std::vector<TapRun>> runs_;
    std::vector<std::vector<Layer>> layers_;
    std::vector<Piece> pieces_;
    std::vector<Block> blocks_;
    std::vector<Part> parts_;
    std::vector<Slice> slices_;
    DepthwiseLayout layout_{};
};

}  // namespace circulant
