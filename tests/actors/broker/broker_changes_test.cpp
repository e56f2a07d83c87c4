#include "actors/broker/broker.hpp"

#include "actors/broker/broker_config.hpp"
#include "actors/messages/type_ids.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/actors/virtual_system.hpp"

#include <caf/actor_cast.hpp>
#include <caf/atom.hpp>
#include <caf/response_promise.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

/// Answers that a role below the broker owes; the test decides when it pays.
struct debts {
    struct debt {
        caf::actor debtor;
        std::function<void(const error&)> answer; ///< code none: it worked
    };
    std::deque<debt> open;
};

template <class Answer, class Order>
auto owe(caf::event_based_actor* self, debts& all) {
    return [self, &all](const Order&) {
        auto promise = self->make_response_promise();
        all.open.push_back({caf::actor{self}, [promise](const error& failure) mutable {
                                if (failure.code == errc::none)
                                    promise.deliver(Answer{});
                                else
                                    promise.deliver(make_caf_error(failure));
                            }});
        return promise;
    };
}

/// A broker between doubles that answer when the test says so.
struct slow_world {
    virtual_system world;
    debts offsets;
    debts metadata;
    debts drops; ///< of topic indexes, by the log writer
    debts reads;
    debts trims;
    debts note_answers;
    std::size_t retain_looks = 0;
    std::vector<note_offsets> noted;
    std::function<void()> due; ///< what pay() wants done
    std::shared_ptr<topic_directory> directory;
    std::shared_ptr<send_quotas> quotas = std::make_shared<send_quotas>();
    caf::actor writer;
    caf::actor reader;
    caf::actor offset_keeper;
    caf::actor metadata_keeper;
    caf::actor indexer;
    local_broker_actor broker;
    broker_admin_actor admin; ///< the same

