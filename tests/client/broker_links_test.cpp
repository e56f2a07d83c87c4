#include "client/internal/broker_links.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

const time_point start{1000s};
const std::string a_key = broker_links::key_of("a", "host:1");
const std::string b_key = broker_links::key_of("b", "host:2");

using keys = std::vector<std::string>;

keys due(broker_links& links, time_point now) {
    keys all;
    for (const auto& [key, broker] : links.take_due(now))
        all.push_back(key);
    return all;
}

/// Heartbeats every 30 s, after a failed one the next in 500 ms; brokers a and b, both told at the start.
struct two_brokers {
    two_brokers() {
        links.add("a", "host:1", {}, start);
        links.add("b", "host:2", {}, start);
        REQUIRE(due(links, start) == keys{a_key, b_key});
        REQUIRE(links.accepted(a_key, links.version(), start));
        REQUIRE(links.accepted(b_key, links.version(), start));
    }
    broker_links links{30s, 500ms};
};

} // namespace

TEST_CASE("broker_links: a broker is told at once, one heartbeat at a time, and again after the interval") {
    broker_links links{30s, 500ms};
    CHECK_FALSE(links.next_due());
    links.add("a", "host:1", {}, start);
    CHECK(links.next_due() == start);
    CHECK(due(links, start) == keys{a_key});
    CHECK_FALSE(links.next_due());
    CHECK(due(links, start + 1h).empty()); // it has not answered
    CHECK(links.accepted(a_key, 0, start + 1s));
    CHECK(links.next_due() == start + 30s);
    CHECK(due(links, start + 29s).empty());
    CHECK(due(links, start + 30s) == keys{a_key});
    CHECK_FALSE(links.accepted(a_key, 0, start + 31s)); // no news for it
}

TEST_CASE_FIXTURE(two_brokers, "broker_links: after a heartbeat that failed the next comes a retry later, whatever asks for it meanwhile") {
    links.changed_for_all(start + 1s);
    REQUIRE(due(links, start + 1s) == keys{a_key, b_key});
    links.changed_for_all(start + 2s);
    links.refused(a_key, start + 3s);
    CHECK_FALSE(links.find("a")->knows);
    CHECK(links.next_due() == start + 3s + 500ms);
    CHECK(due(links, start + 3s).empty());
    CHECK(due(links, start + 3s + 500ms) == keys{a_key});
    CHECK(links.accepted(a_key, links.version(), start + 4s)); // what it had accepted before counts no more
}

TEST_CASE_FIXTURE(two_brokers, "broker_links: what changed while a heartbeat was under way is told as soon as that is answered") {
    links.changed_for_all(start + 1s);
    const auto told = links.version();
    REQUIRE(due(links, start + 1s) == keys{a_key, b_key});
    links.changed();
    CHECK(links.accepted(a_key, told, start + 2s));
    CHECK(links.next_due() == start + 2s);
    CHECK(due(links, start + 2s) == keys{a_key});
    CHECK(links.accepted(a_key, links.version(), start + 3s));
    CHECK(due(links, start + 3s).empty());
}

TEST_CASE_FIXTURE(two_brokers, "broker_links: brokers that are told otherwise get no heartbeat for a change") {
    links.changed();
    CHECK(links.next_due() == start + 30s);
}

TEST_CASE_FIXTURE(two_brokers, "broker_links: who lost our connection is told a retry later, who has another at once") {
    links.lost("a", start + 1s);
    CHECK(links.next_due() == start + 1s + 500ms);
    links.disconnected("host:1", start + 2s); // no later for it
    CHECK(links.next_due() == start + 1s + 500ms);
    links.disconnected("host:2", start + 2s);
    CHECK(due(links, start + 1s + 500ms) == keys{a_key});
    CHECK(due(links, start + 2s + 500ms) == keys{b_key});
    CHECK(links.accepted(a_key, links.version(), start + 3s)); // the same as before, but it had forgotten
    CHECK(links.accepted(b_key, links.version(), start + 3s));
    links.reconnected("host:1", start + 4s);
    CHECK(due(links, start + 4s) == keys{a_key});
    links.reconnected("elsewhere:1", start + 5s);
    links.lost("nobody", start + 5s);
    CHECK(due(links, start + 6s).empty());
}

TEST_CASE_FIXTURE(two_brokers, "broker_links: what leaves the routes is gone, and its late answer changes nothing") {
    links.changed_for_all(start + 1s);
    REQUIRE(due(links, start + 1s) == keys{a_key, b_key});
    links.keep_only({b_key});
    CHECK(links.find("a") == nullptr);
    CHECK(links.find("a", "host:1") == nullptr);
    CHECK(links.find("b", "host:1") == nullptr);
    REQUIRE(links.find("b") != nullptr);
    CHECK(links.find("b") == links.find("b", "host:2"));
    CHECK_FALSE(links.accepted(a_key, links.version(), start + 2s));
    links.refused(a_key, start + 2s);
    CHECK(links.all().size() == 1);
    links.add("a", "host:3", {}, start + 3s); // the broker has moved
    CHECK(due(links, start + 3s) == keys{broker_links::key_of("a", "host:3")});
}
