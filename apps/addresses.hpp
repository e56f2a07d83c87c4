#pragma once

#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Addresses of this machine, and which of them clients can dial.
namespace troupe::apps {

/// The numeric form of a host name; a numeric address is returned as it is. IPv4 where the name has both: the ids of messages and some
/// clients' routes know nothing else. Blocks while the resolver asks. Fails with
/// argument_illegal.
result<std::string> resolve(const std::string& host);

/// "host:port"; an IPv6 host gets its brackets.
std::string join(const std::string& host, std::uint16_t port);

/// "host:port" in numbers, as it becomes part of every record. Fails with argument_illegal.
result<protocol::host_address> numeric_address(const std::string& address);

/// A port of `host` that nobody listens on at this moment. Fails with io.
result<std::uint16_t> free_port(const std::string& host);

/// True for the addresses that stand for every interface: one can listen on them, nobody can dial them.
bool is_wildcard(const std::string& host);

/// The address that this machine shows to others by its default route; loopback when it has none. Sends nothing.
std::string outbound_host(bool ipv6);

/// Every address of an interface that is up, loopback last; without link-local ones.
std::vector<std::string> interface_hosts();

} // namespace troupe::apps
