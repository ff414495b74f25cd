// Scratch memory of a thread that survives the call: fresh pages cost more than many transforms.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <thread>

#include "core/aligned_buffer.hpp"

namespace circulant {

// By each thread, at most: its share of a sixteenth of the memory, within reason.
inline std::size_t most_kept_bytes() {
    static const std::size_t most = [] {
        const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        const double memory = static_cast<double>(pages) * static_cast<double>(page);
        const double share = memory / 16 / std::max(1u, std::thread::hardware_concurrency());
        return static_cast<std::size_t>(std::clamp(share, 0x1p26, 0x1p28));
    }();
    return most;
}

// What the calling thread keeps. Its contents are undefined.
struct KeptBuffer {
    std::unique_ptr<AlignedBuffer<std::byte>> buffer;
    std::size_t bytes = 0;
};

inline KeptBuffer& kept_buffer() {
    static thread_local KeptBuffer kept;
    return kept;
}

template <class T>
class Scratch final {
public:
    explicit Scratch(std::size_t count) : bytes_(count * sizeof(T)) {
        KeptBuffer& kept = kept_buffer();
        if (kept.bytes >= bytes_) {
            bytes_ = kept.bytes;
            buffer_ = std::move(kept.buffer);
        } else {
            kept.buffer.reset();  // too small: not worth keeping beside the new one
            buffer_ = std::make_unique<AlignedBuffer<std::byte>>(bytes_);
        }
        kept.bytes = 0;
    }

    ~Scratch() {
        if (bytes_ > most_kept_bytes()) return;
        kept_buffer() = {std::move(buffer_), bytes_};
    }

    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    T* data() const { return reinterpret_cast<T*>(buffer_->data()); }

private:
    std::size_t bytes_;
    std::unique_ptr<AlignedBuffer<std::byte>> buffer_;
};

}  // namespace circulant
