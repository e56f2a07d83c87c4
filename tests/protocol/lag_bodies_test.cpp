#include "protocol/lag_bodies.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

TEST_CASE("lags of groups come back as they were") {
    const std::vector<group_lag_entry> lags{{"billing", 2, 3, timestamp_ms{4}, timestamp_ms{5}, true},
                                            {"a\"b", 0, 0, timestamp_ms{0}, timestamp_ms{0}, false}};
    const auto text = encode_group_lags(lags);
    CHECK(text.starts_with(R"({"groups":[{"group":"billing","members":2,"messages":3,"oldest":4,"measured":5,"isSlow":true},)"));
    CHECK(decode_group_lags(text).value() == lags);
    CHECK(decode_group_lags("{}").value().empty());
    for (std::size_t bytes = 0; bytes < text.size(); ++bytes)
        CHECK(decode_group_lags(std::string_view{text}.substr(0, bytes)).code() == errc::protocol_error);
    for (const char* wrong : {"null", "[]", "1", R"({"groups":[1]})", R"({"groups":[{"members":2147483648}]})"})
        CHECK(decode_group_lags(wrong).code() == errc::protocol_error);
}
