#include "protocol/lookup_bodies.hpp"

#include "protocol/body_codec.hpp"
#include "protocol/client_body_codec.hpp"
#include "protocol/queue_codec.hpp"

namespace troupe::protocol {

std::string encode_queue_page(const queue_page& page) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    if (!page.missing.empty())
        json.text_member("filterData", page.missing);
    json.number_member("maxQueueIndex", page.max_offset);
    json.number_member("minQueueIndex", page.min_offset);
    write_array(json, "queueData", page.entries, [&](const queue_entry& entry) {
        json.begin_object();
        json.boolean_member("eval", entry.is_wanted);
        json.number_member("physicOffset", entry.position);
        json.number_member("physicSize", entry.bytes);
        json.number_member("tagsCode", entry.tag_hash);
        json.end_object();
    });
    if (page.subscription) {
        json.key("subscriptionData");
        write_subscription(json, *page.subscription);
    }
    json.end_object();
    return out;
}

std::string encode_time_spans(const std::vector<queue_time_span>& spans) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "consumeTimeSpanSet", spans, [&](const queue_time_span& span) {
        json.begin_object();
        json.number_member("consumeTimeStamp", span.consumed_ms);
        json.number_member("delayTime", span.delay_ms);
        json.number_member("maxTimeStamp", span.last_stored_ms);
        json.key("messageQueue");
        write_queue(json, span.queue);
        json.number_member("minTimeStamp", span.first_stored_ms);
        json.end_object();
    });
    json.end_object();
    return out;
}

} // namespace troupe::protocol
