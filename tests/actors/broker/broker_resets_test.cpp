#include "tests/actors/broker_world.hpp"

#include <doctest/doctest.h>

// Offsets that an operator sets, and how the consumers of the group come to know.

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

struct resets_world : broker_world {
    resets_world() {
        make_topic("orders", 2);
        for (int i = 0; i < 5; ++i) {
            times.push_back(world.wall_clock()());
            send("m" + std::to_string(i));
            world.advance(1s);
        }
        protocol::consumer_data consumer;
        consumer.group = "readers";
        consumer.subscriptions = {{"orders", "*", "TAG", 1}};
        REQUIRE(answer<heartbeat_accepted>(client_heartbeat{{"a", {}, {consumer}}, {}}));
        REQUIRE(commit(5).ok());
    }
    template <class Answer, class Order>
    result<Answer> members_answer(Order order) {
        auto place = world.ask<Answer>(node->broker_members(), std::move(order));
        for (int i = 0; i < 100 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        return **place;
    }
    result<offsets_reset> reset(timestamp_ms time, std::int32_t queue = -1, std::int64_t offset = -1, const std::string& topic = "orders",
                                const std::string& group = "readers") {
        return members_answer<offsets_reset>(reset_offsets{group, topic, queue_id{queue}, time, queue_offset{offset}});
    }
    result<offset_committed> commit(std::int64_t offset, std::int32_t queue = 0) {
        return answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{queue}}}, queue_offset{offset}});
    }
    std::int64_t committed(const std::string& group = "readers", std::int32_t queue = 0) {
        const auto found = answer<offset_found>(query_offset{{group, {"orders", queue_id{queue}}}, false});
        return found ? found->offset.value() : -1;
    }
    messages_pulled pulled(const pull_messages& order) {
        auto answered = answer<messages_pulled>(order);
        REQUIRE(answered);
        return *answered;
    }

    std::vector<timestamp_ms> times; ///< just before message i was stored
};

} // namespace

TEST_CASE_FIXTURE(resets_world, "broker: a reset by time is committed, told to the next pull once, and answers with its offsets") {
    const auto done = reset(times[2]);
    REQUIRE(done);
    CHECK(done->offsets == protocol::queue_offsets{{{"orders", "broker-a", 0}, 2}, {{"orders", "broker-a", 1}, 0}});
    CHECK(committed() == 2);
    CHECK(committed("readers", 1) == 0);
    const auto told = pulled(pull(5));
    CHECK(told.status == pull_status::offset_moved);
    CHECK(told.next == queue_offset{2});
    CHECK(told.min == queue_offset{0});
    CHECK(told.max == queue_offset{5});
    const auto after = pulled(pull(2));
    CHECK(bodies(after) == std::vector<std::string>{"m2", "m3", "m4"});
}

TEST_CASE_FIXTURE(resets_world, "broker: what a consumer commits before it knows of a reset does not count") {
    REQUIRE(reset(timestamp_ms{0}));
    CHECK(commit(5).ok());
    CHECK(committed() == 0);
    auto order = pull(5);
    order.commit = true;
    order.commit_offset = queue_offset{5};
    CHECK(pulled(order).status == pull_status::offset_moved);
    world.advance(1s);
    CHECK(committed() == 0);
    CHECK(commit(3).ok());
    CHECK(committed() == 3);
}

TEST_CASE_FIXTURE(resets_world, "broker: a commit that came with a pull just before the reset does not undo it") {
    auto order = pull(5);
    order.commit = true;
    order.commit_offset = queue_offset{4};
    pulled(order);
    REQUIRE(reset(times[1]));
    world.advance(2s);
    CHECK(committed() == 1);
}

TEST_CASE_FIXTURE(resets_world, "broker: a consumer that begins at the new offset is not sent away again") {
    REQUIRE(reset(times[3], 0));
    CHECK(pulled(pull(3)).status == pull_status::found);
    CHECK(pulled(pull(5)).status == pull_status::no_new);
}

