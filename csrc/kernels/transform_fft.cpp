#include "kernels/transform_fft.hpp"

#include "core/error.hpp"
#include "fft/roots.hpp"

namespace circulant {

namespace {

template <class T>
void push_root(std::vector<T>& table, std::complex<double> root) {
    table.push_back(static_cast<T>(root.real()));
    table.push_back(static_cast<T>(root.imag()));
}

}  // namespace

std::vector<std::size_t> stage_radices(std::size_t size, std::size_t widest_radix) {
    std::vector<std::size_t> radices;
    std::size_t rest = size;
    for (const std::size_t radix : {13, 11, 7, 5, 3})
        for (; rest % radix == 0; rest /= radix) radices.push_back(radix);
    std::size_t bits = 0;
    while ((std::size_t{1} << bits) < rest) ++bits;
    if ((std::size_t{1} << bits) != rest) return {};
    // As few stages as there can be: fours first where that leaves a power of eight.
    while (bits > 0) {
        const std::size_t share = widest_radix == 8 && bits % 3 == 0 ? 3 : bits == 1 ? 1 : 2;
        radices.push_back(std::size_t{1} << share);
        bits -= share;
    }
    return radices;
}

template <class T>
Fft<T>::Fft(std::size_t size, std::size_t widest_radix) {
    const std::vector<std::size_t> radices = stage_radices(size, widest_radix);
    require(size == 1 || !radices.empty(), "expected a length whose prime factors are at most 13; take torch");
    require(radices.size() <= kMaxStages, "expected a shorter transform; take torch");
    view_.size = size;
    const Roots root(size);
    std::size_t done = 1;
    for (const std::size_t radix : radices) {
        const std::size_t rest = size / (done * radix);
        std::vector<T>& roots = tables_.emplace_back();
        for (std::size_t p = 0; p < rest; ++p)
            for (std::size_t j = 1; j < radix; ++j) push_root(roots, root(j * p * done % size));
        std::vector<T>& waves = tables_.emplace_back();
        for (std::size_t t = 0; t < radix; ++t) push_root(waves, root(t * (size / radix)));
        const std::size_t made = tables_.size();
        view_.stages[view_.depth++] = {radix, done, rest, tables_[made - 2].data(), tables_[made - 1].data()};
        done *= radix;
    }
}

template class Fft<float>;
template class Fft<double>;

}  // namespace circulant
