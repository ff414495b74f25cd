// Images laid out front by front, and back: lines of columns are taken and given in tiles, so that a
// tile of as many images as a vector has lanes is one transpose.
#pragma once

#include "core/convert.hpp"
#include "core/transpose.hpp"
#include "kernels/inverse_conv_job.hpp"

namespace circulant::CIRCULANT_ISA {

// Lines first .. first + count - 1 of a slice, which meet a front in one column each.
struct Run {
    size_t slice, first, count;
};

template <class S, class T = Arithmetic<S>>
class Stage final {
public:
    Stage(const InverseConvJob<S>& job, size_t block, T* ring) : job_(job), ring_(ring) {
        first_image_ = block * job.layout.images;
        const size_t left = job.batch - first_image_;
        images_ = left < job.layout.images ? left : job.layout.images;
        image_scalars_ = job.channels * job.depth * job.height * job.width;
    }

    T* front(size_t number) const {
        return ring_ + number % job_.layout.ring * job_.channels * job_.layout.channel_lanes;
    }

    size_t lane(size_t slice, size_t line) const {
        const FrontLayout& layout = job_.layout;
        return layout.first_lane + (slice * layout.padded_height + line) * layout.images;
    }

    template <class Visit>
    CIRCULANT_INLINE void for_each_run(size_t front, const Visit& visit) const {
        for (size_t slice = 0; slice < job_.depth && slice <= front; ++slice) {
            const size_t rest = front - slice;  // line + column
            const size_t first = rest < job_.width ? 0 : rest - job_.width + 1;
            const size_t end = rest < job_.height ? rest + 1 : job_.height;
            if (first < end) visit(Run{slice, first, end - first});
        }
    }

    // Lays out the tiles that begin in this front.
    void take(const Run& run, size_t front) const {
        for (size_t line = run.first; line < run.first + run.count; ++line) {
            const size_t column = front - run.slice - line;
            if (column % tile == 0) move<true>(Tile{run.slice, line, column, front});
        }
    }

    // Writes the tiles that end in this front.
    void give(const Run& run, size_t front) const {
        for (size_t line = run.first; line < run.first + run.count; ++line) {
            const size_t column = front - run.slice - line, inside = column % tile;
            if (inside == tile - 1 || column == job_.width - 1)
                move<false>(Tile{run.slice, line, column - inside, front - inside});
        }
    }

private:
    static constexpr size_t tile = kLanes<T>;

    struct Tile {
        size_t slice, line, column, front;  // of its first column
    };

    // Start in memory of `count` columns of a channel of the first image, whichever way they run.
    size_t start(const Tile& at, size_t channel, size_t count) const {
        const size_t flat = ((channel * job_.depth + at.slice) * job_.height + at.line) * job_.width + at.column;
        return first_image_ * image_scalars_ + (job_.reversed ? image_scalars_ - flat - count : flat);
    }

    template <bool takes>
    void move(const Tile& at) const {
        const size_t left = job_.width - at.column, count = left < tile ? left : tile;
        const size_t to = lane(at.slice, at.line);
        for (size_t channel = 0; channel < job_.channels; ++channel) {
            const size_t from = start(at, channel, count), column_lane = channel * job_.layout.channel_lanes + to;
            if (count == tile && images_ == tile)
                move_square<takes>(at.front, from, column_lane);
            else
                move_columns<takes>(at.front, count, from, column_lane);
        }
    }

    size_t front_of(size_t first, size_t column, size_t count) const {
        return first + (job_.reversed ? count - 1 - column : column);
    }

    template <bool takes>
    CIRCULANT_INLINE void move_square(size_t first, size_t from, size_t column_lane) const {
        Vector<T> rows[tile];
        CIRCULANT_UNROLL
        for (size_t i = 0; i < tile; ++i)
            rows[i] = takes ? widen(job_.y + from + i * image_scalars_)
                            : load(front(front_of(first, i, tile)) + column_lane);
        transpose<T>(rows);
        CIRCULANT_UNROLL
        for (size_t i = 0; i < tile; ++i)
            if constexpr (takes)
                store(front(front_of(first, i, tile)) + column_lane, rows[i]);
            else
                narrow(job_.x + from + i * image_scalars_, rows[i]);
    }

    template <bool takes>
    void move_columns(size_t first, size_t count, size_t from, size_t column_lane) const {
        for (size_t column = 0; column < count; ++column) {
            T* const cell = front(front_of(first, column, count)) + column_lane;
            for (size_t image = 0; image < images_; ++image)
                if constexpr (takes)
                    cell[image] = widen_one(job_.y[from + image * image_scalars_ + column]);
                else
                    job_.x[from + image * image_scalars_ + column] = narrow_one<S>(cell[image]);
        }
    }

    const InverseConvJob<S>& job_;
    T* const ring_;
    size_t first_image_, images_, image_scalars_;
};

}  // namespace circulant::CIRCULANT_ISA
