#include "actors/group/offset_keeper.hpp"

#include "actors/base/log.hpp"
#include "storage/metadata_store.hpp"
#include "tests/actors/broker_world.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

progress_key key(const std::string& group, std::int32_t queue = 0, const std::string& topic = "orders") {
    return {group, {topic, queue_id{queue}}};
}

/// The keeper alone, on stores in memory.
struct keeper_world {
    virtual_system world;
    std::shared_ptr<fault_file_system> files = fault_file_system::make(1);
    std::shared_ptr<storage::message_store> store;
    std::shared_ptr<storage::metadata_store> metadata;
    std::shared_ptr<broker_metrics> metrics = std::make_shared<broker_metrics>();
    offset_keeper_actor keeper;

    keeper_world() {
        auto options = small_broker().store;
        auto opened = storage::message_store::open(files, options);
        REQUIRE(opened);
        store = std::move(*opened);
        auto opened_metadata = storage::metadata_store::open(files, "/store/metadata");
        REQUIRE(opened_metadata);
        metadata = std::move(*opened_metadata);
        keeper = spawn_offset_keeper(world.system(), {metadata, store, *metadata->offsets(), metrics, 500ms, 10});
        world.run();
    }
    ~keeper_world() {
        caf::anon_send(keeper, finish{});
        world.run();
    }
    /// Offsets on disk.
    std::map<progress_key, queue_offset> durable() {
        const auto all = metadata->offsets();
        REQUIRE(all);
        return {all->begin(), all->end()};
    }
    result<offset_found> query(const progress_key& what, bool zero_if_not_found = true) {
        const auto found = world.ask<offset_found>(keeper, query_offset{what, zero_if_not_found});
        REQUIRE(found->has_value());
        return **found;
    }
};

} // namespace

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: a committed offset is on disk when it is answered, and may go back") {
    auto committed = world.ask<offset_committed>(keeper, commit_offset{key("g"), queue_offset{7}});
    REQUIRE(committed->has_value());
    CHECK((*committed)->ok());
    CHECK(durable().at(key("g")) == queue_offset{7});
    CHECK(query(key("g"))->offset == queue_offset{7});
    committed = world.ask<offset_committed>(keeper, commit_offset{key("g"), queue_offset{3}});
    CHECK((*committed)->ok());
    CHECK(durable().at(key("g")) == queue_offset{3});
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: what moves an offset back counts, and can be read in detail") {
    std::vector<std::string> told;
    set_log_sink([&told](log_level level, std::string_view text) {
        if (level == log_level::debug)
            told.emplace_back(text);
    });
    for (const std::int64_t offset : {7, 7, 9, 8}) {
        const auto committed = world.ask<offset_committed>(keeper, commit_offset{key("g", 3), queue_offset{offset}});
        REQUIRE((committed->has_value() && (*committed)->ok()));
    }
    CHECK(metrics->offsets_moved_back == 1);
    REQUIRE(told.size() == 1);
    CHECK(told[0] == "offset keeper: group g goes back from 9 to 8 in queue 3 of topic orders");
    caf::anon_send(keeper, note_offsets{{{key("g", 3), queue_offset{2}}}});
    caf::anon_send(keeper, note_offsets{{{key("g", 3), queue_offset{1}}}, true}); // only forward: it does not move
    world.run();
    CHECK(metrics->offsets_moved_back == 2);
    CHECK(query(key("g", 3))->offset == queue_offset{2});
    set_log_sink({});
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: an offset that came with a pull is durable a moment later") {
    caf::anon_send(keeper, note_offsets{{{key("g"), queue_offset{5}}}});
    world.run();
    CHECK(query(key("g"))->offset == queue_offset{5});
    CHECK(durable().empty());
    world.advance(600ms);
    CHECK(durable().at(key("g")) == queue_offset{5});
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: finish makes noted offsets durable") {
    caf::anon_send(keeper, note_offsets{{{key("g"), queue_offset{5}}}});
    caf::anon_send(keeper, finish{});
    world.run();
    CHECK(durable().at(key("g")) == queue_offset{5});
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: a young queue starts at 0, unless the question forbids it") {
    CHECK(query(key("g"))->offset == queue_offset{0});
    CHECK(query(key("g"), false).code() == errc::offset_not_found);
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: on a queue whose first message is far from the log's end a new group chooses itself") {
    protocol::message message;
    message.topic = "orders";
    message.body = payload{"x"};
    REQUIRE(store->append({{{"orders", queue_id{0}}, *protocol::encode_record(message), 1}}, world.wall_clock()()));
    REQUIRE(store->flush());
    CHECK(query(key("g"))->offset == queue_offset{0});
    const auto first = store->read({"orders", queue_id{0}}, queue_offset{0}, {}, {});
    REQUIRE(first);
    const auto distance = store->stats().log_end - protocol::record_position(first->records.view());
    const auto ask_with_window = [&](std::int64_t bytes) {
        const auto other = spawn_offset_keeper(world.system(), {metadata, store, {}, metrics, 500ms, 10, bytes});
        const auto found = world.ask<offset_found>(other, query_offset{key("g"), true});
        caf::anon_send(other, finish{});
        world.run();
        REQUIRE(found->has_value());
        return **found;
    };
    CHECK(ask_with_window(distance)->offset == queue_offset{0});
    CHECK(ask_with_window(distance - 1).code() == errc::offset_not_found);
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: a failed write is told, and the next one carries the offset") {
    files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::write || call.kind == call_kind::sync ? std::optional{call_fault::io} : std::nullopt;
    });
    const auto committed = world.ask<offset_committed>(keeper, commit_offset{key("g"), queue_offset{7}});
    REQUIRE(committed->has_value());
    CHECK_FALSE((*committed)->ok());
    files->set_hook(nullptr);
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: a disk that fails on and on is reported once, and again after it had worked") {
    int reports = 0;
    set_log_sink([&reports](log_level, std::string_view text) { reports += text.starts_with("offset keeper") ? 1 : 0; });
    const auto fail = [this](bool fails) {
        files->set_hook([fails](const call_info& call) -> std::optional<call_fault> {
            return fails && (call.kind == call_kind::write || call.kind == call_kind::sync) ? std::optional{call_fault::io} : std::nullopt;
        });
    };
    fail(true);
    caf::anon_send(keeper, note_offsets{{{key("g"), queue_offset{5}}}});
    world.advance(3s);
    CHECK(reports == 1);
    set_log_sink({});
    fail(false);
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: beyond the bound of waiting commits the answer is busy") {
    std::vector<virtual_system::awaited<offset_committed>> all;
    int busy = 0;
    // Asks without running in between, so that all of them wait at once.
    for (int i = 0; i < 12; ++i) {
        auto place = std::make_shared<std::optional<result<offset_committed>>>();
        all.push_back(place);
        world.system().spawn([this, i, place](caf::event_based_actor* self) {
            self->request(keeper, caf::infinite, commit_offset{key("g", i), queue_offset{1}})
                .then([place](offset_committed answer) { *place = result<offset_committed>{answer}; },
                      [place](caf::error& failure) { *place = result<offset_committed>{to_error(failure)}; });
        });
    }
    world.run();
    for (const auto& place : all) {
        REQUIRE(place->has_value());
        busy += (*place)->code() == errc::busy ? 1 : 0;
    }
    CHECK(busy == 2);
    CHECK(durable().size() == 10);
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: lists the offsets of a group, all or of one topic") {
    for (const auto& one : {key("g", 0), key("g", 1), key("g", 0, "other"), key("h", 0)})
        world.ask<offset_committed>(keeper, commit_offset{one, queue_offset{1}});
    CHECK((**world.ask<offsets_listed>(keeper, list_offsets{"g", ""}))->offsets.size() == 3);
    CHECK((**world.ask<offsets_listed>(keeper, list_offsets{"g", "orders"}))->offsets.size() == 2);
    CHECK((**world.ask<offsets_listed>(keeper, list_offsets{"nobody", ""}))->offsets.empty());
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: a removed topic or group takes its offsets along") {
    for (const auto& one : {key("g", 0), key("g", 0, "other"), key("h", 0)})
        world.ask<offset_committed>(keeper, commit_offset{one, queue_offset{9}});
    caf::anon_send(keeper, note_offsets{{{key("k", 0), queue_offset{9}}}});
    CHECK((*world.ask<topic_deleted>(keeper, delete_topic{"orders"}))->ok());
    CHECK(durable().size() == 1);
    CHECK(query(key("g", 0), false).code() == errc::offset_not_found);
    CHECK((*world.ask<group_deleted>(keeper, delete_group{"g", false}))->ok());
    CHECK(durable().size() == 1);
    CHECK((*world.ask<group_deleted>(keeper, delete_group{"g", true}))->ok());
    CHECK(durable().empty());
}

