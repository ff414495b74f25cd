// Lengths without prime factors above 5.
#pragma once

#include <cstddef>

namespace circulant {

// Smallest 2^a 3^b 5^c that is at least `length`.
inline std::size_t smooth_length(std::size_t length) {
    std::size_t best = 1;
    while (best < length) best *= 2;
    for (std::size_t five = 1; five < best; five *= 5)
        for (std::size_t odd = five; odd < best; odd *= 3) {
            std::size_t candidate = odd;
            while (candidate < length) candidate *= 2;
            if (candidate < best) best = candidate;
        }
    return best;
}

}  // namespace circulant
