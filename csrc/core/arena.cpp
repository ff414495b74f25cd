#include "core/arena.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <thread>
#include <utility>

namespace circulant {

namespace {

constexpr std::size_t kMostKept = std::size_t{1} << 30;
constexpr int kTries = 64;

// Sizes come in eighths of a power of two, so that blocks of like sizes serve each other.
std::size_t rounded(std::size_t bytes) {
    const std::size_t step = std::max(std::bit_floor(bytes) / 8, std::size_t{64});
    return (bytes + step - 1) / step * step;
}

std::size_t sixteenth_of_memory() {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? static_cast<std::size_t>(pages) / 16 * static_cast<std::size_t>(page) : 0;
}

}  // namespace

std::unique_lock<std::mutex> Arena::try_lock() const {
    std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
    for (int i = 0; i < kTries && !lock.try_lock(); ++i) std::this_thread::yield();
    return lock;
}

Arena::Block Arena::take(std::size_t bytes) {
    const std::size_t wanted = rounded(bytes);
    if (const auto lock = try_lock()) {
        const auto is_like = [&](const Block& block) { return block.bytes == wanted; };
        const auto newest = std::find_if(free_.rbegin(), free_.rend(), is_like);
        if (newest != free_.rend()) {
            Block block = std::move(*newest);
            free_.erase(std::next(newest).base());
            kept_ -= wanted;
            return block;
        }
    }
    return {std::make_unique<AlignedBuffer<std::byte>>(wanted), wanted};
}

void Arena::give(Block block) noexcept {
    if (block.bytes > limit_) return;
    const auto lock = try_lock();
    if (!lock) return;
    while (kept_ + block.bytes > limit_) {
        kept_ -= free_.front().bytes;
        free_.erase(free_.begin());
    }
    try {
        free_.push_back(std::move(block));
        kept_ += free_.back().bytes;
    } catch (const std::bad_alloc&) {  // not kept: freed with the argument
    }
}

std::size_t Arena::kept_bytes() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return kept_;
}

void Arena::clear() {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.clear();
    kept_ = 0;
}

Arena& result_arena() {
    // Never destroyed: tensors may outlive static objects.
    static Arena* const arena = new Arena(std::min(kMostKept, sixteenth_of_memory()));
    return *arena;
}

}  // namespace circulant
