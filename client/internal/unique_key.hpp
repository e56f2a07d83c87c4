#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace troupe::client {

/// Makes message ids that are unique in the cluster: upper-case hex of IPv4 address, process id, a number per process,
/// milliseconds of the month and a counter; 32 characters. Source: RocketMQ's MessageClientIDSetter.
///
/// Threads  safe from any thread.
class unique_key_generator {
public:
    unique_key_generator();
    /// For tests: everything that is not the counter.
    unique_key_generator(std::uint32_t ipv4, std::uint16_t process, std::uint32_t instance);

    /// `now_ms` since 1970.
    std::string next(std::int64_t now_ms);

private:
    std::uint32_t ipv4_;
    std::uint16_t process_;
    std::uint32_t instance_;
    std::atomic<std::uint32_t> counter_{0};
};

/// For messages and versions: milliseconds since 1970.
std::int64_t wall_clock_ms();
/// First IPv4 address of this host that is not loopback, as "10.0.0.1"; "127.0.0.1" when there is none.
std::string local_ipv4_text();
/// "<ip>@<pid>#<instance>", unique in this process for the instance name "DEFAULT".
std::string generate_client_id(const std::string& instance_name);

} // namespace troupe::client
