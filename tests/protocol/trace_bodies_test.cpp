#include "protocol/trace_bodies.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

TEST_CASE("the trace of a message comes back as it was") {
    message_trace trace;
    trace.is_indexed = true;
    trace.complete_since = timestamp_ms{7};
    trace.groups = {
        {"billing", queue_offset{9}, {{"c\"1", timestamp_ms{1}, timestamp_ms{2}, true}, {"", timestamp_ms{3}, timestamp_ms{4}, false}}},
        {"audit", queue_offset{-1}, {}}};
    const auto text = encode_message_trace(trace);
    CHECK(text == R"({"isIndexed":true,"completeSince":7,"groups":[{"group":"billing","committed":9,"deliveries":[)"
                  R"({"clientId":"c\"1","first":1,"last":2,"isPartial":true},{"clientId":"","first":3,"last":4,"isPartial":false}]},)"
                  R"({"group":"audit","committed":-1,"deliveries":[]}]})");
    CHECK(decode_message_trace(text).value() == trace);
    CHECK(decode_message_trace("{}").value() == message_trace{});
    for (std::size_t bytes = 0; bytes < text.size(); ++bytes)
        CHECK(decode_message_trace(std::string_view{text}.substr(0, bytes)).code() == errc::protocol_error);
    for (const char* wrong : {"null", "[]", "1", R"({"groups":[1]})", R"({"groups":[{"deliveries":[1]}]})"})
        CHECK(decode_message_trace(wrong).code() == errc::protocol_error);
}
