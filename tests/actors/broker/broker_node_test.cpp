#include "actors/broker/broker_node.hpp"

#include "actors/messages/type_ids.hpp"
#include "storage/directories.hpp"
#include "storage/file_system.hpp"
#include "storage/missing_metadata.hpp"
#include "tests/actors/broker_world.hpp"
#include "tests/support/fault_file_system.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

struct real_config : caf::actor_system_config {
    real_config() {
        register_types(*this);
        set("scheduler.max-threads", 2);
    }
};

broker_options options_for_test() {
    broker_options options;
    options.store.directory = "/store";
    options.store.segment_bytes = 1 << 20;
    options.store.disk_reserve_bytes = 0;
    return options;
}

template <class Answer, class Order>
result<Answer> ask(caf::actor_system& system, const local_broker_actor& broker, const Order& order) {
    result<Answer> outcome{error{errc::internal, "no answer"}};
    caf::scoped_actor self{system};
    self->request(broker, 20s, order)
        .receive([&outcome](Answer& answer) { outcome = std::move(answer); },
                 [&outcome](caf::error& failure) { outcome = to_error(failure); });
    return outcome;
}

send_messages message(int number) {
    send_messages send;
    send.topic = "orders";
    send.queue = queue_id{number % 4};
    send.body = payload{std::to_string(number)};
    return send;
}

} // namespace

TEST_CASE("broker_node: on real threads, senders from several threads all get their answer, and a restart finds everything") {
    real_config config;
    caf::actor_system system{config};
    auto files = test_support::fault_file_system::make(1);
    {
        auto node = broker_node::start(system, options_for_test(), files);
        REQUIRE(node);
        topic_config topic;
        topic.name = "orders";
        topic.read_queues = topic.write_queues = 4;
        REQUIRE(ask<topic_put>(system, (*node)->broker(), put_topic{topic}));
        std::atomic<int> stored{0};
        std::vector<std::thread> senders;
        for (int sender = 0; sender < 4; ++sender)
            senders.emplace_back([&system, &node, &stored, sender] {
                for (int i = 0; i < 50; ++i)
                    stored += ask<messages_stored>(system, (*node)->broker(), message(sender * 50 + i)).ok() ? 1 : 0;
            });
        for (auto& sender : senders)
            sender.join();
        CHECK(stored == 200);
        (*node)->stop();
        (*node)->stop(); // the second time does nothing
    }
    auto node = broker_node::start(system, options_for_test(), files);
    REQUIRE(node);
    std::int64_t found = 0;
    for (int queue = 0; queue < 4; ++queue)
        found += ask<offset_found>(system, (*node)->broker(), find_max_offset{{"orders", queue_id{queue}}})->offset.value();
    CHECK(found == 200);
}

TEST_CASE("broker_node: a second node on the same store is refused, and the first goes on") {
    real_config config;
    caf::actor_system system{config};
    auto files = test_support::fault_file_system::make(1);
    auto first = broker_node::start(system, options_for_test(), files);
    REQUIRE(first);
    const auto second = broker_node::start(system, options_for_test(), files);
    CHECK(second.code() == errc::locked);
    CHECK(ask<topics_listed>(system, (*first)->broker(), list_topics{}).ok());
}

TEST_CASE("broker_node: a store that has lost its metadata is refused, and begins with none when that is asked for") {
    test_support::broker_world world;
    world.make_topic("orders");
    world.send("one", 2);
    world.send("two", 2);
    world.stop();
    REQUIRE(storage::remove_directory_tree(*world.files, "/store/metadata").ok());
    for (int i = 0; i < 2; ++i) { // nothing was made by being refused
        const auto refused = world.try_start(test_support::small_broker());
        REQUIRE(refused.code() == errc::corrupt);
        CHECK(refused.failure().text.find("/store/metadata is missing") == 0);
        CHECK(refused.failure().text.find("troupe store new-metadata /store") != std::string::npos);
    }
    REQUIRE(storage::make_empty_metadata(world.files, "/store").ok());
    world.start();
    CHECK(world.answer<offset_found>(find_max_offset{{"orders", queue_id{2}}}).code() == errc::topic_not_found);
    world.make_topic("orders");
    CHECK(world.answer<offset_found>(find_max_offset{{"orders", queue_id{2}}})->offset == queue_offset{2});
}

// Goal: whatever a very first start met, the next one is not refused for what it left behind.
// How:  a start on an empty disk fails or crashes at each of its calls in turn, reads included, in one of the ways each. Then a second one
//       has to succeed, with a third behind it that finds what was stored.
TEST_CASE("broker_node: a first start that fails or crashes at any call is followed by one that works") {
    std::uint64_t calls = 1;
    bool over = false;
    for (; !over; ++calls) {
        CAPTURE(calls);
        test_support::broker_world world{test_support::fault_file_system::make(calls)};
        test_support::fault_plan plan;
        const auto mode = test_support::all_crash_modes[calls % 4];
        const auto way = calls / 4 % 3;
        (way == 0 ? plan.crash_before : way == 1 ? plan.crash_after : plan.fail_call) = calls;
        plan.mode = mode;
        plan.fault = test_support::all_call_faults[calls % 4];
        plan.count_reads = true;
        world.files->set_plan(plan);
        const auto started = world.try_start(test_support::small_broker());
        over = world.files->hit().empty();
        world.files->set_plan({});
        if (world.files->crashed())
            world.crash(mode);
        else
            world.stop();
        CAPTURE((started ? std::string{"it started"} : to_string(started.failure())));
        world.start();
        world.make_topic("orders");
        world.send("one");
        world.stop();
        world.start();
        CHECK(world.answer<offset_found>(find_max_offset{{"orders", queue_id{0}}})->offset == queue_offset{1});
    }
    CHECK(calls > 100);
}

TEST_CASE("broker_node: a topic whose deletion the log did not take is gone after a restart, and is empty when it is made again") {
    test_support::broker_world world;
    world.make_topic("orders");
    world.send("old");
    world.files->set_hook([](const test_support::call_info& call) -> std::optional<test_support::call_fault> {
        const bool writes = call.kind == test_support::call_kind::write || call.kind == test_support::call_kind::sync;
        return writes && call.path.find("commitlog") != std::string::npos ? std::optional{test_support::call_fault::io} : std::nullopt;
    });
    CHECK_FALSE(world.answer<topic_deleted>(delete_topic{"orders"}).ok());
    topic_config orders;
    orders.name = "orders";
    orders.read_queues = orders.write_queues = 4;
    CHECK(world.answer<topic_put>(put_topic{orders}).code() == errc::busy);
    world.stop();
    world.files->set_hook(nullptr);
    world.start();
    CHECK(world.answer<offset_found>(find_max_offset{{"orders", queue_id{0}}}).code() == errc::topic_not_found);
    world.make_topic("orders");
    CHECK(world.answer<offset_found>(find_max_offset{{"orders", queue_id{0}}})->offset == queue_offset{0});
    world.send("new");
    world.stop();
    world.start(); // and not once more
    CHECK(world.answer<offset_found>(find_max_offset{{"orders", queue_id{0}}})->offset == queue_offset{1});
}
