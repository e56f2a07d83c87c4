#include "actors/transaction/transaction_check.hpp"

#include "actors/base/log.hpp"
#include "tests/actors/transaction_world.hpp"

#include <caf/event_based_actor.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

using decision = transaction_decision;
const std::vector<std::string> nothing;

transaction_decision say_commit(const check_transaction&) {
    return decision::commit;
}

std::uint64_t value_of(const broker_metrics::counter& counter) {
    return counter.load();
}

} // namespace

// ---- decisions ------------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(transaction_world,
                  "transactions: a half message is seen only after its commit, once, with what RocketMQ's consumers need") {
    auto order = half("paid", "TAGS\x01TagA\x02");
    order.born = timestamp_ms{77};
    order.flag = 5;
    const auto stored_half = answer<messages_stored>(order);
    REQUIRE(stored_half);
    CHECK(stored_half->queue == queue_id{1}); // the one that was asked for
    CHECK(stored_half->offset == queue_offset{0});
    CHECK(stored_half->transaction_id == "key of paid");
    CHECK(committed() == nothing);
    CHECK(node->store().pending_count() == 1);
    REQUIRE(commit(*stored_half).ok());
    const auto all = stored("orders", 1);
    REQUIRE(all.size() == 1);
    const auto place = protocol::parse_offset_message_id(stored_half->message_ids)->second;
    CHECK(all[0].body.view() == "paid");
    CHECK(all[0].prepared_transaction == place);
    CHECK((all[0].sys_flag & protocol::message_sys_flag::transaction_mask) == protocol::message_sys_flag::committed);
    CHECK(all[0].born == timestamp_ms{77});
    CHECK(all[0].flag == 5);
    const auto properties = protocol::decode_properties(all[0].properties);
    CHECK(properties.at("TRAN_MSG") == "true");
    CHECK(properties.at("UNIQ_KEY") == "key of paid");
    CHECK(properties.at("__transactionId__") == "key of paid");
    CHECK(properties.at("REAL_TOPIC") == "orders");
    CHECK(properties.at("REAL_QID") == "1");
    CHECK(properties.at("PGROUP") == "payers");
    CHECK(properties.at("TAGS") == "TagA");
    CHECK(node->store().pending_count() == 0);
    CHECK(value_of(node->metrics()->transactions_committed) == 1);
}

TEST_CASE_FIXTURE(transaction_world, "transactions: the half topic is nobody's: it cannot be read, sent to, or made") {
    prepare("secret");
    for (const auto& name : {storage::half_topic, storage::transaction_operation_topic}) {
        auto order = pull(0);
        order.topic = name;
        CHECK(answer<messages_pulled>(order).code() == errc::topic_not_found);
        auto sent = message("mine");
        sent.topic = name;
        CHECK(answer<messages_stored>(sent).code() == errc::not_permitted);
        topic_config topic;
        topic.name = name;
        CHECK(answer<topic_put>(put_topic{topic}).code() == errc::system_name);
    }
}

TEST_CASE_FIXTURE(transaction_world, "transactions: a decision that comes twice, late, or against the first changes nothing") {
    const auto first = prepare("committed");
    const auto second = prepare("rolled back");
    REQUIRE(commit(first).ok());
    REQUIRE(roll_back(second).ok());
    for (int i = 0; i < 2; ++i) {
        CHECK(commit(first).ok());
        CHECK(roll_back(first).code() == errc::not_permitted);
        CHECK(roll_back(second).ok());
        CHECK(commit(second).code() == errc::not_permitted);
        CHECK(committed() == std::vector<std::string>{"committed"});
        // The second round asks a broker that remembers nothing but its log.
        stop();
        start();
    }
    CHECK(outcomes().size() == 2);
}

TEST_CASE_FIXTURE(transaction_world, "transactions: decisions that come at the same time have one outcome") {
    const auto stored_half = prepare("paid");
    const auto commits = end_of(stored_half, decision::commit);
    // None is handled before all are there.
    std::vector<std::shared_ptr<std::optional<result<transaction_ended>>>> answers;
    const auto broker = caf::actor_cast<transaction_actor>(node->broker());
    world.system().spawn([&answers, broker, commits](caf::event_based_actor* self) {
        for (const auto what : {decision::commit, decision::commit, decision::roll_back, decision::commit}) {
            auto place = std::make_shared<std::optional<result<transaction_ended>>>();
            answers.push_back(place);
            auto order = commits;
            order.decision = what;
            self->request(broker, caf::infinite, order)
                .then([place](transaction_ended& ended) { *place = result<transaction_ended>{ended}; },
                      [place](caf::error& failure) { *place = result<transaction_ended>{to_error(failure)}; });
        }
    });
    world.advance(100ms);
    REQUIRE(answers.size() == 4);
    for (const auto& one : answers)
        REQUIRE(one->has_value());
    CHECK((*answers[0])->ok());
    CHECK((*answers[1])->ok());
    CHECK((*answers[2])->code() == errc::not_permitted);
    CHECK((*answers[3])->ok());
    CHECK(committed() == std::vector<std::string>{"paid"});
    CHECK(outcomes().size() == 1);
}

