#pragma once

#include "protocol/trace_bodies.hpp"
#include "protocol/vocabulary/ids.hpp"

#include <string>
#include <utility>
#include <vector>

/// What is asked about one message's way to its consumers. RocketMQ has no request for it: its clients write traces into a topic.
namespace troupe::actors {

/// Who got the message at this place, and who is done with it? topic_not_found, queue_not_found.
struct trace_message {
    topic_queue queue;
    queue_offset offset;
    template <class Inspector>
    friend auto inspect(Inspector& f, trace_message& x) {
        return f(x.queue, x.offset);
    }
};
struct message_traced {
    protocol::message_trace trace;
    template <class Inspector>
    friend auto inspect(Inspector& f, message_traced& x) {
        return f(x.trace);
    }
};

/// To the offset keeper: which groups have committed an offset on the queue, and which?
struct list_queue_offsets {
    topic_queue queue;
    template <class Inspector>
    friend auto inspect(Inspector& f, list_queue_offsets& x) {
        return f(x.queue);
    }
};
struct queue_offsets_listed {
    std::vector<std::pair<std::string, queue_offset>> groups; ///< by name
    template <class Inspector>
    friend auto inspect(Inspector& f, queue_offsets_listed& x) {
        return f(x.groups);
    }
};

} // namespace troupe::actors
