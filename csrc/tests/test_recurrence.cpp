// The recurrence, real and complex, forwards and backwards, against the steps that define it.
#include <complex>
#include <limits>

#include "kernels/recurrence.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

using Number = std::complex<long double>;

template <class T>
Number number_at(const std::vector<T>& values, std::size_t index, bool complex) {
    if (!complex) return {static_cast<long double>(values[index]), 0.0L};
    return {static_cast<long double>(values[2 * index]), static_cast<long double>(values[2 * index + 1])};
}

template <class T>
std::vector<long double> stepped(const RecurrenceSizes& s, const std::vector<T>& a, const std::vector<T>& x,
                                 const std::vector<T>& initial) {
    std::vector<long double> h(x.size());
    for (std::size_t row = 0; row < s.batch * s.channels; ++row) {
        Number state = initial.empty() ? Number{} : number_at(initial, row, s.complex);
        for (std::size_t i = 0; i < s.length; ++i) {
            const std::size_t step = s.adjoint ? s.length - 1 - i : i, at = row * s.length + step;
            const Number factor = number_at(a, s.varying ? at : row % s.channels, s.complex);
            if (!s.adjoint) state *= factor;
            state += number_at(x, at, s.complex);
            h[s.complex ? 2 * at : at] = state.real();
            if (s.complex) h[2 * at + 1] = state.imag();
            if (s.adjoint) state *= std::conj(factor);
        }
    }
    return h;
}

template <class T>
void test_case(const RecurrenceSizes& s, bool starts, Execution execution) {
    const std::size_t parts = s.complex ? 2 : 1, rows = s.batch * s.channels * parts;
    auto a = random_values<T>(s.varying ? rows * s.length : s.channels * parts, 1);
    for (T& value : a) value /= 2 * (1 + std::abs(value));  // below 1 also where two make one number
    const auto x = random_values<T>(rows * s.length, 2);
    const auto initial = random_values<T>(starts ? rows : 0, 3);
    std::vector<T> h(x.size(), std::numeric_limits<T>::quiet_NaN());
    recurrence(s, a.data(), x.data(), starts ? initial.data() : nullptr, h.data(), execution);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32, " : " float64, ") +
                             std::to_string(s.length) + " steps" + (s.varying ? ", varying" : "") +
                             (s.complex ? ", complex" : "") + (s.adjoint ? ", adjoint" : "");
    check(largest_error(h, stepped(s, a, x, initial)) <= allowed<T>(8), "recurrence: " + what);
}

}  // namespace

void test_recurrence() {
    for (const Isa isa : supported_isas())
        for (const std::size_t length : {1, 15, 16, 64, 65, 130})
            for (int kind = 0; kind < 8; ++kind) {
                const RecurrenceSizes sizes = {3, 7, length, (kind & 1) != 0, (kind & 2) != 0, (kind & 4) != 0};
                const bool starts = !sizes.adjoint && length % 2 == 0;
                test_case<float>(sizes, starts, {3, isa});
                test_case<double>(sizes, starts, {1, isa});
            }
}

}  // namespace circulant::tests
