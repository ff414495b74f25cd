#include "kernels/kernel_set.hpp"

#include "core/error.hpp"

namespace circulant {

namespace baseline {
extern const KernelSet kernel_set;
}

#ifdef CIRCULANT_X86
namespace avx2 {
extern const KernelSet kernel_set;
}
namespace avx512 {
extern const KernelSet kernel_set;
}
#endif

const KernelSet& kernel_set(Isa isa) {
    require(is_supported(isa), "expected an instruction set that this machine has, got " + name(isa) +
                                   "; take the last of supported_isas()");
#ifdef CIRCULANT_X86
    if (isa == Isa::avx512) return avx512::kernel_set;
    if (isa == Isa::avx2) return avx2::kernel_set;
#endif
    return baseline::kernel_set;
}

}  // namespace circulant
