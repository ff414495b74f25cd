// Output and input gradient of the depthwise convolution: blocks of results, each gathered from the
// samples that its taps meet.
#pragma once

#include "kernels/depthwise_tile.hpp"
#include "kernels/depthwise_window.hpp"

namespace circulant::CIRCULANT_ISA {

// Where a block's results go: row i, lane j of strip s to data[i pitch + s lanes + j]. `columns` counts
// those from the first strip on; a series has as many in its rows together.
template <class T>
struct Target {
    T* data;
    size_t pitch, columns;
    bool adds;
};

// Rows of a series before `limit`, counted from `row` on, at most `most`.
CIRCULANT_INLINE size_t span_end(size_t limit, size_t row, size_t most) {
    const size_t rows = limit > row ? limit - row : 0;
    return rows < most ? rows : most;
}

// Of the source, under the uppermost tap of a run, for one row of results.
CIRCULANT_INLINE ptrdiff_t source_row(const Piece& piece, const TapRun& run, size_t row) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(row) + run.row;
    if (piece.classes == 1 && piece.source_step == 1) return at;
    return static_cast<ptrdiff_t>(row % piece.classes) * piece.class_rows +
           static_cast<ptrdiff_t>(row / piece.classes) * piece.source_step + run.row;
}

// Rows of results that belong to the class of the first of them.
CIRCULANT_INLINE size_t class_size(const Piece& piece, size_t row, size_t row_end) {
    if (piece.classes == 1) return row_end - row;
    return (row_end - row + piece.classes - 1) / piece.classes;
}

template <class T>
CIRCULANT_INLINE Tile<T> first_tile(const DepthwiseLayout& layout, const Piece& piece, const TapRun& run,
                                    const T* weight, const Window<T>& window, const Target<T>& target) {
    return {.columns = run.columns,
            .column_count = run.count,
            .weight = weight,
            .weight_pitch = run.weight_pitch,
            .source = window.data,
            .source_pitch = piece.source_step * window.pitch,
            .inside = 0,
            .result = target.data,
            .result_pitch = piece.classes * target.pitch,
            .rows = 0,
            .lanes = kLanes<T>,
            .adds = target.adds,
            .column = 0,
            .width = static_cast<ptrdiff_t>(layout.source_width)};
}

// All strips of as many rows as a tile has, then the next rows.
template <class T>
CIRCULANT_INLINE void add_plane_run(const DepthwiseLayout& layout, const Piece& piece, const TapRun& run,
                                    const Part& part, const T* weight, const Window<T>& window,
                                    const Target<T>& target) {
    constexpr size_t lanes = kLanes<T>;
    const ptrdiff_t height = static_cast<ptrdiff_t>(layout.source_height);
    Tile<T> tile = first_tile(layout, piece, run, weight, window, target);
    for (size_t residue = 0; residue < piece.classes && part.row + residue < part.row_end; ++residue) {
        size_t left = class_size(piece, part.row + residue, part.row_end), done = 0;
        const ptrdiff_t first = source_row(piece, run, part.row + residue);
        for (; left > 0; left -= tile.rows, done += tile.rows) {
            const size_t size = tile_size(left);
            tile.rows = left < kTileRows[size] ? left : kTileRows[size];
            const ptrdiff_t row = first + static_cast<ptrdiff_t>(done) * piece.source_step;
            tile.inside = rows_inside(row, piece.source_step, tile.rows + run.height - 1, height);
            const T* const source = window.data + (row - window.row) * window.pitch;
            T* const result = target.data + residue * target.pitch + done * tile.result_pitch;
            for (size_t column = 0, strip = part.strip; column < target.columns; column += lanes, ++strip) {
                tile.lanes = target.columns - column < lanes ? target.columns - column : lanes;
                tile.source = source + column;
                tile.result = result + column;
                tile.column = window.column + static_cast<ptrdiff_t>(column);
                const bool is_inside = strip >= layout.inside_first && strip < layout.inside_end;
                const auto* const tiles = is_inside ? kTiles<Edge::none, T> : kTiles<Edge::columns, T>;
                tiles[size].taps[run.height - 1](tile);
            }
        }
    }
}

