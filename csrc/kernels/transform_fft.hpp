// Stages and roots of a complex transform in natural order, for lines that lie side by side.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace circulant {

inline constexpr std::size_t kMaxStages = 16;

// Values q + `done` (p + k `rest`), k < radix, become values q + done (radix p + j), j < radix, turned
// by exp(2 pi i j p / (radix rest)); q < done, p < rest.
template <class T>
struct Stage {
    std::size_t radix, done, rest;
    const T* roots;  // for each p the pairs of j = 1 .. radix - 1
    const T* waves;  // cosine and sine of 2 pi t / radix, t < radix
};

// Plain data, so that units compiled for different machines can share it.
template <class T>
struct FftView {
    std::size_t size, depth;
    Stage<T> stages[kMaxStages];
};

template <class T>
class Fft final {
public:
    // widest_radix: 4 or 8, what the machine's registers can hold.
    Fft(std::size_t size, std::size_t widest_radix);
    Fft(const Fft&) = delete;
    Fft& operator=(const Fft&) = delete;

    const FftView<T>& view() const { return view_; }

private:
    FftView<T> view_{};
    std::vector<std::vector<T>> tables_;
};

// Radices of the stages in turn; empty where a prime factor is too large.
std::vector<std::size_t> stage_radices(std::size_t size, std::size_t widest_radix);

extern template class Fft<float>;
extern template class Fft<double>;

}  // namespace circulant