    slow_world() {
        topic_config orders;
        orders.name = "orders";
        directory = std::make_shared<topic_directory>(
            std::make_shared<const topic_snapshot>(permission::read_write, 0, std::vector<topic_config>{orders, template_topic({})}));
        auto& system = world.system();
        writer = system.spawn([this](caf::event_based_actor* self) -> caf::behavior {
            return {owe<topic_index_dropped, drop_topic_index>(self, drops), [this](caf::ok_atom) { due(); },
                    [this](retain_tick) { ++retain_looks; }, [](const finish&) {}};
        });
        reader = system.spawn([this](caf::event_based_actor* self) -> caf::behavior {
            return {owe<offset_found, find_max_offset>(self, reads),
                    owe<topic_described, describe_queues>(self, reads),
                    owe<broker_described, describe_store>(self, reads),
                    owe<group_described, describe_progress>(self, reads),
                    owe<topic_trimmed, trim_topic>(self, trims),
                    [this](caf::ok_atom) { due(); },
                    [](const locate_offsets& order) {
                        return offsets_located{{{{order.topic, order.queues.at(0)}, order.offset}}};
                    }};
        });
        offset_keeper = system.spawn([this](caf::event_based_actor* self) -> caf::behavior {
            return {owe<offset_committed, commit_offset>(self, offsets),
                    owe<offset_found, query_offset>(self, offsets),
                    owe<offsets_listed, list_offsets>(self, offsets),
                    owe<topic_deleted, delete_topic>(self, offsets),
                    owe<group_deleted, delete_group>(self, offsets),
                    [this](caf::ok_atom) { due(); },
                    [](const claim_group&) {},
                    [](const commit_offsets&) { return offset_committed{}; },
                    [this, self](const note_offsets& order) {
                        noted.push_back(order);
                        return owe<offsets_noted, note_offsets>(self, note_answers)(order);
                    }};
        });
        metadata_keeper = system.spawn([this](caf::event_based_actor* self) -> caf::behavior {
            return {owe<topic_put, put_topic>(self, metadata), owe<group_put, put_group>(self, metadata), [this](caf::ok_atom) { due(); },
                    [](const forget_deleted_topic&) {}};
        });
        indexer = system.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](const finish&) {}}; });
        broker_setup setup;
        setup.options.store_host = {{127, 0, 0, 1}, false, 10911};
        setup.options.now = world.wall_clock();
        setup.options.auto_create_topics = true;
        setup.directory = directory;
        setup.quotas = quotas;
        setup.append_admission = std::make_shared<admission>(1'000);
        setup.read_admission = std::make_shared<admission>(10);
        setup.hold_admission = std::make_shared<admission>(10);
        setup.metrics = std::make_shared<broker_metrics>();
        setup.log_writer = caf::actor_cast<log_writer_actor>(writer);
        setup.log_readers = {caf::actor_cast<log_reader_actor>(reader)};
        setup.offset_keeper = caf::actor_cast<offset_keeper_actor>(offset_keeper);
        setup.metadata_keeper = caf::actor_cast<metadata_keeper_actor>(metadata_keeper);
        setup.indexer = caf::actor_cast<indexer_actor>(indexer);
        auto spawned = spawn_broker(system, std::move(setup));
        broker = std::move(spawned.broker);
        admin = std::move(spawned.admin);
        world.run();
    }
    ~slow_world() {
        caf::anon_send_exit(broker, caf::exit_reason::kill);
        for (const auto& role : {writer, reader, offset_keeper, metadata_keeper, indexer})
            caf::anon_send_exit(role, caf::exit_reason::kill);
        world.run();
    }

    /// Answers the oldest debt. A promise can only be kept by its own actor, while that runs.
    void pay(debts& all, const error& failure = {}) {
        REQUIRE_FALSE(all.open.empty());
        const auto first = std::move(all.open.front());
        all.open.pop_front();
        due = [&first, &failure] { first.answer(failure); };
        caf::anon_send(first.debtor, caf::ok_atom_v);
        world.run();
        due = nullptr;
    }
    template <class Answer, class Order>
    virtual_system::awaited<Answer> ask(Order order) {
        return world.ask<Answer>(broker, std::move(order));
    }
    [[nodiscard]] bool exists(const std::string& topic) const { return directory->current()->find(topic) != nullptr; }
};

const progress_key key{"readers", {"orders", queue_id{0}}};

} // namespace

TEST_CASE_FIXTURE(slow_world, "broker: a question that a role below does not answer fails at its deadline") {
    const auto committed = ask<offset_committed>(commit_offset{key, queue_offset{1}});
    const auto max = ask<offset_found>(find_max_offset{key.queue});
    const auto described = ask<topic_described>(describe_topic{"orders"});
    const auto group = ask<group_described>(describe_group{"readers", ""});
    world.advance(4s, 100ms);
    CHECK_FALSE(committed->has_value());
    world.advance(2s, 100ms);
    REQUIRE(committed->has_value());
    REQUIRE(max->has_value());
    REQUIRE(described->has_value());
    REQUIRE(group->has_value());
    CHECK((*committed)->code() == errc::timed_out);
    CHECK((*max)->code() == errc::timed_out);
    CHECK((*described)->code() == errc::timed_out);
    CHECK((*group)->code() == errc::timed_out);
}

TEST_CASE_FIXTURE(slow_world, "broker: a question to a role that dies with it is answered") {
    const auto committed = ask<offset_committed>(commit_offset{key, queue_offset{1}});
    const auto queried = ask<offset_found>(query_offset{key, true});
    REQUIRE(offsets.open.size() == 2);
    caf::anon_send_exit(offset_keeper, caf::exit_reason::kill);
    world.run();
    REQUIRE(committed->has_value());
    REQUIRE(queried->has_value());
    CHECK((*committed)->code() == errc::internal);
    CHECK((*queried)->code() == errc::internal);
}