TEST_CASE_FIXTURE(transaction_world,
                  "transactions: only the producer group that sent the half message may decide, and only what is there") {
    const auto stored_half = prepare("paid");
    CHECK(end(end_of(stored_half, decision::commit, "others")).code() == errc::argument_illegal);
    auto order = end_of(stored_half, decision::commit);
    order.offset = queue_offset{1};
    CHECK(end(order).code() == errc::argument_illegal);
    order = end_of(stored_half, decision::commit);
    order.position = order.position + 1;
    CHECK_FALSE(end(order).ok());
    order.position = log_position{1'000'000};
    CHECK(end(order).code() == errc::message_not_found);
    send("ordinary");
    order.position = stored("orders", 0)[0].position;
    order.offset = queue_offset{0};
    CHECK(end(order).code() == errc::message_not_found);
    CHECK(committed() == nothing);
    CHECK(node->store().pending_count() == 1);
    // "I do not know" is no decision.
    CHECK(end(end_of(stored_half, decision::unknown)).ok());
    CHECK(node->store().pending_count() == 1);
    CHECK(commit(stored_half).ok());
}

TEST_CASE_FIXTURE(transaction_world, "transactions: a commit for a topic that is gone fails, and the message is kept") {
    const auto stored_half = prepare("paid");
    REQUIRE(answer<topic_deleted>(delete_topic{"orders"}).ok());
    CHECK(commit(stored_half).code() == errc::topic_not_found);
    CHECK(node->store().pending_count() == 1);
    make_topic("orders", 1); // with fewer queues
    REQUIRE(commit(stored_half).ok());
    REQUIRE(stored("orders", 0).size() == 1);
    CHECK(stored("orders", 0)[0].body.view() == "paid");
}

TEST_CASE("transactions: too many without an outcome are refused, and an outcome makes room") {
    auto options = small_broker();
    options.transactions_pending_max = 2;
    transaction_world broker{options};
    const auto first = broker.prepare("first");
    broker.prepare("second");
    CHECK(broker.answer<messages_stored>(transaction_world::half("third")).code() == errc::busy);
    broker.send("ordinary ones are taken");
    REQUIRE(broker.roll_back(first).ok());
    broker.prepare("third");
    broker.stop();
    broker.start(options);
    CHECK(broker.answer<messages_stored>(transaction_world::half("fourth")).code() == errc::busy);
}

// ---- questions ------------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(transaction_world, "transactions: a producer that says nothing is asked, and what it says then counts") {
    const auto producer = join("c1");
    producer->says = say_commit;
    const auto stored_half = prepare("paid", "TAGS\x01TagA\x02");
    world.advance(5'900ms, 100ms);
    CHECK(producer->questions.empty());
    world.advance(300ms);
    REQUIRE(producer->questions.size() == 1);
    const auto& question = producer->questions[0];
    CHECK(question.group == "payers");
    CHECK(question.topic == "orders");
    CHECK(question.unique_key == "key of paid");
    CHECK(question.offset_message_id == stored_half.message_ids);
    CHECK(question.offset == stored_half.offset);
    CHECK(question.broker_name == "broker-a");
    const auto shown = protocol::decode_record(question.record);
    REQUIRE(shown);
    CHECK(shown->topic == "orders");
    CHECK(shown->queue == queue_id{1});
    CHECK(shown->body.view() == "paid");
    CHECK(shown->position == question.position);
    CHECK(shown->properties.find("TagA") != std::string::npos);
    CHECK(committed() == std::vector<std::string>{"paid"});
    world.advance(120s, 1s);
    CHECK(producer->questions.size() == 1);
}

TEST_CASE_FIXTURE(transaction_world, "transactions: fifteen questions without an answer, then the message is given up, in milliseconds") {
    const auto producer = join("c1");
    const auto stored_half = prepare("forgotten");
    std::vector<std::string> logged;
    set_log_sink([&logged](log_level, std::string_view text) { logged.emplace_back(text); });
    for (int number = 1; number <= 15; ++number) {
        beat("c1", "payers", producer->session);
        world.advance(number == 1 ? 6'200ms : 30'000ms, 100ms);
        CHECK(producer->questions.size() == static_cast<std::size_t>(number));
        CHECK(given_up() == nothing);
        CHECK(list().entries.at(0).checks == number);
    }
    beat("c1", "payers", producer->session);
    world.advance(30s, 100ms);
    set_log_sink({});
    CHECK(producer->questions.size() == 15);
    CHECK(given_up() == std::vector<std::string>{"forgotten"});
    CHECK(committed() == nothing);
    CHECK(node->store().pending_count() == 0);
    CHECK(value_of(node->metrics()->transactions_given_up) == 1);
    CHECK(value_of(node->metrics()->transaction_checks) == 15);
    REQUIRE(std::any_of(logged.begin(), logged.end(),
                        [](const auto& line) { return line.find("given up after 15 questions") != std::string::npos; }));
    CHECK(commit(stored_half).code() == errc::not_permitted); // too late
    world.advance(120s, 1s);
    CHECK(producer->questions.size() == 15);
    // People may read it.
    auto order = pull(0);
    order.topic = storage::transaction_given_up_topic;
    const auto pulled = answer<messages_pulled>(order);
    REQUIRE(pulled);
    CHECK(bodies(*pulled) == std::vector<std::string>{"forgotten"});
}

