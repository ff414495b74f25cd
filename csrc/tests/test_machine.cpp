// Threads and instruction sets.
#include <atomic>
#include <stdexcept>

#include "core/error.hpp"
#include "core/isa.hpp"
#include "core/threads.hpp"
#include "kernels/long_conv_table.hpp"
#include "kernels/long_conv.hpp"
#include "tests/check.hpp"

namespace circulant::tests {

void test_threads() {
    for (std::size_t items : {1, 2, 5, 16, 17})
        for (std::size_t threads : {1, 2, 3, 16, 40}) {
            std::vector<std::atomic<int>> visits(items);
            parallel_ranges(threads, items, [&](std::size_t first, std::size_t last) {
                for (std::size_t i = first; i < last; ++i) ++visits[i];
            });
            bool once = true;
            for (const std::atomic<int>& count : visits) once = once && count == 1;
            check(once, std::to_string(threads) + " threads visit each of " + std::to_string(items) +
                            " items once");
        }
    check(useful_threads(8, 100, 1.0) == 1, "a small problem stays in the caller's thread");
    check(useful_threads(8, 100, 1e9) == 8, "a large problem takes all threads it may");
    check(useful_threads(8, 3, 1e9) == 3, "there are not more threads than items");

    std::string message;
    try {
        parallel_ranges(4, 4, [](std::size_t first, std::size_t) {
            if (first == 2) throw std::runtime_error("from a worker");
        });
    } catch (const std::runtime_error& error) {
        message = error.what();
    }
    check(message == "from a worker", "an exception of a worker reaches the caller");
}

void test_instruction_sets() {
    check(supported_isas().front() == Isa::baseline, "baseline code is always there");
    for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
        bool refused = false;
        try {
            long_conv_unit(isa);
        } catch (const ArgumentError&) {
            refused = true;
        }
        check(refused != is_supported(isa), name(isa) + " is refused where the machine lacks it");
    }
    std::string message;
    try {
        const LongConvPlan plan({1, 1, 4, 9, 2, false}, false, Isa::baseline);
    } catch (const ArgumentError& error) {
        message = error.what();
    }
    check(message.find("at most 6 taps, got 9") != std::string::npos, "too many taps are refused");
}

}  // namespace circulant::tests
