// Work shared out among the threads of torch's OpenMP, or, where there is none, of a pool that sleeps between calls.
#pragma once

#include <cstddef>
#include <functional>

namespace circulant {

// Threads worth starting for `items` independent items of `work` arithmetic operations each.
std::size_t useful_threads(std::size_t wanted, std::size_t items, double work);

// Calls body(first, last) on disjoint ranges that cover 0..items-1, one of them in the caller's
// thread. The first exception of any range is thrown again after all have ended.
void parallel_ranges(std::size_t threads, std::size_t items,
                     const std::function<void(std::size_t, std::size_t)>& body);

}  // namespace circulant
