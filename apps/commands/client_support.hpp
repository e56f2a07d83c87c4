#pragma once

#include "apps/command_line.hpp"
#include "client/connection.hpp"
#include "client/message.hpp"
#include "client/pull_consumer.hpp"
#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// What the commands that talk to a cluster share.
namespace troupe::apps {

/// Opens a connection to context.name_servers. Fails with argument_illegal for a malformed address list.
result<client::connection> connect(const command_context& context);
/// To these instead.
result<client::connection> connect(const command_context& context, const std::string& name_servers);

/// context.name_servers, one by one.
std::vector<std::string> name_server_addresses(const command_context& context);

/// "broker-a:3" to a queue of `topic`. Fails with argument_illegal.
result<client::message_queue> parse_queue(const std::string& topic, std::string_view text);

/// "rw", "r", "w" to permission bits and back. Fails with argument_illegal.
result<std::int32_t> parse_permission(std::string_view text);
std::string format_permission(std::int32_t bits);

/// Where to begin to read.
struct start_point {
    enum class kind_type { first, last, time, offset };
    kind_type kind = kind_type::last;
    timestamp_ms time;
    queue_offset offset;
    friend bool operator==(const start_point&, const start_point&) = default;
};
/// "first", "last", "offset:N", "time:T" with T in milliseconds since 1970, as "2026-11-22T10:00:00Z" (UTC; the time of day
/// and its parts may be left out from the end) or as "-15m" before `now`. Fails with argument_illegal.
result<start_point> parse_start_point(std::string_view text, timestamp_ms now);

client::seek_target to_seek_target(const start_point& start);

/// "2026-11-22T10:00:00Z" (UTC; the time of day and its parts may be left out from the end) or milliseconds since 1970. Fails with
/// argument_illegal.
result<timestamp_ms> parse_moment(std::string_view text);

/// Leaves what the sender set: without what has a field of its own (tags, keys, message id), and what clients and brokers add.
void erase_added(std::map<std::string, std::string>& properties);

/// This process's wall clock.
timestamp_ms now();

} // namespace troupe::apps
