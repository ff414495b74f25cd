// Fourier and cosine transforms over several axes, and filters in between, against the sums that define them.
#include <complex>
#include <limits>
#include <numbers>

#include "kernels/execution.hpp"
#include "kernels/spectral_filter.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

using Shape = std::vector<std::size_t>;
using Number = std::complex<long double>;
using Numbers = std::vector<Number>;

constexpr long double kPi = std::numbers::pi_v<long double>;

std::size_t product(const Shape& sizes) {
    std::size_t total = 1;
    for (const std::size_t size : sizes) total *= size;
    return total;
}

Shape bins_of(Shape sizes) {
    sizes.back() = sizes.back() / 2 + 1;
    return sizes;
}

Shape kept_of(const TransformSizes& s) {
    Shape bins = s.sizes;
    bins.back() = s.kept;
    return bins;
}

// Index along each axis.
Shape places(std::size_t flat, const Shape& sizes) {
    Shape found(sizes.size());
    for (std::size_t axis = sizes.size(); axis-- > 0; flat /= sizes[axis]) found[axis] = flat % sizes[axis];
    return found;
}

long double turns(const Shape& k, const Shape& j, const Shape& sizes) {
    long double total = 0;
    for (std::size_t axis = 0; axis < sizes.size(); ++axis)
        total += static_cast<long double>(k[axis] * j[axis] % sizes[axis]) / static_cast<long double>(sizes[axis]);
    return total;
}

// Sums over `from` at the places of `to`.
Numbers fourier(const Numbers& values, const Shape& from, const Shape& to, const Shape& sizes, long double sign) {
    Numbers found(product(to));
    for (std::size_t k = 0; k < found.size(); ++k)
        for (std::size_t j = 0; j < values.size(); ++j)
            found[k] += values[j] * std::polar(1.0L, sign * 2 * kPi * turns(places(k, to), places(j, from), sizes));
    return found;
}

Numbers cosine(const Numbers& values, const Shape& sizes, bool inverse) {
    Numbers found(values.size());
    for (std::size_t a = 0; a < found.size(); ++a)
        for (std::size_t b = 0; b < found.size(); ++b) {
            const Shape k = places(inverse ? b : a, sizes), j = places(inverse ? a : b, sizes);
            long double entry = 1;
            for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
                const auto n = static_cast<long double>(sizes[axis]);
                const auto frequency = static_cast<long double>(k[axis]), place = static_cast<long double>(j[axis]);
                entry *= std::sqrt((k[axis] > 0 ? 2 : 1) / n) * std::cos(kPi * frequency * (place + 0.5L) / n);
            }
            found[a] += values[b] * entry;
        }
    return found;
}

// Of bins that stand for their mirror image too `middle` times twice the real part is what a real signal has.
Numbers weighed(Numbers bins, const Shape& sizes, const Shape& shape, long double middle) {
    for (std::size_t k = 0; k < bins.size(); ++k) {
        const std::size_t last = places(k, shape).back();
        bins[k] *= 2 * last % sizes.back() == 0 ? 1 : middle;
    }
    return bins;
}

template <class T>
Numbers row_of(const std::vector<T>& values, std::size_t row, std::size_t count, bool pairs) {
    Numbers found;
    for (std::size_t i = 0; i < count; ++i)
        found.push_back(pairs ? Number(values[2 * (row * count + i)], values[2 * (row * count + i) + 1])
                              : Number(values[row * count + i]));
    return found;
}

void append(std::vector<long double>& to, const Numbers& values, bool pairs) {
    for (const Number& value : values) {
        to.push_back(value.real());
        if (pairs) to.push_back(value.imag());
    }
}

bool takes_pairs(TransformFamily f) { return f == TransformFamily::from_spectrum || f == TransformFamily::complex; }
bool gives_pairs(TransformFamily f) { return f == TransformFamily::to_spectrum || f == TransformFamily::complex; }

