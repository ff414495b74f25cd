// Linear attention and the delta rule's solve, with every fading, against the steps that define them.
#include <limits>

#include "kernels/linear_attention.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

namespace {

using Sizes = LinearAttentionSizes;

template <class T>
struct Values {
    std::vector<T> q, k, v, log_decay, initial;
};

std::size_t decays(const Sizes& s) {
    switch (s.fading) {
        case Fading::none: return 0;
        case Fading::head: return s.heads;
        case Fading::step: return s.rows * s.length;
        case Fading::key: return s.rows * s.length * s.keys;
        case Fading::value: return s.rows * s.length * s.values;
    }
    return 0;
}

template <class T>
Values<T> random_operands(const Sizes& s, bool starts) {
    const std::size_t steps = s.rows * s.length;
    Values<T> values = {random_values<T>(steps * s.keys, 1), random_values<T>(steps * s.keys, 2),
                        random_values<T>(steps * s.values, 3), random_values<T>(decays(s), 4),
                        random_values<T>(starts ? s.rows * s.keys * s.values : 0, 5)};
    const T scale = static_cast<T>(0.5 / static_cast<double>(s.keys));  // so that solutions do not grow
    for (T& value : values.q) value *= scale;
    for (T& value : values.log_decay) value = -std::abs(value);
    return values;
}

template <class T>
long double factor(const Sizes& s, const Values<T>& values, std::size_t row, std::size_t t, std::size_t d,
                   std::size_t e) {
    const std::size_t step = row * s.length + t;
    switch (s.fading) {
        case Fading::none: return 1.0L;
        case Fading::head: return std::exp(static_cast<long double>(values.log_decay[row % s.heads]));
        case Fading::step: return std::exp(static_cast<long double>(values.log_decay[step]));
        case Fading::key: return std::exp(static_cast<long double>(values.log_decay[step * s.keys + d]));
        case Fading::value: return std::exp(static_cast<long double>(values.log_decay[step * s.values + e]));
    }
    return 1.0L;
}

template <class T>
std::vector<long double> stepped(const Sizes& s, const Values<T>& values) {
    std::vector<long double> found(s.rows * s.length * s.values);
    for (std::size_t row = 0; row < s.rows; ++row)
        for (std::size_t e = 0; e < s.values; ++e) {
            std::vector<long double> state(s.keys);
            for (std::size_t d = 0; d < s.keys && !values.initial.empty(); ++d)
                state[d] = static_cast<long double>(values.initial[(row * s.keys + d) * s.values + e]);
            for (std::size_t i = 0; i < s.length; ++i) {
                const std::size_t t = s.reverse ? s.length - 1 - i : i, step = row * s.length + t;
                long double faded = 0, own = 0;
                for (std::size_t d = 0; d < s.keys; ++d) {
                    if (!s.reverse) state[d] *= factor(s, values, row, t, d, e);
                    faded += static_cast<long double>(values.q[step * s.keys + d]) * state[d];
                    own += static_cast<long double>(values.q[step * s.keys + d]) *
                           static_cast<long double>(values.k[step * s.keys + d]);
                }
                const long double v = static_cast<long double>(values.v[step * s.values + e]);
                const long double written = s.solve ? v - faded : v;
                found[step * s.values + e] = s.solve ? written : faded + (s.strict ? 0 : own * v);
                for (std::size_t d = 0; d < s.keys; ++d) {
                    state[d] += static_cast<long double>(values.k[step * s.keys + d]) * written;
                    if (s.reverse) state[d] *= factor(s, values, row, t, d, e);
                }
            }
        }
    return found;
}

template <class T>
void test_case(const Sizes& s, bool starts, Execution execution) {
    const Values<T> values = random_operands<T>(s, starts);
    const LinearAttentionOperands<T> operands = {values.q.data(), values.k.data(), values.v.data(),
                                                 decays(s) > 0 ? values.log_decay.data() : nullptr,
                                                 starts ? values.initial.data() : nullptr};
    std::vector<T> result(values.v.size(), std::numeric_limits<T>::quiet_NaN());
    linear_attention(s, operands, result.data(), execution);
    const std::string what = name(execution.isa) + (sizeof(T) == 4 ? " float32, " : " float64, ") +
                             std::to_string(s.length) + " steps, " + std::to_string(s.keys) + " keys, fading " +
                             std::to_string(static_cast<int>(s.fading)) + (s.strict ? ", strict" : "") +
                             (s.reverse ? ", reversed" : "") + (s.solve ? ", solve" : "");
    check(largest_error(result, stepped(s, values)) <= allowed<T>(8 * s.length), "linear attention: " + what);
}

void test_sizes(Sizes s, Isa isa) {
    for (const Fading fading : {Fading::none, Fading::head, Fading::step, Fading::key, Fading::value})
        for (int kind = 0; kind < 6; ++kind) {
            s.fading = fading;
            s.reverse = kind % 2 == 1;
            s.solve = kind >= 4;
            s.strict = kind >= 2;
            if (s.solve && fading == Fading::value) continue;
            const bool starts = !s.reverse && s.length % 2 == 0;
            test_case<float>(s, starts, {3, isa});
            test_case<double>(s, starts, {1, isa});
        }
}

}  // namespace

void test_linear_attention() {
    for (const Isa isa : supported_isas()) {
        for (const std::size_t length : {1, 7, 8, 9, 24, 50})
            test_sizes({6, 3, length, 5, 3, Fading::none, false, false, false}, isa);
        test_sizes({2, 1, 20, 16, 32, Fading::none, false, false, false}, isa);
        test_sizes({2, 2, 13, 33, 65, Fading::none, false, false, false}, isa);
    }
}

}  // namespace circulant::tests
