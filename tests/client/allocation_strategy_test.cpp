#include "client/allocation_strategy.hpp"
#include "client/internal/assignment_change.hpp"
#include "client/internal/hash_ring.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

using namespace troupe::client;

namespace {

std::vector<message_queue> make_queues(int count, const std::string& broker_name = "broker-a") {
    std::vector<message_queue> queues;
    for (int i = 0; i < count; ++i)
        queues.push_back({"orders", broker_name, i});
    return queues;
}

std::vector<std::string> make_clients(int count) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i)
        ids.push_back("client-" + std::to_string(i));
    return ids;
}

/// Rooms of the names in tests/data/allocations.tsv, see tests/client/apache/Allocations.java.
std::string room_of_queue(const message_queue& queue) {
    return queue.broker_name.substr(4, 1);
}
std::string room_of_client(const std::string& id) {
    return id.substr(5, 1);
}

allocation_strategy strategy_of(const std::string& name) {
    if (name == "AVG")
        return {};
    if (name == "AVG_BY_CIRCLE")
        return allocation_strategy::averagely_by_circle();
    if (name == "CONSISTENT_HASH")
        return allocation_strategy::consistent_hash();
    if (name == "CONSISTENT_HASH/3")
        return allocation_strategy::consistent_hash(3);
    if (name == "MACHINE_ROOM")
        return allocation_strategy::by_machine_room({"room0", "room2"});
    if (name == "MACHINE_ROOM_NEARBY-AVG")
        return allocation_strategy::machine_room_nearby({}, room_of_queue, room_of_client);
    if (name == "MACHINE_ROOM_NEARBY-AVG_BY_CIRCLE")
        return allocation_strategy::machine_room_nearby(allocation_strategy::averagely_by_circle(), room_of_queue, room_of_client);
    throw std::invalid_argument{"no strategy is named " + name};
}

/// What Java printed for one case: see tests/client/apache/Allocations.java.
std::string shares(const allocation_strategy& strategy, int brokers, int each, int count) {
    std::vector<message_queue> queues;
    for (int b = 0; b < brokers; ++b)
        for (int q = 0; q < each; ++q)
            queues.push_back({"orders", "room" + std::to_string(b % 3) + "@broker-" + std::to_string(b), q});
    std::sort(queues.begin(), queues.end());
    std::vector<std::string> ids;
    for (int c = 0; c < count; ++c)
        ids.push_back("10.0." + std::to_string(c % 3) + "." + std::to_string(c) + "@" + std::to_string(1000 + c));
    std::string text;
    for (const auto& id : ids) {
        bool first = true;
        for (const auto& queue : strategy.allocate(queues, ids, id)) {
            const auto at = std::find(queues.begin(), queues.end(), queue);
            text += (first ? "" : ",") + std::to_string(at - queues.begin());
            first = false;
        }
        text += ';';
    }
    return text;
}

std::vector<allocation_strategy> complete_strategies() {
    return {allocation_strategy::averagely(), allocation_strategy::averagely_by_circle(), allocation_strategy::consistent_hash(),
            allocation_strategy::machine_room_nearby(
                {}, [](const message_queue& queue) { return std::to_string(queue.queue % 3); },
                [](const std::string& id) { return std::to_string(id.back() % 2); })};
}

} // namespace

TEST_CASE("allocation: shares are those of RocketMQ's own classes") {
    std::ifstream cases{TROUPE_ALLOCATIONS};
    REQUIRE(cases.good());
    std::string line;
    int seen = 0;
    while (std::getline(cases, line)) {
        std::istringstream fields{line};
        std::string name;
        std::string expected;
        int brokers = 0;
        int each = 0;
        int members = 0;
        REQUIRE(static_cast<bool>(std::getline(fields, name, '\t')));
        REQUIRE(static_cast<bool>(fields >> brokers >> each >> members >> expected));
        CAPTURE(line);
        CHECK(shares(strategy_of(name), brokers, each, members) == expected);
        ++seen;
    }
    CHECK(seen == 294);
}

TEST_CASE("allocation: every queue has exactly one owner, whatever the order of the lists") {
    for (const auto& strategy : complete_strategies())
        for (int queues = 0; queues <= 17; ++queues)
            for (int clients = 1; clients <= 9; ++clients) {
                CAPTURE(strategy.name());
                CAPTURE(queues);
                CAPTURE(clients);
                auto backwards = make_queues(queues);
                std::reverse(backwards.begin(), backwards.end());
                auto twice = make_clients(clients);
                twice.insert(twice.begin(), twice.back());
                std::multiset<message_queue> owned;
                for (const auto& id : make_clients(clients)) {
                    const auto share = strategy.allocate(backwards, twice, id);
                    owned.insert(share.begin(), share.end());
                }
                CHECK(std::vector<message_queue>(owned.begin(), owned.end()) == make_queues(queues));
            }
}

TEST_CASE("allocation: on a hash ring only the queues of a member that leaves move") {
    const auto strategy = allocation_strategy::consistent_hash();
    const auto queues = make_queues(64);
    const auto before = make_clients(8);
    const std::vector<std::string> after{before.begin(), before.end() - 1};
    for (const auto& id : after) {
        const auto had = strategy.allocate(queues, before, id);
        const auto has = strategy.allocate(queues, after, id);
        CAPTURE(id);
        CHECK(std::includes(has.begin(), has.end(), had.begin(), had.end()));
    }
    CHECK(allocation_strategy::consistent_hash(0).allocate(queues, before, before[0]).empty());
}

TEST_CASE("allocation: a configured member reads what exists of its queues, and its group's failed messages") {
    auto configured = make_queues(2);
    configured.push_back({"orders", "broker-gone", 0});
    const auto strategy = allocation_strategy::by_config(configured);
    CHECK(strategy.allocate(make_queues(4), make_clients(2), "client-1") == make_queues(2));
    CHECK(strategy.allocate({{"payments", "broker-a", 0}}, make_clients(2), "client-0").empty());
    const message_queue retry{"%RETRY%billing", "broker-a", 0};
    CHECK(strategy.allocate({retry}, make_clients(2), "client-0") == std::vector<message_queue>{retry});
    CHECK(strategy.allocate({retry}, make_clients(2), "client-1").empty());
}

TEST_CASE("allocation: one's own rule may not invent queues") {
    const auto strategy = allocation_strategy::custom("GREEDY", [](auto queues, const auto&, const auto&) {
        queues.push_back({"secrets", "broker-a", 0});
        return queues;
    });
    CHECK(strategy.name() == "GREEDY");
    CHECK(strategy.allocate(make_queues(3), make_clients(2), "client-1") == make_queues(3));
}

TEST_CASE("allocation: a client that is not on the list gets nothing") {
    for (const auto& strategy : complete_strategies()) {
        CHECK(strategy.allocate(make_queues(4), make_clients(2), "stranger").empty());
        CHECK(strategy.allocate(make_queues(4), {}, "stranger").empty());
    }
}

TEST_CASE("allocation: a change names what is lost and what is new") {
    const auto change = compare_assignments(make_queues(3), {{"orders", "broker-a", 2}, {"orders", "broker-a", 5}});
    CHECK(change.released == std::vector<message_queue>{{"orders", "broker-a", 0}, {"orders", "broker-a", 1}});
    CHECK(change.acquired == std::vector<message_queue>{{"orders", "broker-a", 5}});
}