Numbers expected_row(const TransformSizes& s, const Numbers& values) {
    const Shape bins = kept_of(s);
    switch (s.family) {
        case TransformFamily::to_spectrum:
            return weighed(fourier(values, s.sizes, bins, s.sizes, -1), s.sizes, bins, s.middle);
        case TransformFamily::from_spectrum:
            return fourier(weighed(values, s.sizes, bins, 2 * s.middle), bins, s.sizes, s.sizes, 1);
        case TransformFamily::complex: return fourier(values, s.sizes, s.sizes, s.sizes, s.positive ? 1 : -1);
        case TransformFamily::cosine: return cosine(values, s.sizes, false);
        default: return cosine(values, s.sizes, true);
    }
}

std::string described(const Shape& sizes, std::size_t rows, Isa isa, const char* type) {
    std::string text = name(isa) + " " + type + ", " + std::to_string(rows) + " rows of";
    for (const std::size_t size : sizes) text += " " + std::to_string(size);
    return text;
}

template <class T>
void test_transform(const TransformSizes& s, std::size_t rows, Execution execution) {
    const bool half_in = s.family == TransformFamily::from_spectrum, half_out = s.family == TransformFamily::to_spectrum;
    const std::size_t in = product(half_in ? kept_of(s) : s.sizes);
    const std::size_t out = product(half_out ? kept_of(s) : s.sizes);
    const std::vector<T> from = random_values<T>(rows * in * (takes_pairs(s.family) ? 2 : 1), 1);
    std::vector<T> to(rows * out * (gives_pairs(s.family) ? 2 : 1), std::numeric_limits<T>::quiet_NaN());
    const TransformPlan<T> plan(s, execution.isa);
    transform(plan, rows, from.data(), to.data(), execution.threads);
    std::vector<long double> expected;
    for (std::size_t row = 0; row < rows; ++row) {
        Numbers values = expected_row(s, row_of(from, row, in, takes_pairs(s.family)));
        for (Number& value : values) value *= static_cast<long double>(s.scale);
        append(expected, values, gives_pairs(s.family));
    }
    check(largest_error(to, expected) <= allowed<T>(8 * product(s.sizes)),
          "transform of family " + std::to_string(static_cast<int>(s.family)) + ", " +
              described(s.sizes, rows, execution.isa, sizeof(T) == 4 ? "float32" : "float64"));
}

template <class T>
void test_families(const Shape& sizes, std::size_t rows, Execution execution) {
    for (const auto family : {TransformFamily::to_spectrum, TransformFamily::from_spectrum, TransformFamily::complex,
                              TransformFamily::cosine, TransformFamily::cosine_inverse})
        for (const bool positive : {false, true}) {
            if (positive && family != TransformFamily::complex) continue;
            const bool is_cosine = family == TransformFamily::cosine || family == TransformFamily::cosine_inverse;
            const std::size_t bins = sizes.back() / 2 + 1;
            test_transform<T>({family, sizes, positive, is_cosine ? 1.0 : 0.5, 0.75, bins}, rows, execution);
            if (family == TransformFamily::to_spectrum || family == TransformFamily::from_spectrum)
                test_transform<T>({family, sizes, positive, 0.5, 0.75, (bins + 1) / 2}, rows, execution);
        }
}

