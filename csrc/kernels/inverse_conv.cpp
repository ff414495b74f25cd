#include "kernels/inverse_conv.hpp"

#include <algorithm>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/error.hpp"
#include "core/threads.hpp"
#include "kernels/inverse_conv_table.hpp"

namespace circulant {

namespace {

void check(const InverseConvSizes& s) {
    for (const std::size_t size : {s.batch, s.channels, s.images, s.depth.size, s.height.size, s.width.size,
                                   s.depth.taps, s.height.taps, s.width.taps})
        require(size > 0, "expected sizes, taps and images of at least 1, got 0; "
                          "return an empty result without this call");
}

FrontLayout front_layout(const InverseConvSizes& s, std::size_t images, std::size_t lanes) {
    const std::size_t padded_depth = s.depth.size + s.depth.taps - 1;
    const std::size_t padded_height = s.height.size + s.height.taps - 1;
    const std::size_t reach = s.depth.taps + s.height.taps + s.width.taps - 3;
    return {.images = images,
            .padded_height = padded_height,
            .first_lane = ((s.depth.taps - 1) * padded_height + s.height.taps - 1) * images,
            .channel_lanes = padded_depth * padded_height * images,
            .ring = lanes + reach,
            .steps = reach + 1};
}

// Values of earlier places, tap by tap, then the channels of the same place.
std::vector<EarlierValue> earlier_values(const InverseConvSizes& s, const FrontLayout& layout) {
    std::vector<EarlierValue> values;
    for (std::size_t d = s.depth.taps; d-- > 0;)
        for (std::size_t h = s.height.taps; h-- > 0;)
            for (std::size_t w = s.width.taps; w-- > 0;)
                for (std::size_t channel = 0; channel < s.channels; ++channel) {
                    const std::size_t back = (d * layout.padded_height + h) * layout.images;
                    const std::size_t row = channel * layout.channel_lanes;
                    values.push_back({d + h + w, static_cast<std::ptrdiff_t>(row) - static_cast<std::ptrdiff_t>(back)});
                }
    return values;
}

}  // namespace

template <class S>
void inverse_conv(const InverseConvSizes& sizes, const S* y, const S* weight, S* x, Execution execution) {
    using T = Arithmetic<S>;
    check(sizes);
    const InverseConvTable<S>& set = inverse_conv_unit(execution.isa).of<S>();
    const std::size_t taps = sizes.depth.taps * sizes.height.taps * sizes.width.taps;
    const std::size_t places = sizes.depth.size * sizes.height.size * sizes.width.size;
    const double work = 2.0 * static_cast<double>(sizes.channels * sizes.channels * taps) * static_cast<double>(places);
    const std::size_t threads = useful_threads(execution.threads, sizes.batch, work);
    const std::size_t images = std::min(sizes.images, (sizes.batch + threads - 1) / threads);
    const FrontLayout layout = front_layout(sizes, images, set.lanes);
    const std::vector<EarlierValue> earlier = earlier_values(sizes, layout);
    const AlignedBuffer<T> packed(sizes.channels * sizes.channels * taps);
    set.pack_weights(weight, sizes.channels, taps, sizes.adjoint, packed.data());
    const InverseConvJob<S> job = {.layout = layout,
                                   .batch = sizes.batch,
                                   .channels = sizes.channels,
                                   .depth = sizes.depth.size,
                                   .height = sizes.height.size,
                                   .width = sizes.width.size,
                                   .reversed = sizes.adjoint,
                                   .earlier = earlier.data(),
                                   .earlier_places = (taps - 1) * sizes.channels,
                                   .packed_weights = packed.data(),
                                   .y = y,
                                   .x = x};
    const std::size_t addresses = layout.steps * sizeof(void*) / sizeof(T) + 8;
    const std::size_t scalars = layout.ring * sizes.channels * layout.channel_lanes + 4 * set.lanes + addresses;
    parallel_ranges(threads, (sizes.batch + images - 1) / images, [&](std::size_t first, std::size_t last) {
        const AlignedBuffer<T> workspace(scalars);
        set.solve_images(job, first, last, workspace.data());
    });
}

#define CIRCULANT_INSTANTIATE(S) \
    template void inverse_conv(const InverseConvSizes&, const S*, const S*, S*, Execution)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);
CIRCULANT_INSTANTIATE(Half);
CIRCULANT_INSTANTIATE(BFloat16);

}  // namespace circulant
