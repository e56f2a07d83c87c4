#include "protocol/response_code.hpp"

#include "protocol/request_code.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

TEST_CASE("every kind of error survives the wire between our own nodes") {
    for (int value = 0; value <= static_cast<int>(errc::internal); ++value) {
        const error failure{static_cast<errc>(value), "text: with colon"};
        if (to_string_view(failure.code) == "unknown" || failure.code == errc::none)
            continue;
        const auto code = to_response_code(failure.code);
        CHECK_MESSAGE(code != response_code::success, to_string(failure.code));
        CHECK(to_error(code, to_remark(failure)) == failure);
        CHECK(to_error(code, to_string(failure.code)) == error{failure.code, ""});
    }
    CHECK(to_response_code(errc::none) == response_code::success);
}

TEST_CASE("clients get the code that makes them do the right thing") {
    CHECK(to_response_code(errc::topic_not_found) == 17);
    CHECK(to_response_code(errc::disk_full) == 14);
    CHECK(to_response_code(errc::busy) == 2);
    CHECK(to_response_code(errc::body_too_large) == 13);
    CHECK(to_response_code(errc::queue_not_found) == 29);
    CHECK(to_response_code(errc::not_permitted) == 16);
    CHECK(to_response_code(errc::offset_not_found) == 22);
    CHECK(to_response_code(errc::subscription_not_found) == 24);
    CHECK(to_response_code(errc::subscription_outdated) == 25);
    CHECK(to_response_code(errc::group_not_found) == 26);
    CHECK(to_response_code(errc::not_supported) == 3);
    CHECK(to_response_code(errc::protocol_error) == 1);
}

TEST_CASE("codes of other brokers become the nearest error, with their remark") {
    CHECK(to_errc(0, "") == errc::none);
    CHECK(to_error(2, "[PCBUSY_CLEAN_QUEUE]broker busy") == error{errc::busy, "[PCBUSY_CLEAN_QUEUE]broker busy"});
    CHECK(to_errc(3, " request type 9 not supported") == errc::not_supported);
    CHECK(to_errc(10, "") == errc::timed_out);
    CHECK(to_errc(14, "") == errc::shutting_down);
    CHECK(to_errc(17, "") == errc::topic_not_found);
    CHECK(to_errc(22, "") == errc::offset_not_found);
    CHECK(to_errc(26, "") == errc::group_not_found);
    CHECK(to_errc(1500, "please go away") == errc::shutting_down);
    CHECK(to_errc(1, "java.lang.NullPointerException") == errc::internal);
    CHECK(to_errc(-1, "") == errc::internal);
    CHECK(to_errc(99'999, "") == errc::internal);
}

TEST_CASE("a remark that names an error of another code is only text") {
    CHECK(to_error(17, "busy: not really") == error{errc::topic_not_found, "busy: not really"});
    CHECK(to_error(1, "unknown: no such name") == error{errc::internal, "unknown: no such name"});
    CHECK(to_error(1, "none: is for success") == error{errc::internal, "none: is for success"});
}