// y = back(gains forth(x))
template <class T>
void test_filter(const Shape& sizes, std::size_t batch, std::size_t channels, bool shared, Execution execution) {
    const std::size_t samples = product(sizes), bins = product(bins_of(sizes)), rows = batch * channels;
    const double scale = 1.0 / static_cast<double>(samples);
    const TransformPlan<T> forth({TransformFamily::to_spectrum, sizes, false, 1.0, 1.0, sizes.back() / 2 + 1}, execution.isa);
    const TransformPlan<T> back({TransformFamily::from_spectrum, sizes, false, scale, 1.0, sizes.back() / 2 + 1}, execution.isa);
    const std::vector<T> x = random_values<T>(rows * samples, 1);
    const std::vector<T> gains = random_values<T>(2 * bins * (shared ? 1 : channels), 2);
    const auto what = described(sizes, rows, execution.isa, sizeof(T) == 4 ? "float32" : "float64");
    for (const bool conjugated : {false, true}) {
        std::vector<T> y(x.size(), std::numeric_limits<T>::quiet_NaN());
        spectral_filter(forth, back, {batch, channels, shared, conjugated}, x.data(), gains.data(), y.data(),
                        execution.threads);
        std::vector<long double> expected;
        for (std::size_t row = 0; row < rows; ++row) {
            Numbers values = fourier(row_of(x, row, samples, false), sizes, bins_of(sizes), sizes, -1);
            const Numbers factors = row_of(gains, shared ? 0 : row % channels, bins, true);
            for (std::size_t k = 0; k < bins; ++k) values[k] *= conjugated ? std::conj(factors[k]) : factors[k];
            values = fourier(weighed(values, sizes, bins_of(sizes), 2), bins_of(sizes), sizes, sizes, 1);
            for (Number& value : values) value *= static_cast<long double>(scale);
            append(expected, values, false);
        }
        check(largest_error(y, expected) <= allowed<T>(8 * samples), "spectral filter, " + what);
    }
}

// The adjoint of `back` on g times conj(forth(x)).
template <class T>
void test_gain_gradient(const Shape& sizes, std::size_t batch, std::size_t channels, Execution execution) {
    const std::size_t samples = product(sizes), bins = product(bins_of(sizes)), rows = batch * channels;
    const double scale = 1.0 / static_cast<double>(samples);
    const TransformPlan<T> forth({TransformFamily::to_spectrum, sizes, false, 1.0, 1.0, sizes.back() / 2 + 1}, execution.isa);
    const TransformPlan<T> back({TransformFamily::from_spectrum, sizes, false, scale, 1.0, sizes.back() / 2 + 1}, execution.isa);
    const std::vector<T> x = random_values<T>(rows * samples, 1);
    std::vector<T> gradient(2 * bins * channels, std::numeric_limits<T>::quiet_NaN());
    const std::vector<T> g = random_values<T>(x.size(), 3);
    spectral_filter_gain_gradient(forth, back, {batch, channels, false, false}, x.data(), g.data(), gradient.data(),
                                  execution.threads);
    std::vector<long double> expected;
    for (std::size_t channel = 0; channel < channels; ++channel) {
        Numbers total(bins);
        for (std::size_t image = 0; image < batch; ++image) {
            const std::size_t row = image * channels + channel;
            const Numbers of_x = fourier(row_of(x, row, samples, false), sizes, bins_of(sizes), sizes, -1);
            const Numbers of_g = fourier(row_of(g, row, samples, false), sizes, bins_of(sizes), sizes, -1);
            for (std::size_t k = 0; k < bins; ++k) total[k] += std::conj(of_x[k]) * of_g[k];
        }
        total = weighed(total, sizes, bins_of(sizes), 2);
        for (Number& value : total) value *= static_cast<long double>(scale);
        append(expected, total, true);
    }
    check(largest_error(gradient, expected) <= allowed<T>(8 * samples * batch), "gradient of gains, " + described(sizes, rows, execution.isa, sizeof(T) == 4 ? "float32" : "float64"));
}

}  // namespace

void test_line_transforms() {
    const std::vector<Shape> shapes = {{1}, {2}, {7}, {16}, {22}, {39}, {63}, {64}, {4, 5}, {9, 40}, {16, 1}, {2, 3, 5}};
    for (const Isa isa : supported_isas())
        for (const Shape& sizes : shapes)
            for (const std::size_t rows : {1, 5, 40}) {
                if (rows * product(sizes) * product(sizes) > 60'000) continue;
                test_families<float>(sizes, rows, {3, isa});
                test_families<double>(sizes, rows, {1, isa});
                test_filter<float>(sizes, rows, 3, rows == 5, {1, isa});
                test_filter<double>(sizes, 1, rows, false, {3, isa});
                test_gain_gradient<float>(sizes, rows, 3, {1, isa});
                test_gain_gradient<double>(sizes, 1, rows, {3, isa});
            }
}

}  // namespace circulant::tests
