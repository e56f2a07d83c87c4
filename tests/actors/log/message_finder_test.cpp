#include "actors/log/message_finder.hpp"

#include "protocol/message_codec.hpp"
#include "tests/actors/store_world.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

const topic_queue orders{"orders", queue_id{0}};

/// The finder alone, on a store with three messages; the test plays the offset keeper.
struct finder_world : store_world {
    std::shared_ptr<admission> lookups = std::make_shared<admission>(10);
    bool keeper_answers = true;
    caf::actor keeper = world.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
        return {[this, self](const list_offsets&) {
            auto promise = self->make_response_promise();
            if (keeper_answers)
                promise.deliver(offsets_listed{{{orders, queue_offset{1}}}});
            return promise;
        }};
    });
    message_finder_actor finder;

    finder_world() {
        for (const auto* body : {"a", "b", "c"}) {
            append(body);
            world.advance(1s);
        }
        topic_config topic;
        topic.name = "orders";
        topic.read_queues = topic.write_queues = 1;
        message_finder_options options;
        options.store = store;
        options.topics =
            std::make_shared<topic_directory>(std::make_shared<const topic_snapshot>(permission::read_write, 0, std::vector{topic}));
        options.lookups = lookups;
        options.offset_keeper = caf::actor_cast<offset_keeper_actor>(keeper);
        options.broker_name = "broker-a";
        options.now = world.wall_clock();
        finder = spawn_message_finder(world.system(), std::move(options));
    }
    ~finder_world() {
        caf::anon_send(finder, finish{});
        caf::anon_send_exit(keeper, caf::exit_reason::kill);
        world.run();
    }
    template <class Answer, class Order>
    result<Answer> ask(const Order& order) {
        REQUIRE(lookups->try_acquire(1));
        const auto place = world.ask<Answer>(finder, order);
        if (!*place)
            world.advance(6s, 100ms);
        REQUIRE(place->has_value());
        return **place;
    }
};

} // namespace

TEST_CASE_FIXTURE(finder_world, "message_finder: every order gives back its unit, whatever comes of it") {
    CHECK(ask<message_found>(find_message{log_position{-1}})->record.empty());
    CHECK(ask<first_stored_found>(find_first_stored{orders})->time > timestamp_ms{0});
    CHECK(ask<queue_browsed>(browse_queue{orders, queue_offset{1}, 10})->page->entries.size() == 2);
    CHECK(ask<messages_found>(find_messages{"nothing", "k", 1, {}, {}, false}).code() == errc::topic_not_found);
    CHECK(ask<time_spans_described>(describe_time_spans{"orders", "g"}).ok());
    CHECK(lookups->under_way() == 0);
}

TEST_CASE_FIXTURE(finder_world, "message_finder: the time span of a group counts from the message that comes next for it") {
    const auto described = ask<time_spans_described>(describe_time_spans{"orders", "g"});
    REQUIRE(described);
    REQUIRE(described->spans.size() == 1);
    const auto& span = described->spans.front();
    CHECK(span.last_stored_ms - span.first_stored_ms == 2'000);
    CHECK(span.consumed_ms == span.first_stored_ms);
    CHECK(span.delay_ms == 2'000); // "b" was stored two seconds ago
}

TEST_CASE_FIXTURE(finder_world, "message_finder: a search that nobody waits for any more is not begun") {
    find_messages order{"orders", "k", 1, {}, timestamp_ms{9'000'000'000'000}, false};
    order.given_up = world.scheduler().clock().now() + 1s;
    CHECK(ask<messages_found>(order).code() == errc::message_not_found);
    world.advance(1s);
    CHECK(ask<messages_found>(order).code() == errc::timed_out);
    CHECK(lookups->under_way() == 0);
}

TEST_CASE_FIXTURE(finder_world, "message_finder: an offset keeper that does not answer is given up") {
    keeper_answers = false;
    REQUIRE(lookups->try_acquire(1));
    const auto described = world.ask<time_spans_described>(finder, describe_time_spans{"orders", "g"});
    CHECK_FALSE(described->has_value());
    CHECK(lookups->under_way() == 1); // it still waits, and is one of those that are bounded
    world.advance(6s, 100ms);
    REQUIRE(described->has_value());
    CHECK((*described)->code() == errc::timed_out);
    CHECK(lookups->under_way() == 0);
}

TEST_CASE_FIXTURE(finder_world, "message_finder: a disk that refuses is told, and is no missing message") {
    const auto read = store->read(orders, queue_offset{0}, {}, {});
    REQUIRE(read);
    const auto position = protocol::record_position(read->records.view());
    CHECK_FALSE(ask<message_found>(find_message{position})->record.empty());
    fail_reads();
    CHECK(ask<message_found>(find_message{position}).code() == errc::io);
    CHECK(ask<queue_browsed>(browse_queue{orders, queue_offset{0}, 10}).code() == errc::io);
    mend();
}
