// Tables of functions that are compiled once per instruction set.
//
// A kernel's unit file defines one table in the namespace of its instruction set; CIRCULANT_UNIT makes
// the function that picks one at run time.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>

#include "core/error.hpp"
#include "core/isa.hpp"
#include "core/storage.hpp"

namespace circulant {

// One table for each type that tensors are stored in.
template <template <class> class Table>
struct Unit {
    Table<float> single;
    Table<double> twice;
    Table<Half> half;
    Table<BFloat16> brain;

    template <class S>
    const Table<S>& of() const {
        if constexpr (std::is_same_v<S, float>) return single;
        if constexpr (std::is_same_v<S, double>) return twice;
        if constexpr (std::is_same_v<S, Half>) return half;
        if constexpr (std::is_same_v<S, BFloat16>) return brain;
    }
};

inline void require_supported(Isa isa) {
    require(is_supported(isa), "expected an instruction set that this machine has, got " + name(isa) +
                                   "; take the last of supported_isas()");
}

}  // namespace circulant

// Defines `const Type& table(Isa)`, which refuses a level that this build or this machine lacks.
#ifdef CIRCULANT_X86
#define CIRCULANT_UNIT(Type, table)                                     \
    namespace baseline {                                                \
    extern const Type table;                                            \
    }                                                                   \
    namespace avx2 {                                                    \
    extern const Type table;                                            \
    }                                                                   \
    namespace avx512 {                                                  \
    extern const Type table;                                            \
    }                                                                   \
    inline const Type& table(Isa isa) {                                 \
        require_supported(isa);                                         \
        if (isa == Isa::avx512) return avx512::table;                   \
        return isa == Isa::avx2 ? avx2::table : baseline::table;        \
    }
#else
#define CIRCULANT_UNIT(Type, table)                                     \
    namespace baseline {                                                \
    extern const Type table;                                            \
    }                                                                   \
    inline const Type& table(Isa isa) {                                 \
        require_supported(isa);                                         \
        return baseline::table;                                         \
    }
#endif
