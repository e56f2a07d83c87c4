#include "client/internal/unique_key.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <random>

namespace troupe::client {

namespace {

std::uint32_t local_ipv4() {
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0)
        return INADDR_LOOPBACK;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner{all, freeifaddrs};
    for (const auto* i = all; i != nullptr; i = i->ifa_next) {
        if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        sockaddr_in address{};
        std::memcpy(&address, i->ifa_addr, sizeof(address));
        return ntohl(address.sin_addr.s_addr);
    }
    return INADDR_LOOPBACK;
}

/// RocketMQ counts from the start of the month, so that 32 bits of milliseconds last.
std::uint32_t month_ms(std::int64_t now_ms) {
    const auto seconds = static_cast<std::time_t>(now_ms / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    const std::int64_t day_seconds = ((parts.tm_mday - 1) * 24 + parts.tm_hour) * 3600LL + parts.tm_min * 60LL + parts.tm_sec;
    return static_cast<std::uint32_t>(day_seconds * 1000 + now_ms % 1000);
}

void append_hex(std::string& text, std::uint32_t value, int digits) {
    static constexpr char alphabet[] = "0123456789ABCDEF";
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
        text += alphabet[(value >> static_cast<unsigned>(shift)) & 15u];
}

} // namespace

unique_key_generator::unique_key_generator()
    : unique_key_generator{local_ipv4(), static_cast<std::uint16_t>(getpid()), static_cast<std::uint32_t>(std::random_device{}())} {}

unique_key_generator::unique_key_generator(std::uint32_t ipv4, std::uint16_t process, std::uint32_t instance)
    : ipv4_{ipv4}, process_{process}, instance_{instance} {}

std::string unique_key_generator::next(std::int64_t now_ms) {
    const auto count = counter_.fetch_add(1, std::memory_order_relaxed);
    std::string key;
    key.reserve(32);
    append_hex(key, ipv4_, 8);
    append_hex(key, process_, 4);
    // RocketMQ's counter has 16 bits and would repeat within a millisecond at high rates: its overflow moves the instance.
    append_hex(key, instance_ + (count >> 16), 8);
    append_hex(key, month_ms(now_ms), 8);
    append_hex(key, count & 0xFFFFu, 4);
    return key;
}

std::string local_ipv4_text() {
    in_addr address{};
    address.s_addr = htonl(local_ipv4());
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &address, text.data(), text.size());
    return text.data();
}

std::string generate_client_id(const std::string& instance_name) {
    static std::atomic<std::uint32_t> number{0};
    auto instance = instance_name;
    if (instance == "DEFAULT") {
        static const auto start = static_cast<std::uint32_t>(std::random_device{}());
        instance.clear();
        append_hex(instance, start, 8);
        instance += "-" + std::to_string(++number);
    }
    return local_ipv4_text() + "@" + std::to_string(getpid()) + "#" + instance;
}

std::int64_t wall_clock_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

} // namespace troupe::client