TEST_CASE_FIXTURE(transaction_world, "transactions: while nobody of the group is there no question counts, and whoever comes is asked") {
    const auto other = join("c0", "others");
    prepare("paid");
    world.advance(3'600s, 1s);
    CHECK(other->questions.empty());
    CHECK(list().entries.at(0).checks == 0);
    CHECK(value_of(node->metrics()->transaction_checks) == 0);
    CHECK(value_of(node->metrics()->transaction_checks_unheard) >= 100);
    const auto producer = join("c1");
    producer->says = say_commit;
    world.advance(31s, 100ms);
    CHECK(producer->questions.size() == 1);
    CHECK(committed() == std::vector<std::string>{"paid"});
}

TEST_CASE_FIXTURE(transaction_world, "transactions: the clients of a group take turns, and one that is gone is left out") {
    const auto first = join("c1");
    const auto second = join("c2");
    prepare("a");
    prepare("b");
    prepare("c");
    prepare("d");
    world.advance(6'500ms, 100ms);
    CHECK(first->questions.size() == 2);
    CHECK(second->questions.size() == 2);
    caf::anon_send_exit(first->session, caf::exit_reason::user_shutdown);
    world.advance(30s, 100ms);
    CHECK(first->questions.size() == 2);
    CHECK(second->questions.size() == 6);
}

TEST_CASE_FIXTURE(transaction_world, "transactions: more may be due than is asked at the same time; all are asked, soon") {
    const auto producer = join("c1");
    producer->says = say_commit;
    for (int i = 0; i < 300; ++i)
        prepare(std::to_string(i));
    world.advance(8s, 100ms);
    CHECK(producer->questions.size() == 300);
    CHECK(committed().size() == 300);
    CHECK(node->store().pending_count() == 0);
}

TEST_CASE_FIXTURE(transaction_world, "transactions: a message's own time-out is kept, and nobody decides late without being asked") {
    const auto producer = join("c1");
    const std::string immunity = "CHECK_IMMUNITY_TIME_IN_SECONDS\x01";
    prepare("short", immunity + "2\x02");
    const auto lasting = prepare("long", immunity + "60\x02");
    world.advance(2'500ms, 100ms);
    REQUIRE(producer->questions.size() == 1);
    CHECK(producer->questions[0].unique_key == "key of short");
    world.advance(57s, 100ms);
    CHECK(std::none_of(producer->questions.begin(), producer->questions.end(),
                       [](const auto& one) { return one.unique_key == "key of long"; }));
    world.advance(1s, 100ms);
    CHECK(producer->questions.back().unique_key == "key of long");
    CHECK(commit(lasting).code() == errc::not_permitted);
    auto order = end_of(lasting, decision::commit);
    order.is_asked_for = true;
    CHECK(end(order).ok());
    CHECK(committed() == std::vector<std::string>{"long"});
}

TEST_CASE("transactions: a restart goes on where it was, after a crash too") {
    for (const bool crashes : {false, true}) {
        transaction_world broker;
        auto producer = broker.join("c1");
        broker.prepare("forgotten");
        broker.world.advance(67s, 100ms); // asked at 6 s, 36 s and 66 s
        REQUIRE(producer->questions.size() == 3);
        if (crashes)
            broker.crash(crash_mode::drop_unsynced);
        else
            broker.stop();
        broker.start();
        CHECK(broker.list().entries.at(0).checks == 3);
        producer = broker.join("c1");
        broker.world.advance(25s, 100ms);
        CHECK(producer->questions.empty()); // the interval is not over
        producer->says = say_commit;
        broker.world.advance(6s, 100ms);
        CHECK(producer->questions.size() == 1);
        CHECK(broker.committed() == std::vector<std::string>{"forgotten"});
    }
}

TEST_CASE("transactions: what gets too old is given up before retention takes it") {
    auto options = small_broker();
    options.store.retention_age = 800s;
    transaction_world broker{options};
    broker.prepare("old");
    broker.world.advance(690s, 1s);
    CHECK(broker.given_up().empty());
    broker.world.advance(45s, 1s);
    CHECK(broker.given_up() == std::vector<std::string>{"old"});
}

// ---- failures -------------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(transaction_world, "transactions: a disk without room loses no decision and burns no questions") {
    const auto producer = join("c1");
    producer->says = say_commit;
    const auto stored_half = prepare("paid");
    files->set_capacity(1);
    world.advance(2s, 100ms);
    CHECK(commit(stored_half).code() == errc::disk_full);
    world.advance(100s, 1s);
    CHECK(producer->questions.empty());
    CHECK(node->store().pending_count() == 1);
    beat("c1", "payers", producer->session);
    files->set_capacity(std::nullopt);
    world.advance(40s, 100ms);
    CHECK(committed() == std::vector<std::string>{"paid"});
    CHECK(outcomes().size() == 1);
}

TEST_CASE("transactions: after a failed write nothing is decided until the restart, which finds one outcome") {
    transaction_world broker;
    const auto first = broker.prepare("first");
    const auto second = broker.prepare("second");
    broker.files->set_hook([](const call_info& call) -> std::optional<call_fault> {
        return call.kind == call_kind::sync && call.path.find("commitlog") != std::string::npos ? std::optional{call_fault::io}
                                                                                                : std::nullopt;
    });
    CHECK_FALSE(broker.commit(first).ok());
    CHECK(broker.commit(first).code() == errc::store_read_only);
    CHECK(broker.roll_back(second).code() == errc::store_read_only);
    broker.files->set_hook(nullptr);
    broker.crash(crash_mode::keep_all);
    broker.start();
    CHECK(broker.commit(first).ok());
    CHECK(broker.roll_back(second).ok());
    CHECK(broker.committed() == std::vector<std::string>{"first"});
    CHECK(broker.outcomes().size() == 2);
}

// Goal: whatever call to the file system a crash of the broker meets, each transaction has exactly one outcome in the end.
// How:  a broker takes four half messages, commits one, rolls one back, commits another twice, and leaves one to its producer. It runs
//       once for each call, each time with another kind of crash. What is left is started again, and everybody says again what they
//       said, whether they had heard an answer or not.
TEST_CASE("crash enumeration: a broker that crashes anywhere decides each transaction once") {
    struct life {
        std::map<std::string, messages_stored> halves;
        std::map<std::string, bool> decided; ///< acknowledged
    };
    const std::map<std::string, decision> wanted{
        {"a", decision::commit}, {"b", decision::roll_back}, {"c", decision::commit}, {"d", decision::commit}};
    const auto live = [&wanted](transaction_world& broker, life& seen) {
        const auto step = [&broker](const auto& begun) {
            for (int i = 0; i < 20 && !*begun; ++i)
                broker.world.advance(10ms);
            return begun->has_value() && (*begun)->ok();
        };
        for (const auto& [body, what] : wanted) {
            auto sent = broker.ask<messages_stored>(transaction_world::half(body));
            if (!step(sent))
                return;
            seen.halves[body] = ***sent;
        }
        for (const auto* body : {"a", "b", "c", "c"}) {
            if (!step(broker.begin_end(transaction_world::end_of(seen.halves[body], wanted.at(body)))))
                return;
            seen.decided[body] = true;
        }
        if (broker.files->crashed())
            return;
        const auto producer = broker.join("c1");
        producer->says = say_commit;
        broker.world.advance(8s, 200ms);
        if (!broker.files->crashed())
            broker.stop();
    };
    std::uint64_t calls = 0;
    {
        transaction_world broker;
        const auto before = broker.files->calls();
        life seen;
        live(broker, seen);
        calls = broker.files->calls() - before;
        REQUIRE(seen.decided.size() == 3);
    }
    MESSAGE(calls, " calls");
    REQUIRE(calls > 20);
    std::uint64_t crashes = 0;
    for (std::uint64_t call = 1; call <= calls; ++call) {
        const auto mode = all_crash_modes[call % std::size(all_crash_modes)];
        transaction_world broker;
        const auto from = broker.files->calls();
        broker.files->set_plan(
            {.crash_before = call % 2 == 0 ? from + call : 0, .crash_after = call % 2 == 0 ? 0 : from + call, .mode = mode});
        life seen;
        live(broker, seen);
        CAPTURE(call);
        CAPTURE(to_string(mode));
        CAPTURE(broker.files->hit());
        crashes += broker.files->hit().empty() ? 0u : 1u;
        if (broker.node)
            broker.crash(mode);
        else
            broker.files = broker.files->restart();
        broker.start();
        const auto outcomes = broker.outcomes();
        for (const auto& entry : seen.halves) {
            const auto& body = entry.first;
            const auto& half = entry.second;
            CAPTURE(body);
            const auto place = protocol::parse_offset_message_id(half.message_ids)->second;
            const auto found = outcomes.find(place);
            const bool is_pending = broker.node->store().pending(place).has_value();
            CHECK((found != outcomes.end()) != is_pending);
            if (found != outcomes.end())
                CHECK(found->second.size() == 1);
            if (seen.decided.contains(body))
                CHECK_FALSE(is_pending);
            // Again, and again: the outcome stays the one it was.
            for (int i = 0; i < 2; ++i)
                CHECK(broker.end(transaction_world::end_of(half, wanted.at(body))).ok());
        }
        for (const auto& entry : seen.halves) {
            const auto& body = entry.first;
            CAPTURE(body);
            const auto place = protocol::parse_offset_message_id(entry.second.message_ids)->second;
            const auto now = broker.outcomes().at(place);
            CHECK(now.size() == 1);
            CHECK(now.front() == (wanted.at(body) == decision::commit ? "orders" : std::string{storage::transaction_operation_topic}));
        }
    }
    MESSAGE(crashes, " crashes");
    CHECK(crashes > calls / 2);
}

TEST_CASE_FIXTURE(transaction_world, "transactions: a half message that is damaged after the first question is rolled back, head or body") {
    std::vector<std::string> logged;
    set_log_sink([&logged](log_level, std::string_view text) { logged.emplace_back(text); });
    const auto producer = join("c1"); // says nothing
    const auto head = prepare("head");
    const auto body = prepare("body");
    world.advance(10s);
    CHECK(producer->questions.size() == 2);
    {
        const auto log = files->open("/store/commitlog/00000000000000000000", storage::open_mode::read_write);
        REQUIRE(log);
        const auto flip = [&](const messages_stored& half, std::uint64_t at) {
            const auto place = protocol::parse_offset_message_id(half.message_ids)->second;
            const std::vector<std::string_view> bad{"x"};
            REQUIRE((*log)->write_at(static_cast<std::uint64_t>(place.value()) + at, bad).ok());
        };
        flip(head, 4); // its magic number: the log takes it for no record
        flip(body, 90);
    }
    world.advance(60s, 100ms);
    CHECK(producer->questions.size() == 2);
    CHECK(node->store().pending_count() == 0);
    CHECK(value_of(node->metrics()->transactions_rolled_back) == 2);
    CHECK(std::count_if(logged.begin(), logged.end(), [](const auto& line) { return line.find("cannot be read") != line.npos; }) == 2);
    set_log_sink({});
}

// ---- given-up ones --------------------------------------------------------------------------------------------------

namespace {

/// Gives up after one question.
broker_options hasty_broker() {
    auto options = small_broker();
    options.transactions.timeout = 1s;
    options.transactions.interval = 1s;
    options.transactions.checks_max = 1;
    return options;
}

struct given_up_world : transaction_world {
    explicit given_up_world(broker_options options = hasty_broker()) : transaction_world{std::move(options)} {
        set_log_sink([](log_level, std::string_view) {});
    }
    ~given_up_world() { set_log_sink({}); }
    given_up_world(const given_up_world&) = delete;
    given_up_world& operator=(const given_up_world&) = delete;

    /// A half message that nobody decided.
    messages_stored give_up(const std::string& body) {
        const auto half = prepare(body);
        const auto before = given_up().size();
        if (producers.empty())
            join("c1");
        beat("c1", "payers", producers.front()->session);
        world.advance(3s, 100ms);
        REQUIRE(given_up().size() == before + 1);
        return half;
    }
    std::vector<protocol::transaction_entry> listed() {
        const auto all = list({.of_given_up = true});
        CHECK(all.is_complete);
        return all.entries;
    }
    result<transaction_ended> end_resumed(const transaction_resumed& half, decision what) {
        return end({"payers", half.position, half.offset, what, true, {}, "orders"});
    }
};

} // namespace

TEST_CASE_FIXTURE(given_up_world,
                  "transactions: one that was given up goes on when an operator says so, once, and its producers are asked anew") {
    const auto half = give_up("late");
    const auto disposed = listed();
    REQUIRE(disposed.size() == 1);
    CHECK(disposed[0].group == "payers");
    CHECK(disposed[0].topic == "orders");
    CHECK(disposed[0].queue == queue_id{1});
    CHECK(disposed[0].unique_key == "key of late");
    CHECK(disposed[0].body_bytes == 4);
    CHECK(disposed[0].offset == queue_offset{0});
    CHECK(list({.group = "others", .of_given_up = true}).entries.empty());
    CHECK(list().entries.empty());

    const auto resumed = resume(disposed[0].offset_message_id);
    REQUIRE_MESSAGE(resumed.ok(), to_string(resumed ? error{} : resumed.failure()));
    const auto pending = list().entries;
    REQUIRE(pending.size() == 1);
    CHECK(pending[0].position == resumed->position);
    CHECK(pending[0].offset == resumed->offset);
    CHECK(pending[0].offset_message_id == resumed->offset_message_id);
    CHECK(pending[0].checks == 0);
    CHECK(listed().empty());
    CHECK(given_up() == std::vector<std::string>{"late"}); // for people, as before

    // Whoever says it again, however, hears the same.
    for (const auto& id : {disposed[0].offset_message_id, half.message_ids}) {
        const auto again = resume(id);
        REQUIRE(again.ok());
        CHECK(again->position == resumed->position);
        CHECK(again->offset == resumed->offset);
        CHECK(again->offset_message_id == resumed->offset_message_id);
    }
    CHECK(list().entries.size() == 1);
    CHECK(value_of(node->metrics()->transactions_resumed) == 1);
    CHECK(commit(half).code() == errc::not_permitted); // that one was given up

    const auto producer = producers.front();
    REQUIRE(producer->questions.size() == 1);
    producer->says = say_commit;
    beat("c1", "payers", producer->session);
    world.advance(1'500ms, 100ms);
    REQUIRE(producer->questions.size() == 2);
    const auto& question = producer->questions[1];
    CHECK(question.position == resumed->position);
    CHECK(question.offset == resumed->offset);
    CHECK(question.unique_key == "key of late");
    const auto shown = protocol::decode_record(question.record);
    REQUIRE(shown);
    CHECK(shown->topic == "orders");
    CHECK(shown->body.view() == "late");
    CHECK(committed() == std::vector<std::string>{"late"});
    CHECK(outcomes().at(resumed->position) == std::vector<std::string>{"orders"});
    CHECK(resume(half.message_ids)->position == resumed->position); // decided since: the answer is the same
    CHECK(end_resumed(*resumed, decision::commit).ok());
    CHECK(committed() == std::vector<std::string>{"late"});
    CHECK(node->store().pending_count() == 0);
}

TEST_CASE_FIXTURE(given_up_world, "transactions: a resumed one is rolled back or given up like any other, and that can be resumed again") {
    give_up("late");
    const auto first = resume(listed().at(0).offset_message_id);
    REQUIRE(first.ok());
    beat("c1", "payers", producers.front()->session);
    world.advance(3s, 100ms);
    CHECK(given_up() == std::vector<std::string>{"late", "late"});
    const auto disposed = listed();
    REQUIRE(disposed.size() == 1);
    const auto second = resume(disposed[0].offset_message_id);
    REQUIRE(second.ok());
    CHECK(second->position > first->position);
    CHECK(resume(first->offset_message_id)->position == second->position); // by the half message that was given up
    CHECK(end_resumed(*second, decision::roll_back).ok());
    CHECK(end_resumed(*second, decision::commit).code() == errc::not_permitted);
    CHECK(committed() == nothing);
    CHECK(listed().empty());
    CHECK(node->store().pending_count() == 0);
}

TEST_CASE_FIXTURE(given_up_world, "transactions: what was not given up is not resumed, and why") {
    CHECK(resume("no id").code() == errc::argument_illegal);
    const auto pending = prepare("pending");
    CHECK(resume(pending.message_ids).code() == errc::not_permitted);
    REQUIRE(commit(pending).ok());
    CHECK(resume(pending.message_ids).code() == errc::not_permitted);
    const auto rolled_back = prepare("rolled back");
    REQUIRE(roll_back(rolled_back).ok());
    CHECK(resume(rolled_back.message_ids).code() == errc::not_permitted);
    const auto plain = answer<messages_stored>(message("plain"));
    REQUIRE(plain.ok());
    CHECK(resume(plain->message_ids).code() == errc::message_not_found);
    CHECK(resume(protocol::offset_message_id(small_broker().store_host, log_position{1 << 30})).code() == errc::message_not_found);
    give_up("late");
    const auto place = listed().at(0).position;
    auto other = small_broker().store_host;
    other.port = 1; // as another broker's, which has something of its own there
    CHECK(resume(protocol::offset_message_id(other, place)).code() == errc::message_not_found);
    CHECK(list().entries.empty());
    CHECK(resumptions().empty());
}

TEST_CASE("transactions: one is resumed only where there is room for it") {
    auto options = hasty_broker();
    options.transactions_pending_max = 1;
    given_up_world broker{options};
    broker.give_up("late");
    const auto id = broker.listed().at(0).offset_message_id;
    const auto other = broker.prepare("other");
    CHECK(broker.resume(id).code() == errc::busy);
    REQUIRE(broker.commit(other).ok());
    CHECK(broker.resume(id).ok());
}

TEST_CASE("transactions: after a failed write nothing is resumed until the restart, which finds one half message at most") {
    for (const auto mode : {crash_mode::keep_all, crash_mode::drop_unsynced}) {
        given_up_world broker;
        broker.give_up("late");
        const auto id = broker.listed().at(0).offset_message_id;
        broker.files->set_hook([](const call_info& call) -> std::optional<call_fault> {
            return call.kind == call_kind::sync && call.path.find("commitlog") != std::string::npos ? std::optional{call_fault::io}
                                                                                                    : std::nullopt;
        });
        CHECK_FALSE(broker.resume(id).ok());
        CHECK(broker.resume(id).code() == errc::store_read_only);
        broker.files->set_hook(nullptr);
        broker.crash(mode);
        broker.start(hasty_broker());
        const auto resumed = broker.resume(id);
        REQUIRE(resumed.ok());
        CHECK(broker.resumptions().size() == 1);
        CHECK(broker.resumptions().begin()->second == std::vector{resumed->position});
        CHECK(broker.end_resumed(*resumed, decision::commit).ok());
        CHECK(broker.committed() == std::vector<std::string>{"late"});
        // It is known again when everything comes from the index, too.
        broker.stop();
        broker.start(hasty_broker());
        CHECK(broker.resume(id)->position == resumed->position);
        CHECK(broker.listed().empty());
        CHECK(broker.list().entries.empty());
    }
}

TEST_CASE("transactions: in flush mode async one that was resumed and not yet on disk is given up as before, and can be resumed") {
    auto options = hasty_broker();
    options.store.flush = storage::flush_mode::async;
    given_up_world broker{options};
    broker.give_up("late");
    broker.world.advance(3s, 100ms); // until it is on disk
    const auto id = broker.listed().at(0).offset_message_id;
    const auto lost = broker.resume(id);
    REQUIRE(lost.ok());
    broker.crash(crash_mode::drop_unsynced);
    broker.start(options);
    CHECK(broker.resumptions().empty());
    REQUIRE(broker.listed().size() == 1);
    const auto resumed = broker.resume(id);
    REQUIRE(resumed.ok());
    CHECK(broker.end_resumed(*resumed, decision::commit).ok());
    CHECK(broker.committed() == std::vector<std::string>{"late"});
    CHECK(broker.resumptions().size() == 1);
}

TEST_CASE_FIXTURE(given_up_world, "transactions: what was given up is listed in parts") {
    for (const auto* body : {"a", "b", "c", "d"})
        give_up(body);
    REQUIRE(resume(listed().at(1).offset_message_id).ok());
    list_transactions order;
    order.of_given_up = true;
    order.transactions_max = 2;
    const auto first = list(order);
    REQUIRE(first.entries.size() == 2);
    CHECK(first.entries[0].unique_key == "key of a");
    CHECK(first.entries[1].unique_key == "key of c");
    CHECK_FALSE(first.is_complete);
    CHECK(first.pending == 1);
    order.from = first.next_offset;
    const auto rest = list(order);
    REQUIRE(rest.entries.size() == 1);
    CHECK(rest.entries[0].unique_key == "key of d");
    CHECK(rest.is_complete);
    order.from = rest.next_offset;
    CHECK(list(order).entries.empty());
    CHECK(list(order).is_complete);
    order.from = queue_offset{1'000};
    CHECK(list(order).is_complete);
    order.transactions_max = 0;
    const auto place = world.ask<transactions_listed>(caf::actor_cast<transaction_actor>(node->broker()), order);
    REQUIRE(place->has_value());
    CHECK((*place)->code() == errc::argument_illegal);
}

// Goal: whatever call to the file system a crash of the broker meets while a given-up transaction is resumed, it goes on with one half
//       message, or is given up as before; and what was answered is so.
// How:  a broker gives up a half message, resumes it twice, and commits it. It runs once for each call of the file system from then on,
//       each time with another kind of crash. What is left is started again, and the operator says again what they said.
TEST_CASE("crash enumeration: a broker that crashes anywhere goes on with a given-up transaction once") {
    struct told {
        std::optional<transaction_resumed> resumed;
        bool committed = false;
    };
    const auto live = [](given_up_world& broker, const std::string& id, told& seen) {
        const auto step = [&broker](const auto& begun) {
            for (int i = 0; i < 20 && !*begun; ++i)
                broker.world.advance(10ms);
            return begun->has_value() && (*begun)->ok();
        };
        for (int time = 0; time < 2; ++time) {
            const auto place = broker.begin_resume(id);
            if (!step(place))
                return;
            if (seen.resumed)
                CHECK(seen.resumed->position == (**place)->position);
            seen.resumed = ***place;
        }
        if (!step(broker.begin_end({"payers", seen.resumed->position, seen.resumed->offset, decision::commit, true, {}, "orders"})))
            return;
        seen.committed = true;
        if (!broker.files->crashed())
            broker.stop();
    };
    std::uint64_t calls = 0;
    {
        given_up_world broker;
        broker.give_up("late");
        const auto id = broker.listed().at(0).offset_message_id;
        const auto before = broker.files->calls();
        told seen;
        live(broker, id, seen);
        calls = broker.files->calls() - before;
        REQUIRE(seen.committed);
    }
    MESSAGE(calls, " calls");
    REQUIRE(calls > 5);
    std::uint64_t crashes = 0;
    for (std::uint64_t call = 1; call <= calls; ++call)
        for (const auto mode : all_crash_modes)
            for (const bool before : {true, false}) {
                given_up_world broker;
                broker.give_up("late");
                const auto id = broker.listed().at(0).offset_message_id;
                const auto from = broker.files->calls();
                broker.files->set_plan({.crash_before = before ? from + call : 0, .crash_after = before ? 0 : from + call, .mode = mode});
                told seen;
                live(broker, id, seen);
                CAPTURE(call);
                CAPTURE(before);
                CAPTURE(to_string(mode));
                CAPTURE(broker.files->hit());
                crashes += broker.files->hit().empty() ? 0u : 1u;
                if (broker.node)
                    broker.crash(mode);
                else
                    broker.files = broker.files->restart();
                broker.start(hasty_broker());
                if (seen.resumed) {
                    REQUIRE(broker.resumptions().size() == 1);
                    CHECK(broker.resumptions().begin()->second == std::vector{seen.resumed->position});
                }
                if (seen.committed)
                    CHECK(broker.committed() == std::vector<std::string>{"late"});
                for (int time = 0; time < 2; ++time) {
                    const auto resumed = broker.resume(id);
                    REQUIRE(resumed.ok());
                    if (seen.resumed)
                        CHECK(resumed->position == seen.resumed->position);
                    REQUIRE(broker.resumptions().size() == 1);
                    CHECK(broker.resumptions().begin()->second == std::vector{resumed->position});
                    CHECK(broker.end_resumed(*resumed, decision::commit).ok());
                    CHECK(broker.committed() == std::vector<std::string>{"late"});
                }
                CHECK(broker.node->store().pending_count() == 0);
            }
    MESSAGE(crashes, " crashes");
    CHECK(crashes > calls);
}

// ---- for people -----------------------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(transaction_world, "transactions: operators see what is pending, of all groups or of one, in parts") {
    const auto first = prepare("first");
    prepare("second", {}, "others");
    const auto third = prepare("third");
    const auto decided = prepare("decided");
    REQUIRE(commit(decided).ok());
    const auto all = list();
    REQUIRE(all.entries.size() == 3);
    CHECK(all.is_complete);
    CHECK(all.pending == 3);
    const auto& one = all.entries[0];
    CHECK(one.offset_message_id == first.message_ids);
    CHECK(one.offset == first.offset);
    CHECK(one.unique_key == "key of first");
    CHECK(one.group == "payers");
    CHECK(one.topic == "orders");
    CHECK(one.queue == queue_id{1});
    CHECK(one.body_bytes == 5);
    CHECK(one.checks == 0);
    CHECK(list({.group = "others"}).entries.size() == 1);
    const auto part = list({.transactions_max = 2});
    CHECK(part.entries.size() == 2);
    CHECK_FALSE(part.is_complete);
    const auto rest = list({.after = part.next, .transactions_max = 2});
    REQUIRE(rest.entries.size() == 1);
    CHECK(rest.is_complete);
    CHECK(rest.entries[0].offset_message_id == third.message_ids);
    // Their decision is one like any other.
    CHECK(end({one.group, one.position, one.offset, decision::commit, true, one.unique_key, one.topic}).ok());
    CHECK(list().entries.size() == 2);
    auto place =
        world.ask<transactions_listed>(caf::actor_cast<transaction_actor>(node->broker()), list_transactions{.transactions_max = 0});
    REQUIRE(place->has_value());
    CHECK((*place)->code() == errc::argument_illegal);
}

TEST_CASE_FIXTURE(transaction_world, "transactions: a list looks at a bounded number of bytes, and goes on where it ended") {
    constexpr std::size_t halves = 12;
    for (std::size_t i = 0; i < halves; ++i) {
        auto large = half(std::to_string(i));
        large.body = payload{std::string(900'000, 'x')};
        REQUIRE(answer<messages_stored>(large).ok());
    }
    list_transactions order;
    order.group = "others";
    std::size_t parts = 1;
    for (auto part = list(order); !part.is_complete; part = list(order), ++parts) {
        CHECK(part.entries.empty());
        CHECK(part.pending == halves);
        REQUIRE(part.next > order.after);
        order.after = part.next;
        REQUIRE(parts < halves);
    }
    CHECK(parts == 3);
    order = {};
    CHECK(list(order).entries.size() == 4);
    order.given_up = {}; // nobody waits any more
    auto late = world.ask<transactions_listed>(caf::actor_cast<transaction_actor>(node->broker()), order);
    REQUIRE(late->has_value());
    CHECK((*late)->code() == errc::timed_out);
}
