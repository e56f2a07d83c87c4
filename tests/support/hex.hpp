#pragma once

#include <string>
#include <string_view>

namespace troupe::test_support {

/// The bytes of a hex dump; everything that is no hex digit separates.
inline std::string from_hex(std::string_view dump) {
    const auto value = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    std::string bytes;
    int high = -1;
    for (const char c : dump) {
        const int digit = value(c);
        if (digit < 0)
            continue;
        if (high >= 0)
            bytes.push_back(static_cast<char>(high * 16 + digit));
        high = high >= 0 ? -1 : digit;
    }
    return bytes;
}

/// Lower-case hex without separators.
inline std::string to_hex(std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : bytes) {
        text.push_back(digits[static_cast<unsigned char>(c) >> 4]);
        text.push_back(digits[static_cast<unsigned char>(c) & 15]);
    }
    return text;
}

} // namespace troupe::test_support
