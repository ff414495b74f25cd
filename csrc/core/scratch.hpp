// Scratch memory of a thread that survives the call: fresh pages cost more than many transforms.
#pragma once

#include <cstddef>
#include <memory>

#include "core/aligned_buffer.hpp"

namespace circulant {

inline constexpr std::size_t kKeptBytes = std::size_t{64} << 20;  // by each thread, at most

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
        if (bytes_ > kKeptBytes) return;
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