TEST_CASE_FIXTURE(keeper_world, "offset_keeper: several offsets are committed as one, and groups are found by topic") {
    const auto committed = world.ask<offset_committed>(
        keeper, commit_offsets{{{key("g"), queue_offset{1}}, {key("g", 1), queue_offset{2}}, {key("f", 0, "bills"), queue_offset{3}}}});
    REQUIRE(committed->has_value());
    CHECK((*committed)->ok());
    CHECK(durable() == std::map<progress_key, queue_offset>{
                           {key("g"), queue_offset{1}}, {key("g", 1), queue_offset{2}}, {key("f", 0, "bills"), queue_offset{3}}});
    REQUIRE((*world.ask<offset_committed>(keeper, commit_offset{key("e"), queue_offset{0}}))->ok());
    const auto groups = [this](const std::string& topic) {
        return (**world.ask<offset_groups_listed>(keeper, list_offset_groups{topic}))->groups;
    };
    CHECK(groups("orders") == std::vector<std::string>{"e", "g"});
    CHECK(groups("bills") == std::vector<std::string>{"f"});
    CHECK(groups("nothing").empty());
}

namespace {

/// Brokers with few groups that have no configuration, whose offsets go soon.
broker_options forgetful_broker() {
    auto options = small_broker();
    options.unclaimed_groups_max = 2;
    options.offset_expiry = 1h;
    return options;
}

struct forgetful_world : broker_world {
    forgetful_world() : broker_world{forgetful_broker()} {
        make_topic("orders");
        for (int i = 0; i < 10; ++i)
            send("message");
    }
    result<offset_committed> commit(const std::string& group, std::int64_t offset = 1) {
        return answer<offset_committed>(commit_offset{key(group), queue_offset{offset}});
    }
    std::set<std::string> groups_with_offsets() {
        const auto listed = world.ask<topic_readers_listed>(node->broker_members(), list_topic_readers{"orders"});
        for (int i = 0; i < 100 && !*listed; ++i)
            world.advance(10ms);
        REQUIRE(listed->has_value());
        const auto& groups = (*listed)->value().groups;
        return {groups.begin(), groups.end()};
    }
    std::string value(const std::string& name) { return answer<broker_described>(describe_broker{})->values.at(name); }
    void put_group_named(const std::string& name) {
        group_config config;
        config.name = name;
        REQUIRE(answer<group_put>(put_group{config}));
    }
    /// Time passes without a second's ticks: the wall clock too.
    void pass(std::chrono::minutes time) { world.advance(time, 30s); }
};

using names = std::set<std::string>;

} // namespace