TEST_CASE_FIXTURE(slow_world, "broker: finish waits for the questions under way, and no longer than its deadline") {
    const auto described = ask<broker_described>(describe_broker{});
    const auto group = ask<group_described>(describe_group{"readers", ""});
    caf::anon_send(broker, finish{});
    world.run();
    CHECK_FALSE(described->has_value());
    pay(reads);
    REQUIRE(described->has_value());
    CHECK((*described)->ok());
    CHECK_FALSE(group->has_value());
    world.advance(3s, 100ms);
    REQUIRE(group->has_value());
    CHECK((*group)->code() == errc::shutting_down);
}

TEST_CASE_FIXTURE(slow_world, "broker: a deletion over its deadline stays open until the disk has answered, whatever the answer") {
    const auto deleted = ask<topic_deleted>(delete_topic{"orders"});
    CHECK_FALSE(exists("orders"));
    world.advance(6s, 100ms);
    REQUIRE(deleted->has_value());
    CHECK((*deleted)->code() == errc::timed_out);
    CHECK_FALSE(exists("orders")); // nobody knows
    topic_config orders;
    orders.name = "orders";
    CHECK((*ask<topic_put>(put_topic{orders}))->code() == errc::busy);
    CHECK((*ask<topic_deleted>(delete_topic{"orders"}))->code() == errc::busy);

    SUBCASE("it is gone") {
        pay(offsets);
        pay(drops);
        CHECK_FALSE(exists("orders"));
        CHECK((*ask<topic_deleted>(delete_topic{"orders"}))->ok());
    }
    SUBCASE("it is still there") {
        pay(offsets, {errc::io, "no"});
        CHECK(exists("orders"));
    }
}

TEST_CASE_FIXTURE(slow_world, "broker: a topic that could not be deleted has the limits that it had") {
    topic_config orders;
    orders.name = "orders";
    orders.attributes = {{"quota.send.messages", "1"}, {"retention.bytes", "1000"}};
    const auto put = ask<topic_put>(put_topic{orders});
    pay(metadata);
    REQUIRE((*put)->ok());
    const auto is_limited = [this] {
        quotas->charge("orders", 100, 0, clock_time{});
        return quotas->wait("orders", clock_time{}).count() > 0;
    };
    CHECK(is_limited());
    const auto deleted = ask<topic_deleted>(delete_topic{"orders"});
    CHECK_FALSE(is_limited());
    pay(trims); // it gets back what the log has
    pay(offsets, {errc::io, "no"});
    REQUIRE((*deleted)->code() == errc::io);
    CHECK(is_limited());
    world.advance(1s, 100ms);
    CHECK(trims.open.size() == 1);
}

TEST_CASE_FIXTURE(slow_world, "broker: consumers of a topic that could not be deleted still hear of a reset") {
    group_config readers;
    readers.name = "readers";
    const auto put = ask<group_put>(put_group{readers});
    pay(metadata);
    REQUIRE((*put)->ok());
    const auto reset = world.ask<offsets_reset>(caf::actor_cast<broker_members_actor>(broker),
                                                reset_offsets{"readers", "orders", queue_id{0}, timestamp_ms{-1}, queue_offset{0}});
    REQUIRE((*reset)->ok());
    const auto is_told = [this] { // until it knows better, what it commits does not count
        const auto committed = ask<offset_committed>(commit_offset{key, queue_offset{9}});
        return committed->has_value() && offsets.open.empty();
    };
    CHECK(is_told());
    const auto deleted = ask<topic_deleted>(delete_topic{"orders"});
    pay(offsets, {errc::io, "no"});
    REQUIRE((*deleted)->code() == errc::io);
    CHECK(is_told());
}

TEST_CASE_FIXTURE(slow_world, "broker: a topic over its deadline appears when the disk has it after all") {
    topic_config bills;
    bills.name = "bills";
    const auto put = ask<topic_put>(put_topic{bills});
    world.advance(6s, 100ms);
    REQUIRE(put->has_value());
    CHECK((*put)->code() == errc::timed_out);
    CHECK_FALSE(exists("bills"));
    pay(metadata);
    CHECK(exists("bills"));
}

