#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// Every request that a RocketMQ peer may send, as one table: who answers it, and what a caller must be allowed to do.
namespace troupe::protocol {

/// Who answers a request.
enum class request_role : std::uint8_t {
    name_server,
    broker,
    client,     ///< sent by a broker to a client
    controller, ///< RocketMQ's election service, which Troupe does not have
};

/// On what a caller needs a permission, and which (RocketMQ: ResourceType and Action of ACL 2.0).
enum class request_resource : std::uint8_t { none, cluster, topic, group, topic_and_group };
enum class request_action : std::uint8_t { none, pub, sub, get, update, create, remove };

struct request_kind {
    std::int32_t code = 0;
    std::string_view name; ///< RocketMQ's constant, "PULL_MESSAGE"
    request_role role = request_role::broker;
    request_resource resource = request_resource::none;
    request_action action = request_action::none;
    std::string_view purpose; ///< half a sentence
};

/// All of them, by code. Source: RocketMQ's RequestCode, its clients' and tools' calls, and RocketMQAction at its request headers.
std::span<const request_kind> request_table();
/// nullptr for a number that no peer of any version sends.
const request_kind* find_request(std::int32_t code);

/// "11 (PULL_MESSAGE)", for texts; only the number when it is in no table.
std::string describe_request(std::int32_t code);

std::string_view to_string_view(request_role role);
/// "Topic : Pub"; "-" where nothing is needed.
std::string permission_text(const request_kind& kind);

} // namespace troupe::protocol
