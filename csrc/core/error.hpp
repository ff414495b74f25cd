// Errors the core raises on purpose; the message says what was needed, what came, what to do.
#pragma once

#include <stdexcept>
#include <string>

namespace circulant {

class ArgumentError final : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

inline void require(bool holds, const std::string& message) {
    if (!holds) throw ArgumentError(message);
}

}  // namespace circulant
