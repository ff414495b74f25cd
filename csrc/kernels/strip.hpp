// Some rows of a plane, copied with what surrounds them: plain data.
#pragma once

#include <cstddef>

namespace circulant {

// The columns of a copied row are sorted by their index modulo `step`, so that a strided window reads
// consecutive memory too: of the padded columns from the strip's first on, number q step + r lies at
// r phase_width + q.
struct Strip {
    std::size_t height, width;                // of the plane
    std::size_t before_rows, before_columns;  // surroundings, before the plane's first row and column
    std::size_t step, phase_width;

    [[gnu::always_inline]] std::size_t row_scalars() const { return step * phase_width; }
};

}  // namespace circulant
