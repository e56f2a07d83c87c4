#include "protocol/recall_handle.hpp"

#include "protocol/properties.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace troupe::protocol {

namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view version = "v1";

std::string encode_base64_url(std::string_view bytes) {
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto part = bytes.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i)
            bits = bits << 8 | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0u);
        for (std::size_t i = 0; i < 4; ++i)
            text.push_back(i <= part.size() ? digits[bits >> (18 - 6 * i) & 63] : '=');
    }
    return text;
}

std::optional<std::string> decode_base64_url(std::string_view text) {
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    if (text.size() % 4 == 1)
        return std::nullopt;
    std::string bytes;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const auto digit = digits.find(c);
        if (digit == std::string_view::npos)
            return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes.push_back(static_cast<char>(bits >> count & 0xff));
        }
    }
    return bytes;
}

} // namespace

std::string encode_recall_handle(const recall_handle& handle) {
    std::string text{version};
    const auto time = to_string(handle.time);
    for (const std::string_view part : {std::string_view{handle.topic}, std::string_view{handle.broker_name}, std::string_view{time},
                                        std::string_view{handle.unique_key}})
        text.append(" ").append(part);
    return encode_base64_url(text);
}

result<recall_handle> decode_recall_handle(std::string_view text) {
    const error illegal{errc::operation_illegal, "the recall handle is invalid; take it from the answer to the send, as it is"};
    const auto decoded = decode_base64_url(text);
    if (!decoded || holds_property_end(*decoded)) // brokers write parts of it into properties
        return illegal;
    std::array<std::string_view, 4> parts;
    std::string_view rest{*decoded};
    for (auto& part : parts) {
        const auto end = rest.find(' ');
        part = rest.substr(0, end);
        if (part.empty())
            return illegal;
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    if (rest.empty()) // the key: whatever is left, since a sender may put a space into it
        return illegal;
    std::int64_t time = 0;
    const auto* end = parts[3].data() + parts[3].size();
    const auto parsed = std::from_chars(parts[3].data(), end, time);
    if (parts[0] != version || parsed.ec != std::errc{} || parsed.ptr != end)
        return illegal;
    return recall_handle{std::string{parts[1]}, std::string{parts[2]}, timestamp_ms{time}, std::string{rest}};
}

} // namespace troupe::protocol
