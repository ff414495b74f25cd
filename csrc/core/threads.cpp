#include "core/threads.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace circulant {

namespace {

// About 0.05 ms of arithmetic: several times what waking a thread takes.
constexpr double kWorkPerThread = 5e5;

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

using Job = std::function<void(std::size_t)>;

// Threads that sleep between calls. One call at a time uses them.
class Pool final {
public:
    // Calls job(1) .. job(count) on the pool's threads and job(0) here; job must not throw.
    void run(std::size_t count, const Job& job) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            hire(count);
            job_ = &job;
            next_ = 1;
            last_ = std::min(count, threads_);
            running_ = last_;
        }
        wake_.notify_all();
        job(0);
        for (std::size_t part = last_ + 1; part <= count; ++part) job(part);  // no thread could be had
        std::unique_lock<std::mutex> lock(mutex_);
        done_.wait(lock, [this] { return running_ == 0; });
        job_ = nullptr;
    }

    std::mutex& in_use() { return in_use_; }

private:
    // With the mutex held. The threads outlive every owner: they are never joined.
    void hire(std::size_t count) {
        try {
            for (; threads_ < count; ++threads_) std::thread([this] { serve(); }).detach();
        } catch (const std::system_error&) {
            // The machine gives no more threads.
        }
    }

    void serve() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return job_ != nullptr && next_ <= last_; });
            const std::size_t part = next_++;
            const Job& job = *job_;
            lock.unlock();
            job(part);
            lock.lock();
            if (--running_ == 0) done_.notify_one();
        }
    }

    std::mutex in_use_, mutex_;
    std::condition_variable wake_, done_;
    std::size_t threads_ = 0, next_ = 1, last_ = 0, running_ = 0;
    const Job* job_ = nullptr;
};

struct OwnedPool {
    pid_t owner;
    Pool pool;
};

// A fork copies no threads: a child makes a pool of its own. Pools are never destroyed, since their
// threads may still sleep when the process ends. There is no lock that a fork could leave held.
Pool& pool() {
    static std::atomic<OwnedPool*> current{nullptr};
    const pid_t here = getpid();
    OwnedPool* known = current.load();
    if (known == nullptr || known->owner != here) {
        auto fresh = std::make_unique<OwnedPool>();
        fresh->owner = here;
        if (current.compare_exchange_strong(known, fresh.get())) known = fresh.release();
    }
    return known->pool;
}

// Another thread has the pool: threads for this call only.
void run_apart(std::size_t count, const Job& job) {
    std::vector<std::thread> workers;
    workers.reserve(count);
    std::size_t part = 1;
    try {
        for (; part <= count; ++part) workers.emplace_back([&job, part] { job(part); });
    } catch (const std::system_error&) {
        // The parts that have no thread run here.
    }
    job(0);
    for (; part <= count; ++part) job(part);
    for (std::thread& worker : workers) worker.join();
}

void run_on_own_threads(std::size_t count, const Job& job) {
    Pool& shared = pool();
    if (const std::unique_lock<std::mutex> lock(shared.in_use(), std::try_to_lock); lock)
        shared.run(count, job);
    else
        run_apart(count, job);
}

// The entry by which compiled `#pragma omp parallel` starts a team, in GNU's, LLVM's and Intel's OpenMP.
using StartTeam = void (*)(void (*)(void*), void*, unsigned, unsigned);

// That of the OpenMP torch runs on, in the process that loaded it: GNU's teams do not outlive a fork.
// Its threads spin for milliseconds after each of torch's operators, on the cores that ours would need.
StartTeam torch_team() {
    struct Found {
        StartTeam start = nullptr;
        pid_t process = getpid();
    };
    static const Found found = [] {
        Found result;
        if (void* torch = dlopen("libtorch_cpu.so", RTLD_NOW | RTLD_NOLOAD))
            result.start = reinterpret_cast<StartTeam>(dlsym(torch, "GOMP_parallel"));
        return result;
    }();
    return found.process == getpid() ? found.start : nullptr;
}

// Calls job(0) .. job(count) on a team, which may be smaller than asked for.
void run_on_team(StartTeam start, std::size_t count, const Job& job) {
    struct Parts {
        const Job& job;
        std::size_t last;
        std::atomic<std::size_t> next{0};
    } parts{job, count};
    const auto take = [](void* given) {
        Parts& left = *static_cast<Parts*>(given);
        for (std::size_t part; (part = left.next.fetch_add(1)) <= left.last;) left.job(part);
    };
    start(take, &parts, 0, 0);  // the whole team: GNU's lets the threads of a smaller one end
}

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
    if (parts == 1) return body(0, items);
    const auto edge = [&](std::size_t part) { return items / parts * part + std::min(part, items % parts); };
    FirstError error;
    const Job job = [&](std::size_t part) { error.guard([&] { body(edge(part), edge(part + 1)); }); };
    if (const StartTeam start = torch_team())
        run_on_team(start, parts - 1, job);
    else
        run_on_own_threads(parts - 1, job);
    error.rethrow();
}

}  // namespace circulant
