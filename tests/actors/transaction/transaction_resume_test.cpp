#include "actors/base/log.hpp"
#include "actors/transaction/transaction_check.hpp"
#include "actors/transaction/transaction_record.hpp"
#include "tests/actors/half_message_world.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The transaction check alone, with a log writer that waits until the test lets it write: what comes while a record is on its way.

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test_support;

namespace {

/// What the log writer has not written yet.
struct held_appends {
    std::vector<append_entry> entries;
    ticket_holder_actor reply_to;
};

struct resume_world : half_message_world {
    std::shared_ptr<held_appends> held = std::make_shared<held_appends>();
    std::shared_ptr<broker_metrics> metrics = std::make_shared<broker_metrics>();
    std::shared_ptr<admission> appends = std::make_shared<admission>(1u << 30);
    transaction_check_options options;
    transaction_check_actor role;
    std::shared_ptr<bool> is_ended = std::make_shared<bool>(false);

    resume_world() {
        topic_config orders;
        orders.name = "orders";
        options.store = store;
        options.topics = std::make_shared<topic_directory>(
            std::make_shared<topic_snapshot>(permission::read_write, 0, std::vector<topic_config>{orders}));
        options.append_admission = appends;
        options.metrics = metrics;
        options.store_host = ours;
        options.broker_name = "broker-a";
        options.now = now;
        options.log_writer = world.system().spawn([h = held](log_writer_actor::pointer) -> log_writer_actor::behavior_type {
            return {[h](const append_records& order) {
                        h->entries.insert(h->entries.end(), order.entries.begin(), order.entries.end());
                        h->reply_to = order.reply_to;
                    },
                    [](const watch_queue&) {},
                    [](const unwatch_queue&) {},
                    [](const watch_growth&) {},
                    [](const drop_topic_index&) { return topic_index_dropped{}; },
                    [](write_tick) {},
                    [](probe_tick) {},
                    [](retain_tick) {},
                    [](const finish&) {}};
        });
    }
    ~resume_world() {
        held->reply_to = nullptr; // which holds the log writer
        caf::anon_send_exit(options.log_writer, caf::exit_reason::user_shutdown);
        world.run();
    }
    void start() {
        role = spawn_transaction_check(world.system(), options);
        caf::actor_cast<caf::actor>(role)->attach_functor([ended = is_ended] { *ended = true; });
    }

    virtual_system::awaited<transaction_resumed> ask(const std::string& id) {
        return world.ask<transaction_resumed>(role, resume_transaction{id, {}});
    }
    /// Where there is nothing to be written.
    result<transaction_resumed> answer(const std::string& id) {
        const auto place = ask(id);
        REQUIRE(place->has_value());
        return **place;
    }
    /// Lets the log writer write what it has, or fail.
    void write(const error& failure = {}) {
        records_appended done;
        for (auto& entry : std::exchange(held->entries, {})) {
            append_outcome outcome;
            outcome.ticket = entry.ticket;
            outcome.failure = failure;
            appends->release(entry.records.bytes.size());
            if (failure.code == errc::none) {
                std::vector<storage::unplaced_records> batch;
                batch.push_back(std::move(entry.records));
                const auto placed = store->append(std::move(batch), options.now());
                REQUIRE(placed.ok());
                REQUIRE(store->flush().ok());
                outcome.placed = placed->front();
            }
            done.outcomes.push_back(std::move(outcome));
        }
        caf::anon_send(held->reply_to, std::move(done));
        world.run();
    }
};

} // namespace

TEST_CASE_FIXTURE(resume_world, "resumption: whoever asks while it is on its way to the log waits for the same half message") {
    start();
    const auto before = half("late");
    const auto id = id_of(give_up(before));
    const auto all = {ask(id), ask(id_of(before)), ask(id)};
    for (const auto& one : all)
        CHECK_FALSE(one->has_value());
    REQUIRE(held->entries.size() == 1);
    write();
    for (const auto& one : all) {
        REQUIRE(one->has_value());
        REQUIRE((*one)->ok());
        CHECK((**one)->position == (**all.begin())->value().position);
        CHECK((**one)->offset == queue_offset{1});
        CHECK((**one)->offset_message_id == id_of((**one)->position));
    }
    CHECK(metrics->transactions_resumed.load() == 1);
    CHECK(store->pending_count() == 1);
}

