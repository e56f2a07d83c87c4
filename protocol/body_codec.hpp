#pragma once

#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"
#include "protocol/vocabulary/result.hpp"

#include <string>
#include <string_view>
#include <utility>

/// What the sources of `bodies.hpp` share.
namespace troupe::protocol {

/// Reads a document that is one object into a Value; `on_member(json, key, value)` reads each member.
template <class Value, class OnMember>
result<Value> decode_document(std::string_view document, std::string_view name, OnMember on_member) {
    json_reader json{document};
    Value value;
    if (json.peek() != json_kind::object)
        json.fail("an object is expected");
    json.object([&](std::string_view key) { on_member(json, key, value); });
    if (auto fine = json.finish(name); !fine)
        return fine.failure();
    return value;
}

/// Writes `[each, ...]`.
template <class Range, class WriteOne>
void write_array(json_writer& json, std::string_view name, const Range& range, WriteOne write_one) {
    json.key(name);
    json.begin_array();
    for (const auto& each : range)
        write_one(each);
    json.end_array();
}

/// Writes a member that is an object without members.
inline void write_empty_object(json_writer& json, std::string_view name) {
    json.key(name);
    json.begin_object();
    json.end_object();
}

/// Readers make one entry per queue, so what no topic has must not get past a decoder.
inline constexpr std::int32_t queue_count_max = 65'536;

/// A number of queues.
inline std::int32_t read_queue_count(json_reader& json) {
    const auto count = json.integer<std::int32_t>();
    if (count < 0 || count > queue_count_max)
        json.fail("a number of queues is negative or over 65,536");
    return count;
}

} // namespace troupe::protocol
