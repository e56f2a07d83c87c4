#include "protocol/consumer_bodies.hpp"

#include "protocol/body_codec.hpp"
#include "protocol/queue_codec.hpp"

namespace troupe::protocol {

namespace {

void read_queues(json_reader& json, std::vector<message_queue>& queues) {
    json.array([&] {
        if (queues.size() >= queues_per_lock_request_max)
            json.fail("more queues than one request may lock");
        else
            queues.push_back(read_queue(json));
    });
}

} // namespace

std::string encode_queue_lock_request(const queue_lock_request& request) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    json.text_member("clientId", request.client_id);
    json.text_member("consumerGroup", request.group);
    write_array(json, "mqSet", request.queues, [&](const message_queue& queue) { write_queue(json, queue); });
    json.boolean_member("onlyThisBroker", request.only_this_broker);
    json.end_object();
    return out;
}

result<queue_lock_request> decode_queue_lock_request(std::string_view json) {
    return decode_document<queue_lock_request>(json, "queue lock request",
                                               [](json_reader& reader, std::string_view key, queue_lock_request& request) {
                                                   if (key == "clientId")
                                                       request.client_id = reader.text();
                                                   else if (key == "consumerGroup")
                                                       request.group = reader.text();
                                                   else if (key == "mqSet")
                                                       read_queues(reader, request.queues);
                                                   else if (key == "onlyThisBroker")
                                                       request.only_this_broker = reader.boolean();
                                                   else
                                                       reader.skip_member(key);
                                               });
}

std::string encode_locked_queues(const std::vector<message_queue>& queues) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "lockOKMQSet", queues, [&](const message_queue& queue) { write_queue(json, queue); });
    json.end_object();
    return out;
}

result<std::vector<message_queue>> decode_locked_queues(std::string_view json) {
    using queues = std::vector<message_queue>;
    return decode_document<queues>(json, "locked queues", [](json_reader& reader, std::string_view key, queues& locked) {
        if (key == "lockOKMQSet")
            read_queues(reader, locked);
        else
            reader.skip_member(key);
    });
}

} // namespace troupe::protocol
