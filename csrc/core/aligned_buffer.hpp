// Scratch memory aligned for the widest vectors; its contents start undefined.
#pragma once

#include <cstddef>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace circulant {

inline constexpr std::size_t kHugePage = std::size_t{1} << 21;

// Large blocks ask for huge pages: a long transform then misses the address cache 512 times less often,
// and fresh memory costs one fault instead of 512.
template <class T>
class AlignedBuffer final {
public:
    explicit AlignedBuffer(std::size_t count)
        : alignment_(count * sizeof(T) >= kHugePage ? kHugePage : 64),
          data_(static_cast<T*>(::operator new(rounded(count * sizeof(T)), std::align_val_t{alignment_}))) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (alignment_ == kHugePage) madvise(data_, rounded(count * sizeof(T)), MADV_HUGEPAGE);
#endif
    }
    ~AlignedBuffer() { ::operator delete(data_, std::align_val_t{alignment_}); }
    AlignedBuffer(const AlignedBuffer&) = delete;
    AlignedBuffer& operator=(const AlignedBuffer&) = delete;

    T* data() const { return data_; }

private:
    std::size_t rounded(std::size_t bytes) const { return (bytes + alignment_ - 1) / alignment_ * alignment_; }

    std::size_t alignment_;
    T* data_;
};

}  // namespace circulant
