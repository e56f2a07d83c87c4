#include "actors/net/request_reference.hpp"
#include "actors/net/session.hpp"
#include "protocol/request_table.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using namespace troupe;

TEST_CASE("every request that is served is in the table of requests") {
    for (const auto code : actors::net::served_requests()) {
        CAPTURE(code);
        CHECK(protocol::find_request(code) != nullptr);
    }
}

TEST_CASE("docs/reference/requests.md is what the table and the handlers say") {
    std::ifstream file{TROUPE_SOURCE_DIRECTORY "/docs/reference/requests.md"};
    std::ostringstream text;
    text << file.rdbuf();
    const auto page = actors::net::request_reference_page();
    const bool same = text.str() == page;
    if (!same)
        std::ofstream{TROUPE_BINARY_DIRECTORY "/requests.md"} << page;
    INFO("run: cp " TROUPE_BINARY_DIRECTORY "/requests.md docs/reference/requests.md");
    CHECK(same);
}
