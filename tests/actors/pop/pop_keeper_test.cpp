#include "actors/pop/pop_keeper.hpp"

#include "actors/base/log.hpp"
#include "actors/messages/trace_messages.hpp"
#include "protocol/property_edit.hpp"
#include "tests/actors/broker_world.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

using texts = std::vector<std::string>;

broker_options pop_broker() {
    auto options = small_broker();
    options.pop_leases_per_queue_max = 8;
    return options;
}

/// A broker in virtual time, and somebody who pops from it.
struct pop_world : broker_world {
    std::map<std::uint64_t, pop_answered> answers;
    std::function<void()> when_nothing;
    bool keeps = false; ///< as a port that has not sent on what it was given
    std::size_t repeated = 0;
    pop_holder_actor holder;
    std::uint64_t next_ticket = 1;

    explicit pop_world(broker_options options = pop_broker()) : broker_world{std::move(options)} {
        set_log_sink([](log_level, std::string_view) {});
        spawn_holder();
        make_topic("orders");
    }
    ~pop_world() {
        stop();
        set_log_sink({});
    }
    pop_world(const pop_world&) = delete;
    pop_world& operator=(const pop_world&) = delete;

    void spawn_holder() {
        holder = world.system().spawn([this](pop_holder_actor::pointer) -> pop_holder_actor::behavior_type {
            return {[this](const pop_answered& message) {
                const auto kept = answers.emplace(message.ticket, message);
                repeated += kept.second ? 0u : 1u;
                if (!keeps)
                    kept.first->second.kept.reset();
                if (when_nothing && message.failure.code == errc::none && message.answer.status == pop_status::nothing)
                    std::exchange(when_nothing, {})();
            }};
        });
    }
    [[nodiscard]] timestamp_ms now() { return world.wall_clock()(); }

