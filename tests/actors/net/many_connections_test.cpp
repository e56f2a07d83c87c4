#include "actors/wire/wire.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/actors/wire_world.hpp"
#include "tests/support/resident_memory.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <sys/resource.h>

// Many clients of one broker, over real sockets: those that are silent cost little, and those that misbehave cost nobody else anything.

using namespace troupe;
using namespace troupe::actors;
using protocol::remoting_command;
using test_support::raw_client;
using test_support::resident_bytes;
namespace request = protocol::request_code;

namespace {

constexpr std::size_t idle_connections = 2'000;
constexpr std::size_t busy_connections = 64;
/// Both ends of each connection are in this process.
constexpr rlim_t descriptors_needed = 2 * (idle_connections + busy_connections) + 500;
/// Of both ends: CAF's read buffer of 4 KiB, the session, what is known of the client.
constexpr std::size_t idle_connection_bytes_max = 24u << 10;

/// False when this process may not open that many.
bool raise_descriptors() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < descriptors_needed)
        return false;
    limit.rlim_cur = std::max(limit.rlim_cur, descriptors_needed);
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

template <class Order>
std::string frame_of(const Order& order, std::int32_t opaque) {
    auto command = net::encode_request(order);
    command.opaque = opaque;
    return protocol::encode_frame(command);
}

std::vector<raw_client> connect(const wire_world& world, std::size_t count) {
    std::vector<raw_client> clients;
    for (std::size_t number = 0; number < count; ++number) {
        clients.emplace_back(world.listener.port);
        REQUIRE(clients.back().is_connected());
    }
    return clients;
}

/// The answer of success with this number.
remoting_command answer_of(raw_client& client, std::int32_t opaque) {
    auto answer = client.receive();
    REQUIRE(answer);
    CHECK(answer->opaque == opaque);
    CHECK_MESSAGE(answer->code == protocol::response_code::success, answer->remark);
    return *answer;
}

client_heartbeat producer_heartbeat(std::size_t number) {
    client_heartbeat order;
    order.data.client_id = "idle-" + std::to_string(number);
    order.data.producer_groups = {"writers-" + std::to_string(number % 50)};
    return order;
}

/// Each client is known to the broker, and has been answered.
void beat_hearts(std::vector<raw_client>& clients, std::int32_t opaque) {
    for (std::size_t number = 0; number < clients.size(); ++number)
        REQUIRE(clients[number].send(frame_of(producer_heartbeat(number), opaque)));
    for (auto& client : clients)
        answer_of(client, opaque);
}

send_messages message(std::size_t queue, std::string body) {
    send_messages order;
    order.producer_group = "writers";
    order.topic = "orders";
    order.queue = queue_id{static_cast<std::int32_t>(queue)};
    order.body = payload{std::move(body)};
    return order;
}

pull_messages pull(std::size_t queue, queue_offset offset) {
    pull_messages order;
    order.group = "readers";
    order.topic = "orders";
    order.queue = queue_id{static_cast<std::int32_t>(queue)};
    order.offset = offset;
    order.has_expression = true;
    order.expression = "*";
    order.expression_type = "TAG";
    return order;
}

/// All clients at once send a message each, and read it back.
void work(std::vector<raw_client>& clients, int rounds) {
    for (int round = 1; round <= rounds; ++round) {
        const auto body = [round](std::size_t number) { return "round " + std::to_string(round) + " of client " + std::to_string(number); };
        for (std::size_t number = 0; number < clients.size(); ++number)
            REQUIRE(clients[number].send(frame_of(message(number % 2, body(number)), round)));
        std::vector<queue_offset> places;
        for (auto& client : clients) {
            const auto stored = net::decode_answer<messages_stored>(answer_of(client, round));
            REQUIRE(stored.ok());
            places.push_back(stored->offset);
        }
        for (std::size_t number = 0; number < clients.size(); ++number) {
            auto order = pull(number % 2, places[number]);
            order.messages_max = 1;
            REQUIRE(clients[number].send(frame_of(order, -round)));
        }
        for (std::size_t number = 0; number < clients.size(); ++number)
            CHECK(answer_of(clients[number], -round).body.view().find(body(number)) != std::string_view::npos);
    }
}

} // namespace

