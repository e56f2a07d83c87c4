#pragma once

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

} // namespace troupe::bench
