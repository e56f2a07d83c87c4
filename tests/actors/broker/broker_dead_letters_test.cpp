#include "actors/base/log.hpp"
#include "actors/messages/dead_letters.hpp"
#include "actors/messages/message_back.hpp"
#include "protocol/properties.hpp"
#include "tests/actors/broker_world.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

using names = std::vector<std::string>;

/// A broker with a group whose messages die at once.
struct dead_letter_world : broker_world {
    dead_letter_world() {
        make_topic("orders");
        make_group("billing");
    }
    void make_group(const std::string& name, std::int32_t retry_queues = 1) {
        group_config group;
        group.name = name;
        group.retry_queues = retry_queues;
        REQUIRE(answer<group_put>(put_group{group}));
    }
    template <class Answer, class Order>
    result<Answer> operate(Order order) {
        auto place = world.ask<Answer>(node->broker_members(), std::move(order));
        for (int i = 0; i < 200 && !*place; ++i)
            world.advance(10ms);
        REQUIRE(place->has_value());
        return **place;
    }
    void die(const std::string& body, const std::string& group = "billing") {
        const auto stored = answer<messages_stored>(message(body, 0, "UNIQ_KEY\x01u-" + body + "\x02TAGS\x01TagA\x02"));
        REQUIRE(stored);
        const auto place = protocol::parse_offset_message_id(stored->message_ids);
        REQUIRE(place);
        const auto given_back = world.ask<message_sent_back>(node->message_back(), send_message_back{place->second, group, -1, {}, {}, {}});
        for (int i = 0; i < 100 && !*given_back; ++i)
            world.advance(10ms);
        REQUIRE((**given_back).ok());
    }
    std::vector<protocol::message> messages(const std::string& topic, std::int32_t queue = 0) {
        auto page = operate<page_read>(read_page{{topic, queue_id{queue}}, queue_offset{0}, 100});
        if (!page)
            return {};
        auto all = protocol::decode_records(page->records);
        REQUIRE(all);
        return *all;
    }
    names bodies_in(const std::string& topic, std::int32_t queue = 0) {
        names all;
        for (const auto& one : messages(topic, queue))
            all.emplace_back(one.body.view());
        return all;
    }
    result<dead_letters_resent> resend(std::int32_t max = 100, std::int64_t from = -1, const std::string& group = "billing") {
        return operate<dead_letters_resent>(resend_dead_letters{group, queue_id{0}, queue_offset{from}, max});
    }
    protocol::dead_letter_queue letters(const std::string& group = "billing") {
        const auto listed = operate<dead_letters_listed>(list_dead_letters{group});
        REQUIRE(listed);
        REQUIRE(listed->queues.size() == 1);
        return listed->queues[0];
    }
};

} // namespace

TEST_CASE("a dead letter that comes again begins anew, and is otherwise what it was") {
    protocol::message dead;
    dead.topic = "%DLQ%billing";
    dead.queue = queue_id{0};
    dead.offset = queue_offset{7};
    dead.position = log_position{100};
    dead.reconsume_times = 17;
    dead.born = timestamp_ms{1};
    dead.stored = timestamp_ms{2};
    dead.body = payload{std::string{"x"}};
    dead.properties = "RETRY_TOPIC\x01orders\x02"
                      "DELAY\x01"
                      "0\x02ORIGIN_MESSAGE_ID\x01id\x02";
    const auto copy = revive(dead, "billing");
    CHECK(copy.topic == "%RETRY%billing");
    CHECK(copy.reconsume_times == 0);
    CHECK(copy.born == dead.born);
    CHECK(copy.body.view() == "x");
    CHECK(copy.properties == "RETRY_TOPIC\x01orders\x02ORIGIN_MESSAGE_ID\x01id\x02");
    CHECK(copy.position == log_position{0});
    CHECK(copy.offset == queue_offset{0});
}

