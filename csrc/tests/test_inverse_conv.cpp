// The inverse convolution against the sums that it inverts.
#include <limits>

#include "kernels/inverse_conv.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

struct Place {
    std::size_t d, h, w;
};

std::size_t volume(const InverseConvSizes& s) { return s.depth.size * s.height.size * s.width.size; }

std::size_t taps(const InverseConvSizes& s) { return s.depth.taps * s.height.taps * s.width.taps; }

// Kernel entry with the fixed ones set, whatever the memory holds there.
template <class T>
long double entry(const InverseConvSizes& s, const std::vector<T>& k, std::size_t o, std::size_t i, std::size_t tap) {
    if (tap + 1 == taps(s) && i >= o) return i == o ? 1.0L : 0.0L;
    return k[(o * s.channels + i) * taps(s) + tap];
}

// y[o, p] += k[o, i, m] x[i, p + m - (taps - 1)] for all i and m, or, of the adjoint, the same with the
// two places and the two channels exchanged.
template <class T>
void add_place(const InverseConvSizes& s, const std::vector<T>& k, const T* x, std::size_t o, Place p, long double* y) {
    const auto flat = [&s](std::size_t c, Place at) {
        return ((c * s.depth.size + at.d) * s.height.size + at.h) * s.width.size + at.w;
    };
    for (std::size_t d = 0; d < s.depth.taps; ++d)
        for (std::size_t h = 0; h < s.height.taps; ++h)
            for (std::size_t w = 0; w < s.width.taps; ++w) {
                const Place seen = {p.d + d + 1 - s.depth.taps, p.h + h + 1 - s.height.taps, p.w + w + 1 - s.width.taps};
                // below 0 wraps around to a number that is not below the size
                if (seen.d >= s.depth.size || seen.h >= s.height.size || seen.w >= s.width.size) continue;
                const std::size_t tap = (d * s.height.taps + h) * s.width.taps + w;
                for (std::size_t i = 0; i < s.channels; ++i) {
                    const long double weight = entry(s, k, o, i, tap);
                    if (s.adjoint)
                        y[flat(i, seen)] += weight * static_cast<long double>(x[flat(o, p)]);
                    else
                        y[flat(o, p)] += weight * static_cast<long double>(x[flat(i, seen)]);
                }
            }
}

template <class T>
std::vector<long double> convolved(const InverseConvSizes& s, const std::vector<T>& k, const std::vector<T>& x) {
    std::vector<long double> y(x.size());
    for (std::size_t b = 0; b < s.batch; ++b)
        for (std::size_t o = 0; o < s.channels; ++o)
            for (std::size_t d = 0; d < s.depth.size; ++d)
                for (std::size_t h = 0; h < s.height.size; ++h)
                    for (std::size_t w = 0; w < s.width.size; ++w) {
                        const std::size_t start = b * s.channels * volume(s);
                        add_place(s, k, x.data() + start, o, {d, h, w}, y.data() + start);
                    }
    return y;
}

template <class T>
void test_case(const InverseConvSizes& s, Execution execution, const std::string& label) {
    const std::size_t terms = s.channels * taps(s);
    const auto y = random_values<T>(s.batch * s.channels * volume(s), 1);
    auto k = random_values<T>(s.channels * terms, 2);
    for (T& value : k) value /= static_cast<T>(2 * terms);
    std::vector<T> x(y.size(), std::numeric_limits<T>::quiet_NaN());
    inverse_conv(s, y.data(), k.data(), x.data(), execution);
    const std::vector<long double> again = convolved(s, k, x);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32 " : " float64 ") + label;
    check(largest_error(y, again) <= allowed<T>(terms), what + (s.adjoint ? ": adjoint" : ": solution"));
}

}  // namespace

void test_inverse_conv() {
    const struct {
        const char* label;
        InverseConvSizes sizes;
    } cases[] = {
        {"one place", {1, 1, {1, 1}, {1, 1}, {1, 1}, false, 1}},
        {"series", {3, 2, {1, 1}, {1, 1}, {50, 4}, false, 2}},
        {"image", {2, 5, {1, 1}, {9, 3}, {21, 2}, false, 1}},
        {"volume", {2, 3, {4, 2}, {5, 3}, {6, 2}, false, 2}},
        {"as many images as lanes", {16, 2, {1, 1}, {7, 2}, {19, 3}, false, 16}},
        {"images left over", {11, 4, {1, 1}, {6, 3}, {17, 3}, false, 8}},
        {"kernel larger than the image", {2, 2, {1, 1}, {3, 5}, {4, 7}, false, 2}},
    };
    for (const Isa isa : supported_isas())
        for (const auto& c : cases)
            for (const bool adjoint : {false, true}) {
                InverseConvSizes sizes = c.sizes;
                sizes.adjoint = adjoint;
                test_case<float>(sizes, {3, isa}, c.label);
                test_case<double>(sizes, {1, isa}, c.label);
            }
}

}  // namespace circulant::tests
