#include "bench/load_generator.hpp"
#include "bench/raw_limits.hpp"
#include "testing/node.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/support/loopback_listener.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace troupe;
using namespace troupe::bench;

TEST_CASE("send_load: what an open loop owed and got no answer for counts as late") {
    const test_support::loopback_listener broker; // takes connections and never answers
    send_load load;
    load.broker = *protocol::parse_host_address(broker.address());
    load.topic = "t";
    load.senders = 2;
    load.window = 4;
    load.rate = 1000;
    load.warm_up = std::chrono::milliseconds{0};
    load.measure = std::chrono::milliseconds{400};
    const auto report = run_send_load(load);
    REQUIRE(report.ok());
    CHECK(report->messages == 0);
    CHECK(report->overdue >= 390);
    CHECK(report->overdue <= 401);
    CHECK(report->latency.count() == report->overdue);
    CHECK(report->latency.max() >= 399'000'000);
    CHECK(report->latency.percentile(0.5) > 150'000'000);
}

TEST_CASE("send_load: a one-way load keeps to its rate, and counts what the queues hold") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto broker = protocol::parse_host_address(node.broker_address());
    REQUIRE(broker.ok());
    REQUIRE(run_create_topics(*broker, "oneway", 1, 2, 1).ok());
    send_load load;
    load.broker = *broker;
    load.topic = "oneway0";
    load.queues = 2;
    load.senders = 2;
    load.oneway = true;
    load.rate = 500;
    load.measure = std::chrono::milliseconds{1000};
    const auto report = run_send_load(load);
    REQUIRE_MESSAGE(report.ok(), (report.ok() ? "" : to_string(report.failure())));
    CHECK(report->messages + report->overdue >= 490);
    CHECK(report->messages <= 501);
}

TEST_CASE("raw_limits: dropping the page cache leaves nothing of the files in it, and reading brings them back") {
    const testing::temporary_directory directory;
    std::ofstream{directory.path() / "00000000000000000000"} << std::string(8u << 20, 'x');
    std::ofstream{directory.path() / "no-segment"} << std::string(1u << 20, 'x');
    REQUIRE(drop_page_cache(directory.path()).ok());
    CHECK(*cached_fraction(directory.path()) == 0);
    REQUIRE(raw_sequential_reads(directory.path(), 1u << 20).ok());
    CHECK(*cached_fraction(directory.path()) == 1);
}
