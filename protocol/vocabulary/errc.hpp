#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// Everything that can go wrong, for every folder. Each value says what the caller can do.
/// Never renumber: values appear in logs and in tests of the wire mapping (`protocol/response_code.hpp`).
enum class errc : std::uint8_t {
    none = 0,

    // The request is wrong: correct it, do not repeat it.
    topic_illegal = 1,           ///< a topic name with bad characters or length
    group_illegal = 2,           ///< a group name with bad characters or length
    body_too_large = 3,          ///< message body over body_bytes_max
    properties_too_large = 4,    ///< encoded properties over properties_bytes_max
    message_illegal = 5,         ///< empty body, or a batch that cannot be taken apart
    property_illegal = 6,        ///< a property name or value with a separator byte in it
    argument_illegal = 7,        ///< a number or text outside its range
    topic_not_found = 8,         ///< create the topic, or ask another broker
    queue_not_found = 9,         ///< refresh the route: the queue number is out of range
    group_not_found = 10,        ///< create the group, or start a consumer in it
    not_permitted = 11,          ///< the topic or broker is not readable or writable
    offset_too_small = 12,       ///< continue at the minimum offset
    offset_too_large = 13,       ///< continue at the maximum offset
    offset_not_found = 14,       ///< nothing committed yet: start by the group's first position
    message_not_found = 15,      ///< no record there (any more)
    system_name = 16,            ///< the name is reserved for the system
    not_supported = 17,          ///< this version does not know the request
    subscription_illegal = 18,   ///< the filter expression does not parse
    subscription_not_found = 19, ///< the group has not subscribed to the topic (yet): heartbeat first
    subscription_outdated = 20,  ///< the broker's subscription is older than the request's: heartbeat first
    operation_illegal = 21,      ///< what the request refers to is over, or was never there

    // Try again later, or elsewhere.
    busy = 30,            ///< a queue in front of the resource is full: back off and repeat
    disk_full = 31,       ///< the broker takes no messages until there is room; another broker may
    store_read_only = 32, ///< a write or sync failed: nothing is acknowledged until a restart
    shutting_down = 33,   ///< the process is ending: use another broker
    timed_out = 34,       ///< no answer in time: the outcome is unknown
    connection_lost = 35, ///< the connection ended before the answer: the outcome is unknown
    connect_failed = 36,  ///< nobody accepts connections at that address
    no_route = 37,        ///< no name server knows a broker for the topic
    no_name_server = 38,  ///< no name server answers

    // The world is wrong: disk, files, peers.
    io = 50,             ///< the operating system refused a file operation
    corrupt = 51,        ///< stored bytes fail their checksum or contradict each other
    locked = 52,         ///< another process has the store open
    format_unknown = 53, ///< a file or frame of a version or kind that is not ours
    protocol_error = 54, ///< a peer sent bytes that are no frame, header or body
    config_illegal = 55, ///< the configuration has errors (listed in the text)
    already_exists = 56, ///< the file or name is there already
    not_found = 57,      ///< the file or name is not there
    address_in_use = 58, ///< the port to listen on is taken
    end_of_log = 59,     ///< nothing is stored at or after this position
    internal = 99,       ///< we are wrong; please report it
};

/// The name of `code` as it is spelled above.
std::string_view to_string_view(errc code);
std::string to_string(errc code);

/// A failure: what kind, and one sentence that names what, where and, if there is one, the fix.
struct error {
    errc code = errc::none;
    std::string text;

    friend bool operator==(const error&, const error&) = default;

    template <class Inspector>
    friend auto inspect(Inspector& f, error& x) {
        return f(x.code, x.text);
    }
};

/// "code: text", for people.
std::string to_string(const error& failure);

} // namespace troupe
