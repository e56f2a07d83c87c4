#include "client/internal/allocation.hpp"

#include <doctest/doctest.h>

#include <set>

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

} // namespace

TEST_CASE("allocation: every queue has exactly one owner, and shares differ by at most one") {
    for (int queues = 0; queues <= 17; ++queues)
        for (int clients = 1; clients <= 9; ++clients) {
            CAPTURE(queues);
            CAPTURE(clients);
            std::multiset<message_queue> owned;
            std::size_t smallest = 1000;
            std::size_t largest = 0;
            for (const auto& id : make_clients(clients)) {
                const auto share = allocate_average(make_queues(queues), make_clients(clients), id);
                owned.insert(share.begin(), share.end());
                smallest = std::min(smallest, share.size());
                largest = std::max(largest, share.size());
            }
            const auto all = make_queues(queues);
            CHECK(std::vector<message_queue>(owned.begin(), owned.end()) == all);
            CHECK(largest - smallest <= 1);
        }
}

TEST_CASE("allocation: the shares are those of RocketMQ's formula") {
    // size = 1 if q <= c, else q/c + (1 if i < m); start = i*size if i < m, else i*size + m
    for (int q = 1; q <= 20; ++q)
        for (int c = 1; c <= 8; ++c)
            for (int i = 0; i < c; ++i) {
                CAPTURE(q);
                CAPTURE(c);
                CAPTURE(i);
                const int m = q % c;
                const int size = q <= c ? 1 : q / c + (i < m ? 1 : 0);
                const int start = (m > 0 && i < m) ? i * size : i * size + m;
                std::vector<message_queue> expected;
                for (int k = start; k < std::min(start + size, q); ++k)
                    expected.push_back({"orders", "broker-a", k});
                CHECK(allocate_average(make_queues(q), make_clients(c), "client-" + std::to_string(i)) == expected);
            }
}

TEST_CASE("allocation: the order in which brokers list queues and members does not matter") {
    auto queues = make_queues(4, "broker-b");
    for (const auto& queue : make_queues(4))
        queues.push_back(queue);
    const std::vector<std::string> shuffled{"client-2", "client-0", "client-1", "client-0"};
    const auto share = allocate_average(queues, shuffled, "client-1");
    REQUIRE(share.size() == 3);
    CHECK(share.front() == message_queue{"orders", "broker-a", 3});
    CHECK(share.back() == message_queue{"orders", "broker-b", 1});
}

TEST_CASE("allocation: a client that is not on the list gets nothing") {
    CHECK(allocate_average(make_queues(4), make_clients(2), "stranger").empty());
    CHECK(allocate_average(make_queues(4), {}, "stranger").empty());
}

TEST_CASE("allocation: a change names what is lost and what is new") {
    const auto change = compare_assignments(make_queues(3), {{"orders", "broker-a", 2}, {"orders", "broker-a", 5}});
    CHECK(change.released == std::vector<message_queue>{{"orders", "broker-a", 0}, {"orders", "broker-a", 1}});
    CHECK(change.acquired == std::vector<message_queue>{{"orders", "broker-a", 5}});
}
