#pragma once

#include "protocol/vocabulary/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

struct addrinfo;

namespace troupe::actors::net {

/// A list of addresses as the system has it; never empty.
using host_addresses = std::shared_ptr<const addrinfo>;

/// Addresses of a host and port, for as long as that takes. Called in a thread of its own. Fails with connect_failed.
using resolver = std::function<result<host_addresses>(const std::string& host, std::uint16_t port)>;
/// The system's.
result<host_addresses> resolve(const std::string& host, std::uint16_t port);

/// As `ask` says, within `timeout`. The system's resolver cannot be told to stop, and takes as long as its servers are configured to be waited
/// for: then its thread is left to itself, so that neither a dial nor the end of the process waits for it. At most `lookups_max` are
/// left like that; further ones fail until one has ended. A host that is a number needs no look-up. Fails with connect_failed.
result<host_addresses> look_up(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout, resolver ask = resolve);

inline constexpr std::size_t lookups_max = 64;
/// Look-ups under way, those included whose caller has given up.
std::size_t lookups_running();

} // namespace troupe::actors::net