TEST_CASE_FIXTURE(resume_world, "resumption: all who wait hear that it could not be stored, and it can be asked for again") {
    start();
    const auto record = give_up(half("late"));
    const auto all = {ask(id_of(record)), ask(id_of(record))};
    write({errc::disk_full, "no room"});
    for (const auto& one : all) {
        REQUIRE(one->has_value());
        CHECK((*one)->code() == errc::disk_full);
    }
    CHECK_FALSE(store->resumed_as(record));
    CHECK(metrics->transactions_resumed.load() == 0);
    const auto again = ask(id_of(record));
    CHECK(held->entries.size() == 1);
    write();
    REQUIRE(again->has_value());
    CHECK((*again)->ok());
}

TEST_CASE_FIXTURE(resume_world, "resumption: a role that ends waits for it, takes no other, and still says what is of another broker") {
    start();
    const auto record = give_up(half("late"));
    const auto other = give_up(half("later"));
    const auto waiting = ask(id_of(record));
    caf::anon_send(role, finish{});
    world.run();
    CHECK_FALSE(*is_ended);
    CHECK(answer(id_of(other)).code() == errc::shutting_down);
    CHECK(answer(id_of(other, others)).code() == errc::message_not_found);
    write();
    REQUIRE(waiting->has_value());
    CHECK((*waiting)->ok());
    CHECK(*is_ended);
}

TEST_CASE_FIXTURE(resume_world, "resumption: a broker that takes nothing says so of its own transactions only") {
    start();
    const auto record = give_up(half("late"));
    protocol::message other;
    other.topic = "orders";
    other.body = payload{std::string{"other"}};
    fail_writes("commitlog");
    const auto placed = store->append({{{"orders", queue_id{0}}, protocol::encode_record(other).value(), 1}}, options.now());
    if (placed)
        REQUIRE_FALSE(store->flush().ok());
    REQUIRE(store->state() == storage::store_state::read_only);
    CHECK(answer(id_of(record)).code() == errc::store_read_only);
    CHECK(answer(id_of(record, others)).code() == errc::message_not_found);
    CHECK(held->entries.empty());
}

TEST_CASE_FIXTURE(resume_world, "resumption: while it is decided whether it is given up, the operator is told to wait") {
    options.rules.age_max = 1s; // given up without a question
    start();
    const auto late = half("late");
    caf::anon_send(role, begin_checks{});
    world.advance(500ms, 100ms);
    CHECK(answer(id_of(late)).code() == errc::not_permitted); // it is pending
    world.advance(10s, 100ms);
    REQUIRE(held->entries.size() == 1);
    CHECK(answer(id_of(late)).code() == errc::busy);
    write();
    const auto resumed = ask(id_of(late));
    CHECK(held->entries.size() == 1);
    write();
    REQUIRE(resumed->has_value());
    CHECK((*resumed)->ok());
}

