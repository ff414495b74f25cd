// What one call of the inverse convolution tells the units compiled per instruction set: plain data.
#pragma once

#include <cstddef>

#include "core/storage.hpp"

namespace circulant {

// What a solved value of an earlier place, or of an earlier channel of the same place, is found by.
struct EarlierValue {
    std::size_t step;       // fronts back
    std::ptrdiff_t offset;  // from a lane of that front's first channel
};

// A front holds, for each channel, a lane for each line of columns and each image: line (i, j) of the
// padded volume and image b have lane (i * padded_height + j) * images + b, so that the lanes of an
// earlier place are the same lanes some way before. Fronts are kept in a ring.
struct FrontLayout {
    std::size_t images, padded_height;
    std::size_t first_lane;     // of line (0, 0): what lies before stays zero
    std::size_t channel_lanes;  // lanes of one channel of one front
    std::size_t ring;           // fronts kept
    std::size_t steps;          // fronts that an unknown depends on, its own counted
};

template <class S>
struct InverseConvJob {
    FrontLayout layout;
    std::size_t batch, channels, depth, height, width;
    bool reversed;  // data run from the end of each image to its beginning
    const EarlierValue* earlier;
    std::size_t earlier_places;           // values of earlier places; behind them those of the same place
    const Arithmetic<S>* packed_weights;  // for each block of channels, as the solver reads them
    const S* y;
    S* x;
};

}  // namespace circulant
