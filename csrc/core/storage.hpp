// Types that tensors are stored in, and the type that each is computed in.
#pragma once

#include <cstdint>

namespace circulant {

enum class Scalar { float32 = 0, float64 = 1, float16 = 2, bfloat16 = 3 };

// IEEE binary16 and the upper half of binary32: bits only, all arithmetic is done in float.
struct Half {
    std::uint16_t bits;
};

struct BFloat16 {
    std::uint16_t bits;
};

template <class S>
struct ArithmeticOf {
    using type = S;
};

template <>
struct ArithmeticOf<Half> {
    using type = float;
};

template <>
struct ArithmeticOf<BFloat16> {
    using type = float;
};

template <class S>
using Arithmetic = typename ArithmeticOf<S>::type;

}  // namespace circulant