TEST_CASE("many connections: two thousand idle ones stay, cost little, and hold up none of the busy ones") {
    if (!raise_descriptors()) {
        MESSAGE("skipped: this process may not open " << descriptors_needed << " files; raise `ulimit -Hn`");
        return;
    }
    wire_world world;
    auto busy = connect(world, busy_connections);
    work(busy, 5);
    const auto before = resident_bytes();
    auto idle = connect(world, idle_connections);
    beat_hearts(idle, 1);
    const auto after = resident_bytes();
    const auto grown = after - std::min(before, after);
    CAPTURE(grown / idle_connections);
    CHECK(grown < idle_connections * idle_connection_bytes_max);
    work(busy, 10);
    beat_hearts(idle, 2);
}

TEST_CASE("many connections: one that asks for gigabytes and never reads keeps few of them, and disturbs nobody") {
    wire_world world;
    auto busy = connect(world, busy_connections);
    constexpr std::size_t messages = 16;
    for (std::size_t number = 0; number < messages; ++number) {
        REQUIRE(busy[0].send(frame_of(message(0, std::string(256u << 10, 'x')), 1)));
        answer_of(busy[0], 1);
    }
    work(busy, 2);
    const auto before = resident_bytes();
    constexpr std::int32_t pulls = 500; // of 2 MiB or more each
    std::string requests;
    for (std::int32_t opaque = 1; opaque <= pulls; ++opaque) {
        auto order = pull(0, queue_offset{opaque % 8});
        order.bytes_max = 8 << 20;
        requests += frame_of(order, opaque);
    }
    raw_client hungry{world.listener.port};
    REQUIRE(hungry.send(requests));
    work(busy, 5);
    CHECK(resident_bytes() < before + (100u << 20));

    // It was not forgotten either.
    std::set<std::int32_t> answered;
    for (std::int32_t number = 0; number < pulls; ++number) {
        const auto answer = hungry.receive();
        REQUIRE(answer);
        CHECK((answer->code == protocol::response_code::success || answer->code == protocol::response_code::system_busy));
        CHECK(answered.insert(answer->opaque).second);
    }
}

TEST_CASE("many connections: one that dies inside a frame leaves its group, and disturbs nobody") {
    wire_world world;
    auto busy = connect(world, busy_connections);
    const auto beat = [](raw_client& client, const std::string& id) {
        client_heartbeat order;
        order.data.client_id = id;
        order.data.consumers.push_back({"readers", {}, protocol::message_model::clustering, {}, {{"orders", "*", "TAG", 1}}});
        REQUIRE(client.send(frame_of(order, 1)));
    };
    // A notice says that the members have changed, and the next question how.
    const auto await_members = [](raw_client& client, const std::vector<std::string>& expected) {
        for (;;) {
            REQUIRE(client.send(frame_of(list_group_members{"readers"}, 3)));
            bool noticed = false;
            auto frame = client.receive();
            for (; frame && (!frame->is_response() || frame->opaque != 3); frame = client.receive())
                noticed = noticed || frame->code == request::notify_consumer_ids_changed;
            REQUIRE(frame);
            auto members = net::decode_answer<group_members>(*frame);
            REQUIRE(members.ok());
            std::sort(members->client_ids.begin(), members->client_ids.end());
            if (members->client_ids == expected)
                return;
            if (noticed)
                continue;
            auto notice = client.receive();
            while (notice && notice->is_response()) // to its heartbeat: a session answers in its own time
                notice = client.receive();
            REQUIRE(notice);
            CHECK(notice->code == request::notify_consumer_ids_changed);
        }
    };
    group_config group;
    group.name = "readers";
    REQUIRE(world.ask<group_put>(put_group{group}).ok());
    raw_client staying{world.listener.port};
    beat(staying, "staying");
    await_members(staying, {"staying"});
    const auto frame = frame_of(message(0, std::string(100'000, 'x')), 2);
    for (const std::size_t sent : {std::size_t{1}, std::size_t{6}, std::size_t{50}, std::size_t{70'000}, frame.size() - 1}) {
        CAPTURE(sent);
        {
            raw_client dying{world.listener.port};
            beat(dying, "dying");
            await_members(staying, {"dying", "staying"}); // the answer is not read: the system resets the connection at its end
            REQUIRE(dying.send(std::string_view{frame}.substr(0, sent)));
        }
        await_members(staying, {"staying"});
        work(busy, 1);
    }
}
