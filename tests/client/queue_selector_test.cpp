#include "client/internal/queue_selector.hpp"

#include "protocol/message_codec.hpp"

#include <doctest/doctest.h>

#include <map>
#include <stdexcept>

using namespace troupe;
using namespace troupe::client;

namespace {

const std::vector<message_queue> queues{{"t", "a", 0}, {"t", "a", 1}, {"t", "b", 0}, {"t", "b", 1}};

} // namespace

TEST_CASE("queue_selector: without a choice the queues take turns") {
    queue_selector selector{2};
    std::map<message_queue, int> count;
    for (int i = 0; i < 40; ++i)
        ++count[*selector.select(queues, {}, "", "")];
    for (const auto& queue : queues)
        CHECK(count[queue] == 10);
}

TEST_CASE("queue_selector: a retry avoids the broker that failed, unless there is no other") {
    queue_selector selector;
    for (int i = 0; i < 8; ++i)
        CHECK(selector.select(queues, {}, "", "a")->broker_name == "b");
    const std::vector<message_queue> one{{"t", "a", 0}, {"t", "a", 1}};
    CHECK(selector.select(one, {}, "", "a").ok());
}

TEST_CASE("queue_selector: a key picks the queue of Java's hash code, also when that is negative") {
    queue_selector selector;
    bool negative_seen = false;
    for (int i = 0; i < 200; ++i) {
        const auto key = "customer-" + std::to_string(i);
        const auto hash = static_cast<std::int64_t>(troupe::protocol::tag_hash(key));
        negative_seen = negative_seen || hash < 0;
        const auto& expected = queues[static_cast<std::size_t>(hash < 0 ? -hash : hash) % queues.size()];
        CHECK(*selector.select(queues, queue_choice::by_key(key), "", "") == expected);
        CHECK(*selector.select(queues, {}, key, "a") == expected); // pinned: stays although the broker failed
    }
    CHECK(negative_seen);
}

TEST_CASE("queue_selector: a named queue must exist, and a function must stay in range") {
    queue_selector selector;
    CHECK(*selector.select(queues, queue_choice::exactly({"t", "b", 1}), "", "") == message_queue{"t", "b", 1});
    CHECK(selector.select(queues, queue_choice::exactly({"t", "b", 2}), "", "").code() == errc::queue_not_found);
    const auto last = queue_choice::by([](std::span<const message_queue> all) { return all.size() - 1; });
    CHECK(*selector.select(queues, last, "", "") == queues.back());
    const auto beyond = queue_choice::by([](std::span<const message_queue> all) { return all.size(); });
    CHECK(selector.select(queues, beyond, "", "").code() == errc::queue_not_found);
}

TEST_CASE("queue_selector: what the caller's function throws becomes a failure that says so") {
    queue_selector selector;
    const auto throws = queue_choice::by([](std::span<const message_queue>) -> std::size_t { throw std::runtime_error{"no idea"}; });
    const auto chosen = selector.select(queues, throws, "", "");
    REQUIRE(chosen.code() == errc::argument_illegal);
    CHECK(chosen.failure().text.find("no idea") != std::string::npos);
    const auto throws_a_number = queue_choice::by([](std::span<const message_queue>) -> std::size_t { throw 42; });
    CHECK(selector.select(queues, throws_a_number, "", "").code() == errc::argument_illegal);
}

TEST_CASE("queue_selector: only round-robin is free to move on a retry") {
    CHECK_FALSE(is_pinned({}, ""));
    CHECK(is_pinned({}, "key"));
    CHECK(is_pinned(queue_choice::by_key("key"), ""));
    CHECK(is_pinned(queue_choice::exactly({"t", "a", 0}), ""));
}
