#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/big_endian.hpp"

#include <arpa/inet.h>
#include <charconv>

namespace troupe::protocol {

namespace {

error bad_address(std::string_view text) {
    return {errc::argument_illegal, "\"" + std::string{text.substr(0, 80)} + "\" is no host address: write 10.0.0.1:10911 or [::1]:10911"};
}

error bad_message_id(std::string_view id) {
    return {errc::argument_illegal,
            "\"" + std::string{id.substr(0, 80)} + "\" is no offset message id: it has 32 hex digits (IPv4 store host) or 56 (IPv6)"};
}

/// Two digits for each byte, upper case.
void put_hex(char* to, std::string_view bytes) {
    constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
}

int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

} // namespace

result<host_address> parse_host_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0)
        return bad_address(text);
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    host_address parsed;
    const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
    if (problem != std::errc{} || end != port.data() + port.size())
        return bad_address(text);
    parsed.is_ipv6 = host.front() == '[';
    if (parsed.is_ipv6) {
        if (host.size() < 2 || host.back() != ']')
            return bad_address(text);
        host = host.substr(1, host.size() - 2);
    }
    parsed.address = {};
    // inet_pton reads up to the first zero byte; text with one inside is no address.
    const std::string terminated{host};
    if (terminated.find('\0') != std::string::npos ||
        inet_pton(parsed.is_ipv6 ? AF_INET6 : AF_INET, terminated.c_str(), parsed.address.data()) != 1)
        return bad_address(text);
    return parsed;
}

std::string to_string(const host_address& host) {
    char text[INET6_ADDRSTRLEN] = {};
    inet_ntop(host.is_ipv6 ? AF_INET6 : AF_INET, host.address.data(), text, sizeof text);
    const std::string port = ":" + std::to_string(host.port);
    return host.is_ipv6 ? "[" + std::string{text} + "]" + port : text + port;
}

std::string offset_message_id(const host_address& store_host, log_position position) {
    char raw[28];
    const std::size_t address_bytes = store_host.is_ipv6 ? 16 : 4;
    std::memcpy(raw, store_host.address.data(), address_bytes);
    store_be<std::int32_t>(raw + address_bytes, store_host.port);
    store_be<std::int64_t>(raw + address_bytes + 4, position.value());
    std::string id(2 * (address_bytes + 12), '0');
    put_hex(id.data(), {raw, address_bytes + 12});
    return id;
}

result<std::pair<host_address, log_position>> parse_offset_message_id(std::string_view id) {
    if (id.size() != 32 && id.size() != 56)
        return bad_message_id(id);
    char raw[28];
    for (std::size_t i = 0; i < id.size() / 2; ++i) {
        const int high = hex_value(id[2 * i]);
        const int low = hex_value(id[2 * i + 1]);
        if (high < 0 || low < 0)
            return bad_message_id(id);
        raw[i] = static_cast<char>(high * 16 + low);
    }
    host_address host;
    host.is_ipv6 = id.size() == 56;
    const std::size_t address_bytes = host.is_ipv6 ? 16 : 4;
    host.address = {};
    std::memcpy(host.address.data(), raw, address_bytes);
    const auto port = load_be<std::int32_t>(raw + address_bytes);
    const auto position = load_be<std::int64_t>(raw + address_bytes + 4);
    if (port < 0 || port > 65'535 || position < 0)
        return bad_message_id(id);
    host.port = static_cast<std::uint16_t>(port);
    return std::pair{host, log_position{position}};
}

} // namespace troupe::protocol
