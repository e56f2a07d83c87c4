#include "testing/cluster.hpp"
#include "tests/scenario/load.hpp"
#include "tests/scenario/reread.hpp"

#include <doctest/doctest.h>

using namespace troupe;

namespace {

constexpr std::chrono::seconds patience{60};

/// More acknowledgements arrive, so the cluster works again (or still).
bool flows(const scenario::senders& senders, std::uint64_t more) {
    const auto until = senders.acknowledged() + more;
    return scenario::eventually(patience, [&senders, until] { return senders.acknowledged() >= until; });
}

} // namespace

// Goal: clients of a cluster of two name servers and two brokers notice nothing but latency when any one node dies.
// How:  each node in turn is killed with SIGKILL under load, left dead until the others have worked on, and restarted; in the end
//       everything is read from the beginning.
TEST_CASE("two name servers and two brokers survive the death of each in turn") {
    testing::cluster_options options;
    options.name_servers = 2;
    options.brokers = 2;
    options.node.more_broker_json = R"("heartbeat_interval": "200ms", "register_interval": "1s")";
    testing::cluster cluster{options};
    const auto started = cluster.start();
    REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : to_string(started.failure())));

    client::client_options client_options;
    client_options.name_servers = cluster.name_server_addresses();
    client_options.route_refresh = std::chrono::milliseconds{500};
    auto via = client::connection::open(client_options);
    REQUIRE(via.ok());
    topic_config topic;
    topic.name = "cluster";
    topic.read_queues = topic.write_queues = 4;
    REQUIRE(scenario::eventually(patience, [&] {
        const auto known = client::admin{*via}.describe_cluster();
        return known.ok() && known->brokers.size() == 2;
    }));
    REQUIRE(scenario::eventually(patience, [&] { return client::admin{*via}.put_topic(topic).ok(); }));

    testing::history notes;
    testing::history reread;
    {
        scenario::senders senders{*via, "cluster", 4, notes, reread};
        scenario::reader reader{*via, "cluster", "cluster-readers", notes};
        CHECK(flows(senders, 200));
        for (std::size_t i = 0; i < 2; ++i) {
            INFO("name server ", i);
            cluster.name_server(i).kill();
            CHECK(flows(senders, 200));
            CHECK(cluster.name_server(i).start().ok());
            CHECK(flows(senders, 200));
        }
        for (std::size_t i = 0; i < 2; ++i) {
            INFO("broker ", i);
            cluster.broker(i).kill();
            CHECK(flows(senders, 200));
            CHECK(cluster.broker(i).start().ok());
            CHECK(flows(senders, 200));
        }
        senders.stop();
        const bool drained = scenario::eventually(patience, [&] { return notes.complete(); });
        if (!drained) {
            cluster.print_logs();
        }
        CHECK(drained);
    }
    const auto verdict = testing::check(notes);
    CHECK_MESSAGE(verdict.good(), to_string(verdict));
    MESSAGE(to_string(verdict));
    scenario::check_everything_again(via.value(), "cluster", reread);
}

TEST_CASE("a cluster whose nodes start in the wrong order, brokers long before name servers, comes together") {
    testing::cluster_options options;
    options.name_servers = 1;
    options.brokers = 2;
    options.node.more_broker_json = R"("heartbeat_interval": "200ms", "register_interval": "1s")";
    testing::cluster cluster{options};
    REQUIRE(cluster.broker(0).start().ok());
    REQUIRE(cluster.broker(1).start().ok());
    REQUIRE(cluster.name_server(0).start().ok());
    client::client_options client_options;
    client_options.name_servers = cluster.name_server_addresses();
    auto via = client::connection::open(client_options);
    REQUIRE(via.ok());
    CHECK(scenario::eventually(patience, [&] {
        const auto known = client::admin{*via}.describe_cluster();
        return known.ok() && known->brokers.size() == 2;
    }));
}

TEST_CASE("a broker that is killed leaves the routes at once, long before its heartbeats expire") {
    testing::cluster_options options;
    options.brokers = 2;
    testing::cluster cluster{options};
    REQUIRE(cluster.start().ok());
    client::client_options client_options;
    client_options.name_servers = cluster.name_server_addresses();
    auto via = client::connection::open(client_options);
    REQUIRE(via.ok());
    const auto brokers_known = [&] {
        const auto known = client::admin{*via}.describe_cluster();
        return known.ok() ? known->brokers.size() : 0;
    };
    REQUIRE(scenario::eventually(patience, [&] { return brokers_known() == 2; }));
    cluster.broker(1).kill();
    CHECK(scenario::eventually(std::chrono::seconds{5}, [&] { return brokers_known() == 1; }));
}
