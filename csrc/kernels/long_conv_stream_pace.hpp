// Spreads the work of the levels over the tokens, so that no token has much more of it than another.
//
// Each token does the sum over the unfinished tasks of what is left over the tokens that are left, in
// the order of their deadlines. The task that is due first gets at least its own share every time, so
// that it ends in time, then the next one does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace circulant {

// Rounds (rows, or groups of them) of the same steps; released again after each `period` tokens, when
// it must be done.
struct StreamTask {
    std::size_t period, rounds;
    std::vector<std::uint32_t> step_work;

    std::uint64_t round_work() const {
        std::uint64_t total = 0;
        for (const std::uint32_t work : step_work) total += work;
        return total;
    }
    std::uint64_t work() const { return rounds * round_work(); }
};

// Steps first .. last - 1 of a round of a task that was released at that time.
struct StreamSteps {
    std::size_t task, round, first, last;
    std::ptrdiff_t released;
};

// The tasks stand in the order of their periods, each a multiple of the one before: then the order of
// deadlines is theirs.
class StreamPace final {
public:
    explicit StreamPace(const std::vector<StreamTask>* tasks) : tasks_(tasks), progress_(tasks->size()) {}

    void stop() {
        std::fill(progress_.begin(), progress_.end(), Progress{});
        credit_ = 0.0;
    }

    void release(std::size_t task, std::ptrdiff_t time) {
        progress_[task] = {0, 0, (*tasks_)[task].work(), time};
    }

    // Releases every task whose period ends at that time.
    void release_due(std::ptrdiff_t time) {
        for (std::size_t task = 0; task < progress_.size(); ++task)
            if (time % static_cast<std::ptrdiff_t>((*tasks_)[task].period) == 0) release(task, time);
    }

    // The share of the token at that time: calls run(StreamSteps), returns the work.
    template <class Run>
    std::uint64_t spend(std::ptrdiff_t time, const Run& run) {
        std::uint64_t spent = 0;
        for (std::size_t task = 0; task < progress_.size(); ++task)
            if (progress_[task].rest > 0)
                credit_ += static_cast<double>(progress_[task].rest) / static_cast<double>(left(task, time));
        for (std::size_t task = 0; task < progress_.size(); ++task)
            while (progress_[task].rest > 0 && (credit_ > 0.0 || left(task, time) == 1)) {
                const std::uint64_t work = run_some(task, left(task, time) == 1, run);
                credit_ -= static_cast<double>(work);
                spent += work;
            }
        if (is_idle()) credit_ = 0.0;
        return spent;
    }

    template <class Run>
    void finish(std::size_t task, const Run& run) {
        while (progress_[task].rest > 0) run_some(task, true, run);
    }

private:
    struct Progress {
        std::size_t round = 0, step = 0;
        std::uint64_t rest = 0;
        std::ptrdiff_t released = 0;
    };

    std::ptrdiff_t left(std::size_t task, std::ptrdiff_t time) const {
        return progress_[task].released + static_cast<std::ptrdiff_t>((*tasks_)[task].period) - time;
    }

    bool is_idle() const {
        return std::all_of(progress_.begin(), progress_.end(), [](const Progress& p) { return p.rest == 0; });
    }

    // What the credit allows of the round that is on, all of it if it is `due`; at least one step.
    template <class Run>
    std::uint64_t run_some(std::size_t index, bool due, const Run& run) {
        const std::vector<std::uint32_t>& step_work = (*tasks_)[index].step_work;
        Progress& at = progress_[index];
        const std::size_t first = at.step;
        std::uint64_t work = 0;
        do work += step_work[at.step++];
        while (at.step < step_work.size() && (due || static_cast<double>(work) < credit_));
        run(StreamSteps{index, at.round, first, at.step, at.released});
        at.rest -= work;
        if (at.step == step_work.size()) {
            at.step = 0;
            ++at.round;
        }
        return work;
    }

    const std::vector<StreamTask>* tasks_;
    std::vector<Progress> progress_;
    double credit_ = 0.0;
};

}  // namespace circulant
