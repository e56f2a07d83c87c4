#include "protocol/request_code.hpp"
#include "protocol/request_table.hpp"

#include <doctest/doctest.h>

using namespace troupe::protocol;

TEST_CASE("each request is found by its number, and by no other") {
    for (const auto& kind : request_table()) {
        CAPTURE(kind.name);
        CHECK(find_request(kind.code) == &kind);
        CHECK_FALSE(kind.purpose.empty());
    }
    for (const std::int32_t code : {-1, 0, 9, 13, 22, 1000, 200'049, 2'000'000'000}) {
        CHECK(find_request(code) == nullptr);
        CHECK(describe_request(code) == std::to_string(code));
    }
    CHECK(describe_request(request_code::send_message_v2) == "310 (SEND_MESSAGE_V2)");
}

TEST_CASE("a request names its role and what it needs") {
    const auto* pull = find_request(request_code::pull_message);
    REQUIRE(pull != nullptr);
    CHECK(to_string_view(pull->role) == "broker");
    CHECK(permission_text(*pull) == "Topic + Group : Sub");
    CHECK(permission_text(*find_request(request_code::heart_beat)) == "-");
    CHECK(permission_text(*find_request(request_code::delete_topic_in_broker)) == "Topic : Delete");
    CHECK(to_string_view(find_request(request_code::register_broker)->role) == "name server");
    CHECK(to_string_view(find_request(request_code::notify_consumer_ids_changed)->role) == "client");
    CHECK(to_string_view(find_request(1002)->role) == "controller");
}
