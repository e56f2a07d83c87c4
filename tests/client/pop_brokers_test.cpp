#include "actors/messages/pop_messages.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/wire/wire_pop.hpp"
#include "client/embedded.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/known_brokers.hpp"
#include "client/pop_consumer.hpp"
#include "client/producer.hpp"
#include "protocol/body_compression.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/pop_bodies.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

/// What a broker that only serves pops has, and how it misbehaves.
struct popped_broker {
    std::string name;
    std::mutex mutex;
    std::vector<std::string> bodies; ///< to be handed out, one per pop
    int copies = 1;                  ///< of each, all with its pop
    std::int32_t sys_flag = 0;
    std::vector<actors::acknowledge_messages> acknowledged;
    std::atomic<bool> is_down{false};
    std::atomic<int> pops{0};
};

caf::error away() {
    return actors::make_caf_error(errc::connect_failed, "the test wants it");
}

actors::messages_popped hand_out(popped_broker& broker, const actors::pop_messages& order) {
    actors::messages_popped answer;
    const std::lock_guard lock{broker.mutex};
    if (broker.bodies.empty())
        return answer;
    protocol::message m;
    m.topic = order.topic;
    m.body = payload{broker.bodies.front()};
    m.sys_flag = broker.sys_flag;
    broker.bodies.erase(broker.bodies.begin());
    std::string records;
    for (int copy = 0; copy < broker.copies; ++copy) {
        auto record = protocol::encode_record(m);
        protocol::place_record(std::span<char>{*record}, queue_offset{copy}, log_position{0}, timestamp_ms{1});
        records += *record;
    }
    answer.status = actors::pop_status::found;
    answer.popped = timestamp_ms{1};
    answer.records = payload{std::move(records)};
    return answer;
}

caf::behavior run_broker(caf::event_based_actor*, const std::shared_ptr<popped_broker>& broker) {
    return {
        [broker](const actors::pop_messages& order) -> caf::result<actors::messages_popped> {
            ++broker->pops;
            if (broker->is_down)
                return away();
            return hand_out(*broker, order);
        },
        [broker](const actors::acknowledge_messages& order) -> caf::result<actors::messages_acknowledged> {
            if (broker->is_down)
                return away();
            const std::lock_guard lock{broker->mutex};
            broker->acknowledged.push_back(order);
            return actors::messages_acknowledged{};
        },
    };
}

/// Knows topic "t" on brokers "a" and "b", until it is down.
struct routes {
    std::atomic<bool> is_down{false};
    std::atomic<int> asked{0};
};

caf::behavior run_name_server(caf::event_based_actor*, const std::shared_ptr<routes>& known) {
    return {
        [known](const actors::find_route& order) -> caf::result<actors::route_found> {
            ++known->asked;
            if (known->is_down)
                return away();
            if (order.topic != "t")
                return actors::make_caf_error(errc::topic_not_found, "there is only t");
            protocol::topic_route route;
            for (const std::string name : {"a", "b"}) {
                route.brokers.push_back({"c", name, {{0, name}}});
                route.queues.push_back({name, 1, 1, permission::read_write, 0});
            }
            return actors::route_found{std::move(route)};
        },
        [known](const actors::describe_cluster&) -> caf::result<actors::cluster_described> {
            ++known->asked;
            if (known->is_down)
                return away();
            actors::cluster_described described;
            for (const std::string name : {"a", "b"})
                described.info.brokers[name] = {"c", name, {{0, name}}};
            return described;
        },
    };
}

struct pop_setup {
    struct config : caf::actor_system_config {
        config() {
            set("logger.verbosity", caf::atom("quiet"));
            actors::register_types(*this);
        }
    };
    config settings;
    caf::actor_system system{settings};
    std::shared_ptr<routes> known = std::make_shared<routes>();
    std::shared_ptr<popped_broker> a = std::make_shared<popped_broker>();
    std::shared_ptr<popped_broker> b = std::make_shared<popped_broker>();
    std::vector<caf::actor> roles;
    std::optional<connection> via;

    pop_setup() {
        roles = {system.spawn(run_name_server, known), system.spawn(run_broker, a), system.spawn(run_broker, b)};
        local_handles handles;
        handles.name_servers = {caf::actor_cast<actors::name_server_actor>(roles[0])};
        handles.brokers["a"] = caf::actor_cast<actors::broker_actor>(roles[1]);
        handles.brokers["b"] = caf::actor_cast<actors::broker_actor>(roles[2]);
        via = *embed(system, std::move(handles));
    }
    ~pop_setup() {
        via.reset();
        for (const auto& one : roles)
            caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    }
    pop_setup(const pop_setup&) = delete;
    pop_setup& operator=(const pop_setup&) = delete;