// Goal: a given-up message is resumed once, whenever retention takes it.
// How:  it is asked for again, and retention runs inside the n-th read of a file from then on.
TEST_CASE("resumption: one that retention takes meanwhile is not resumed once more") {
    int reads = 0;
    for (const bool by_half : {false, true})
        for (int nth = 1; nth <= 8; ++nth) {
            CAPTURE(by_half);
            CAPTURE(nth);
            resume_world one;
            one.start();
            const auto before = one.half("late");
            const auto record = one.give_up(before);
            const auto id = resume_world::id_of(by_half ? before : record);
            const auto first = one.ask(id);
            one.write();
            REQUIRE(first->has_value());
            REQUIRE((*first)->ok());
            for (int i = 0; i < 4; ++i)
                one.append(std::string(600'000, 'x'));
            int read = 0;
            one.files->set_plan({.count_reads = true});
            one.files->set_hook([&](const call_info& call) -> std::optional<call_fault> {
                if (call.kind == call_kind::read && ++read == nth) {
                    const auto removed = one.store->retain(timestamp_ms{one.options.now().value() + 1'000'000'000});
                    CHECK(removed.ok());
                    CHECK_FALSE(one.store->resumed_as(record));
                }
                return std::nullopt;
            });
            const auto again = one.ask(id);
            one.mend();
            CHECK(one.held->entries.empty());
            REQUIRE(again->has_value());
            if ((*again)->ok())
                CHECK((**again)->position == (**first)->position);
            else
                CHECK(((*again)->code() == errc::message_not_found || (*again)->code() == errc::not_permitted)); // it is gone
            reads += read >= nth ? 1 : 0;
        }
    CHECK(reads >= 4);
}

TEST_CASE_FIXTURE(resume_world,
                  "resumption: whose half message is damaged since is not resumed again, and the operator is told where the message is") {
    start();
    const auto before = half("late");
    const auto id = id_of(give_up(before));
    const auto first = ask(id);
    write();
    REQUIRE(first->has_value());
    REQUIRE((*first)->ok());
    damage((**first)->position);
    REQUIRE_FALSE(store->record_at((**first)->position).ok());
    for (const auto& asked : {id, id_of(before)}) {
        const auto again = answer(asked);
        REQUIRE_FALSE(again.ok());
        CHECK(again.code() == errc::corrupt);
        const auto& text = again.failure().text;
        for (const auto* part : {(**first)->offset_message_id.c_str(), "TRANS_CHECK_MAX_TIME_TOPIC", "send it anew"})
            CHECK_MESSAGE(text.find(part) != std::string::npos, text);
    }
    CHECK(held->entries.empty());

    const auto lines = std::make_shared<std::string>();
    set_log_sink([lines](log_level, std::string_view line) { lines->append(line) += '\n'; });
    caf::anon_send(role, begin_checks{});
    world.advance(20s, 1s);
    set_log_sink({});
    REQUIRE(held->entries.size() == 1);
    write();
    CHECK_FALSE(store->pending((**first)->position)); // rolled back
    CHECK_MESSAGE(lines->find("is rolled back, its record cannot be read") != std::string::npos, *lines);
    CHECK(answer(id).code() == errc::corrupt);
}

TEST_CASE_FIXTURE(resume_world, "resumption: the given-up message is found by its half message among many with the same key") {
    start();
    std::vector<log_position> halves;
    std::vector<log_position> records;
    for (int i = 0; i < 80; ++i) {
        halves.push_back(half("late"));
        records.push_back(give_up(halves.back()));
        world.advance(10ms);
    }
    const auto open = half("late");
    commit(open);
    for (const std::size_t number : {0u, 79u, 40u}) {
        const auto resumed = ask(id_of(halves[number]));
        REQUIRE(held->entries.size() == 1);
        write();
        REQUIRE(resumed->has_value());
        REQUIRE((*resumed)->ok());
        CHECK(at((**resumed)->position).prepared_transaction == records[number]);
    }
    CHECK(answer(id_of(open)).code() == errc::not_permitted); // that one was committed
}

TEST_CASE_FIXTURE(resume_world, "resumption: nobody does what nobody waits for, and its share of what may wait comes back") {
    start();
    const auto room = std::make_shared<admission>(1);
    REQUIRE(room->try_acquire(1));
    resume_transaction order{id_of(give_up(half("late"))), {}};
    order.given_up = {};
    order.room = std::make_shared<const admitted>(room, 1);
    const auto late = world.ask<transaction_resumed>(role, order);
    REQUIRE(late->has_value());
    CHECK((*late)->code() == errc::timed_out);
    CHECK(held->entries.empty());
    order.room = nullptr;
    CHECK(room->under_way() == 0);
}

TEST_CASE_FIXTURE(resume_world, "resumption: where there are no transactions at all the setting is named") {
    options.room = std::make_shared<transaction_room>(0);
    start();
    const auto refused = answer(id_of(give_up(half("late"))));
    CHECK(refused.code() == errc::not_permitted);
    CHECK(refused.failure().text.find("broker.transaction.pending_max") != std::string::npos);
}

TEST_CASE_FIXTURE(resume_world, "resumption: a broker whose address was changed knows its transactions under the one before") {
    start();
    const auto record = give_up(half("late", others), others);
    CHECK(answer(id_of(record)).code() == errc::message_not_found); // that is what another one has there
    const auto resumed = ask(id_of(record, others));
    REQUIRE(held->entries.size() == 1);
    write();
    REQUIRE(resumed->has_value());
    REQUIRE((*resumed)->ok());
    CHECK((**resumed)->offset_message_id == id_of((**resumed)->position));
    CHECK(answer(id_of(record, others))->position == (**resumed)->position);
}
