#include "protocol/dead_letter_bodies.hpp"

#include "protocol/body_codec.hpp"

#include <cstdint>

namespace troupe::protocol {

namespace {

dead_letter_queue read_queue_of_dead(json_reader& json) {
    dead_letter_queue queue;
    const auto wide = [&json] { return json.integer<std::int64_t>(); };
    json.object([&](std::string_view key) {
        if (key == "group")
            queue.group = json.text();
        else if (key == "queue")
            queue.queue = queue_id{json.integer<std::int32_t>()};
        else if (key == "min")
            queue.min = queue_offset{wide()};
        else if (key == "max")
            queue.max = queue_offset{wide()};
        else if (key == "firstStored")
            queue.first_stored = timestamp_ms{wide()};
        else if (key == "lastStored")
            queue.last_stored = timestamp_ms{wide()};
        else if (key == "resent")
            queue.resent = queue_offset{wide()};
        else
            json.skip_member(key);
    });
    return queue;
}

void write_queue_of_dead(json_writer& json, const dead_letter_queue& queue) {
    json.begin_object();
    json.text_member("group", queue.group);
    json.number_member("queue", queue.queue.value());
    json.number_member("min", queue.min.value());
    json.number_member("max", queue.max.value());
    json.number_member("firstStored", queue.first_stored.value());
    json.number_member("lastStored", queue.last_stored.value());
    json.number_member("resent", queue.resent.value());
    json.end_object();
}

} // namespace

std::string encode_dead_letter_queues(const std::vector<dead_letter_queue>& queues) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "queues", queues, [&json](const dead_letter_queue& queue) { write_queue_of_dead(json, queue); });
    json.end_object();
    return out;
}

result<std::vector<dead_letter_queue>> decode_dead_letter_queues(std::string_view json) {
    return decode_document<std::vector<dead_letter_queue>>(
        json, "queues of dead letters", [](json_reader& reader, std::string_view key, std::vector<dead_letter_queue>& queues) {
            if (key == "queues")
                reader.array([&] { queues.push_back(read_queue_of_dead(reader)); });
            else
                reader.skip_member(key);
        });
}

} // namespace troupe::protocol
