#include "protocol/dead_letter_bodies.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

TEST_CASE("queues of dead letters come back as they were") {
    const std::vector<dead_letter_queue> queues{
        {"billing", queue_id{1}, queue_offset{2}, queue_offset{3}, timestamp_ms{4}, timestamp_ms{5}, queue_offset{6}},
        {"a\"b", queue_id{0}, queue_offset{0}, queue_offset{0}, timestamp_ms{0}, timestamp_ms{0}, queue_offset{0}}};
    const auto text = encode_dead_letter_queues(queues);
    CHECK(text.starts_with(R"({"queues":[{"group":"billing","queue":1,"min":2,"max":3,"firstStored":4,"lastStored":5,"resent":6},)"));
    CHECK(decode_dead_letter_queues(text).value() == queues);
    CHECK(decode_dead_letter_queues(R"({"more":1,"queues":[]})").value().empty());
    for (std::size_t bytes = 0; bytes < text.size(); ++bytes)
        CHECK(decode_dead_letter_queues(std::string_view{text}.substr(0, bytes)).code() == errc::protocol_error);
    for (const char* wrong : {"null", "[]", "1", R"({"queues":[1]})", R"({"queues":[{"queue":2147483648}]})"})
        CHECK(decode_dead_letter_queues(wrong).code() == errc::protocol_error);
}