    [[nodiscard]] pop_consumer consumer() const {
        pop_options options;
        options.group = "g";
        options.topic = "t";
        return *pop_consumer::open(*via, options);
    }
};

} // namespace

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: a broker that is away hides nothing of another") {
    a->is_down = true;
    b->bodies = {"0", "1", "2", "3"};
    auto popping = consumer();
    for (int i = 0; i < 4; ++i) {
        const auto popped = popping.pop(0ms);
        REQUIRE_MESSAGE(popped.ok(), (popped ? std::string{} : to_string(popped.failure())));
        REQUIRE(popped->size() == 1);
        CHECK(popped->front().message.body.view() == std::to_string(i));
    }
    CHECK(a->pops <= 2); // it is left alone for a while
    const auto nothing = popping.pop(0ms);
    REQUIRE(nothing.ok());
    CHECK(nothing->empty());
    b->is_down = true;
    CHECK(popping.pop(0ms).code() == errc::connect_failed);
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: name servers are asked once in a while, and may be away meanwhile") {
    a->bodies = {"0", "1"};
    auto popping = consumer();
    auto popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    REQUIRE(popped->size() == 1);
    const auto asked = known->asked.load();
    known->is_down = true;
    REQUIRE(popping.acknowledge(popped->front()).ok());
    CHECK(a->acknowledged.size() == 1);
    popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    CHECK(popped->size() == 1);
    CHECK(known->asked == asked);
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: an acknowledgement that one broker does not take is given to the others all the same") {
    a->bodies = {"0"};
    b->bodies = {"1"};
    auto popping = consumer();
    std::vector<popped_message> all;
    for (int i = 0; i < 2; ++i) {
        const auto popped = popping.pop(0ms);
        REQUIRE(popped.ok());
        all.insert(all.end(), popped->begin(), popped->end());
    }
    REQUIRE(all.size() == 2);
    a->is_down = true;
    CHECK(popping.acknowledge(all).code() == errc::connect_failed);
    CHECK(b->acknowledged.size() == 1);
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: the bodies of one pop unpack to 64 MiB together, and one that does not fit says so") {
    const auto packed = *protocol::pack_body(compression::zlib, std::string(16u << 20, 'x'));
    CHECK(packed.size() < 100'000);
    a->bodies = {packed, packed};
    a->copies = 6;
    a->sys_flag = protocol::sys_flag_of(compression::zlib);
    auto popping = consumer();
    auto popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    REQUIRE(popped->size() == 6);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK_FALSE((*popped)[i].message.compressed);
        CHECK((*popped)[i].message.body.size() == 16u << 20);
    }
    for (std::size_t i = 4; i < 6; ++i) {
        CHECK((*popped)[i].message.compressed);
        CHECK((*popped)[i].message.body.view() == packed);
    }
    CHECK(popping.acknowledge(*popped).ok());
    a->copies = 1;
    popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    REQUIRE(popped->size() == 1);
    CHECK_FALSE(popped->front().message.compressed); // alone
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: threads may pop at the same time") {
    for (int i = 0; i < 200; ++i) {
        a->bodies.push_back("a");
        b->bodies.push_back("b");
    }
    auto popping = consumer();
    std::atomic<std::size_t> popped{0};
    const auto pop = [&popping, &popped] {
        for (int i = 0; i < 100; ++i)
            if (const auto some = popping.pop(0ms))
                popped += some->size();
    };
    auto copy = popping;
    std::thread other{pop};
    pop();
    other.join();
    CHECK(popped == 200);
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: a selector that is none is refused when it is made") {
    pop_options options;
    options.group = "g";
    options.topic = "t";
    options.selector = message_selector::sql92("a >");
    CHECK(pop_consumer::open(*via, options).code() == errc::subscription_illegal);
}

TEST_CASE_FIXTURE(pop_setup, "known_brokers: while name servers are away, not each call asks them") {
    known_brokers::options times;
    times.refresh = 0ms;
    times.retry = 1h;
    known_brokers brokers{times};
    asker ask{*via};
    REQUIRE(brokers.of_topic(ask, "t").ok());
    known->is_down = true;
    const auto asked = known->asked.load();
    for (int i = 0; i < 3; ++i) {
        const auto found = brokers.of_topic(ask, "t");
        REQUIRE(found.ok());
        CHECK(found->size() == 2);
    }
    CHECK(known->asked == asked + 1);
    brokers.failed("a");
    CHECK(brokers.of_topic(ask, "t").ok());
    CHECK(known->asked == asked + 2);
}

TEST_CASE_FIXTURE(pop_setup, "known_brokers: one that cannot be dialed hides no other") {
    local_handles handles;
    handles.name_servers = {caf::actor_cast<actors::name_server_actor>(roles[0])};
    std::vector<std::string> names;
    SUBCASE("one is left") {
        handles.brokers["b"] = caf::actor_cast<actors::broker_actor>(roles[2]);
        names = {"b"};
    }
    SUBCASE("none is left") {}
    const auto partial = embed(system, std::move(handles));
    REQUIRE(partial.ok());
    known_brokers brokers{known_brokers::options{}};
    asker ask{*partial};
    const auto found = brokers.of_topic(ask, "t");
    CHECK(found.code() == (names.empty() ? errc::connect_failed : errc::none));
    std::vector<std::string> seen;
    if (found)
        for (const auto& one : *found)
            seen.push_back(one.first);
    CHECK(seen == names);
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: more acknowledgements than a request may carry go by several") {
    a->bodies = {"0"};
    auto popping = consumer();
    auto popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    REQUIRE(popped->size() == 1);
    std::vector<popped_message> many(protocol::acks_per_request_max + 1, popped->front());
    for (std::size_t i = 0; i < many.size(); ++i)
        many[i].handle = "0 1 60000 0 0 a 0 " + std::to_string(i);
    REQUIRE(popping.acknowledge(many).ok());
    const std::lock_guard lock{a->mutex};
    std::vector<queue_offset> acknowledged;
    for (const auto& order : a->acknowledged) {
        const auto read = actors::net::decode_request<actors::acknowledge_messages>(actors::net::encode_request(order));
        REQUIRE_MESSAGE(read.ok(), (read ? std::string{} : to_string(read.failure())));
        for (const auto& part : read->parts)
            acknowledged.insert(acknowledged.end(), part.offsets.begin(), part.offsets.end());
    }
    REQUIRE(acknowledged.size() == many.size());
    for (std::size_t i = 0; i < many.size(); ++i)
        REQUIRE(acknowledged[i] == queue_offset{static_cast<std::int64_t>(i)});
}
