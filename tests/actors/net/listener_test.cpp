#include "actors/messages/type_ids.hpp"
#include "actors/name_server/name_server_node.hpp"
#include "actors/net/name_server_proxy.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/random_seed.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/resident_memory.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <doctest/doctest.h>

#include <random>
#include <sys/resource.h>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using test_support::raw_client;
using test_support::resident_bytes;

namespace {

struct config : caf::actor_system_config {
    config() {
        load<caf::io::middleman>();
        register_types(*this);
    }
};

/// A name server on a port of its own.
struct served {
    config settings;
    caf::actor_system system{settings};
    net::listener_options options;
    name_server_node node;

    explicit served(net::listener_options with = {}) : options{std::move(with)} {
        auto spawned = spawn_name_server_node(system, options);
        REQUIRE_MESSAGE(spawned.ok(), (spawned.ok() ? "" : spawned.failure().text));
        node = std::move(*spawned);
    }
    ~served() { stop(system, node); }

    [[nodiscard]] std::uint16_t port() const { return node.listener.port; }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port()); }

    void add_topics(int count) {
        register_broker order{"DefaultCluster", "a", broker_id{0}, "10.0.0.1:10911", 0, {}, {}};
        order.topics.version.counter = 1;
        for (int index = 0; index < count; ++index) {
            const auto name = "topic-with-a-name-of-some-length-" + std::to_string(index);
            order.topics.topics[name] = topic_config{name, 4, 4, 6, 0, false, {}};
        }
        caf::scoped_actor self{system};
        self->request(node.name_server, 10s, order).receive([](const broker_registered&) {}, [](const caf::error&) { FAIL("refused"); });
    }
};

protocol::remoting_command request(std::int32_t code, std::int32_t opaque = 1) {
    protocol::remoting_command command;
    command.code = code;
    command.opaque = opaque;
    return command;
}

/// The connection still works, and so does the process.
void check_serves(raw_client& client) {
    auto answer = client.ask(request(protocol::request_code::get_broker_cluster_info, 77));
    REQUIRE(answer);
    CHECK(answer->code == protocol::response_code::success);
    CHECK(answer->opaque == 77);
}

std::string big_endian(std::uint32_t value) {
    return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
}

} // namespace

TEST_CASE("a taken port is refused with an error that names host and port") {
    served first;
    net::listener_options options;
    options.port = first.port();
    auto second = spawn_name_server_node(first.system, options);
    REQUIRE_FALSE(second.ok());
    CHECK(second.code() == errc::address_in_use);
    CHECK(second.failure().text.find(first.address()) != std::string::npos);
}

TEST_CASE("a host that is no number is refused") {
    served first;
    net::listener_options options;
    options.host = "no-such-host";
    CHECK(spawn_name_server_node(first.system, options).code() == errc::argument_illegal);
}

TEST_CASE("an unknown request is answered as not supported, a one-way request not at all") {
    served server;
    raw_client client{server.port()};
    auto oneway = request(4711, 1);
    oneway.flag = protocol::command_flag::oneway;
    REQUIRE(client.send(protocol::encode_frame(oneway)));
    auto answer = client.ask(request(4712, 2));
    REQUIRE(answer);
    CHECK(answer->code == protocol::response_code::request_code_not_supported);
    CHECK(answer->opaque == 2);
    CHECK(answer->is_response());
}

TEST_CASE("answers have the header form of their request") {
    served server;
    raw_client client{server.port()};
    for (const auto codec : {protocol::header_codec::json, protocol::header_codec::binary}) {
        auto command = request(protocol::request_code::get_broker_cluster_info);
        command.codec = codec;
        auto answer = client.ask(command);
        REQUIRE(answer);
        CHECK(answer->codec == codec);
    }
}

// Goal: whatever bytes a peer sends cost its own connection only.
TEST_CASE("garbage, lying lengths and frames over the limit close their own connection only") {
    served server;
    raw_client good{server.port()};
    check_serves(good);
    const std::string bad[] = {
        std::string(64, '\xff'),
        big_endian(0) + "x",
        big_endian(3) + "abc",
        big_endian(0x7fffffff),
        big_endian(limits::frame_bytes_max - 3) + std::string(100, 'x'),
        big_endian(8) + std::string("\0\0\0\x40{}{}", 8),   // a header longer than its frame
        big_endian(8) + std::string("\x09\0\0\x04{}{}", 8), // a header form that does not exist
        "GET / HTTP/1.1\r\nHost: broker\r\n\r\n",
    };
    for (const auto& bytes : bad) {
        raw_client client{server.port()};
        REQUIRE(client.send(bytes));
        CHECK(client.wait_closed());
        check_serves(good);
    }
}

