#include "tests/fft_probe.hpp"

namespace circulant {

namespace baseline {
extern const tests::ProbeSet probe_set;
}

#ifdef CIRCULANT_X86
namespace avx2 {
extern const tests::ProbeSet probe_set;
}
namespace avx512 {
extern const tests::ProbeSet probe_set;
}
#endif

namespace tests {

const ProbeSet& probe_set(Isa isa) {
#ifdef CIRCULANT_X86
    if (isa == Isa::avx512) return avx512::probe_set;
    if (isa == Isa::avx2) return avx2::probe_set;
#endif
    (void)isa;
    return baseline::probe_set;
}

}  // namespace tests
}  // namespace circulant
