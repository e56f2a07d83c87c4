#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

/// Big-endian integers in byte buffers: every number on the wire and in the log has this order.
namespace troupe {

namespace detail {

template <std::unsigned_integral Number>
constexpr Number swap_bytes(Number x) {
    if constexpr (sizeof(Number) == 1)
        return x;
    else if constexpr (sizeof(Number) == 2)
        return __builtin_bswap16(x);
    else if constexpr (sizeof(Number) == 4)
        return __builtin_bswap32(x);
    else
        return __builtin_bswap64(x);
}

} // namespace detail

/// Reads a number at `from`, which must have sizeof(Number) bytes.
template <std::integral Number>
Number load_be(const char* from) {
    std::make_unsigned_t<Number> raw;
    std::memcpy(&raw, from, sizeof raw);
    if constexpr (std::endian::native == std::endian::little)
        raw = detail::swap_bytes(raw);
    return static_cast<Number>(raw);
}

/// Writes a number to `to`, which must have room for sizeof(Number) bytes.
template <std::integral Number>
void store_be(char* to, Number x) {
    auto raw = static_cast<std::make_unsigned_t<Number>>(x);
    if constexpr (std::endian::native == std::endian::little)
        raw = detail::swap_bytes(raw);
    std::memcpy(to, &raw, sizeof raw);
}

template <std::integral Number>
void append_be(std::string& out, Number x) {
    char raw[sizeof(Number)];
    store_be(raw, x);
    out.append(raw, sizeof raw);
}

/// Walks over bytes that nobody vouches for: every step looks at what is left first.
class byte_reader {
public:
    explicit byte_reader(std::string_view bytes) : bytes_{bytes} {}

    [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
    [[nodiscard]] std::size_t position() const { return at_; }

    /// The next number; nullopt, and no step, when too few bytes are left.
    template <std::integral Number>
    std::optional<Number> number() {
        if (left() < sizeof(Number))
            return std::nullopt;
        const auto x = load_be<Number>(bytes_.data() + at_);
        at_ += sizeof(Number);
        return x;
    }

    /// The next `count` bytes; nullopt, and no step, when fewer are left or `count` is negative.
    template <std::integral Count>
    std::optional<std::string_view> bytes(Count count) {
        if constexpr (std::is_signed_v<Count>)
            if (count < 0)
                return std::nullopt;
        if (left() < static_cast<std::size_t>(count))
            return std::nullopt;
        const auto part = bytes_.substr(at_, static_cast<std::size_t>(count));
        at_ += part.size();
        return part;
    }

private:
    std::string_view bytes_;
    std::size_t at_ = 0;
};

} // namespace troupe
