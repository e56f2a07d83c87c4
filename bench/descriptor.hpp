#pragma once

#include "protocol/vocabulary/result.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <unistd.h>

namespace troupe::bench {

/// Owns a file or socket and closes it; below zero: nothing.
class descriptor {
public:
    explicit descriptor(int value) : value_{value} {}
    ~descriptor() {
        if (value_ >= 0) {
            ::close(value_);
        }
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    [[nodiscard]] int get() const { return value_; }

private:
    int value_;
};

/// What the last system call failed with; `what` names the call and its file.
inline error io_error(const std::string& what) {
    return error{errc::io, what + ": " + std::strerror(errno)};
}

} // namespace troupe::bench
