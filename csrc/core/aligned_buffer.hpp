// Scratch memory aligned for the widest vectors; its contents start undefined.
#pragma once

#include <cstddef>
#include <new>

namespace circulant {

template <class T>
class AlignedBuffer final {
public:
    explicit AlignedBuffer(std::size_t count)
        : data_(static_cast<T*>(::operator new(count * sizeof(T), kAlignment))) {}
    ~AlignedBuffer() { ::operator delete(data_, kAlignment); }
    AlignedBuffer(const AlignedBuffer&) = delete;
    AlignedBuffer& operator=(const AlignedBuffer&) = delete;

    T* data() const { return data_; }

private:
    static constexpr std::align_val_t kAlignment{64};
    T* data_;
};

}  // namespace circulant
