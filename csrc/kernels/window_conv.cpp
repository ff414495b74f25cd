#include "kernels/window_conv.hpp"

#include "core/error.hpp"

namespace circulant {

void require_window_conv(const WindowConvSizes& s) {
    for (const std::size_t size :
         {s.batch, s.groups, s.in_channels, s.out_channels, s.rows.size, s.rows.out_size, s.rows.taps,
          s.rows.stride, s.rows.dilation, s.columns.size, s.columns.out_size, s.columns.taps,
          s.columns.stride, s.columns.dilation, s.tile_rows, s.tile_columns})
        require(size > 0, "expected sizes, strides, dilations and tiles of at least 1, got 0; "
                          "return an empty result without this call");
}

}  // namespace circulant