TEST_CASE_FIXTURE(forgetful_world, "offset_keeper: offsets of a group that does not exist go when nobody uses them, and others stay") {
    put_group_named("real");
    put_group_named("deleted");
    REQUIRE(commit("real"));
    REQUIRE(commit("deleted"));
    REQUIRE(commit("made-up"));
    CHECK(value("offsetGroupsUnclaimed") == "1");
    REQUIRE(answer<group_deleted>(delete_group{"deleted", false}));
    pass(50min);
    CHECK(value("offsetGroupsUnclaimed") == "2");
    REQUIRE(commit("made-up", 2));
    pass(12min); // more than an hour since the other was deleted
    CHECK(groups_with_offsets() == names{"made-up", "real"});
    CHECK(value("offsetGroupsExpiredTotal") == "1");
    SUBCASE("a question keeps them") {
        pass(40min);
        CHECK(answer<offset_found>(query_offset{key("made-up"), false})->offset == queue_offset{2});
        pass(40min);
        CHECK(groups_with_offsets() == names{"made-up", "real"});
    }
    SUBCASE("a restart changes nothing") {
        stop();
        start(forgetful_broker());
        pass(40min);
        CHECK(groups_with_offsets() == names{"made-up", "real"});
        stop();
        start(forgetful_broker());
    }
    SUBCASE("the time without this broker does not count before its clients had an hour to come back") {
        stop();
        world.advance(300min, 30s);
        start(forgetful_broker());
        pass(55min);
        CHECK(groups_with_offsets() == names{"made-up", "real"});
    }
    SUBCASE("a configuration keeps them for ever") {
        put_group_named("made-up");
        pass(300min);
        CHECK(groups_with_offsets() == names{"made-up", "real"});
        CHECK(value("offsetGroupsUnclaimed") == "0");
        REQUIRE(answer<group_deleted>(delete_group{"made-up", false}));
    }
    pass(75min);
    CHECK(groups_with_offsets() == names{"real"});
    stop();
    start(forgetful_broker());
    CHECK(groups_with_offsets() == names{"real"});
    CHECK(answer<offset_found>(query_offset{key("real"), false})->offset == queue_offset{1});
}

