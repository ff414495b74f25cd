// How a call is to be run.
#pragma once

#include <cstddef>

#include "core/isa.hpp"

namespace circulant {

struct Execution {
    std::size_t threads;  // at most; small problems stay in the caller's thread
    Isa isa;
};

}  // namespace circulant