// Goal: success means that what was asked for is stored, not that something was.
TEST_CASE_FIXTURE(slow_world, "broker: a list with a topic or group whose change is under way is busy, and changes nothing") {
    topic_config bills;
    bills.name = "bills";
    const auto put = ask<topic_put>(put_topic{bills});
    auto wider = bills;
    wider.write_queues = wider.read_queues = bills.write_queues + 1;
    topic_config other;
    other.name = "other";
    const auto topics = world.ask<topics_put>(admin, change_topics{{{wider, {}}, {other, {}}}});
    REQUIRE(topics->has_value());
    CHECK((*topics)->code() == errc::busy);
    const auto group = ask<group_put>(put_group{{"readers", true, true, 1, 16}});
    const auto groups = world.ask<groups_put>(admin, put_groups{{{"readers", true, true, 1, 3}}});
    REQUIRE(groups->has_value());
    CHECK((*groups)->code() == errc::busy);
    CHECK(metadata.open.size() == 2);
    pay(metadata);
    pay(metadata);
    CHECK((*put)->ok());
    CHECK((*group)->ok());
    CHECK(*directory->current()->find("bills") == bills);
    const auto again = world.ask<topics_put>(admin, change_topics{{{wider, {}}}});
    pay(metadata);
    CHECK((*again)->ok());
    CHECK(*directory->current()->find("bills") == wider);
}

TEST_CASE_FIXTURE(slow_world, "broker: a list that would fill the queue of changes is refused as a whole") {
    change_topics topics;
    put_groups groups;
    for (std::size_t i = 0; i <= protocol::list_entries_max; ++i) {
        topic_config topic;
        topic.name = "t" + std::to_string(i);
        topics.changes.push_back({topic, {}});
        groups.groups.push_back({"g" + std::to_string(i), true, true, 1, 16});
    }
    CHECK((*world.ask<topics_put>(admin, topics))->code() == errc::argument_illegal);
    CHECK((*world.ask<groups_put>(admin, groups))->code() == errc::argument_illegal);
    CHECK(metadata.open.empty());
    topics.changes.pop_back();
    groups.groups.pop_back();
    const auto topics_done = world.ask<topics_put>(admin, topics);
    const auto groups_done = world.ask<groups_put>(admin, groups);
    CHECK(metadata.open.size() == limits::changes_per_broker_max);
    while (!metadata.open.empty())
        pay(metadata);
    CHECK((*topics_done)->ok());
    CHECK((*groups_done)->ok());
}

TEST_CASE_FIXTURE(slow_world, "broker: a send that wants a topic which is being deleted is busy, not told that it is there") {
    const auto deleted = ask<topic_deleted>(delete_topic{"orders"});
    send_messages send;
    send.topic = "orders";
    send.body = payload{"x"};
    const auto sent = ask<messages_stored>(send);
    REQUIRE(sent->has_value());
    CHECK((*sent)->code() == errc::busy);
}

TEST_CASE_FIXTURE(slow_world, "broker: a topic whose index could not be dropped is deleted again, and not made anew before that") {
    const auto deleted = ask<topic_deleted>(delete_topic{"orders"});
    pay(offsets);
    pay(drops, {errc::disk_full, "no room"});
    REQUIRE(deleted->has_value());
    CHECK((*deleted)->code() == errc::disk_full);
    topic_config orders;
    orders.name = "orders";
    CHECK((*ask<topic_put>(put_topic{orders}))->code() == errc::busy);
    const auto again = ask<topic_deleted>(delete_topic{"orders"});
    CHECK_FALSE(again->has_value());
    pay(drops);
    REQUIRE(again->has_value());
    CHECK((*again)->ok());
    const auto put = ask<topic_put>(put_topic{orders});
    pay(metadata);
    CHECK((*put)->ok());
}

