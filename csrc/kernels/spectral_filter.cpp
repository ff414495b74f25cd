#include "kernels/spectral_filter.hpp"

#include "core/error.hpp"
#include "kernels/transform_run.hpp"

namespace circulant {

namespace {

void check(const SpectralFilterSizes& s) {
    require(s.batch > 0 && s.channels > 0, "expected at least one row and channel; return an empty result");
}

// Few rows, or large ones: all threads take the same axis.
template <class T>
void filter_by_axes(const TransformPlan<T>& forth, const TransformPlan<T>& back, const SpectralFilterSizes& s,
                    const T* x, const T* gains, T* y, std::size_t threads) {
    const TransformTable<T>& unit = transform_unit(forth.isa()).template of<T>();
    const std::size_t rows = s.batch * s.channels, spectrum = forth.coefficients();
    const AlignedBuffer<T> values(rows * spectrum);
    by_axes(forth, rows, x, values.data(), values.data(), threads);
    for (std::size_t row = 0; row < rows; ++row)
        unit.multiply(values.data() + row * spectrum, gains + (s.shared ? 0 : row % s.channels) * spectrum, spectrum,
                      s.conjugated);
    by_axes(back, rows, values.data(), y, values.data(), threads);
}

}  // namespace

template <class T>
void spectral_filter(const TransformPlan<T>& forth, const TransformPlan<T>& back, const SpectralFilterSizes& s,
                     const T* x, const T* gains, T* y, std::size_t threads) {
    check(s);
    const TransformTable<T>& unit = transform_unit(forth.isa()).template of<T>();
    const std::size_t rows = s.batch * s.channels, spectrum = forth.coefficients(), samples = forth.samples();
    const std::size_t useful = useful_threads(threads, rows, 2 * work_of(forth.sizes().sizes));
    if (useful < threads && rows < threads && samples * sizeof(T) > kChunkBytes)
        return filter_by_axes(forth, back, s, x, gains, y, threads);
    const std::size_t chunk = std::min(chunk_rows(forth, rows, unit.lanes), (rows + useful - 1) / useful);
    const std::size_t own = buffer_scalars(forth, unit.lanes);
    parallel_ranges(useful, (rows + chunk - 1) / chunk, [&](std::size_t first, std::size_t last) {
        const Scratch<T> workspace(own + chunk * spectrum);
        T* const values = workspace.data() + own;
        for (std::size_t i = first; i < last; ++i) {
            const std::size_t row = i * chunk, count = std::min(chunk, rows - row);
            by_rows(forth, count, x + row * samples, values, values, workspace.data());
            for (std::size_t k = 0; k < count; ++k)
                unit.multiply(values + k * spectrum, gains + (s.shared ? 0 : (row + k) % s.channels) * spectrum,
                              spectrum, s.conjugated);
            by_rows(back, count, values, y + row * samples, values, workspace.data());
        }
    });
}

template <class T>
void spectral_filter_gain_gradient(const TransformPlan<T>& forth, const TransformPlan<T>& back,
                                   const SpectralFilterSizes& s, const T* x, const T* g, T* gradient,
                                   std::size_t threads) {
    check(s);
    const TransformTable<T>& unit = transform_unit(forth.isa()).template of<T>();
    const std::size_t spectrum = forth.coefficients(), samples = forth.samples(), last_axis = forth.sizes().sizes.back();
    const std::size_t bins = last_axis / 2 + 1;
    const T scale = static_cast<T>(back.sizes().scale), middle = static_cast<T>(2 * back.sizes().scale * back.sizes().middle);
    const std::size_t useful =
        useful_threads(threads, s.channels, 2 * static_cast<double>(s.batch) * work_of(forth.sizes().sizes));
    const std::size_t chunk =
        std::min(chunk_rows(forth, s.channels, unit.lanes), (s.channels + useful - 1) / useful);
    const std::size_t own = buffer_scalars(forth, unit.lanes);
    parallel_ranges(useful, (s.channels + chunk - 1) / chunk, [&](std::size_t first, std::size_t last) {
        const Scratch<T> workspace(own + 2 * chunk * spectrum);
        T* const of_x = workspace.data() + own;
        T* const of_g = of_x + chunk * spectrum;
        for (std::size_t i = first; i < last; ++i) {
            const std::size_t channel = i * chunk, count = std::min(chunk, s.channels - channel);
            T* const total = gradient + channel * spectrum;
            std::fill(total, total + count * spectrum, T{0});
            for (std::size_t image = 0; image < s.batch; ++image) {
                const std::size_t row = image * s.channels + channel;
                by_rows(forth, count, x + row * samples, of_x, of_x, workspace.data());
                by_rows(forth, count, g + row * samples, of_g, of_g, workspace.data());
                unit.correlate(of_x, of_g, total, count * spectrum);
            }
            for (std::size_t k = 0; k < count * spectrum / 2; ++k) {
                const std::size_t bin = k % bins;
                const T size = bin == 0 || 2 * bin == last_axis ? scale : middle;
                total[2 * k] *= size;
                total[2 * k + 1] *= size;
            }
        }
    });
}

template <class T>
std::size_t spectral_filter_workspace(const TransformPlan<T>& forth, const SpectralFilterSizes& s, bool gain_gradient,
                                      std::size_t threads) {
    const std::size_t lanes = transform_unit(forth.isa()).template of<T>().lanes;
    const std::size_t rows = gain_gradient ? s.channels : s.batch * s.channels;
    const std::size_t values = (gain_gradient ? 2 : 1) * chunk_rows(forth, rows, lanes) * forth.coefficients();
    return threads * (buffer_scalars(forth, lanes) + values) * sizeof(T);
}

#define CIRCULANT_INSTANTIATE(T)                                                                                   \
    template void spectral_filter(const TransformPlan<T>&, const TransformPlan<T>&, const SpectralFilterSizes&,    \
                                  const T*, const T*, T*, std::size_t);                                            \
    template void spectral_filter_gain_gradient(const TransformPlan<T>&, const TransformPlan<T>&,                  \
                                                const SpectralFilterSizes&, const T*, const T*, T*, std::size_t);  \
    template std::size_t spectral_filter_workspace(const TransformPlan<T>&, const SpectralFilterSizes&, bool,      \
                                                   std::size_t)

CIRCULANT_INSTANTIATE(float);
CIRCULANT_INSTANTIATE(double);

}  // namespace circulant
