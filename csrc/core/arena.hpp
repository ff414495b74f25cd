// Memory of results: blocks are kept when their tensors die, so that the next result of like size pays
// for no fresh pages.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "core/aligned_buffer.hpp"

namespace circulant {

class Arena final {
public:
    using Buffer = std::unique_ptr<AlignedBuffer<std::byte>>;

    // What take() found; hand it back to give(). Its contents are undefined.
    struct Block {
        Buffer buffer;
        std::size_t bytes = 0;
    };

    // kept_bytes: of free blocks, at most; the oldest go first.
    explicit Arena(std::size_t kept_bytes) : limit_(kept_bytes) {}

    Block take(std::size_t bytes);
    void give(Block block) noexcept;

    std::size_t kept_bytes() const;

    // Frees all that is kept.
    void clear();

private:
    // A lock that gives up: a child of fork may find it taken for ever, and then allocates anew.
    std::unique_lock<std::mutex> try_lock() const;

    mutable std::mutex mutex_;
    std::vector<Block> free_;  // oldest first
    std::size_t kept_ = 0;
    std::size_t limit_;
};

// The one of this process: up to a sixteenth of the machine's memory, and no more than 1 GiB.
Arena& result_arena();

}  // namespace circulant