TEST_CASE("offset_keeper: a member keeps the offsets of its group, also when the group has no configuration") {
    auto options = forgetful_broker();
    options.groups_max = 0; // so that none gets one
    broker_world broker{options};
    broker.make_topic("orders");
    REQUIRE(broker.answer<offset_committed>(commit_offset{key("members"), queue_offset{1}}));
    REQUIRE(broker.answer<offset_committed>(commit_offset{key("nobody"), queue_offset{1}}));
    for (int minute = 0; minute < 130; ++minute) {
        protocol::consumer_data consumer;
        consumer.group = "members";
        CHECK_FALSE(broker.answer<heartbeat_accepted>(client_heartbeat{{"c", {}, {consumer}}, {}}).ok());
        broker.world.advance(60s, 10s);
    }
    CHECK(broker.answer<offset_found>(query_offset{key("members"), false}).ok());
    CHECK(broker.answer<offset_found>(query_offset{key("nobody"), false}).code() == errc::offset_not_found);
}

TEST_CASE_FIXTURE(forgetful_world, "offset_keeper: pulls keep the offsets of a group that has neither members nor anything to commit") {
    REQUIRE(commit("pulls", 10));
    REQUIRE(commit("nobody", 10));
    for (int minute = 0; minute < 130; ++minute) {
        auto at_the_end = pull(10);
        at_the_end.group = "pulls";
        (void)answer<messages_pulled>(at_the_end); // nothing new: no commit follows
        pass(1min);
    }
    CHECK(groups_with_offsets() == names{"pulls"});
    pass(75min); // it has ended
    CHECK(groups_with_offsets().empty());
}

TEST_CASE_FIXTURE(forgetful_world, "offset_keeper: only so many groups without a configuration may have offsets, and the others are told") {
    std::vector<std::string> logged;
    set_log_sink([&logged](log_level level, std::string_view text) {
        if (level == log_level::warning)
            logged.emplace_back(text);
    });
    put_group_named("real");
    REQUIRE(commit("a"));
    REQUIRE(commit("b"));
    const auto refused = commit("c");
    REQUIRE(refused.code() == errc::busy);
    CHECK(refused.failure().text.find("group c has no configuration") != std::string::npos);
    CHECK(refused.failure().text.find("create the group first") != std::string::npos);
    CHECK(commit("d").code() == errc::busy);
    CHECK(logged.size() == 1);
    CHECK(logged.at(0).find("group c") != std::string::npos);
    CHECK(value("busyAnswersTotal") == "2");
    CHECK(commit("a", 7).ok());
    CHECK(commit("real").ok());
    // What comes with a pull is left out; the pull is answered.
    auto with_commit = pull(0);
    with_commit.group = "e";
    with_commit.commit = true;
    with_commit.commit_offset = queue_offset{5};
    CHECK(answer<messages_pulled>(with_commit).ok());
    CHECK(groups_with_offsets() == names{"a", "b", "real"});
    put_group_named("c");
    CHECK(commit("c").ok());
    REQUIRE(answer<group_deleted>(delete_group{"a", true}));
    CHECK(commit("e").ok());
    CHECK(commit("f").code() == errc::busy);
    CHECK(logged.size() == 2); // there was room meanwhile
    set_log_sink({});
}

TEST_CASE_FIXTURE(forgetful_world, "offset_keeper: a group whose offsets went with their topic leaves room for another") {
    make_topic("bills");
    REQUIRE(answer<offset_committed>(commit_offset{key("a", 0, "bills"), queue_offset{0}}));
    REQUIRE(commit("b"));
    REQUIRE(commit("c").code() == errc::busy);
    REQUIRE(answer<topic_deleted>(delete_topic{"bills"}));
    CHECK(commit("c").ok());
}