    static pop_messages order(std::int64_t poll_ms = 0, std::int32_t messages_max = 32, std::int64_t invisible_ms = 10'000) {
        pop_messages pop;
        pop.group = "billing";
        pop.topic = "orders";
        pop.messages_max = messages_max;
        pop.invisible_ms = invisible_ms;
        pop.poll_ms = poll_ms;
        return pop;
    }
    std::uint64_t begin(const pop_messages& pop) {
        const auto ticket = next_ticket++;
        caf::anon_send(node->pops(), pop_ticketed{ticket, pop, holder});
        world.run();
        return ticket;
    }
    [[nodiscard]] bool is_answered(std::uint64_t ticket) const { return answers.contains(ticket); }
    pop_answered finished(std::uint64_t ticket) {
        for (int i = 0; i < 100 && !is_answered(ticket); ++i)
            world.advance(10ms);
        REQUIRE(is_answered(ticket));
        CHECK(repeated == 0);
        return answers.at(ticket);
    }
    messages_popped pop(const pop_messages& wish) {
        const auto answered = finished(begin(wish));
        REQUIRE_MESSAGE(answered.failure.code == errc::none, to_string(answered.failure));
        return answered.answer;
    }
    static std::vector<protocol::message> messages(const messages_popped& popped) {
        const auto all = protocol::decode_records(popped.records);
        REQUIRE(all.ok());
        // Each message is where the lists of offsets say.
        std::size_t count = 0;
        for (const auto& queue : popped.queues)
            for (const auto offset : queue.offsets) {
                REQUIRE(count < all->size());
                CHECK((*all)[count].queue == queue.queue);
                CHECK((*all)[count].offset == offset);
                ++count;
            }
        CHECK(count == all->size());
        return *all;
    }
    static texts bodies(const messages_popped& popped) {
        texts all;
        for (const auto& one : messages(popped))
            all.emplace_back(one.body.view());
        return all;
    }
    static texts sorted_bodies(const messages_popped& popped) {
        auto all = bodies(popped);
        std::sort(all.begin(), all.end());
        return all;
    }
    template <class Answer, class Order>
    result<Answer> ask_keeper(const Order& wish) {
        REQUIRE(node->pop_admission()->try_acquire(1));
        const auto place = world.ask<Answer>(node->pop_keeper(), wish);
        for (int i = 0; i < 100 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        CHECK(node->pop_admission()->under_way() == 0);
        return **place;
    }
    static pop_handle handle_of(const messages_popped& popped) { return {{}, popped.popped, popped.invisible_ms, popped.revive_queue, 0}; }
    result<messages_acknowledged> ack(const messages_popped& popped, std::optional<std::size_t> only = std::nullopt,
                                      const std::string& group = "billing") {
        acknowledge_messages wish;
        std::size_t number = 0;
        for (const auto& queue : popped.queues) {
            acknowledge_messages::part part{group, {"orders", queue.queue}, handle_of(popped), {}};
            for (const auto offset : queue.offsets)
                if (!only || *only == number++)
                    part.offsets.push_back(offset);
            wish.parts.push_back(std::move(part));
        }
        return ask_keeper<messages_acknowledged>(wish);
    }
    result<invisible_time_changed> give_back(const messages_popped& popped, std::int64_t invisible_ms) {
        return ask_keeper<invisible_time_changed>(change_invisible_time{
            "billing", {"orders", popped.queues.at(0).queue}, popped.queues.at(0).offsets.at(0), handle_of(popped), invisible_ms});
    }
    std::string value(const std::string& name) {
        const auto described = answer<broker_described>(describe_broker{});
        REQUIRE(described);
        return described->values.at(name);
    }
    std::int64_t committed(std::int32_t queue) {
        world.advance(1s); // notes go to the offset keeper by themselves
        const auto found = answer<offset_found>(query_offset{{"billing", {"orders", queue_id{queue}}}, false});
        return found ? found->offset.value() : -1;
    }
    void set_mode(const std::string& mode) {
        const auto changed = world.ask<request_mode_set>(node->broker_admin(), set_request_mode{{"orders", "billing", mode, 0}});
        world.advance(200ms);
        REQUIRE(changed->has_value());
        REQUIRE((**changed).ok());
    }
    /// Messages of the group are delivered once, and `retries` times more.
    void limit_tries(std::int32_t retries, std::int32_t retry_queues) {
        group_config group;
        group.name = "billing";
        group.retry_max = retries;
        group.retry_queues = retry_queues;
        REQUIRE(answer<group_put>(put_group{group}).ok());
    }
    /// Pops one message twice without acknowledging it, and waits until it is buried.
    void die(bool ordered = false) {
        auto wish = order(0, 1, 50);
        wish.ordered = ordered;
        for (int delivery = 0; delivery < 2; ++delivery) {
            REQUIRE(pop(wish).status == pop_status::found);
            world.advance(50ms);
        }
        world.advance(1'500ms); // by the keeper's next round
    }
    std::vector<protocol::message> dead_letters() {
        auto dead = pull(0);
        dead.topic = "%DLQ%billing";
        const auto pulled = answer<messages_pulled>(dead);
        REQUIRE(pulled.ok());
        return protocol::decode_records(pulled->records).value();
    }
    void commit(std::int64_t offset) {
        REQUIRE(answer<offset_committed>(commit_offset{{"billing", {"orders", queue_id{0}}}, queue_offset{offset}}).ok());
    }
    /// Whoever is told that there is nothing pops again at once, as clients do.
    void pop_again_from(std::function<void()> again) { when_nothing = std::move(again); }
    void restart() {
        stop();
        start(pop_broker());
    }
};

} // namespace

TEST_CASE_FIXTURE(pop_world, "pop: takes messages of all queues, and each is handed out once until its time is over") {
    for (int i = 0; i < 8; ++i)
        send("m" + std::to_string(i), i % 4);
    const auto first = pop(order(0, 5));
    CHECK(first.status == pop_status::found);
    CHECK(first.invisible_ms == 10'000);
    CHECK(first.revive_queue == 0);
    const auto second = pop(order(0, 5));
    CHECK(bodies(first).size() == 5);
    CHECK(bodies(second).size() == 3);
    CHECK(second.rest == 0);
    std::set<std::string> all;
    for (const auto& popped : {first, second})
        for (const auto& body : bodies(popped))
            all.insert(body);
    CHECK(all.size() == 8);
    CHECK(pop(order()).status == pop_status::nothing);
    REQUIRE(ack(first).ok());
    world.advance(10s);
    const auto again = pop(order());
    CHECK(sorted_bodies(again) == sorted_bodies(second));
    for (const auto& message : messages(again)) {
        CHECK(message.reconsume_times == 1);
        CHECK(protocol::find_property(message.properties, "1ST_POP_TIME") == to_string(second.popped));
    }
    REQUIRE(ack(second).ok()); // older than the last delivery: it does nothing
    CHECK(value("popStaleAcksTotal") == "3");
    CHECK(value("popLeases") == "3");
    REQUIRE(ack(again).ok());
    world.advance(20s, 1s);
    CHECK(pop(order()).status == pop_status::nothing);
    CHECK(value("popLeases") == "0");
    CHECK(value("poppedMessagesTotal") == "11");
    CHECK(value("popRedeliveredTotal") == "3");
    CHECK(value("popAckedTotal") == "8");
    for (int queue = 0; queue < 4; ++queue)
        CHECK(committed(queue) == 2);
}

TEST_CASE_FIXTURE(pop_world, "pop: one queue, and what is committed is the first message that is not done") {
    for (int i = 0; i < 4; ++i)
        send("m" + std::to_string(i), 1);
    auto one = order(0, 2);
    one.queue = queue_id{1};
    const auto first = pop(one);
    CHECK(bodies(first) == texts{"m0", "m1"});
    CHECK(first.rest == 2);
    const auto second = pop(one);
    CHECK(bodies(second) == texts{"m2", "m3"});
    REQUIRE(ack(second).ok());
    CHECK(committed(1) == 0);
    const auto place = world.ask<group_described>(node->broker_admin(), describe_group_state{"billing", {"orders"}});
    world.advance(100ms);
    REQUIRE(place->has_value());
    REQUIRE((**place).ok());
    const auto& progress = (**place)->stats.queues.at({"orders", node->options().broker_name, 1});
    CHECK(progress.consumer_offset == 0);
    CHECK(progress.pull_offset == 4); // with consumers, or done behind what is
    REQUIRE(ack(first, 0).ok());
    CHECK(committed(1) == 1);
    REQUIRE(ack(first, 1).ok());
    CHECK(committed(1) == 4);
    one.queue = queue_id{4};
    CHECK(finished(begin(one)).failure.code == errc::queue_not_found);
}

TEST_CASE_FIXTURE(pop_world, "pop: waits for a message, and wakes at once for one that its filter wants") {
    auto wish = order(5'000);
    wish.expression = "TagA";
    const auto ticket = begin(wish);
    world.advance(200ms);
    CHECK(value("popsHeld") == "1");
    std::string tags;
    protocol::set_property(tags, "TAGS", "TagB");
    send("other", 0, tags);
    world.advance(50ms);
    CHECK_FALSE(is_answered(ticket));
    protocol::set_property(tags, "TAGS", "TagA");
    send("wanted", 0, tags);
    world.advance(20ms);
    REQUIRE(is_answered(ticket));
    CHECK(bodies(answers.at(ticket).answer) == texts{"wanted"});
    CHECK(value("popsHeld") == "0");
    REQUIRE(ack(answers.at(ticket).answer).ok());
    CHECK(committed(0) == 2); // the other one was passed over
}

TEST_CASE_FIXTURE(pop_world, "pop: a wait ends a little before the client's time is over, by the broker's clock") {
    pop(order()); // the queues are known from now on
    auto wish = order(2'000);
    wish.born = now();
    const auto ticket = begin(wish);
    world.advance(1'900ms);
    CHECK_FALSE(is_answered(ticket));
    world.advance(60ms);
    REQUIRE(is_answered(ticket));
    CHECK(answers.at(ticket).answer.status == pop_status::nothing);
    // A request that was long on its way waits only for what is left, and one that is over is not served.
    send("m", 0);
    wish.born = timestamp_ms{now().value() - 2'600};
    CHECK(pop(wish).status == pop_status::nothing);
    wish.born = timestamp_ms{now().value() + 3'600'000}; // a clock that is ahead does no harm
    CHECK(pop(wish).status == pop_status::found);
    const auto ahead = begin(wish);
    world.advance(2s);
    CHECK(is_answered(ahead));
}

TEST_CASE_FIXTURE(pop_world, "pop: who waits is woken when a message's time is over, and when it is given back") {
    send("m", 0);
    const auto first = pop(order(0, 1, 3'000));
    REQUIRE(bodies(first) == texts{"m"});
    const auto waiting = begin(order(10'000));
    world.advance(2'900ms);
    CHECK_FALSE(is_answered(waiting));
    world.advance(200ms);
    REQUIRE(is_answered(waiting));
    const auto second = answers.at(waiting).answer;
    CHECK(messages(second).at(0).reconsume_times == 1);

    const auto later = begin(order(20'000));
    const auto changed = give_back(second, 500);
    REQUIRE(changed.ok());
    CHECK(changed->popped > second.popped);
    CHECK(changed->invisible_ms == 500);
    CHECK(give_back(second, 500).code() == errc::message_illegal); // the handle is an older one now
    world.advance(450ms);
    CHECK_FALSE(is_answered(later));
    world.advance(100ms);
    REQUIRE(is_answered(later));
    CHECK(messages(answers.at(later).answer).at(0).reconsume_times == 2);
}

// Goal: the alarm sequence with a keeper that is behind. A lease ends, and before the tick for it is handled something else is, at a time at
// which the lease is no longer the next to end: it must not be what is looked for instead.
TEST_CASE_FIXTURE(pop_world, "pop: a lease that ended before the keeper looked is found, whatever came first") {
    send("short", 0);
    send("long", 0);
    send("other", 0);
    auto wish = order(0, 1, 2'000);
    REQUIRE(bodies(pop(wish)) == texts{"short"});
    wish.invisible_ms = 60'000;
    const auto out = pop(wish);
    REQUIRE(bodies(out) == texts{"long"});
    const auto other = pop(wish);
    REQUIRE(bodies(other) == texts{"other"});
    const auto waiting = begin(order(30'000));
    REQUIRE(ack(other).ok()); // the first one in a queue has everybody look
    world.advance(1s);
    REQUIRE_FALSE(is_answered(waiting));
    const auto& queue = out.queues.at(0);
    REQUIRE(node->pop_admission()->try_acquire(1));
    SUBCASE("an acknowledgement") {
        acknowledge_messages done;
        done.parts.push_back({"billing", {"orders", queue.queue}, handle_of(out), {queue.offsets.at(0)}});
        caf::anon_send(node->pop_keeper(), done);
    }
    SUBCASE("a message that is given back") {
        caf::anon_send(node->pop_keeper(),
                       change_invisible_time{"billing", {"orders", queue.queue}, queue.offsets.at(0), handle_of(out), 20'000});
    }
    // In the keeper's mailbox, and only then the tick of the lease that ends after two seconds.
    world.scheduler().advance_time(1'500ms);
    world.run();
    world.advance(20ms);
    REQUIRE(is_answered(waiting));
    CHECK(bodies(answers.at(waiting).answer) == texts{"short"});
}

TEST_CASE_FIXTURE(pop_world, "pop: who begins to wait where others wait is woken by what was given out meanwhile") {
    pop(order()); // the queues are known from now on
    send("m", 0);
    auto elsewhere = order(60'000);
    elsewhere.queue = queue_id{1};
    const auto first = begin(elsewhere); // nothing is out: it waits for no lease
    world.advance(100ms);
    auto here = order(0, 1, 2'000);
    here.queue = queue_id{0};
    REQUIRE(bodies(pop(here)) == texts{"m"});
    here.poll_ms = 60'000;
    here.invisible_ms = 500;
    const auto second = begin(here);
    world.advance(1'800ms);
    CHECK_FALSE(is_answered(second));
    world.advance(300ms);
    REQUIRE(is_answered(second));
    const auto third = begin(here);
    world.advance(600ms);
    REQUIRE(is_answered(third));
    CHECK(messages(answers.at(third).answer).at(0).reconsume_times == 2);
    CHECK_FALSE(is_answered(first));
}

// Goal: no lease is forgotten, whatever is popped, acknowledged, given back or sent in between: whoever waits for any queue has each message as
// soon as its time is over.
TEST_CASE_FIXTURE(pop_world, "pop: who waits has each message when its time is over, whatever others do") {
    const auto seed = random_seed("pop_alarms", 20'261'130);
    std::mt19937_64 random{seed};
    const auto upto = [&random](std::int64_t most) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most + 1)); };
    limit_tries(100'000, 1);
    struct lease {
        messages_popped given;
        timestamp_ms ends;
    };
    std::map<std::string, lease> out; // by body: each pop takes one message
    std::set<std::string> done;
    std::size_t sent = 0;
    const auto hand_out = [&](const messages_popped& given) {
        for (const auto& body : bodies(given)) {
            CHECK_FALSE(done.contains(body));
            if (const auto earlier = out.find(body); earlier != out.end())
                CHECK(earlier->second.ends <= given.popped);
            out[body] = {given, given.popped + given.invisible_ms};
        }
    };
    auto idle = order(3'600'000); // so that the place always has somebody who waits
    idle.queue = queue_id{3};
    const auto never = begin(idle);
    std::optional<std::uint64_t> waiting;
    for (int step = 0; step < 1'500; ++step) {
        CAPTURE(step);
        if (waiting && is_answered(*waiting)) {
            hand_out(answers.at(*waiting).answer);
            waiting.reset();
        }
        if (!waiting)
            waiting = begin(order(3'600'000, 1, 50 + upto(2'000)));
        auto one = out.begin();
        if (!out.empty())
            std::advance(one, upto(static_cast<std::int64_t>(out.size()) - 1));
        switch (upto(7)) {
        case 0: // some are always out, and not too many
            if (out.size() < 10)
                send("m" + std::to_string(sent++), static_cast<std::int32_t>(upto(2)));
            break;
        case 1:
            if (one != out.end() && now() < one->second.ends) {
                REQUIRE(ack(one->second.given).ok());
                done.insert(one->first);
                out.erase(one);
            }
            break;
        case 2:
            if (one != out.end() && now() < one->second.ends) {
                const auto wanted = upto(1'000);
                const auto before = now();
                if (const auto changed = give_back(one->second.given, wanted)) {
                    one->second.given.popped = changed->popped; // which may be ahead of the clock
                    one->second.ends = std::max(before + wanted, changed->popped + 1);
                }
            }
            break;
        case 3: {
            auto other = order(0, 1, 50 + upto(2'000));
            other.queue = queue_id{static_cast<std::int32_t>(upto(2))};
            if (const auto given = pop(other); given.status == pop_status::found)
                hand_out(given);
            break;
        }
        default: world.advance(std::chrono::milliseconds{10 * upto(20)}); break;
        }
        if (waiting && is_answered(*waiting))
            continue;
        for (const auto& each : out) {
            CAPTURE(each.first);
            REQUIRE(now() - each.second.ends <= 50);
        }
    }
    CHECK(sent > 50);
    CHECK_FALSE(is_answered(never));
}

TEST_CASE_FIXTURE(pop_world, "pop: a message that comes serves one of those who wait, the one that waits longest") {
    std::vector<std::uint64_t> waiting;
    for (int i = 0; i < 5; ++i)
        waiting.push_back(begin(order(10'000, 1)));
    world.advance(100ms);
    for (std::size_t i = 0; i < 12; ++i) {
        send("m" + std::to_string(i), static_cast<std::int32_t>(i % 4));
        world.advance(20ms);
        for (std::size_t other = 0; other < waiting.size(); ++other)
            CHECK(is_answered(waiting[other]) == (other <= i));
        CHECK(bodies(answers.at(waiting[i]).answer) == texts{"m" + std::to_string(i)});
        waiting.push_back(begin(order(10'000, 1))); // it comes again, behind the others
    }
    send("x", 0);
    send("y", 1);
    world.advance(20ms);
    CHECK(is_answered(waiting[13])); // two messages serve two
    CHECK_FALSE(is_answered(waiting[14]));
}

TEST_CASE_FIXTURE(pop_world, "pop: who comes does not overtake who waits for the same") {
    pop(order());
    const auto all = node->pop_bytes()->amount_max();
    REQUIRE(node->pop_bytes()->try_acquire(all));
    const auto first = begin(order(5'000, 1));
    send("m", 0);
    CHECK_FALSE(is_answered(first)); // there is no room for what it would get
    node->pop_bytes()->release(all);
    const auto second = begin(order(5'000, 1));
    world.advance(50ms);
    REQUIRE(is_answered(first));
    CHECK(bodies(answers.at(first).answer) == texts{"m"});
    CHECK_FALSE(is_answered(second));
    send("n", 1);
    world.advance(20ms);
    REQUIRE(is_answered(second));
    CHECK(bodies(answers.at(second).answer) == texts{"n"});
}

TEST_CASE_FIXTURE(pop_world, "pop: in order, who waits under the attempt that got a batch gets it, too, and nobody else") {
    pop(order());
    auto wish = order(5'000, 1);
    wish.ordered = true;
    wish.queue = queue_id{0};
    wish.attempt = "a";
    const auto first = begin(wish);
    wish.attempt = "b";
    const auto other = begin(wish);
    wish.attempt = "a";
    const auto repeated_pop = begin(wish);
    send("m", 0);
    send("n", 0);
    world.advance(50ms);
    REQUIRE(is_answered(first));
    REQUIRE(is_answered(repeated_pop));
    CHECK(bodies(answers.at(first).answer) == texts{"m"});
    CHECK(bodies(answers.at(repeated_pop).answer) == texts{"m"});
    CHECK_FALSE(is_answered(other));
    REQUIRE(ack(answers.at(repeated_pop).answer).ok());
    world.advance(50ms);
    REQUIRE(is_answered(other));
    CHECK(bodies(answers.at(other).answer) == texts{"n"});
}

TEST_CASE_FIXTURE(pop_world, "pop: who waits when the disk fails gets afterwards what was not handed out") {
    pop(order());
    const auto first = begin(order(60'000, 1));
    const auto second = begin(order(60'000, 1));
    files->set_hook([](const call_info& call) {
        const bool is_pop = call.path.find("/store/pop") != std::string::npos;
        return is_pop && call.kind == call_kind::write ? std::optional{call_fault::io} : std::nullopt;
    });
    send("m", 0);
    world.advance(50ms);
    REQUIRE(is_answered(first));
    CHECK(answers.at(first).failure.code == errc::io);
    CHECK_FALSE(is_answered(second));
    files->set_hook(nullptr);
    world.advance(3s, 100ms);
    REQUIRE(is_answered(second));
    CHECK(bodies(answers.at(second).answer) == texts{"m"});
}

TEST_CASE_FIXTURE(pop_world, "pop: a queue that somebody waits for is not closed, however long nothing comes") {
    const auto open_queues = [this] {
        const auto listed = world.ask<popped_listed>(node->pop_keeper(), list_popped{"billing"});
        world.run();
        return (**listed)->next.size();
    };
    pop(order());
    const auto waiting = begin(order(300'000));
    world.advance(150s, 1s);
    CHECK(open_queues() == 4);
    send("m", 0);
    world.advance(50ms);
    REQUIRE(is_answered(waiting));
    REQUIRE(ack(answers.at(waiting).answer).ok());
    world.advance(150s, 1s);
    CHECK(open_queues() == 0);
}

TEST_CASE_FIXTURE(pop_world, "pop: after 17 deliveries a message goes to the dead letter topic, as it was, and to nobody else") {
    std::string properties;
    protocol::set_property(properties, "KEYS", "order-7");
    send("poison", 2, properties);
    for (int delivery = 0; delivery < 17; ++delivery) {
        CAPTURE(delivery);
        const auto popped = pop(order(0, 32, 100));
        REQUIRE(bodies(popped) == texts{"poison"});
        CHECK(messages(popped).at(0).reconsume_times == delivery);
        world.advance(100ms);
    }
    CHECK(pop(order(500)).status == pop_status::nothing);
    world.advance(1s);
    CHECK(value("popDeadLettersTotal") == "1");
    CHECK(value("popLeases") == "0");
    CHECK(committed(2) == 1);
    const auto letters = dead_letters();
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].body.view() == "poison");
    CHECK(letters[0].reconsume_times == 17);
    CHECK(protocol::find_property(letters[0].properties, "KEYS") == "order-7");
    CHECK(protocol::find_property(letters[0].properties, "RETRY_TOPIC") == "orders");
    CHECK(protocol::find_property(letters[0].properties, "ORIGIN_MESSAGE_ID").has_value());
    CHECK(protocol::find_property(letters[0].properties, "ORIGIN_QUEUE_ID") == "2");
    world.advance(60s, 1s);
    CHECK(pop(order()).status == pop_status::nothing);
}

TEST_CASE_FIXTURE(pop_world, "pop: a group's own number of tries counts") {
    group_config group;
    group.name = "billing";
    group.retry_max = 1;
    REQUIRE(answer<group_put>(put_group{group}).ok());
    send("poison", 0);
    for (int delivery = 0; delivery < 2; ++delivery) {
        REQUIRE(pop(order(0, 1, 50)).status == pop_status::found);
        world.advance(50ms);
    }
    CHECK(pop(order(300)).status == pop_status::nothing);
    CHECK(value("popDeadLettersTotal") == "1");
}

TEST_CASE_FIXTURE(pop_world, "pop: a message that has used up its tries is buried although nobody pops, one of another group is not") {
    limit_tries(1, 1);
    send("poison", 0);
    auto of_others = order(0, 1, 50);
    of_others.group = "shipping"; // which allows the usual number
    for (int delivery = 0; delivery < 2; ++delivery) {
        REQUIRE(pop(order(0, 1, 50)).status == pop_status::found);
        REQUIRE(pop(of_others).status == pop_status::found);
        world.advance(50ms);
    }
    world.advance(2s);
    CHECK(value("popDeadLettersTotal") == "1");
    CHECK(value("popLeases") == "1");
    REQUIRE(dead_letters().size() == 1);
    CHECK(dead_letters()[0].body.view() == "poison");
    CHECK(committed(0) == 1);
}

TEST_CASE_FIXTURE(pop_world, "pop: after a restart dead messages are buried by their group's own number of tries") {
    limit_tries(3, 1);
    send("poison", 0);
    for (int delivery = 0; delivery < 4; ++delivery) {
        CAPTURE(delivery);
        REQUIRE(pop(order(0, 1, 800)).status == pop_status::found);
        if (delivery < 3)
            world.advance(800ms);
    }
    restart();
    world.advance(3s);
    CHECK(value("popDeadLettersTotal") == "1");
    CHECK(value("popLeases") == "0");
}

TEST_CASE_FIXTURE(pop_world, "pop: many dead messages of several queues are buried in time, a few at once") {
    limit_tries(0, 1);
    for (int i = 0; i < 24; ++i)
        send("m" + std::to_string(i), i % 3);
    REQUIRE(bodies(pop(order(0, 32, 50))).size() == 24);
    world.advance(2s);
    const auto first = std::stoi(value("popDeadLettersTotal"));
    CHECK(first >= 8);
    world.advance(5s, 100ms);
    CHECK(value("popDeadLettersTotal") == "24");
    CHECK(value("popLeases") == "0");
}

TEST_CASE_FIXTURE(pop_world, "pop: the groups with the most messages out are told, the ten largest") {
    for (int i = 0; i < 8; ++i)
        send("m" + std::to_string(i), 0);
    for (int group = 0; group < 12; ++group) {
        auto wish = order(0, 1 + group % 8);
        wish.group = "group-" + std::to_string(group);
        REQUIRE(pop(wish).status == pop_status::found);
    }
    world.advance(1'100ms);
    const auto described = answer<broker_described>(describe_broker{});
    REQUIRE(described);
    CHECK(described->values.at("popLeases.group-7") == "8");
    CHECK(described->values.at("popLeases.group-10") == "3");
    CHECK_FALSE(described->values.contains("popLeases.group-0"));
    const auto is_count = [](const auto& entry) { return entry.first.starts_with("popLeases."); };
    CHECK(std::count_if(described->values.begin(), described->values.end(), is_count) == 10);
}

TEST_CASE_FIXTURE(pop_world, "pop: a group without retry queues has its dead letters") {
    limit_tries(1, 0);
    send("poison", 0);
    die();
    CHECK(value("popDeadLettersTotal") == "1");
    REQUIRE(dead_letters().size() == 1);
    CHECK(dead_letters()[0].body.view() == "poison");
}

TEST_CASE_FIXTURE(pop_world, "pop: a dead message with as many properties as may be is kept, and holds nobody up") {
    limit_tries(1, 1);
    for (const std::size_t spare : {0u, 40u, 80u, 120u, 200u, 300u}) {
        CAPTURE(spare);
        std::string properties;
        protocol::set_property(properties, "KEYS", "order-7");
        protocol::set_property(properties, "fill", std::string(32'600 - properties.size() - spare, 'x'));
        send("poison", 0, properties);
        send("next", 0);
        die(true);
        auto wish = order(1'000);
        wish.ordered = true;
        const auto next = pop(wish);
        CHECK(bodies(next) == texts{"next"});
        REQUIRE(ack(next).ok());
        CHECK(protocol::find_property(dead_letters().back().properties, "KEYS") == "order-7");
    }
    CHECK(dead_letters().size() == 6);
    CHECK(value("popDeadDroppedTotal") == "0");
}

TEST_CASE_FIXTURE(pop_world, "pop: what is out and what is done survives a restart") {
    for (int i = 0; i < 3; ++i)
        send("m" + std::to_string(i), 0);
    const auto popped = pop(order(0, 32, 60'000));
    REQUIRE(bodies(popped).size() == 3);
    REQUIRE(ack(popped, 1).ok());
    restart();
    CHECK(value("popLeases") == "2");
    CHECK(pop(order()).status == pop_status::nothing);
    CHECK(ack(popped, 2).ok()); // with the handle from before
    world.advance(60s, 1s);
    CHECK(bodies(pop(order())) == texts{"m0"});
}

TEST_CASE_FIXTURE(pop_world, "pop: after a power loss nothing that was acknowledged comes back, and nothing is lost") {
    for (const auto mode : all_crash_modes) {
        CAPTURE(static_cast<int>(mode));
        send("keep", 0);
        send("done", 0);
        const auto popped = pop(order(0, 32, 1'000));
        REQUIRE(bodies(popped) == texts{"keep", "done"});
        REQUIRE(ack(popped, 1).ok());
        crash(mode);
        start(pop_broker());
        world.advance(1s);
        const auto again = pop(order());
        CHECK(bodies(again) == texts{"keep"});
        REQUIRE(ack(again).ok());
    }
}

TEST_CASE_FIXTURE(pop_world, "pop: a trace says of each message by itself whether it is acknowledged") {
    for (int i = 0; i < 3; ++i)
        send("m" + std::to_string(i), 0);
    const auto trace = [this](std::int64_t offset) {
        const auto told = world.ask<message_traced>(node->broker_members(), trace_message{{"orders", queue_id{0}}, queue_offset{offset}});
        world.advance(200ms);
        REQUIRE(told->has_value());
        REQUIRE((**told).ok());
        return (**told)->trace;
    };
    const auto taken = pop(order(0, 2));
    REQUIRE(ack(taken, 1).ok());
    const auto group_of = [](const protocol::message_trace& all) {
        REQUIRE(all.groups.size() == 1);
        CHECK(all.groups.front().group == "billing");
        return all.groups.front();
    };
    const auto first = group_of(trace(0));
    REQUIRE(first.popped.is_known);
    CHECK_FALSE(first.has_acknowledged(queue_offset{0}));
    CHECK(first.popped.deliveries == 1);
    CHECK(first.popped.last == taken.popped);
    CHECK(first.popped.visible == taken.popped + 10'000);
    const auto second = group_of(trace(1));
    CHECK(second.committed == queue_offset{0}); // the first holds the group's offset back
    CHECK(second.has_acknowledged(queue_offset{1}));
    const auto third = group_of(trace(2)); // nobody has popped it
    CHECK_FALSE(third.popped.is_known);
    CHECK_FALSE(third.has_acknowledged(queue_offset{2}));
}

TEST_CASE_FIXTURE(pop_world, "pop: in order, a queue waits for its batch, and the same attempt gets it again") {
    for (int i = 0; i < 4; ++i)
        send("m" + std::to_string(i), 0);
    auto wish = order(0, 2, 2'000);
    wish.ordered = true;
    wish.attempt = "first";
    const auto batch = pop(wish);
    CHECK(bodies(batch) == texts{"m0", "m1"});
    CHECK(batch.revive_queue == 999);
    CHECK(batch.queues.at(0).deliveries == std::vector<std::int32_t>{0, 0});
    CHECK(bodies(pop(wish)) == texts{"m0", "m1"});
    const auto repeated_batch = pop(wish);
    wish.attempt = "second";
    CHECK(pop(wish).status == pop_status::nothing);
    wish.poll_ms = 10'000;
    const auto waiting = begin(wish);
    REQUIRE(ack(repeated_batch, 0).ok());
    world.advance(50ms);
    CHECK_FALSE(is_answered(waiting));
    REQUIRE(ack(repeated_batch, 1).ok());
    world.advance(50ms);
    REQUIRE(is_answered(waiting)); // as soon as the batch is done
    const auto next = answers.at(waiting).answer;
    CHECK(bodies(next) == texts{"m2", "m3"});
    CHECK(ack(repeated_batch, 0).ok()); // its answer may have been lost
    auto never = next;
    never.queues.at(0).offsets = {queue_offset{4}};
    CHECK(ack(never).code() == errc::message_illegal);
    wish.attempt = "third";
    const auto late = begin(wish);
    world.advance(2'100ms);
    REQUIRE(is_answered(late)); // the second one's time is over
    CHECK(bodies(answers.at(late).answer) == texts{"m2", "m3"});
    CHECK(answers.at(late).answer.queues.at(0).deliveries == std::vector<std::int32_t>{1, 1});
}

TEST_CASE_FIXTURE(pop_world, "pop: beyond the bound of what is out there are no new messages, until something is done") {
    for (int i = 0; i < 10; ++i)
        send("m" + std::to_string(i), 0);
    const auto first = pop(order(0, 8));
    REQUIRE(bodies(first).size() == 8);
    const auto waiting = begin(order(5'000));
    world.advance(100ms);
    CHECK_FALSE(is_answered(waiting));
    REQUIRE(ack(first, 3).ok());
    world.advance(50ms);
    REQUIRE(is_answered(waiting));
    CHECK(bodies(answers.at(waiting).answer) == texts{"m8"});
}

TEST_CASE_FIXTURE(pop_world, "pop: a group begins where it has read to, or where it says") {
    for (int i = 0; i < 4; ++i)
        send("m" + std::to_string(i), 0);
    REQUIRE(answer<offset_committed>(commit_offset{{"billing", {"orders", queue_id{0}}}, queue_offset{2}}).ok());
    CHECK(bodies(pop(order())) == texts{"m2", "m3"});
    auto other = order();
    other.group = "young";
    other.from_end = true;
    CHECK(bodies(pop(other)).size() == 4); // a young queue is read from its beginning, as it is by pulls
}

TEST_CASE_FIXTURE(pop_world, "pop: setting offsets back, and pulling instead, forgets what is out") {
    for (int i = 0; i < 3; ++i)
        send("m" + std::to_string(i), 0);
    const auto first = pop(order(0, 32, 60'000));
    REQUIRE(ack(first).ok());
    reset_offsets back{"billing", "orders", queue_id{0}, timestamp_ms{-1}, queue_offset{1}};
    group_config group;
    group.name = "billing";
    REQUIRE(answer<group_put>(put_group{group}).ok());
    const auto place = world.ask<offsets_reset>(node->broker_members(), back);
    world.advance(200ms);
    REQUIRE(place->has_value());
    REQUIRE((**place).ok());
    const auto again = pop(order(0, 32, 60'000));
    CHECK(bodies(again) == texts{"m1", "m2"});
    REQUIRE(ack(again, 0).ok());

    set_mode("PULL");
    CHECK(committed(0) == 2);
    CHECK(value("popLeases") == "0");
    CHECK(bodies(pop(order())) == texts{"m2"}); // whoever pops after that begins there
}

TEST_CASE_FIXTURE(pop_world, "pop: deleting a topic or a group deletes what was popped") {
    send("old", 0);
    REQUIRE(pop(order(0, 1, 60'000)).status == pop_status::found);
    REQUIRE(answer<topic_deleted>(delete_topic{"orders"}).ok());
    CHECK(value("popLeases") == "0");
    make_topic("orders");
    send("new", 0);
    const auto popped = pop(order(0, 1, 60'000));
    CHECK(bodies(popped) == texts{"new"});
    REQUIRE(answer<group_deleted>(delete_group{"billing", true}).ok());
    CHECK(bodies(pop(order())) == texts{"new"});
}

TEST_CASE_FIXTURE(pop_world, "pop: what may not be is refused, and why") {
    const auto refused = [this](pop_messages wish) { return finished(begin(wish)).failure.code; };
    CHECK(refused(order(0, 33)) == errc::argument_illegal);
    CHECK(refused(order(0, 0)) == errc::argument_illegal);
    CHECK(refused(order(0, 1, 0)) == errc::argument_illegal);
    auto wish = order();
    wish.topic = "nothing";
    CHECK(refused(wish) == errc::topic_not_found);
    wish = order();
    wish.group = "no group!";
    CHECK(refused(wish) == errc::group_not_found);
    wish = order();
    wish.expression = "||";
    CHECK(refused(wish) == errc::subscription_illegal);
    acknowledge_messages unknown{{{"billing", {"orders", queue_id{0}}, {{}, timestamp_ms{1}}, {queue_offset{5}}}}};
    CHECK(ask_keeper<messages_acknowledged>(unknown).code() == errc::message_not_found);
    unknown.parts[0].queue.queue = queue_id{9};
    CHECK(ask_keeper<messages_acknowledged>(unknown).code() == errc::message_illegal);
    unknown.parts[0].queue.topic = "nothing";
    CHECK(ask_keeper<messages_acknowledged>(unknown).code() == errc::topic_not_found);
}

TEST_CASE_FIXTURE(pop_world, "pop: in a batch of acknowledgements what is no message is passed over") {
    send("m0", 0);
    send("m1", 0);
    const auto popped = pop(order());
    const auto part = [&popped](const std::string& topic, std::int32_t queue, std::vector<queue_offset> offsets) {
        return acknowledge_messages::part{"billing", {topic, queue_id{queue}}, pop_world::handle_of(popped), std::move(offsets)};
    };
    const acknowledge_messages batch{{part("nothing", 0, {queue_offset{0}}), part("orders", 9, {queue_offset{0}}),
                                      part("orders", 0, {queue_offset{0}, queue_offset{77}, queue_offset{1}})},
                                     true};
    CHECK(ask_keeper<messages_acknowledged>(batch).ok());
    CHECK(value("popAckedTotal") == "2");
    CHECK(value("popLeases") == "0");
}

TEST_CASE_FIXTURE(pop_world, "pop: no number that a client says is too large to be reckoned with") {
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    auto many = message("m", 0);
    many.reconsume_times = std::numeric_limits<std::int32_t>::max();
    REQUIRE(answer<messages_stored>(many).ok());
    auto wish = order(largest, 1, 100);
    wish.born = timestamp_ms{largest};
    CHECK(pop(wish).status == pop_status::found);
    world.advance(100ms);
    wish.poll_ms = std::numeric_limits<std::int64_t>::min();
    const auto again = pop(wish);
    REQUIRE(again.status == pop_status::found);
    CHECK(messages(again).at(0).reconsume_times == 1'000'001);
}

TEST_CASE_FIXTURE(pop_world, "pop: a group with a limit gets its messages in its time") {
    group_config group;
    group.name = "billing";
    group.deliver_messages = 2;
    REQUIRE(answer<group_put>(put_group{group}).ok());
    for (int i = 0; i < 10; ++i)
        send("m" + std::to_string(i), i % 2);
    const auto clock = [this] { return world.scheduler().clock().now(); };
    std::size_t got = 0;
    const auto begun = clock();
    for (int pops = 0; pops < 5; ++pops) { // as a port does
        const auto ticket = begin(order(5'000, 32, 60'000));
        world.advance(200ms);
        const auto count = bodies(finished(ticket).answer).size();
        CHECK(count <= 2);
        node->shares()->charge("billing", static_cast<std::int64_t>(count), clock());
        got += count;
    }
    CHECK(got == 10);
    CHECK(clock() - begun >= 3s);
    CHECK(clock() - begun <= 5s);
    CHECK(std::stoi(value("pullsThrottledTotal")) >= 2);

    node->shares()->charge("billing", 100, clock());
    const auto short_of_time = begin(order(0));
    const auto gone = begin(order(60'000));
    world.advance(500ms);
    CHECK_FALSE(is_answered(short_of_time));
    caf::anon_send(node->pops(), pops_abandoned{{gone}, holder});
    world.advance(700ms);
    REQUIRE(is_answered(short_of_time));
    CHECK(answers.at(short_of_time).answer.status == pop_status::nothing);
    const auto at_the_end = begin(order(60'000));
    stop();
    CHECK(answers.at(at_the_end).failure.code == errc::shutting_down);
    CHECK_FALSE(is_answered(gone));
}

TEST_CASE_FIXTURE(pop_world, "pop: whoever has popped after its offsets were set is not sent back by its first pull") {
    for (int i = 0; i < 3; ++i)
        send("m" + std::to_string(i), 0);
    REQUIRE(ack(pop(order())).ok());
    const auto place = world.ask<offsets_reset>(node->broker_members(),
                                                reset_offsets{"billing", "orders", queue_id{0}, timestamp_ms{-1}, queue_offset{0}});
    world.advance(200ms);
    REQUIRE(place->has_value());
    REQUIRE((**place).ok());
    REQUIRE(ack(pop(order())).ok());
    auto next = pull(3);
    next.group = "billing";
    CHECK(answer<messages_pulled>(next)->status == pull_status::no_new);
    commit(3);
    CHECK(committed(0) == 3);
}

TEST_CASE_FIXTURE(pop_world, "pop: waiting for messages takes none, looking takes none, and who waits is counted") {
    pop(order());
    auto wish = order(5'000);
    wish.kind = pop_kind::notify;
    const auto waiting = begin(wish);
    auto count = order();
    count.kind = pop_kind::count;
    CHECK(pop(count).rest == 1);
    send("m", 0);
    world.advance(50ms);
    REQUIRE(is_answered(waiting));
    CHECK(answers.at(waiting).answer.status == pop_status::found);
    auto look = order();
    look.kind = pop_kind::peek;
    CHECK(bodies(pop(look)) == texts{"m"});
    CHECK(bodies(pop(look)) == texts{"m"});
    CHECK(pop(count).rest == 0);
    CHECK(bodies(pop(order(0, 1, 500))) == texts{"m"});
    CHECK(pop(look).status == pop_status::nothing);
    const auto later = begin(wish);
    world.advance(400ms);
    CHECK_FALSE(is_answered(later));
    world.advance(200ms);
    CHECK(is_answered(later)); // its time is over: there is something again
}

TEST_CASE_FIXTURE(pop_world, "pop: what a connection waited for when it ended is forgotten") {
    pop(order());
    const auto ticket = begin(order(5'000));
    caf::anon_send(node->pops(), pops_abandoned{{ticket}, holder});
    world.run();
    CHECK(value("popsHeld") == "0");
    send("m", 0);
    world.advance(6s, 100ms);
    CHECK_FALSE(is_answered(ticket));
    CHECK(bodies(pop(order())) == texts{"m"});
}

TEST_CASE_FIXTURE(pop_world, "pop: when the disk fails nothing is handed out, and afterwards nothing is lost") {
    send("m", 0);
    pop(order(0, 1, 1'000));
    world.advance(2s);
    files->set_hook([](const call_info& call) {
        const bool is_pop = call.path.find("/store/pop") != std::string::npos;
        return is_pop && call.kind == call_kind::write ? std::optional{call_fault::io} : std::nullopt;
    });
    CHECK(finished(begin(order())).failure.code == errc::io);
    CHECK(finished(begin(order())).failure.code == errc::io);
    files->set_hook(nullptr);
    world.advance(2s);
    CHECK(bodies(pop(order())) == texts{"m"});
}

TEST_CASE_FIXTURE(pop_world, "pop: who waits for room for records is looked for again, whatever others acknowledge meanwhile") {
    for (int i = 0; i < 4; ++i)
        send("m" + std::to_string(i), 0);
    std::vector<messages_popped> out;
    for (int i = 0; i < 3; ++i)
        out.push_back(pop(order(0, 1)));
    const auto all = node->pop_bytes()->amount_max();
    REQUIRE(node->pop_bytes()->try_acquire(all));
    const auto waiting = begin(order(5'000, 1));
    REQUIRE(ack(out[0]).ok()); // the first one has them look again, the second one is not what they wait for
    REQUIRE(ack(out[1]).ok());
    CHECK_FALSE(is_answered(waiting));
    node->pop_bytes()->release(all);
    world.advance(50ms);
    REQUIRE(is_answered(waiting));
    CHECK(bodies(answers.at(waiting).answer) == texts{"m3"});
}

TEST_CASE_FIXTURE(pop_world, "pop: what a burst of pops reads is bounded, and whoever waits is served when there is room") {
    const std::string large(256 << 10, 'x');
    for (int i = 0; i < 40; ++i)
        send(large, i % 4);
    auto look = order(0, 1);
    look.kind = pop_kind::peek;
    look.queue = queue_id{0};
    pop(look);
    keeps = true;
    constexpr std::uint64_t burst = 500;
    const auto first = next_ticket;
    for (; next_ticket < first + burst; ++next_ticket)
        caf::anon_send(node->pops(), pop_ticketed{next_ticket, look, holder});
    world.advance(100ms);
    std::size_t found = 0;
    for (auto ticket = first; ticket < first + burst; ++ticket) {
        REQUIRE(is_answered(ticket));
        const auto& answered = answers.at(ticket);
        CHECK((answered.failure.code == errc::none || answered.failure.code == errc::busy));
        found += answered.answer.status == pop_status::found ? 1u : 0u;
    }
    CHECK(found >= 200);
    CHECK(found <= 256);
    CHECK(node->pop_bytes()->under_way() <= 64u << 20);

    CHECK(finished(begin(order())).failure.code == errc::busy);
    const auto waiting = begin(order(5'000, 1));
    world.advance(100ms);
    CHECK_FALSE(is_answered(waiting));
    for (auto& entry : answers)
        entry.second.kept.reset();
    CHECK(node->pop_bytes()->under_way() == 0);
    world.advance(50ms);
    REQUIRE(is_answered(waiting));
    CHECK(answers.at(waiting).answer.status == pop_status::found);
    CHECK(value("popLeases") == "1");
}

TEST_CASE_FIXTURE(pop_world, "pop: pops and pulls of a group go on where the other is") {
    for (int i = 0; i < 10; ++i)
        send("m" + std::to_string(i), 0);
    REQUIRE(ack(pop(order(0, 1))).ok());
    set_mode("POP");
    const auto second = pop(order(0, 1, 60'000));
    CHECK(bodies(second) == texts{"m1"});
    auto held = order(60'000);
    held.expression = "TagA";
    begin(held);
    pop_again_from([this] { caf::anon_send(node->pops(), pop_ticketed{next_ticket++, order(0, 1, 60'000), holder}); });
    set_mode("PULL");
    CHECK_FALSE(when_nothing); // it did pop again
    CHECK(committed(0) == 1);
    commit(9);
    set_mode("POP");
    const auto rest = pop(order());
    CHECK(bodies(rest) == texts{"m9"});
    REQUIRE(ack(rest).ok());
    CHECK(committed(0) == 10);
}

TEST_CASE_FIXTURE(pop_world, "pop: becoming a group that pops forgets nothing of one that does already") {
    for (int i = 0; i < 3; ++i)
        send("m" + std::to_string(i), 0);
    const auto popped = pop(order(0, 32, 2'000));
    REQUIRE(ack(popped, 1).ok());
    set_mode("POP");
    CHECK(value("popLeases") == "2");
    CHECK(pop(order()).status == pop_status::nothing);
    world.advance(2s);
    CHECK(bodies(pop(order())) == texts{"m0", "m2"});
}

TEST_CASE_FIXTURE(pop_world, "pop: looking and waiting leave no trace, and see what pulls have left") {
    for (int i = 0; i < 10; ++i)
        send("m" + std::to_string(i), 0);
    auto look = order();
    look.kind = pop_kind::peek;
    look.queue = queue_id{0};
    CHECK(bodies(pop(look)).size() == 10);
    auto wait = order();
    wait.kind = pop_kind::notify;
    CHECK(pop(wait).status == pop_status::found);
    CHECK(committed(0) == -1); // nobody has said where the group is
    commit(8);
    CHECK(bodies(pop(look)) == texts{"m8", "m9"});
    CHECK(committed(0) == 8);
    commit(10);
    wait.poll_ms = 5'000;
    const auto waiting = begin(wait);
    world.advance(100ms);
    CHECK_FALSE(is_answered(waiting));
    send("m10", 0);
    world.advance(100ms);
    REQUIRE(is_answered(waiting));
    CHECK(answers.at(waiting).answer.status == pop_status::found);
    CHECK(bodies(pop(order())) == texts{"m10"});
}

TEST_CASE_FIXTURE(pop_world, "pop: who waits for a notice does not decide where a group begins") {
    topic_config keeps_little;
    keeps_little.name = "orders";
    keeps_little.read_queues = keeps_little.write_queues = 4;
    keeps_little.attributes = {{"retention.ms", "600000"}};
    REQUIRE(answer<topic_put>(put_topic{keeps_little}).ok());
    send("old", 0);
    world.advance(1'200s, 10s);
    send("newer", 0);
    world.advance(12s, 1s);
    REQUIRE(answer<offset_found>(find_min_offset{{"orders", queue_id{0}}})->offset.value() == 1); // no young queue, then
    auto wait = order();
    wait.kind = pop_kind::notify;
    CHECK(pop(wait).status == pop_status::found);
    auto wish = order();
    wish.from_end = true;
    CHECK(pop(wish).status == pop_status::nothing);
}

TEST_CASE_FIXTURE(pop_world, "pop: a deleted group is gone, whoever pops while it goes") {
    for (int i = 0; i < 4; ++i)
        send("m" + std::to_string(i), 0);
    REQUIRE(ack(pop(order(0, 2))).ok());
    pop(order(0, 1, 60'000));
    auto held = order(60'000);
    held.expression = "TagA";
    begin(held);
    pop_again_from([this] { caf::anon_send(node->pops(), pop_ticketed{next_ticket++, order(0, 1, 60'000), holder}); });
    const auto last = next_ticket;
    REQUIRE(answer<group_deleted>(delete_group{"billing", true}).ok());
    world.advance(1s);
    CHECK_FALSE(when_nothing);
    CHECK(finished(last).failure.code == errc::busy);
    CHECK(value("popLeases") == "0");
    CHECK(committed(0) == -1);
    restart();
    CHECK(value("popLeases") == "0");
    CHECK(bodies(pop(order())).size() == 4);
}

TEST_CASE_FIXTURE(pop_world, "pop: in order, who waits is served after the batch although it was repeated, or looked at, meanwhile") {
    for (int i = 0; i < 4; ++i)
        send("m" + std::to_string(i), 0);
    auto wish = order(0, 2, 60'000);
    wish.ordered = true;
    for (const bool looks : {false, true}) {
        CAPTURE(looks);
        wish.poll_ms = 0;
        wish.attempt = looks ? "third" : "first";
        auto batch = pop(wish);
        REQUIRE(bodies(batch).size() == 2);
        wish.poll_ms = 20'000;
        wish.attempt = "second";
        const auto waiting = begin(wish);
        world.advance(100ms);
        CHECK_FALSE(is_answered(waiting));
        wish.poll_ms = 0;
        if (looks) {
            auto look = order();
            look.kind = pop_kind::peek;
            pop(look);
        } else {
            wish.attempt = "first";
            batch = pop(wish);
        }
        REQUIRE(ack(batch).ok());
        world.advance(50ms);
        REQUIRE(is_answered(waiting));
        REQUIRE(ack(answers.at(waiting).answer).ok());
        send("more", 0);
        send("more", 0);
        send("more", 0);
        send("more", 0);
    }
}

namespace {

/// Few messages may be out, of all groups together.
struct crowded_world : pop_world {
    crowded_world() : pop_world{crowded()} {}
    static broker_options crowded() {
        auto options = pop_broker();
        options.pop_leases_total_max = 8;
        return options;
    }
    static pop_messages of(const std::string& group, std::int64_t poll_ms = 0) {
        auto wish = order(poll_ms, 32, 3'600'000);
        wish.group = group;
        return wish;
    }
};

} // namespace

TEST_CASE_FIXTURE(crowded_world, "pop: a group that never acknowledges takes nothing from the others") {
    for (int i = 0; i < 20; ++i)
        send("m" + std::to_string(i), i % 2);
    REQUIRE(bodies(pop(of("broken"))).size() == 8);
    CHECK(pop(of("broken")).status == pop_status::nothing);
    const auto first = pop(of("healthy"));
    CHECK(bodies(first).size() == 4); // its share
    const auto waiting = begin(of("healthy", 10'000));
    world.advance(1'500ms);
    CHECK_FALSE(is_answered(waiting));
    REQUIRE(ack(first, std::nullopt, "healthy").ok());
    world.advance(100ms);
    REQUIRE(is_answered(waiting));
    CHECK(bodies(answers.at(waiting).answer).size() == 4);
    REQUIRE(ack(answers.at(waiting).answer, std::nullopt, "healthy").ok());
    CHECK(value("popLeases") == "8");
}

TEST_CASE_FIXTURE(crowded_world, "pop: what is out becomes less when the log lets go of it, and whoever waits for that is served") {
    topic_config keeps_little;
    keeps_little.name = "bills";
    keeps_little.read_queues = keeps_little.write_queues = 1;
    keeps_little.attributes = {{"retention.ms", "600000"}};
    REQUIRE(answer<topic_put>(put_topic{keeps_little}).ok());
    auto bill = message("bill");
    bill.topic = "bills";
    for (int i = 0; i < 8; ++i)
        REQUIRE(answer<messages_stored>(bill).ok());
    auto broken = of("broken");
    broken.topic = "bills";
    REQUIRE(bodies(pop(broken)).size() == 8);
    for (int i = 0; i < 8; ++i)
        send("m" + std::to_string(i), 0);
    REQUIRE(bodies(pop(of("healthy"))).size() == 4);
    const auto waiting = begin(of("healthy", 3'000'000));
    world.advance(500s, 1s);
    CHECK_FALSE(is_answered(waiting));
    world.advance(700s, 1s);
    send("later", 1);
    world.advance(20s, 1s);
    REQUIRE(is_answered(waiting));
    CHECK(bodies(answers.at(waiting).answer).size() >= 4);
}

TEST_CASE_FIXTURE(pop_world, "pop: a queue that nobody pops any more is where pulls have got to") {
    for (int i = 0; i < 10; ++i)
        send("m" + std::to_string(i), 0);
    REQUIRE(ack(pop(order(0, 1))).ok());
    world.advance(70s, 1s);
    commit(9);
    CHECK(bodies(pop(order())) == texts{"m9"});
    world.advance(70s, 1s); // it is out: the queue stays as it is
    CHECK(bodies(pop(order())) == texts{"m9"});
    restart();
    world.advance(70s, 1s);
    const auto again = pop(order());
    CHECK(bodies(again) == texts{"m9"});
    CHECK(messages(again).at(0).reconsume_times == 2);
}

TEST_CASE_FIXTURE(pop_world, "pop: a log that lost its end is popped from there, however much is sent before anybody pops") {
    for (int i = 0; i < 3; ++i)
        send("m" + std::to_string(i), 0);
    REQUIRE(ack(pop(order())).ok());
    stop();
    {
        auto store = storage::pop_store::open(files, "/store/pop");
        REQUIRE(store.ok());
        REQUIRE((*store)->load().ok());
        storage::pop_changes ahead;
        ahead[{"billing", {"orders", queue_id{0}}}] = {false, queue_offset{5}, {}};
        REQUIRE((*store)->change(ahead, true).ok());
    }
    start(pop_broker());
    for (int i = 3; i < 8; ++i)
        send("m" + std::to_string(i), 0);
    CHECK(bodies(pop(order())) == texts{"m3", "m4", "m5", "m6", "m7"});
}

TEST_CASE_FIXTURE(pop_world, "pop: offsets set while an idle queue is closed are not lost to what was committed for that") {
    send("m0", 0);
    send("m1", 0);
    REQUIRE(ack(pop(order())).ok());
    world.advance(70s, 1s);
    REQUIRE(committed(0) == 2); // as if it had come behind the operator's 1
    const auto changed = world.ask<pops_changed>(node->pop_keeper(), reset_pops{"billing", {{{"orders", queue_id{0}}, queue_offset{1}}}});
    world.advance(100ms);
    REQUIRE(changed->has_value());
    REQUIRE((**changed).ok());
    CHECK(bodies(pop(order())) == texts{"m1"});
}

namespace {

/// Of what a group has popped and acknowledged, the last two messages are lost with the end of the log; that they are done is not.
struct lost_end_world : pop_world {
    static broker_options options() {
        auto lazy = small_broker();
        lazy.store.flush = storage::flush_mode::async;
        lazy.flush_interval = std::chrono::hours{1};
        return lazy;
    }
    lost_end_world() : pop_world{options()} {
        send_and_finish({"a0", "a1", "a2", "a3"});
        stop(); // synced
        start(options());
        send_and_finish({"b4", "b5"});
        CHECK(committed(0) == 6);
        REQUIRE(answer<offset_committed>(commit_offset{{"readers", {"orders", queue_id{0}}}, queue_offset{5}}).ok());
        crash(crash_mode::drop_unsynced);
        start(options());
    }
    void send_and_finish(const texts& all) {
        for (const auto& body : all)
            send(body, 0);
        const auto popped = pop(order());
        CHECK(bodies(popped) == all);
        REQUIRE(ack(popped).ok());
    }
    std::int64_t committed_of(const std::string& group) {
        const auto found = answer<offset_found>(query_offset{{group, {"orders", queue_id{0}}}, false});
        return found ? found->offset.value() : -1;
    }
};

} // namespace

TEST_CASE_FIXTURE(lost_end_world, "pop: in flush mode async what a group has committed goes back to the end of a log that was cut") {
    CHECK(committed_of("billing") == 4);
    CHECK(committed_of("readers") == 4); // who pulls, too
    crash(crash_mode::drop_unsynced);    // that is durable
    start(options());
    CHECK(committed_of("billing") == 4);
    CHECK(committed_of("readers") == 4);
}

TEST_CASE_FIXTURE(lost_end_world, "pop: after the end of the log was lost, closing idle queues passes over nothing") {
    send_and_finish({"c4"});
    world.advance(70s, 1s); // closed: the group goes on at what it has committed
    const texts all{"d5", "d6", "d7"};
    for (const auto& body : all)
        send(body, 0);
    CHECK(bodies(pop(order())) == all);
}

TEST_CASE_FIXTURE(lost_end_world, "pop: after the end of the log was lost, a change to POP passes over nothing") {
    const texts all{"c4", "c5", "c6"};
    for (const auto& body : all)
        send(body, 0);
    set_mode("POP");
    CHECK(bodies(pop(order())) == all);
}

TEST_CASE_FIXTURE(lost_end_world, "pop: after the end of the log was lost, a change to PULL passes over nothing") {
    set_mode("POP");
    send_and_finish({"c4"});
    set_mode("PULL");
    CHECK(committed(0) == 5);
}