TEST_CASE_FIXTURE(slow_world,
                  "broker: offsets that come with pulls wait for a slow keeper, the last of each queue, and go before a question") {
    const auto pull_and_commit = [this](std::int32_t queue, std::int64_t offset) {
        pull_messages pull;
        pull.group = "readers";
        pull.topic = "orders";
        pull.queue = queue_id{queue};
        pull.commit = true;
        pull.commit_offset = queue_offset{offset};
        pull.has_expression = true;
        pull.expression_type = "TAG";
        return ask<messages_pulled>(pull);
    };
    CHECK((*pull_and_commit(0, -5))->code() == errc::argument_illegal);
    CHECK(noted.empty());
    for (std::int64_t offset = 1; offset <= 100; ++offset) {
        pull_and_commit(0, offset);
        pull_and_commit(1, offset * 2);
    }
    REQUIRE(noted.size() == 1); // the rest waits for its answer
    pay(note_answers);
    REQUIRE(noted.size() == 2);
    const std::vector<std::pair<progress_key, queue_offset>> last{{{"readers", {"orders", queue_id{0}}}, queue_offset{100}},
                                                                  {{"readers", {"orders", queue_id{1}}}, queue_offset{200}}};
    CHECK(noted[1].offsets == last);
    pull_and_commit(0, 101);
    CHECK(noted.size() == 2);
    const auto queried = ask<offset_found>(query_offset{key, true});
    CHECK(noted.size() == 3);
    CHECK(offsets.open.size() == 1);
}

TEST_CASE_FIXTURE(slow_world, "broker: a question about more queues than one may ask for is refused before the store is asked") {
    describe_group_state order{"readers", {}, false};
    for (int i = 0; i < 17; ++i) {
        topic_config wide;
        wide.name = "wide" + std::to_string(i);
        wide.read_queues = wide.write_queues = limits::queues_per_topic_max;
        ask<topic_put>(put_topic{wide});
        pay(metadata);
        order.topics.push_back(wide.name);
    }
    const auto refused = world.ask<group_described>(admin, order);
    pay(offsets);
    REQUIRE(refused->has_value());
    CHECK((*refused)->code() == errc::argument_illegal);
    CHECK(reads.open.empty());
    order.topics.pop_back();
    const auto described = world.ask<group_described>(admin, order);
    pay(offsets);
    pay(reads);
    REQUIRE(described->has_value());
    CHECK((*described)->ok());
}

TEST_CASE_FIXTURE(slow_world, "broker: the progress of all groups is told to four at a time, whatever becomes of the ones before") {
    ask<group_put>(put_group{{"readers", true, true, 1, 16}});
    pay(metadata);
    const auto walk = [this] { return world.ask<consumption_described>(admin, describe_consumption{}); };
    const std::vector walks{walk(), walk(), walk(), walk()};
    const auto fifth = walk();
    REQUIRE(fifth->has_value());
    CHECK((*fifth)->code() == errc::busy);
    world.advance(6s, 100ms);
    for (const auto& one : walks) {
        REQUIRE(one->has_value());
        CHECK((*one)->code() == errc::timed_out);
    }
    const auto again = walk();
    while (!offsets.open.empty())
        pay(offsets);
    pay(reads);
    REQUIRE(again->has_value());
    CHECK((*again)->ok());
}

TEST_CASE_FIXTURE(slow_world, "broker: however often it is told to look for old segments, the log writer is disturbed once a second") {
    for (int i = 0; i < 10; ++i)
        CHECK((*world.ask<clean_begun>(admin, clean_store{}))->ok());
    CHECK(retain_looks == 1);
    world.advance(1s, 100ms);
    CHECK((*world.ask<clean_begun>(admin, clean_store{}))->ok());
    CHECK(retain_looks == 2);
}
