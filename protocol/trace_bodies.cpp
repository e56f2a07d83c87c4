#include "protocol/trace_bodies.hpp"

#include "protocol/body_codec.hpp"

#include <cstdint>

namespace troupe::protocol {

namespace {

void write_delivery(json_writer& json, const traced_delivery& delivery) {
    json.begin_object();
    json.text_member("clientId", delivery.client_id);
    json.number_member("first", delivery.first.value());
    json.number_member("last", delivery.last.value());
    json.boolean_member("isPartial", delivery.is_partial);
    json.end_object();
}

traced_delivery read_delivery(json_reader& json) {
    traced_delivery delivery;
    json.object([&](std::string_view key) {
        if (key == "clientId")
            delivery.client_id = json.text();
        else if (key == "first")
            delivery.first = timestamp_ms{json.integer<std::int64_t>()};
        else if (key == "last")
            delivery.last = timestamp_ms{json.integer<std::int64_t>()};
        else if (key == "isPartial")
            delivery.is_partial = json.boolean();
        else
            json.skip_member(key);
    });
    return delivery;
}

void write_popped(json_writer& json, const traced_pop& popped) {
    json.key("popped");
    json.begin_object();
    json.boolean_member("isAcknowledged", popped.is_acknowledged);
    json.number_member("visible", popped.visible.value());
    json.number_member("last", popped.last.value());
    json.number_member("deliveries", popped.deliveries);
    json.end_object();
}

traced_pop read_popped(json_reader& json) {
    traced_pop popped;
    popped.is_known = true;
    json.object([&](std::string_view key) {
        if (key == "isAcknowledged")
            popped.is_acknowledged = json.boolean();
        else if (key == "visible")
            popped.visible = timestamp_ms{json.integer<std::int64_t>()};
        else if (key == "last")
            popped.last = timestamp_ms{json.integer<std::int64_t>()};
        else if (key == "deliveries")
            popped.deliveries = json.integer<std::int32_t>();
        else
            json.skip_member(key);
    });
    return popped;
}

void write_group(json_writer& json, const traced_group& group) {
    json.begin_object();
    json.text_member("group", group.group);
    json.number_member("committed", group.committed.value());
    write_array(json, "deliveries", group.deliveries, [&json](const traced_delivery& delivery) { write_delivery(json, delivery); });
    if (group.popped.is_known)
        write_popped(json, group.popped);
    json.end_object();
}

traced_group read_group(json_reader& json) {
    traced_group group;
    json.object([&](std::string_view key) {
        if (key == "group")
            group.group = json.text();
        else if (key == "committed")
            group.committed = queue_offset{json.integer<std::int64_t>()};
        else if (key == "deliveries")
            json.array([&] { group.deliveries.push_back(read_delivery(json)); });
        else if (key == "popped")
            group.popped = read_popped(json);
        else
            json.skip_member(key);
    });
    return group;
}

} // namespace

std::string encode_message_trace(const message_trace& trace) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.boolean_member("isIndexed", trace.is_indexed);
    json.number_member("completeSince", trace.complete_since.value());
    write_array(json, "groups", trace.groups, [&json](const traced_group& group) { write_group(json, group); });
    json.end_object();
    return out;
}

result<message_trace> decode_message_trace(std::string_view json) {
    return decode_document<message_trace>(json, "trace of a message", [](json_reader& reader, std::string_view key, message_trace& trace) {
        if (key == "isIndexed")
            trace.is_indexed = reader.boolean();
        else if (key == "completeSince")
            trace.complete_since = timestamp_ms{reader.integer<std::int64_t>()};
        else if (key == "groups")
            reader.array([&] { trace.groups.push_back(read_group(reader)); });
        else
            reader.skip_member(key);
    });
}

} // namespace troupe::protocol
