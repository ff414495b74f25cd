// Instruction-set levels: one source is compiled for each, the caller chooses at run time.
#pragma once

#include <string>
#include <vector>

namespace circulant {

enum class Isa { baseline = 0, avx2 = 1, avx512 = 2 };

std::string name(Isa isa);

// True if this build has code for the level and this machine can run it.
bool is_supported(Isa isa);

// Lowest first; baseline is always there.
std::vector<Isa> supported_isas();

}  // namespace circulant
