// Every role of the long convolution against the sums that define it.
#include <limits>

#include "kernels/long_conv.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

struct Expected {
    std::vector<long double> output, input_gradient, kernel_gradient;
};

template <class T>
struct Case {
    LongConvSizes sizes;
    std::vector<T> x, kernel, g;
};

// One loop gives all three: every product k x g of the trilinear form, seen from each of its sides.
template <class T>
Expected naive(const Case<T>& c) {
    const LongConvSizes& s = c.sizes;
    Expected sums{std::vector<long double>(c.x.size()), std::vector<long double>(c.x.size()),
                  std::vector<long double>(c.kernel.size())};
    for (std::size_t row = 0; row < s.batch * s.channels; ++row)
        for (std::size_t l = 0; l < s.length; ++l)
            for (std::size_t m = 0; m < s.taps; ++m) {
                const std::size_t shifted = l + s.shift + s.length - m % s.length;
                if (!s.circular && (l + s.shift < m || l + s.shift - m >= s.length)) continue;
                const std::size_t at = row * s.length + l, from = row * s.length + shifted % s.length;
                const std::size_t tap = row % s.channels * s.taps + m;
                const long double x = c.x[from], k = c.kernel[tap], g = c.g[at];
                sums.output[at] += k * x;
                sums.input_gradient[from] += k * g;
                sums.kernel_gradient[tap] += g * x;
            }
    return sums;
}

template <class T>
void test_case(const LongConvSizes& s, std::size_t threads, Isa isa, std::size_t block = 0) {
    const std::size_t elements = s.batch * s.channels * s.length;
    const Case<T> c{s, random_values<T>(elements, 1), random_values<T>(s.channels * s.taps, 2),
                    random_values<T>(elements, 3)};
    const Expected expected = naive(c);
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> y(elements, nan), gx(elements, nan), gk(c.kernel.size(), nan);
    const LongConvPlan plan(s, sizeof(T) == 8, isa, block);
    const LongConvOperands<T> operands{c.x.data(), c.kernel.data(), nullptr, nullptr, nullptr};
    long_conv_output(plan, operands, y.data(), threads);
    long_conv_input_gradient(plan, c.g.data(), c.kernel.data(), gx.data(), threads);
    long_conv_kernel_gradient(plan, c.x.data(), c.g.data(), gk.data(), threads);
    std::vector<T> both_gx(elements, nan), both_gk(c.kernel.size(), nan);
    long_conv_gradients(plan, c.x.data(), c.kernel.data(), c.g.data(), both_gx.data(), both_gk.data(), threads);
    const std::string what = name(isa) + (sizeof(T) == 4 ? " float32" : " float64") + " length " +
                             std::to_string(s.length) + " taps " + std::to_string(s.taps) + " shift " +
                             std::to_string(s.shift) + (s.circular ? " circular" : "") + " block " + std::to_string(block);
    const double bound = allowed<T>(s.length + s.taps);
    check(largest_error(y, expected.output) <= bound, what + ": output");
    check(largest_error(gx, expected.input_gradient) <= bound, what + ": input gradient");
    check(largest_error(gk, expected.kernel_gradient) <= allowed<T>(s.batch * (s.length + s.taps)),
          what + ": kernel gradient");
    check(both_gx == gx && both_gk == gk, what + ": both gradients at once");
}

void test_pieces(Isa isa) {
    for (const std::size_t length : {33, 100, 509, 2000})
        for (const bool circular : {false, true})
            for (const std::size_t taps : {1, 2, 5, 16})
                for (const std::size_t shift : {std::size_t{0}, (taps - 1) / 2, taps - 1, std::size_t{30}})
                    for (const std::size_t block : {32, 64, 500}) {
                        if (block >= length) continue;
                        const LongConvSizes sizes{3, 2, length, taps, shift, circular};
                        test_case<float>(sizes, 1, isa, block);
                        test_case<double>(sizes, 2, isa, block);
                    }
}

}  // namespace

void test_long_conv() {
    for (const Isa isa : supported_isas()) test_pieces(isa);
    for (const Isa isa : supported_isas())
        for (std::size_t length : {1, 2, 3, 5, 8, 13, 16, 17, 31, 47, 64, 97, 200, 509})
            for (const bool circular : {false, true})
                for (std::size_t shift : {std::size_t{0}, (length - 1) / 2, length - 1})
                    for (std::size_t taps : {std::size_t{1}, (length + 1) / 2, length, length + shift}) {
                        if (circular && taps > length) continue;
                        const LongConvSizes sizes{3, 2, length, taps, shift, circular};
                        test_case<float>(sizes, 1, isa);
                        test_case<double>(sizes, 2, isa);
                    }
    for (const Isa isa : supported_isas())  // enough work for several threads
        test_case<float>({5, 3, 4099, 700, 1, false}, 4, isa);
}

}  // namespace circulant::tests
