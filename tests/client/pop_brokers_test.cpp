#include "actors/messages/pop_messages.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/wire/wire_pop.hpp"
#include "client/internal/asker.hpp"
#include "client/internal/known_brokers.hpp"
#include "client/pop_consumer.hpp"
#include "client/producer.hpp"
#include "client/push_consumer.hpp"
#include "protocol/body_compression.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/pop_bodies.hpp"
#include "tests/client/embedded_roles.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/thread_time.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;
using test_support::eventually;

namespace {

using wake_atom = caf::atom_constant<caf::atom("wake")>;

/// What a broker that only serves pops has, and how it misbehaves.
struct popped_broker {
    std::string name;
    std::mutex mutex;
    std::vector<std::string> bodies; ///< to be handed out, one per pop
    int copies = 1;                  ///< of each, all with its pop
    std::int32_t sys_flag = 0;
    std::vector<std::int32_t> deliveries; ///< in order: how often each copy came before, if it is said
    std::vector<actors::pop_messages> orders;
    std::vector<actors::acknowledge_messages> acknowledged;
    std::vector<actors::change_invisible_time> given_back;
    std::vector<protocol::consumer_data> members; ///< as the last heartbeat said
    std::vector<std::string> left;                ///< groups
    std::atomic<bool> is_down{false};
    std::atomic<bool> is_silent{false};   ///< pops are answered when it is woken
    std::atomic<bool> gives_notice{true}; ///< when it is woken and has something
    std::atomic<int> pops{0};
    std::atomic<int> notices{0};
    std::atomic<int> heartbeats{0};

    void put(const std::string& body) {
        const std::lock_guard lock{mutex};
        bodies.push_back(body);
    }
    [[nodiscard]] std::vector<actors::pop_messages> takes() {
        const std::lock_guard lock{mutex};
        std::vector<actors::pop_messages> all;
        std::copy_if(orders.begin(), orders.end(), std::back_inserter(all),
                     [](const auto& order) { return order.kind == actors::pop_kind::take; });
        return all;
    }
    [[nodiscard]] std::size_t back() {
        const std::lock_guard lock{mutex};
        return given_back.size();
    }
};

caf::error away() {
    return actors::make_caf_error(errc::connect_failed, "the test wants it");
}

actors::messages_popped hand_out(popped_broker& broker, const actors::pop_messages& order) {
    actors::messages_popped answer;
    answer.kind = order.kind;
    const std::lock_guard lock{broker.mutex};
    if (broker.bodies.empty())
        return answer;
    answer.status = actors::pop_status::found;
    if (order.kind == actors::pop_kind::notify)
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
    if (!broker.deliveries.empty()) {
        protocol::popped_queue queue{queue_id{0}, queue_offset{0}, {}, broker.deliveries};
        for (int copy = 0; copy < broker.copies; ++copy)
            queue.offsets.push_back(queue_offset{copy});
        answer.queues.push_back(std::move(queue));
    }
    answer.popped = timestamp_ms{1};
    answer.records = payload{std::move(records)};
    return answer;
}

/// Nothing: it is not answered now.
std::optional<actors::messages_popped> hand_out_if(popped_broker& broker, const actors::pop_messages& order) {
    if (broker.is_silent)
        return std::nullopt;
    auto answer = hand_out(broker, order);
    if (answer.status == actors::pop_status::nothing && order.kind == actors::pop_kind::notify)
        return std::nullopt;
    return answer;
}

struct held_pops {
    static inline const char* name = "popped_broker";
    std::vector<std::pair<actors::pop_messages, caf::typed_response_promise<actors::messages_popped>>> all;
};

caf::behavior run_broker(caf::stateful_actor<held_pops>* self, const std::shared_ptr<popped_broker>& broker) {
    return {
        [self, broker](const actors::pop_messages& order) -> caf::result<actors::messages_popped> {
            const bool is_notice = order.kind == actors::pop_kind::notify;
            {
                const std::lock_guard lock{broker->mutex};
                broker->orders.push_back(order);
            }
            ++(is_notice ? broker->notices : broker->pops);
            if (broker->is_down)
                return away();
            if (is_notice && !broker->gives_notice)
                return actors::make_caf_error(errc::not_supported, "the test wants it");
            auto answer = hand_out_if(*broker, order);
            if (answer)
                return std::move(*answer);
            auto promise = self->make_response_promise<actors::messages_popped>();
            self->state.all.emplace_back(order, promise);
            return promise;
        },
        [self, broker](wake_atom) {
            std::vector<std::pair<actors::pop_messages, caf::typed_response_promise<actors::messages_popped>>> kept;
            for (auto& [order, promise] : std::exchange(self->state.all, {})) {
                if (auto answer = hand_out_if(*broker, order))
                    promise.deliver(std::move(*answer));
                else
                    kept.emplace_back(order, promise);
            }
            self->state.all = std::move(kept);
        },
        [broker](const actors::acknowledge_messages& order) -> caf::result<actors::messages_acknowledged> {
            if (broker->is_down)
                return away();
            const std::lock_guard lock{broker->mutex};
            broker->acknowledged.push_back(order);
            return actors::messages_acknowledged{};
        },
        [broker](const actors::change_invisible_time& order) -> caf::result<actors::invisible_time_changed> {
            const std::lock_guard lock{broker->mutex};
            broker->given_back.push_back(order);
            return actors::invisible_time_changed{timestamp_ms{2}, order.invisible_ms, 0};
        },
        [broker](const actors::client_heartbeat& beat) {
            const std::lock_guard lock{broker->mutex};
            broker->members = beat.data.consumers;
            ++broker->heartbeats;
            return actors::heartbeat_accepted{};
        },
        [broker](const actors::unregister_client& order) {
            const std::lock_guard lock{broker->mutex};
            broker->left.push_back(order.consumer_group);
            return actors::client_unregistered{};
        },
    };
}

/// Knows topics "t" and "u" on brokers "a" and "b", until it is down.
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
            if (order.topic != "t" && order.topic != "u")
                return actors::make_caf_error(errc::topic_not_found, "there are only t and u");
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

struct pop_setup : test::embedded_roles {
    std::shared_ptr<routes> known = std::make_shared<routes>();
    std::shared_ptr<popped_broker> a = std::make_shared<popped_broker>();
    std::shared_ptr<popped_broker> b = std::make_shared<popped_broker>();

