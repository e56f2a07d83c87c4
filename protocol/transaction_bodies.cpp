#include "protocol/transaction_bodies.hpp"

#include "protocol/body_codec.hpp"

namespace troupe::protocol {

namespace {

transaction_entry read_entry(json_reader& json) {
    transaction_entry entry;
    const auto wide = [&json] { return json.integer<std::int64_t>(); };
    json.object([&](std::string_view key) {
        if (key == "position")
            entry.position = log_position{wide()};
        else if (key == "offset")
            entry.offset = queue_offset{wide()};
        else if (key == "offsetMessageId")
            entry.offset_message_id = json.text();
        else if (key == "uniqueKey")
            entry.unique_key = json.text();
        else if (key == "group")
            entry.group = json.text();
        else if (key == "topic")
            entry.topic = json.text();
        else if (key == "queue")
            entry.queue = queue_id{json.integer<std::int32_t>()};
        else if (key == "bodyBytes")
            entry.body_bytes = json.integer<std::int32_t>();
        else if (key == "born")
            entry.born = timestamp_ms{wide()};
        else if (key == "stored")
            entry.stored = timestamp_ms{wide()};
        else if (key == "checks")
            entry.checks = json.integer<std::int32_t>();
        else if (key == "asked")
            entry.asked = timestamp_ms{wide()};
        else
            json.skip_member(key);
    });
    return entry;
}

void write_entry(json_writer& json, const transaction_entry& entry) {
    json.begin_object();
    json.number_member("position", entry.position.value());
    json.number_member("offset", entry.offset.value());
    json.text_member("offsetMessageId", entry.offset_message_id);
    json.text_member("uniqueKey", entry.unique_key);
    json.text_member("group", entry.group);
    json.text_member("topic", entry.topic);
    json.number_member("queue", entry.queue.value());
    json.number_member("bodyBytes", entry.body_bytes);
    json.number_member("born", entry.born.value());
    json.number_member("stored", entry.stored.value());
    json.number_member("checks", entry.checks);
    json.number_member("asked", entry.asked.value());
    json.end_object();
}

} // namespace

std::string encode_transaction_list(const transaction_list& list) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "transactions", list.entries, [&json](const transaction_entry& entry) { write_entry(json, entry); });
    json.number_member("next", list.next.value());
    json.number_member("nextOffset", list.next_offset.value());
    json.boolean_member("isComplete", list.is_complete);
    json.number_member("pending", list.pending);
    json.end_object();
    return out;
}

result<transaction_list> decode_transaction_list(std::string_view json) {
    return decode_document<transaction_list>(json, "list of transactions",
                                             [](json_reader& reader, std::string_view key, transaction_list& list) {
                                                 if (key == "transactions")
                                                     reader.array([&] { list.entries.push_back(read_entry(reader)); });
                                                 else if (key == "next")
                                                     list.next = log_position{reader.integer<std::int64_t>()};
                                                 else if (key == "nextOffset")
                                                     list.next_offset = queue_offset{reader.integer<std::int64_t>()};
                                                 else if (key == "isComplete")
                                                     list.is_complete = reader.boolean();
                                                 else if (key == "pending")
                                                     list.pending = reader.integer<std::int64_t>();
                                                 else
                                                     reader.skip_member(key);
                                             });
}

} // namespace troupe::protocol