TEST_CASE("random bytes never harm anybody else") {
    served server;
    raw_client good{server.port()};
    const auto seed = test_support::random_seed("random bytes to a listener", 20'261'122);
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    for (int round = 0; round < 200; ++round) {
        raw_client client{server.port()};
        REQUIRE(client.is_connected());
        std::string bytes;
        if (random() % 2 == 0) // half of them begin as a frame would
            bytes = big_endian(static_cast<std::uint32_t>(4 + random() % 64)) + big_endian(static_cast<std::uint32_t>(random() % 64));
        for (auto left = random() % 200; left > 0; --left)
            bytes.push_back(static_cast<char>(random()));
        client.send(bytes);
    }
    check_serves(good);
}

TEST_CASE("a frame of exactly the limit is taken") {
    served server;
    raw_client client{server.port()};
    auto command = request(4711);
    const auto head = protocol::encode_frame_head(command, 0).value().size();
    command.body = payload{std::string(limits::frame_bytes_max - head, 'x')};
    auto answer = client.ask(command);
    REQUIRE(answer);
    CHECK(answer->code == protocol::response_code::request_code_not_supported);
}

TEST_CASE("half a frame for ever is cut off, an idle connection too") {
    net::listener_options options;
    options.half_frame_timeout = 300ms;
    served server{options};
    raw_client half{server.port()};
    REQUIRE(half.send(big_endian(100) + "abc"));
    raw_client good{server.port()};
    CHECK(half.wait_closed());
    check_serves(good);

    net::listener_options impatient;
    impatient.idle_timeout = 300ms;
    served other{impatient};
    raw_client idle{other.port()};
    CHECK(idle.wait_closed());
}

