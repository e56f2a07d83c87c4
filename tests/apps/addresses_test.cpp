#include "apps/addresses.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace troupe;
using namespace troupe::apps;

TEST_CASE("addresses: the outbound host is one that this machine has, and never a wildcard") {
    for (const bool ipv6 : {false, true}) {
        const auto host = outbound_host(ipv6);
        CAPTURE(host);
        const auto all = interface_hosts();
        CHECK((std::ranges::count(all, host) == 1 || host == "::1")); // a machine without IPv6 has not even that
        CHECK_FALSE(is_wildcard(host));
    }
}

TEST_CASE("addresses: loopback comes last among the interfaces") {
    const auto all = interface_hosts();
    REQUIRE(std::ranges::count(all, "127.0.0.1") == 1);
    const auto loopback = std::ranges::find_if(all, [](const std::string& host) { return host.starts_with("127.") || host == "::1"; });
    CHECK(std::all_of(loopback, all.end(), [](const std::string& host) { return host.starts_with("127.") || host == "::1"; }));
}

TEST_CASE("addresses: a name with both kinds of addresses is an IPv4 one; an address stays as it is") {
    CHECK(*resolve("localhost") == "127.0.0.1");
    CHECK(*resolve("::1") == "::1");
    CHECK(*resolve("127.0.0.2") == "127.0.0.2");
    CHECK(resolve("no.such.host.invalid").code() == errc::argument_illegal);
}

TEST_CASE("addresses: an advertised address is turned into numbers, or the host that is not known is named") {
    CHECK(protocol::to_string(*numeric_address("127.0.0.1:10911")) == "127.0.0.1:10911");
    CHECK(protocol::to_string(*numeric_address("[::1]:10911")) == "[::1]:10911");
    CHECK(protocol::to_string(*numeric_address("localhost:10911")).ends_with(":10911"));
    const auto unknown = numeric_address("no-such-host.invalid:10911");
    REQUIRE_FALSE(unknown.ok());
    CHECK(unknown.failure().text.find("no-such-host.invalid") != std::string::npos);
}
