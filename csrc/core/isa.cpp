#include "core/isa.hpp"

namespace circulant {

std::string name(Isa isa) {
    switch (isa) {
        case Isa::avx2: return "AVX2";
        case Isa::avx512: return "AVX-512";
        default: return "baseline";
    }
}

bool is_supported(Isa isa) {
    if (isa == Isa::baseline) return true;
#ifdef CIRCULANT_X86
    // The builtin also asks the operating system whether it saves the wide registers.
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("f16c");
    if (isa == Isa::avx2) return avx2;
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

std::vector<Isa> supported_isas() {
    std::vector<Isa> levels;
    for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512})
        if (is_supported(isa)) levels.push_back(isa);
    return levels;
}

}  // namespace circulant