// Goal: a peer that asks for much and reads nothing costs a bounded amount of memory, and nobody else anything.
TEST_CASE("a reader that never reads is not read from any more, and others are served") {
    served server;
    server.add_topics(20'000); // an answer of about a megabyte
    const auto before = resident_bytes();
    raw_client hungry{server.port()};
    std::string requests;
    for (int index = 0; index < 1'000; ++index)
        requests += protocol::encode_frame(request(protocol::request_code::get_all_topic_list_from_nameserver, index));
    REQUIRE(hungry.send(requests));
    raw_client good{server.port()};
    for (int round = 0; round < 20; ++round)
        check_serves(good);
    CHECK(resident_bytes() < before + (300u << 20)); // a thousand answers would take a gigabyte
}

// Goal: connections that each stay inside their own bounds cannot take all memory together.
TEST_CASE("many unfinished requests together are bounded, and the connections that keep most are dropped") {
    net::listener_options options;
    options.kept_bytes_max = 2u << 20;
    served server{options};
    raw_client good{server.port()};
    check_serves(good);
    std::vector<raw_client> clients;
    for (int index = 0; index < 8; ++index) { // 2.4 MiB, and the buffers of their next reads
        clients.emplace_back(server.port());
        REQUIRE(clients.back().is_connected());
        clients.back().send(big_endian(1u << 20) + std::string(300u << 10, '\0'));
    }
    std::size_t dropped = 0;
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (dropped == 0 && std::chrono::steady_clock::now() < end)
        for (auto& client : clients)
            dropped += client.wait_closed(10ms) ? 1u : 0u;
    CHECK(dropped > 0);
    CHECK(dropped < clients.size());
    check_serves(good);
    raw_client late{server.port()}; // the port itself goes on
    check_serves(late);
}

TEST_CASE("thousands of connections are served, and beyond the bound they are closed") {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const std::size_t count = limit.rlim_cur >= 10'000 ? 3'000 : 300;
    net::listener_options options;
    options.connections_max = count;
    served server{options};
    std::vector<raw_client> clients;
    for (std::size_t index = 0; index < count; ++index) {
        clients.emplace_back(server.port());
        REQUIRE(clients.back().is_connected());
    }
    check_serves(clients.front());
    check_serves(clients.back());
    raw_client excess{server.port()};
    CHECK(excess.wait_closed());
    check_serves(clients.back());
}

// ---- through the proxy ----------------------------------------------------------------------------------------------

namespace {

template <class Answer, class Order>
result<Answer> ask(caf::actor_system& system, const name_server_actor& server, const Order& order) {
    caf::scoped_actor self{system};
    result<Answer> outcome = error{errc::internal, "nothing came back"};
    self->request(server, 20s, order)
        .receive([&](Answer& answer) { outcome = std::move(answer); }, [&](caf::error& failure) { outcome = to_error(failure); });
    return outcome;
}

register_broker registration(const std::string& name) {
    register_broker order{"DefaultCluster", name, broker_id{0}, "10.0.0.1:10911", 0, {}, {}};
    order.topics.version = {0, 1'700'000'000'000, 1};
    order.topics.topics["orders"] = topic_config{"orders", 3, 5, 6, 0, false, {}};
    return order;
}

} // namespace

TEST_CASE("a name server behind a proxy answers as if it were here") {
    served server;
    auto proxy = net::spawn_name_server_proxy(server.system, server.address());
    CHECK(ask<route_found>(server.system, proxy, find_route{"orders"}).code() == errc::topic_not_found);
    CHECK(ask<broker_registered>(server.system, proxy, registration("a")).ok());
    CHECK(ask<broker_registered>(server.system, proxy, broker_heartbeat{"DefaultCluster", "a", "10.0.0.1:10911"}).ok());
    const auto route = ask<route_found>(server.system, proxy, find_route{"orders"});
    REQUIRE(route.ok());
    CHECK(route->route.queues == std::vector<protocol::queue_data>{{"a", 3, 5, 6, 0}});
    CHECK(route->route.brokers.at(0).addresses.at(0) == "10.0.0.1:10911");
    const auto cluster = ask<cluster_described>(server.system, proxy, describe_cluster{});
    REQUIRE(cluster.ok());
    CHECK(cluster->info.clusters.at("DefaultCluster") == std::vector<std::string>{"a"});
    CHECK(ask<all_topics>(server.system, proxy, list_all_topics{})->names == std::vector<std::string>{"orders"});
    CHECK(ask<route_forgotten>(server.system, proxy, forget_route{"orders"}).ok());
    CHECK(ask<route_found>(server.system, proxy, find_route{"orders"}).code() == errc::topic_not_found);
    CHECK(ask<broker_unregistered>(server.system, proxy, unregister_broker{"DefaultCluster", "a", broker_id{0}, "10.0.0.1:10911"}).ok());
    caf::anon_send_exit(proxy, caf::exit_reason::user_shutdown);
}

TEST_CASE("the end of a broker's connection takes it out of the routes at once") {
    served server;
    auto proxy = net::spawn_name_server_proxy(server.system, server.address());
    REQUIRE(ask<broker_registered>(server.system, proxy, registration("a")).ok());
    REQUIRE(ask<route_found>(server.system, server.node.name_server, find_route{"orders"}).ok());
    caf::anon_send_exit(proxy, caf::exit_reason::user_shutdown);
    const auto is_gone = [&] {
        return ask<route_found>(server.system, server.node.name_server, find_route{"orders"}).code() == errc::topic_not_found;
    };
    test_support::await("the route to go", is_gone, 10s); // much less than the expiry of 120 s
}

TEST_CASE("a proxy fails at once when nobody listens, and works when somebody does again") {
    config settings;
    caf::actor_system system{settings};
    auto first = spawn_name_server_node(system, {});
    REQUIRE(first.ok());
    net::listener_options same;
    same.port = first->listener.port;
    const auto address = "127.0.0.1:" + std::to_string(same.port);
    auto proxy = net::spawn_name_server_proxy(system, address);
    REQUIRE(ask<broker_registered>(system, proxy, registration("a")).ok());
    stop(system, *first);
    CHECK_FALSE(ask<all_topics>(system, proxy, list_all_topics{}).ok());
    auto second = spawn_name_server_node(system, same);
    REQUIRE(second.ok());
    test_support::await("an answer of the second server", [&] { return ask<all_topics>(system, proxy, list_all_topics{}).ok(); });
    // The restarted server does not know the broker, and the proxy says so instead of asking.
    CHECK(ask<broker_registered>(system, proxy, broker_heartbeat{"DefaultCluster", "a", "10.0.0.1:10911"}).code() == errc::connection_lost);
    caf::anon_send_exit(proxy, caf::exit_reason::user_shutdown);
    stop(system, *second);
}

TEST_CASE("what is asked of a port or a proxy that has ended is answered with that, and holds neither") {
    config settings;
    caf::actor_system system{settings};
    auto node = spawn_name_server_node(system, {});
    REQUIRE(node.ok());
    auto proxy = net::spawn_name_server_proxy(system, "127.0.0.1:" + std::to_string(node->listener.port));
    REQUIRE(ask<broker_registered>(system, proxy, registration("a")).ok());
    const auto listener = caf::actor_cast<caf::actor>(node->listener.handle);
    caf::scoped_actor self{system};
    for (const auto& ended : {listener, caf::actor_cast<caf::actor>(proxy)}) {
        self->send_exit(ended, caf::exit_reason::user_shutdown);
        self->wait_for(ended);
        self->request(ended, 5s, list_all_topics{})
            .receive([](const all_topics&) { FAIL("it has ended"); },
                     [](const caf::error& failure) { CHECK(failure == caf::sec::request_receiver_down); });
    }
    stop(system, *node);
}

TEST_CASE("a proxy for an address that is none fails every request") {
    config settings;
    caf::actor_system system{settings};
    auto proxy = net::spawn_name_server_proxy(system, "nonsense");
    CHECK(ask<all_topics>(system, proxy, list_all_topics{}).code() == errc::argument_illegal);
    caf::anon_send_exit(proxy, caf::exit_reason::user_shutdown);
}