// Rows row .. row_end - 1 of a series, all of them whole and inside.
template <class T>
CIRCULANT_INLINE void add_series_tiles(const TapRun& run, size_t rows, Tile<T> tile) {
    while (rows > 0) {
        const size_t size = tile_size(rows);
        tile.rows = rows < kTileRows[size] ? rows : kTileRows[size];
        tile.inside = (1u << (tile.rows + run.height - 1)) - 1u;
        kTiles<Edge::none, T>[size].taps[run.height - 1](tile);
        rows -= tile.rows;
        tile.source += static_cast<ptrdiff_t>(tile.rows) * tile.source_pitch;
        tile.result += tile.rows * tile.result_pitch;
    }
}

template <class T>
CIRCULANT_INLINE void add_series_run(const DepthwiseLayout& layout, const Piece& piece, const TapRun& run,
                                     const Part& part, const T* weight, const Window<T>& window,
                                     const Target<T>& target) {
    constexpr size_t lanes = kLanes<T>;
    const Tile<T> origin = first_tile(layout, piece, run, weight, window, target);
    const size_t rows = (target.columns + lanes - 1) / lanes, whole = target.columns / lanes;
    const size_t first = span_end(layout.inside_first, part.row, whole);
    const size_t end = span_end(layout.inside_end, part.row, whole);
    const auto tile_at = [&](size_t row) {
        Tile<T> tile = origin;
        tile.source += (static_cast<ptrdiff_t>(row) + run.row) * window.pitch;
        tile.column = window.column + (static_cast<ptrdiff_t>(row) + run.row) * static_cast<ptrdiff_t>(lanes);
        tile.result += row * target.pitch;
        return tile;
    };
    add_series_tiles(run, end - first, tile_at(first));
    const auto& edges = layout.is_staged ? kTiles<Edge::none, T>[kTileSizes - 1] : kSeriesEdges<T>;
    for (size_t row = 0; row < rows; ++row) {
        if (row == first) row = end;
        if (row >= rows) break;
        Tile<T> tile = tile_at(row);
        tile.rows = 1;
        tile.inside = (1u << run.height) - 1u;
        tile.lanes = target.columns - row * lanes < lanes ? target.columns - row * lanes : lanes;
        edges.taps[run.height - 1](tile);
    }
}

template <class S, class T = Arithmetic<S>>
CIRCULANT_INLINE void store_row(const T* from, size_t count, size_t step, S* to) {
    if (step == 1)
        narrow_row(from, count, to);
    else
        for (size_t i = 0; i < count; ++i) to[i * step] = narrow_one<S>(from[i]);
}

// What a thread works with.
template <class S>
class Gatherer final {
public:
    using T = Arithmetic<S>;

    // memory: the stage, one block of sums, and a group's weights if they are stored in another type.
    CIRCULANT_INLINE Gatherer(const GatherJob<S>& job, T* memory)
        : job_(job),
          layout_(job.layout),
          stage_(layout_, job.sources, memory),
          sums_(memory + job.sources * layout_.ring * layout_.window_scalars),
          widened_(sums_ + layout_.block_scalars) {}

    // Items are counted over (group, block).
    CIRCULANT_INLINE void run(size_t first, size_t last) {
        size_t group = first / layout_.block_count, block = first % layout_.block_count;
        take_weights(group % job_.channels);
        for (size_t item = first; item < last; ++item) {
            gather_block(group, block);
            if (++block < layout_.block_count) continue;
            block = 0;
            if (item + 1 < last) take_weights(++group % job_.channels);
        }
    }

private:
    CIRCULANT_INLINE void take_weights(size_t channel) {
        const size_t count = job_.sources * job_.results * layout_.kernel_size;
        const S* const weight = job_.weight + channel * count;
        if constexpr (sizeof(S) == sizeof(T)) {
            weight_ = weight;
        } else {
            widen_row(weight, count, widened_);
            weight_ = widened_;
        }
    }