TEST_CASE_FIXTURE(resets_world, "broker: one queue may be set to its end, to a time or to an offset within it") {
    CHECK(reset(timestamp_ms{-1}, 0)->offsets == protocol::queue_offsets{{{"orders", "broker-a", 0}, 5}});
    CHECK(reset(times[4], 0)->offsets.begin()->second == 4);
    CHECK(reset(timestamp_ms{-1}, 0, 3)->offsets.begin()->second == 3);
    CHECK(reset(timestamp_ms{-1}, 0, 5).ok());
    CHECK(reset(timestamp_ms{-1}, 0, 6).code() == errc::argument_illegal);
    CHECK(committed() == 5);
    CHECK(reset(timestamp_ms{0}, 2).code() == errc::queue_not_found);
    CHECK(reset(timestamp_ms{0}, -1, -1, "nothing").code() == errc::topic_not_found);
    CHECK(reset(timestamp_ms{0}, -1, -1, "orders", "nobody").code() == errc::group_not_found);
}

TEST_CASE_FIXTURE(resets_world, "broker: a reset is forgotten with its topic and with its group") {
    REQUIRE(reset(timestamp_ms{0}));
    SUBCASE("topic") {
        REQUIRE(answer<topic_deleted>(delete_topic{"orders"}));
        make_topic("orders", 2);
    }
    SUBCASE("group") {
        REQUIRE(answer<group_deleted>(delete_group{"readers", true}));
    }
    CHECK(commit(1).ok());
    CHECK(committed() == 1);
}

TEST_CASE_FIXTURE(resets_world, "broker: a group continues where another is, on one topic or on all") {
    CHECK(members_answer<offsets_cloned>(clone_offsets{"nobody", "copies", "", false}).code() == errc::offset_not_found);
    make_topic("bills");
    REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"bills", queue_id{0}}}, queue_offset{9}}));
    const auto of_bills = [this](const std::string& group) {
        return answer<offset_found>(query_offset{{group, {"bills", queue_id{0}}}, false}).ok();
    };
    REQUIRE(members_answer<offsets_cloned>(clone_offsets{"readers", "copies", "orders", false}));
    CHECK(committed("copies") == 5);
    CHECK_FALSE(of_bills("copies"));
    REQUIRE(members_answer<offsets_cloned>(clone_offsets{"readers", "copies", "", false}));
    CHECK(of_bills("copies"));
    CHECK(members_answer<offsets_cloned>(clone_offsets{"readers", "bad group", "", false}).code() == errc::group_not_found);
}

TEST_CASE_FIXTURE(resets_world, "broker: members of a group that takes over offsets follow, on the topics they subscribe to") {
    make_topic("bills");
    REQUIRE(answer<offset_committed>(commit_offset{{"source", {"orders", queue_id{0}}}, queue_offset{1}}));
    REQUIRE(answer<offset_committed>(commit_offset{{"source", {"bills", queue_id{0}}}, queue_offset{9}}));
    REQUIRE(members_answer<offsets_cloned>(clone_offsets{"source", "readers", "", false}));
    CHECK(committed() == 1);
    CHECK(pulled(pull(5)).next == queue_offset{1});
    const query_offset bills{{"readers", {"bills", queue_id{0}}}, false};
    CHECK(answer<offset_found>(bills).code() == errc::offset_not_found);
    REQUIRE(members_answer<offsets_cloned>(clone_offsets{"source", "readers", "", true}));
    CHECK(answer<offset_found>(bills)->offset == queue_offset{9});
}

TEST_CASE_FIXTURE(resets_world, "broker: a reset whose offsets cannot be committed is none") {
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::write || call.kind == call_kind::sync ? std::optional{call_fault::io} : std::nullopt;
    });
    CHECK_FALSE(reset(timestamp_ms{0}).ok());
    files->set_hook(nullptr);
    CHECK(pulled(pull(5)).status == pull_status::no_new);
}