TEST_CASE_FIXTURE(dead_letter_world, "broker: dead letters are counted by group, with their ages") {
    CHECK(operate<dead_letters_listed>(list_dead_letters{})->queues.empty());
    CHECK(operate<dead_letters_listed>(list_dead_letters{"billing"})->queues.empty());
    make_group("audit");
    die("a");
    const auto first = world.wall_clock()();
    world.advance(5s, 1s);
    die("b");
    die("c", "audit");
    const auto seen = letters();
    CHECK(seen.group == "billing");
    CHECK(seen.min == queue_offset{0});
    CHECK(seen.max == queue_offset{2});
    CHECK(seen.resent == queue_offset{0});
    CHECK(seen.first_stored <= first);
    CHECK(seen.last_stored - seen.first_stored >= 5'000);
    const auto all = operate<dead_letters_listed>(list_dead_letters{});
    REQUIRE(all->queues.size() == 2);
    CHECK(all->queues[0].group == "audit");
    CHECK(all->queues[1] == seen);
}

TEST_CASE_FIXTURE(dead_letter_world, "broker: a queue is read page by page, wherever one begins") {
    for (const auto* body : {"a", "b", "c"})
        send(body);
    const topic_queue queue{"orders", queue_id{0}};
    const auto page = operate<page_read>(read_page{queue, queue_offset{1}, 1});
    REQUIRE(page);
    CHECK(protocol::decode_records(page->records)->at(0).body.view() == "b");
    CHECK(page->next == queue_offset{2});
    CHECK(page->min == queue_offset{0});
    CHECK(page->max == queue_offset{3});
    CHECK(protocol::decode_records(operate<page_read>(read_page{queue, queue_offset{-5}, 0})->records)->size() == 1); // at least one
    const auto behind = operate<page_read>(read_page{queue, queue_offset{99}, 10});
    CHECK(behind->records.empty());
    CHECK(behind->next == queue_offset{3});
    CHECK(operate<page_read>(read_page{{"orders", queue_id{4}}, queue_offset{0}, 1}).code() == errc::queue_not_found);
    CHECK(operate<page_read>(read_page{{"nothing", queue_id{0}}, queue_offset{0}, 1}).code() == errc::topic_not_found);
    const auto empty = operate<page_read>(read_page{{"orders", queue_id{3}}, queue_offset{0}, 1});
    CHECK(empty->records.empty());
    CHECK(empty->max == queue_offset{0});
}

TEST_CASE_FIXTURE(dead_letter_world, "broker: dead letters come to their own group again, each once, however often all are resent") {
    for (const auto* body : {"a", "b", "c"})
        die(body);
    const auto dead = messages("%DLQ%billing");
    const auto done = resend(2);
    REQUIRE_MESSAGE(done.ok(), to_string(done.ok() ? error{} : done.failure()));
    CHECK(done->resent == 2);
    CHECK(done->next == queue_offset{2});
    CHECK(done->max == queue_offset{3});
    CHECK(letters().resent == queue_offset{2});
    CHECK(resend()->resent == 1);
    CHECK(resend()->resent == 0);
    const auto again = messages("%RETRY%billing");
    REQUIRE(again.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(again[i].body.view() == dead[i].body.view());
        CHECK(again[i].reconsume_times == 0);
        CHECK(again[i].born == dead[i].born);
        const auto properties = protocol::decode_properties(again[i].properties);
        CHECK(properties.at("RETRY_TOPIC") == "orders");
        CHECK(properties.at("UNIQ_KEY") == "u-" + std::string{dead[i].body.view()});
        CHECK(properties.at("TAGS") == "TagA");
        CHECK(properties.count("DELAY") == 0);
    }
    CHECK(bodies_in("orders").size() == 3);  // nobody else gets it
    CHECK(letters().max == queue_offset{3}); // the dead letters stay where they are
    CHECK(answer<broker_described>(describe_broker{})->values.at("deadLettersResentTotal") == "3");

    die("d"); // those that die later are to be resent
    CHECK(resend()->resent == 1);
    CHECK(bodies_in("%RETRY%billing").back() == "d");
}

TEST_CASE_FIXTURE(dead_letter_world, "broker: what was resent is remembered through a restart") {
    die("a");
    die("b");
    REQUIRE(resend(1));
    crash(crash_mode::drop_unsynced);
    start();
    CHECK(letters().resent == queue_offset{1});
    CHECK(resend()->resent == 1);
    CHECK(bodies_in("%RETRY%billing") == names{"a", "b"});
}

TEST_CASE_FIXTURE(dead_letter_world, "broker: dead letters that are damaged are passed over, and those behind them resent") {
    set_log_sink([](log_level, std::string_view) {});
    for (const auto* body : {"a", "b", "c"})
        die(body);
    const auto first = messages("%DLQ%billing").at(0);
    {
        const auto log = files->open("/store/commitlog/00000000000000000000", storage::open_mode::read_write);
        REQUIRE(log);
        const std::vector<std::string_view> bad{"x"};
        REQUIRE((*log)->write_at(static_cast<std::uint64_t>(first.position.value()) + 4, bad).ok()); // its magic number
    }
    std::int32_t resent = 0;
    for (int i = 0; i < 3; ++i) {
        const auto page = resend(1);
        REQUIRE(page);
        resent += page->resent;
    }
    CHECK(resent == 2);
    CHECK(letters().resent == queue_offset{3});
    CHECK(bodies_in("%RETRY%billing") == names{"b", "c"});
    set_log_sink({});
}

TEST_CASE("broker: dead letters that come after others were lost with the log's end are not taken for resent") {
    auto options = small_broker();
    options.store.flush = storage::flush_mode::async;
    options.flush_interval = std::chrono::hours{1};
    dead_letter_world w;
    w.stop();
    w.start(options);
    w.die("a");
    REQUIRE(w.resend()->resent == 1); // remembered at once; the log is not synced
    w.crash(crash_mode::drop_unsynced);
    w.start(options);
    REQUIRE(w.operate<dead_letters_listed>(list_dead_letters{"billing"}));
    w.die("b");
    CHECK(w.letters().max == queue_offset{1});
    CHECK(w.letters().resent == queue_offset{0});
    CHECK(w.resend()->resent == 1);
    CHECK(w.bodies_in("%RETRY%billing") == names{"b"});
}

TEST_CASE_FIXTURE(dead_letter_world, "broker: one dead letter is resent by its offset, as often as it is asked for") {
    die("a");
    die("b");
    CHECK(resend(1, 1)->resent == 1);
    CHECK(resend(1, 1)->resent == 1);
    CHECK(bodies_in("%RETRY%billing") == names{"b", "b"});
    CHECK(letters().resent == queue_offset{0});
    CHECK(resend(1, 2).code() == errc::message_not_found);
    CHECK(resend(1, 99).code() == errc::message_not_found);
    CHECK(bodies_in("%RETRY%billing").size() == 2);
}

TEST_CASE_FIXTURE(dead_letter_world, "broker: who has no dead letters, or may not have them, is told so") {
    CHECK(resend().code() == errc::topic_not_found);
    CHECK(resend(1, -1, "nobody").code() == errc::group_not_found);
    die("a");
    CHECK(operate<dead_letters_resent>(resend_dead_letters{"billing", queue_id{1}, queue_offset{-1}, 1}).code() == errc::queue_not_found);
    REQUIRE(resend(1, 0));
    topic_config closed;
    closed.name = "%RETRY%billing";
    closed.read_queues = closed.write_queues = 1;
    closed.perm = permission::read;
    REQUIRE(answer<topic_put>(put_topic{closed}));
    CHECK(resend().code() == errc::not_permitted);
    CHECK(letters().resent == queue_offset{0});
}

TEST_CASE_FIXTURE(dead_letter_world, "broker: two orders for one queue at a time: the second is told to wait, and nothing is sent twice") {
    for (const auto* body : {"a", "b", "c"})
        die(body);
    const resend_dead_letters order{"billing", queue_id{0}, queue_offset{-1}, 100};
    std::vector<result<dead_letters_resent>> outcomes;
    for (int i = 0; i < 3; ++i)
        world.system().spawn([this, order, &outcomes](caf::event_based_actor* self) {
            self->request(node->broker_members(), caf::infinite, order)
                .then([&outcomes](const dead_letters_resent& done) { outcomes.emplace_back(done); },
                      [&outcomes](const caf::error& failure) { outcomes.emplace_back(to_error(failure)); });
        });
    world.advance(1s);
    REQUIRE(outcomes.size() == 3);
    std::int32_t resent = 0;
    for (const auto& outcome : outcomes) {
        if (outcome)
            resent += outcome->resent;
        else
            CHECK(outcome.code() == errc::busy);
    }
    CHECK(resent == 3);
    CHECK(bodies_in("%RETRY%billing") == names{"a", "b", "c"});
}