    CIRCULANT_INLINE void gather_block(size_t group, size_t block) {
        const size_t source = layout_.source_depth * layout_.source_height * layout_.source_width;
        const size_t plane = layout_.result_height * layout_.result_width;
        const Part* const parts = layout_.parts + block * layout_.piece_count;
        stage_.start(layout_.blocks[block], job_.source + group * job_.sources * source);
        for (const Slice* slice = layout_.slices; slice != layout_.slices + layout_.slice_count; ++slice) {
            stage_.advance(*slice);
            for (size_t result = 0; result < job_.results; ++result) {
                const size_t volume = group * job_.results + result;
                S* const to = job_.result + (volume * layout_.result_depth + slice->plane) * plane;
                const T* const weight = weight_ + result * layout_.kernel_size;
                for (size_t piece = 0; piece < layout_.piece_count; ++piece) {
                    const Part& part = parts[piece];
                    gather_piece(layout_.pieces[piece], part, *slice, weight, to + part.place);
                }
            }
        }
    }

    CIRCULANT_INLINE void gather_piece(const Piece& piece, const Part& part, const Slice& slice,
                                       const T* weight, S* to) {
        if (part.row >= part.row_end || part.columns == 0) return;
        if constexpr (sizeof(S) == sizeof(T))
            if (layout_.is_in_place) {
                const size_t pitch = layout_.is_series ? kLanes<T> : piece.row_step * layout_.result_width;
                T* const place = reinterpret_cast<T*>(to);
                return add_runs(piece, part, slice, weight, {place, pitch, part.columns, false});
            }
        const size_t width = (part.strip_end - part.strip) * kLanes<T>;
        clear(sums_, (part.row_end - part.row) * width);
        add_runs(piece, part, slice, weight, {sums_, width, layout_.is_series ? part.columns : width, true});
        store_sums(piece, part, width, to);
    }

    CIRCULANT_INLINE void add_runs(const Piece& piece, const Part& part, const Slice& slice, const T* weight,
                                   const Target<T>& target) {
        for (size_t source = 0; source < job_.sources; ++source)
            for (size_t layer = 0; layer < slice.layer_count; ++layer) {
                const Window<T> window = stage_.window(source, slice.layers[layer].plane);
                const T* const from = weight + source * layout_.kernel_size;
                for (size_t run = 0; run < piece.run_count; ++run)
                    add_run(piece, piece.runs[run], part, from + slice.layers[layer].weight, window, target);
            }
    }

    CIRCULANT_INLINE void add_run(const Piece& piece, const TapRun& run, const Part& part, const T* weight,
                                  const Window<T>& window, const Target<T>& target) {
        if (layout_.is_series)
            add_series_run(layout_, piece, run, part, weight, window, target);
        else
            add_plane_run(layout_, piece, run, part, weight, window, target);
    }

    CIRCULANT_INLINE void store_sums(const Piece& piece, const Part& part, size_t width, S* to) const {
        if (layout_.is_series) return store_row(sums_, part.columns, piece.column_step, to);
        for (size_t row = part.row; row < part.row_end; ++row) {
            store_row(sums_ + (row - part.row) * width, part.columns, piece.column_step, to);
            to += piece.row_step * layout_.result_width;
        }
    }

    const GatherJob<S>& job_;
    const DepthwiseLayout& layout_;
    Stage<S> stage_;
    T* sums_;
    T* widened_;
    const T* weight_ = nullptr;
};

// Items first .. last - 1, counted over (image, channel, block).
template <class S>
void gather_blocks(const GatherJob<S>& job, size_t first, size_t last, Arithmetic<S>* memory) {
    Gatherer<S>(job, memory).run(first, last);
}

}  // namespace circulant::CIRCULANT_ISA
