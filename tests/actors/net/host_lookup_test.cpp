#include "actors/net/host_lookup.hpp"

#include <doctest/doctest.h>

#include <netdb.h>

#include <future>
#include <memory>
#include <string>
#include <thread>

using namespace troupe;
using namespace troupe::actors::net;
using namespace std::chrono_literals;

namespace {

/// A resolver whose servers are silent until release().
class silent_resolver {
public:
    [[nodiscard]] resolver ask() const {
        return [released = released_](const std::string&, std::uint16_t) -> result<host_addresses> {
            released.wait();
            return error{errc::connect_failed, "released"};
        };
    }
    /// Returns when none is left.
    void release() {
        release_.set_value();
        while (lookups_running() > 0)
            std::this_thread::yield();
    }

private:
    std::promise<void> release_;
    std::shared_future<void> released_{release_.get_future()};
};

} // namespace

TEST_CASE("host lookup: a number is its own address, and nobody is asked") {
    const resolver nobody = [](const std::string&, std::uint16_t) -> result<host_addresses> {
        FAIL_CHECK("asked");
        return error{errc::connect_failed, ""};
    };
    for (const auto* host : {"127.0.0.1", "::1"}) {
        const auto found = look_up(host, 10911, 0ms, nobody);
        REQUIRE(found.ok());
        CHECK((*found)->ai_next == nullptr);
    }
}

TEST_CASE("host lookup: what the resolver says comes back, good or bad") {
    const auto number = resolve("127.0.0.1", 80);
    REQUIRE(number.ok());
    const auto found = look_up("some.host", 80, 30s, [&number](const std::string& host, std::uint16_t port) -> result<host_addresses> {
        CHECK(host == "some.host");
        CHECK(port == 80);
        return *number;
    });
    REQUIRE(found.ok());
    CHECK(*found == *number);
    const auto refused = look_up("some.host", 80, 30s, [](const std::string&, std::uint16_t) -> result<host_addresses> {
        return error{errc::connect_failed, "no such host"};
    });
    CHECK(refused.failure().text == "no such host");
}

TEST_CASE("host lookup: a resolver that does not answer holds up nobody for longer than was allowed") {
    silent_resolver silent;
    const auto waited = look_up("some.host", 80, 1ms, silent.ask());
    CHECK(waited.code() == errc::connect_failed);
    CHECK(waited.failure().text.find("some.host:80: the resolver has not answered within 1 ms") != std::string::npos);
    CHECK(lookups_running() == 1);
    silent.release();
}

TEST_CASE("host lookup: only so many wait for a resolver that does not answer") {
    silent_resolver silent;
    for (std::size_t i = 0; i < lookups_max; ++i)
        CHECK_FALSE(look_up("some.host", 80, 0ms, silent.ask()).ok());
    const auto refused = look_up("some.host", 80, 30s, silent.ask());
    CHECK(refused.failure().text.find("64 look-ups wait for the resolver already") != std::string::npos);
    CHECK(look_up("127.0.0.1", 80, 0ms, silent.ask()).ok());
    silent.release();
    CHECK(lookups_running() == 0);
}
