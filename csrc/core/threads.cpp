#include "core/threads.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace circulant {

namespace {

// About 0.1 ms of arithmetic: several times what starting and joining a thread takes.
constexpr double kWorkPerThread = 1e6;

class FirstError final {
public:
    template <class Call>
    void guard(const Call& call) noexcept {
        try {
            call();
        } catch (...) {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (!error_) error_ = std::current_exception();
        }
    }

    void rethrow() const {
        if (error_) std::rethrow_exception(error_);
    }

private:
    std::mutex mutex_;
    std::exception_ptr error_;
};

}  // namespace

std::size_t useful_threads(std::size_t wanted, std::size_t items, double work) {
    const double affordable = static_cast<double>(items) * work / kWorkPerThread;
    const bool few = affordable < static_cast<double>(wanted);
    const std::size_t limit = few ? static_cast<std::size_t>(affordable) : wanted;
    return std::max<std::size_t>(1, std::min(limit, items));
}

void parallel_ranges(std::size_t threads, std::size_t items,
                     const std::function<void(std::size_t, std::size_t)>& body) {
    const std::size_t parts = std::max<std::size_t>(1, std::min(threads, items));
    const auto edge = [&](std::size_t part) { return items / parts * part + std::min(part, items % parts); };
    FirstError error;
    std::vector<std::thread> workers;
    workers.reserve(parts - 1);
    std::size_t next = 1;
    try {
        for (; next < parts; ++next)
            workers.emplace_back(
                [&, next] { error.guard([&] { body(edge(next), edge(next + 1)); }); });
    } catch (const std::system_error&) {
        // The machine gives no more threads: the ranges that have none run here.
    }
    error.guard([&] { body(0, edge(1)); });
    if (next < parts) error.guard([&] { body(edge(next), items); });
    for (std::thread& worker : workers) worker.join();
    error.rethrow();
}

}  // namespace circulant