    pop_setup() {
        roles = {system.spawn(run_name_server, known), system.spawn(run_broker, a), system.spawn(run_broker, b)};
        connect(3s);
    }
    void connect(std::chrono::milliseconds request_timeout) {
        client_options options;
        options.client_id = "ours";
        options.request_timeout = request_timeout;
        embedded_roles::connect({"a", "b"}, options);
    }

    /// Broker a answers `answers` times with so many messages whose bodies are small and unpack to 16 MiB each; the other one is out of the
    /// way. The body as it is stored.
    std::string put_large(int messages, int answers = 1) {
        const auto packed = *protocol::pack_body(compression::zlib, std::string(16u << 20, 'x'));
        b->is_down = true;
        a->bodies.assign(static_cast<std::size_t>(answers), packed);
        a->copies = messages;
        a->sys_flag = protocol::sys_flag_of(compression::zlib);
        return packed;
    }
    /// The broker answers what it held back, if it does not still want to.
    void wake(char broker) const { caf::anon_send(roles[broker == 'a' ? 1 : 2], wake_atom::value); }

    [[nodiscard]] static pop_options reading_t() {
        pop_options options;
        options.group = "g";
        options.topic = "t";
        return options;
    }
    [[nodiscard]] pop_consumer consumer(const pop_options& options = reading_t()) const { return *pop_consumer::open(*via, options); }
};

/// What the calling thread has had of a processor.
std::string only_body(const result<std::vector<popped_message>>& popped) {
    if (!popped)
        return to_string(popped.failure());
    return popped->size() == 1 ? std::string{popped->front().message.body.view()} : std::to_string(popped->size()) + " messages";
}

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
    REQUIRE(eventually(30s, [this] { return a->heartbeats > 0; })); // until then it looks for the brokers that shall hear of it
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

TEST_CASE_FIXTURE(pop_setup,
                  "pop_consumer: bodies that one call hands out unpack to 64 MiB together; the rest of an answer comes with the next") {
    CHECK(put_large(10, 2).size() < 100'000);
    auto popping = consumer();
    std::vector<std::int64_t> offsets;
    const auto pop = [&] {
        const auto popped = popping.pop(0ms);
        REQUIRE(popped.ok());
        for (const auto& one : *popped) {
            offsets.push_back(one.message.offset.value());
            CHECK_FALSE(one.message.compressed);
            CHECK(one.message.body.size() == 16u << 20);
        }
        CHECK(popping.acknowledge(*popped).ok());
        return popped->size();
    };
    CHECK(pop() == 4);
    CHECK(pop() == 4);
    CHECK(a->takes().size() == 1);
    SUBCASE("in its order, and without another delivery") {
        CHECK(pop() == 2);
        CHECK(offsets == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
        CHECK(a->takes().size() == 1);
        CHECK(pop() == 4); // of the next answer
        CHECK(a->takes().size() == 2);
        CHECK(a->back() == 0);
    }
    SUBCASE("or is given back when the consumer is closed") {
        popping.close();
        REQUIRE(eventually(30s, [this] { return a->back() == 2; }));
        const std::lock_guard lock{a->mutex};
        CHECK(a->given_back[0].offset == queue_offset{8});
        CHECK(a->given_back[1].offset == queue_offset{9});
        CHECK(a->given_back[1].invisible_ms == 0);
    }
}

// Goal: what fails of a queue's messages is passed by none of them, and they are with one thread.
TEST_CASE_FIXTURE(pop_setup, "pop_consumer: in order all of an answer goes to whoever gets its first, also what is packed beyond 64 MiB") {
    put_large(6);
    auto options = reading_t();
    options.ordered = true;
    auto popping = consumer(options);
    const auto popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    REQUIRE(popped->size() == 6);
    for (std::size_t i = 0; i < 6; ++i) {
        CHECK((*popped)[i].message.compressed == (i >= 4));
        CHECK((*popped)[i].message.offset == queue_offset{static_cast<std::int64_t>(i)});
    }
    const auto next = popping.pop(0ms);
    REQUIRE(next.ok());
    CHECK(next->empty());
    CHECK(a->takes().size() == 2);
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: what it has no room for, and half of its time is over, is given back") {
    put_large(6);
    auto options = reading_t();
    options.invisible = 1ms;
    auto popping = consumer(options);
    const auto popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    CHECK(popped->size() == 4);
    const auto next = popping.pop(0ms);
    REQUIRE(next.ok());
    CHECK(next->empty());
    CHECK(eventually(30s, [this] { return a->back() == 2; }));
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: a body that does not unpack is handed out as it is stored, wherever in an answer it stands") {
    auto cut = *protocol::pack_body(compression::zlib, std::string(16u << 20, 'x'));
    cut.pop_back();
    a->bodies = {cut};
    a->copies = 3;
    a->sys_flag = protocol::sys_flag_of(compression::zlib);
    auto popping = consumer();
    const auto popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    REQUIRE(popped->size() == 3);
    for (const auto& one : *popped) {
        CHECK(one.message.compressed);
        CHECK(one.message.body.view() == cut);
    }
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: how often messages came in order is said beside them, by RocketMQ's brokers") {
    connect(10min);
    a->copies = 3;
    a->deliveries = {2, 1, 0};
    a->put("0");
    auto popping = consumer();
    const auto popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    std::vector<std::int32_t> times;
    for (const auto& one : *popped)
        times.push_back(one.message.reconsume_times);
    CHECK(times == a->deliveries);
}

// Goal: threads of the scheduler, which all actors of the process share, are not held up by what bodies unpack to.
TEST_CASE_FIXTURE(pop_setup, "pop_consumer: bodies are unpacked on the thread that pops") {
    const auto packed = put_large(4);
    auto popping = consumer();
    REQUIRE(protocol::unpack_body(compression::zlib, packed, 16u << 20).ok()); // the first one is dearer
    const auto begun = test_support::spent_here();
    REQUIRE(protocol::unpack_body(compression::zlib, packed, 16u << 20).ok());
    const auto one = test_support::spent_here() - begun;
    const auto popped = popping.pop(0ms);
    REQUIRE(popped.ok());
    REQUIRE(popped->size() == 4);
    CHECK_FALSE(popped->back().message.compressed);
    CHECK(test_support::spent_here() - begun > 3 * one); // with the first: about five
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

TEST_CASE_FIXTURE(pop_setup,
                  "pop_consumer: a broker that does not answer delays nothing of another, and is not asked again before it has") {
    connect(10min); // whoever waits for it waits for ever
    a->is_silent = true;
    a->put("late");
    for (int i = 0; i < 50; ++i)
        b->put(std::to_string(i));
    auto popping = consumer();
    for (int i = 0; i < 50; ++i)
        REQUIRE(only_body(popping.pop(i % 2 == 0 ? 0ms : 10min)) == std::to_string(i));
    CHECK(a->pops == 1); // what it may hand out late is bounded
    SUBCASE("what it hands out late comes with the next pop") {
        a->is_silent = false;
        wake('a');
        CHECK(only_body(popping.pop(10min)) == "late");
        a->put("in time");
        CHECK(only_body(popping.pop(10min)) == "in time");
    }
    SUBCASE("who is closed gives it back") {
        popping.close();
        a->is_silent = false;
        wake('a');
        CHECK(eventually(30s, [this] { return a->back() == 1; }));
        const std::lock_guard lock{a->mutex};
        CHECK(a->given_back[0].invisible_ms == 0);
    }
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: what came too late is not handed out when half of its time is over") {
    connect(10min);
    a->is_silent = true;
    a->put("late");
    b->put("0");
    auto options = reading_t();
    options.invisible = 1ms;
    auto popping = consumer(options);
    REQUIRE(only_body(popping.pop(10min)) == "0");
    REQUIRE(a->pops == 1);
    a->is_silent = false;
    wake('a');
    a->put("fresh");
    std::string body;
    CHECK(eventually(30s, [&] { return (body = only_body(popping.pop(0ms))) != "0 messages"; }));
    CHECK(body == "fresh");
    CHECK(eventually(30s, [this] { return a->back() == 1; })); // it would else be out for nobody for the other half
}

TEST_CASE_FIXTURE(pop_setup,
                  "pop_consumer: empty brokers are waited for side by side, and nothing is taken of one while another's is handed out") {
    connect(10min);
    auto popping = consumer();
    auto popped = std::async(std::launch::async, [&popping] { return popping.pop(30s); });
    REQUIRE(eventually(30s, [this] { return a->notices > 0 && b->notices > 0; }));
    const auto takes = a->pops.load();
    b->put("0");
    wake('b');
    CHECK(only_body(popped.get()) == "0");
    CHECK(a->pops == takes);
    const auto notices = a->notices.load();
    for (int i = 1; i < 20; ++i) {
        auto next = std::async(std::launch::async, [&popping] { return popping.pop(30s); });
        REQUIRE(eventually(30s, [this, i] { return b->notices > i; }));
        b->put(std::to_string(i));
        wake('b');
        REQUIRE(only_body(next.get()) == std::to_string(i));
    }
    CHECK(a->notices == notices); // the first is still awaited
    a->put("20");
    wake('a');
    CHECK(only_body(popping.pop(0ms)) == "20");
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: brokers that give no notice are waited for, too") {
    connect(10min);
    a->gives_notice = b->gives_notice = false;
    auto popping = consumer();
    auto popped = std::async(std::launch::async, [&popping] { return popping.pop(30s); });
    const auto waits_at = [](popped_broker& broker) {
        const auto takes = broker.takes();
        return std::any_of(takes.begin(), takes.end(), [](const auto& order) { return order.poll_ms > 0; });
    };
    REQUIRE(eventually(30s, [&] { return waits_at(*a) && waits_at(*b); }));
    b->put("0");
    CHECK(only_body(popped.get()) == "0"); // the fake does not hold what it is asked to wait for: it is asked again
}

// Goal: messages that come in the moment in which the consumer is closed have somebody: the pop that waited returns them, or they are given
// back. Whether the one or the other is left to the threads; over the rounds the closing moves from before to after the answer.
TEST_CASE_FIXTURE(pop_setup, "pop_consumer: what comes in the moment of closing is returned or given back, and never forgotten") {
    connect(10min);
    b->is_down = true;
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        const auto before = a->back();
        const auto pops = a->pops.load();
        a->is_silent = true;
        auto popping = consumer();
        auto popped = std::async(std::launch::async, [&popping] { return popping.pop(30s); });
        REQUIRE(eventually(30s, [&] { return a->pops > pops; }));
        a->put("m");
        a->is_silent = false;
        wake('a');
        const auto is_taken = [this] {
            const std::lock_guard lock{a->mutex};
            return a->bodies.empty();
        };
        for (const auto late = std::chrono::steady_clock::now() + 30s;
             !is_taken();) { // with a rest, the answer would always be there before
            REQUIRE(std::chrono::steady_clock::now() < late);
            std::this_thread::yield();
        }
        for (int i = 0; i < round % 100; ++i)
            std::this_thread::yield();
        popping.close();
        const auto got = popped.get();
        if (got.ok()) {
            REQUIRE(got->size() == 1);
            continue;
        }
        REQUIRE(got.code() == errc::shutting_down);
        REQUIRE(eventually(30s, [&] { return a->back() == before + 1; }));
    }
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: one that is closed ends the pops of other threads, and none begins") {
    connect(10min);
    auto popping = consumer();
    auto popped = std::async(std::launch::async, [&popping] { return popping.pop(30s); });
    REQUIRE(eventually(30s, [this] { return a->notices > 0 && b->notices > 0; }));
    auto copy = popping;
    copy.close();
    CHECK(popped.get().code() == errc::shutting_down);
    CHECK(popping.pop(0ms).code() == errc::shutting_down);
    copy.close();
}

TEST_CASE_FIXTURE(pop_setup,
                  "pop_consumer: what was popped may be acknowledged after it was closed; what waited for the next pop is given back") {
    connect(10min);
    a->is_silent = true;
    a->put("late");
    b->bodies = {"0", "1"};
    auto popping = consumer();
    const auto first = popping.pop(10min);
    REQUIRE(only_body(first) == "0");
    const auto second = popping.pop(10min);
    REQUIRE(only_body(second) == "1");
    REQUIRE(a->pops == 1);
    a->is_silent = false;
    wake('a');
    REQUIRE(eventually(30s, [this] {
        const std::lock_guard lock{a->mutex};
        return a->bodies.empty();
    }));
    popping.close();
    CHECK(eventually(30s, [this] { return a->back() == 1; }));
    CHECK(popping.acknowledge(*first).ok());
    CHECK(b->acknowledged.size() == 1);
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: pops end when the connection does") {
    connect(10min);
    a->is_silent = b->is_silent = true;
    auto popping = consumer();
    auto popped = std::async(std::launch::async, [&popping] { return popping.pop(30s); });
    REQUIRE(eventually(30s, [this] { return a->pops + b->pops == 2; }));
    via->close();
    CHECK(popped.get().code() == errc::shutting_down);
    CHECK_FALSE(popping.pop(0ms).ok());
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: brokers hear of it while it is open, of all that the connection pops for a group as of one") {
    std::optional<pop_consumer> first = consumer();
    const auto subscriptions = [this](std::size_t count) {
        return eventually(30s, [this, count] {
            const std::lock_guard lock{b->mutex};
            return b->members.size() == 1 && b->members[0].subscriptions.size() == count;
        });
    };
    REQUIRE(subscriptions(1));
    {
        const std::lock_guard lock{b->mutex};
        CHECK(b->members[0].group == "g");
        CHECK(b->members[0].type == protocol::consume_type::passively);
        CHECK(b->members[0].subscriptions[0].topic == "t");
    }
    auto options = reading_t();
    options.topic = "u";
    std::optional<pop_consumer> second = consumer(options);
    std::optional<pop_consumer> third = consumer(options);
    CHECK(subscriptions(2));
    const auto has_left = [this] {
        const std::lock_guard lock{b->mutex};
        return std::count(b->left.begin(), b->left.end(), "g") > 0;
    };
    third->close();
    third->close();
    first.reset();
    CHECK(subscriptions(1));
    CHECK_FALSE(has_left());
    second.reset();
    CHECK(has_left());
    first = consumer(); // and again
    CHECK(subscriptions(1));
}

TEST_CASE_FIXTURE(pop_setup, "pop_consumer: a connection has a push consumer of a group, or pops for it") {
    std::optional<pop_consumer> popping = consumer();
    push_consumer_options push;
    push.group = "g";
    const auto open = [this, &push] {
        return push_consumer::open(*via, push, [](const received_message&) { return consume_outcome::done; });
    };
    CHECK(open().code() == errc::already_exists);
    popping->close();
    {
        auto pushing = open();
        REQUIRE(pushing.ok());
        CHECK(pop_consumer::open(*via, reading_t()).code() == errc::already_exists);
    }
    CHECK(pop_consumer::open(*via, reading_t()).ok());
}

TEST_CASE_FIXTURE(pop_setup,
                  "pop_consumer: an ordered pop whose answer was lost is repeated as the same attempt, any other is one of its own") {
    b->is_down = true; // and out of the way
    a->bodies = {"0", "1", "2"};
    auto options = reading_t();
    options.ordered = true;
    auto popping = consumer(options);
    REQUIRE(only_body(popping.pop(0ms)) == "0");
    REQUIRE(only_body(popping.pop(0ms)) == "1");
    a->is_down = true;
    CHECK(popping.pop(0ms).code() == errc::connect_failed);
    a->is_down = false;
    REQUIRE(only_body(popping.pop(0ms)) == "2");
    const auto takes = a->takes();
    REQUIRE(takes.size() == 4);
    for (const auto& order : takes) {
        CHECK(order.ordered);
        CHECK_FALSE(order.attempt.empty());
    }
    CHECK(takes[0].attempt != takes[1].attempt);
    CHECK(takes[1].attempt != takes[2].attempt);
    CHECK(takes[2].attempt == takes[3].attempt);
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
