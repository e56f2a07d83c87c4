#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

/// Immutable bytes with shared ownership: copying and slicing cost a reference count, whatever the size.
///
/// Threads  safe to copy and read from any thread; the bytes never change.
/// Memory   a slice keeps the whole buffer alive: slice what is used soon, copy what is kept long.
class payload {
public:
    payload() = default;
    explicit payload(std::string bytes) : buffer_{std::make_shared<const std::string>(std::move(bytes))}, bytes_{buffer_->size()} {}

    [[nodiscard]] std::string_view view() const {
        return buffer_ ? std::string_view{buffer_->data() + first_, bytes_} : std::string_view{};
    }
    [[nodiscard]] std::size_t size() const { return bytes_; }
    [[nodiscard]] bool empty() const { return bytes_ == 0; }

    /// The part [first, first + bytes), cut to what is there.
    [[nodiscard]] payload slice(std::size_t first, std::size_t bytes) const;

    friend bool operator==(const payload& x, const payload& y) { return x.view() == y.view(); }
    /// Never the content: message bodies do not belong in logs.
    friend std::string to_string(const payload& x) { return "payload[" + std::to_string(x.size()) + "]"; }

private:
    std::shared_ptr<const std::string> buffer_;
    std::size_t first_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace troupe
