#include "storage/directories.hpp"
#include "tests/storage/store_workload.hpp"
#include "tests/storage/transaction_fixture.hpp"
#include "tests/support/crash_enumeration.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::test_support;

// Goal: whatever call to the file system a crash meets, each transaction has exactly one outcome in the end: none is lost, none is
//       decided twice, and none that had its outcome comes back; also when every decision is sent again afterwards. One that was given
//       up and resumed goes on with one half message, which has one outcome too.
// How:  a script of transactions (some committed, some rolled back, some given up and of those some resumed twice and committed, some
//       asked about, some left open, and decisions sent twice) runs once for each call and each kind of crash, before and after the
//       call. What survives is opened again and compared with what was promised; then all decisions are sent again, and again after a
//       restart.

namespace {

constexpr int transactions = 24;
const topic_queue paid{"paid", queue_id{0}};

enum class fate : std::uint8_t { commit, roll_back, give_up, open };

fate fate_of(int number) {
    return static_cast<fate>(number % 4);
}
/// Of those that are given up.
bool is_resumed(int number) {
    return number % 8 == 2;
}
const topic_queue& queue_of(fate outcome) {
    return outcome == fate::commit ? paid : outcome == fate::roll_back ? operations : given_up;
}
std::string name_of(int number) {
    return "transaction " + std::to_string(number) + " " + std::string(static_cast<std::size_t>(number * 53 % 400), 'x');
}

/// What the store said of one transaction.
struct told {
    std::optional<log_position> half; ///< placed there
    bool half_acknowledged = false;
    bool outcome_tried = false;
    bool outcome_acknowledged = false;
    std::int32_t questions = 0; ///< tried
    std::int32_t questions_acknowledged = 0;
    std::optional<log_position> outcome; ///< placed there
    bool resume_tried = false;
    bool resume_acknowledged = false;
    bool end_tried = false; ///< of the resumed one
    bool end_acknowledged = false;
};

struct promise {
    std::map<int, told> all;
    bool is_complete = false;
};

/// The indexer may come between a write and its sync, when the index in memory is ahead of what is durable.
void persist_now_and_then(message_store& store, int number) {
    if (number % 2 == 0)
        for (int i = 0; i < 10; ++i)
            if (const auto more = store.persist_index(true); !more || !*more)
                return;
}

/// Sends the decision on `half` as a broker does: only if it is pending. False when the store failed.
bool decide(message_store& store, log_position half, int number, std::optional<log_position>* where = nullptr) {
    if (!store.pending(half))
        return true;
    const auto placed = store.append(group_of(outcome(queue_of(fate_of(number)), half, name_of(number))), timestamp_ms{2'000 + number});
    if (!placed)
        return false;
    if (where != nullptr)
        *where = placed->front().position;
    persist_now_and_then(store, number / 4);
    return store.flush().ok();
}

std::vector<protocol::message> messages_of(const message_store& store, const topic_queue& queue) {
    std::vector<protocol::message> all;
    const auto bounds = store.bounds(queue).value();
    for (auto at = bounds.min; at < bounds.max;) {
        const auto read = read_from(store, queue, at.value());
        REQUIRE(read.status == read_status::found);
        for (auto& m : protocol::decode_records(read.records).value())
            all.push_back(std::move(m));
        at = read.next;
    }
    return all;
}

std::optional<log_position> given_up_record_of(const message_store& store, log_position half) {
    for (const auto& m : messages_of(store, given_up))
        if (m.prepared_transaction == half)
            return m.position;
    return std::nullopt;
}

/// Goes on with a given-up record as a broker does: once. False when the store failed.
bool resume(message_store& store, log_position record, int number) {
    if (store.resumed_as(record))
        return true;
    if (!store.append(group_of(resumption(record, name_of(number))), timestamp_ms{3'000 + number}))
        return false;
    persist_now_and_then(store, number / 4);
    return store.flush().ok();
}

/// Commits the half message that it goes on with. False when the store failed, or when there is none.
bool end_resumed(message_store& store, log_position record, int number) {
    const auto resumed = store.resumed_as(record);
    if (!resumed || !store.pending(resumed->half))
        return resumed.has_value();
    return store.append(group_of(outcome(paid, resumed->half, name_of(number))), timestamp_ms{4'000 + number}).ok() && store.flush().ok();
}

class script {
public:
    explicit script(std::shared_ptr<fault_file_system> files) : files_{std::move(files)} {}

    promise run() {
        promise_.is_complete = open() && rounds(0, transactions / 2) && restart() && rounds(transactions / 2, transactions + 8);
        if (!promise_.is_complete && !files_->crashed())
            files_->crash(crash_mode::drop_unsynced);
        return std::move(promise_);
    }

private:
    bool open() {
        auto store = message_store::open(files_, workload_options());
        if (!store)
            return false;
        store_ = *std::move(store);
        return true;
    }
    bool restart() {
        store_.reset();
        return !files_->crashed() && open();
    }

    /// Round n prepares transaction n, asks about n - 1, decides n - 2, decides n - 4 once more, resumes n - 5 and n - 6, and
    /// commits what came of n - 7.
    bool rounds(int first, int last) {
        for (int round = first; round < last; ++round) {
            if (round < transactions && !prepare(round))
                return false;
            if (!ask(round - 1) || !end(round - 2) || !end(round - 4) || !go_on(round - 5) || !go_on(round - 6) || !commit(round - 7))
                return false;
            if (round % 5 == 1)
                static_cast<void>(store_->persist_index(round % 2 == 0));
            if (files_->crashed())
                return false;
        }
        return true;
    }

    bool prepare(int number) {
        auto& one = promise_.all[number];
        const auto placed = store_->append(group_of(half_message(name_of(number))), timestamp_ms{1'000 + number});
        if (!placed)
            return false;
        one.half = placed->front().position;
        persist_now_and_then(*store_, number);
        one.half_acknowledged = store_->flush().ok();
        return one.half_acknowledged;
    }

    bool ask(int number) {
        if (number < 0 || number >= transactions || number % 3 != 0)
            return true;
        auto& one = promise_.all[number];
        if (!store_->pending(*one.half))
            return true;
        const auto placed = store_->append(group_of(question(*one.half, ++one.questions)), timestamp_ms{1'500 + number});
        if (!placed || !store_->flush())
            return false;
        one.questions_acknowledged = one.questions;
        return true;
    }

    bool end(int number) {
        if (number < 0 || number >= transactions || fate_of(number) == fate::open)
            return true;
        auto& one = promise_.all[number];
        one.outcome_tried = true;
        if (!decide(*store_, *one.half, number, &one.outcome))
            return false;
        one.outcome_acknowledged = true;
        return true;
    }

    bool go_on(int number) {
        if (number < 0 || number >= transactions || !is_resumed(number))
            return true;
        auto& one = promise_.all[number];
        one.resume_tried = true;
        if (!resume(*store_, *one.outcome, number))
            return false;
        one.resume_acknowledged = true;
        return true;
    }

    bool commit(int number) {
        if (number < 0 || number >= transactions || !is_resumed(number))
            return true;
        auto& one = promise_.all[number];
        one.end_tried = true;
        if (!end_resumed(*store_, *one.outcome, number))
            return false;
        one.end_acknowledged = true;
        return true;
    }

    std::shared_ptr<fault_file_system> files_;
    std::unique_ptr<message_store> store_;
    promise promise_;
};

/// How many records of each queue are the outcome of a half message.
std::map<log_position, std::vector<topic_queue>> outcomes_of(const message_store& store) {
    std::map<log_position, std::vector<topic_queue>> all;
    for (const auto& queue : {paid, operations, given_up})
        for (const auto& m : messages_of(store, queue))
            if ((m.sys_flag & protocol::message_sys_flag::transaction_mask) != protocol::message_sys_flag::prepared)
                all[m.prepared_transaction].push_back(queue);
    return all;
}

/// A given-up record goes on with at most one half message, which is pending or has one outcome. Returns whether it is pending.
bool check_resumed(const message_store& store, const told& one, const std::map<log_position, std::vector<topic_queue>>& outcomes) {
    std::vector<resumed_transaction> resumed;
    if (const auto record = given_up_record_of(store, *one.half)) {
        for (const auto& m : messages_of(store, halves))
            if (m.prepared_transaction == *record)
                resumed.push_back({*record, m.position, m.offset});
        const auto known = store.resumed_as(*record);
        CHECK(known.has_value() == !resumed.empty());
        if (known)
            CHECK(*known == resumed.front());
    }
    CHECK(resumed.size() <= 1);
    if (one.resume_acknowledged)
        CHECK(resumed.size() == 1);
    if (!one.resume_tried)
        CHECK(resumed.empty());
    if (resumed.empty())
        return false;
    const auto is_pending = store.pending(resumed.front().half).has_value();
    const auto found = outcomes.find(resumed.front().half);
    CHECK(is_pending == (found == outcomes.end()));
    if (found != outcomes.end())
        CHECK(found->second == std::vector{paid});
    if (one.end_acknowledged)
        CHECK_FALSE(is_pending);
    if (!one.end_tried)
        CHECK(is_pending);
    return is_pending;
}

/// Each transaction is pending or has one outcome, the one it was given; none is lost, none comes back.
void check_transactions(const message_store& store, const promise& promised) {
    const auto outcomes = outcomes_of(store);
    std::size_t pending_expected = 0;
    for (const auto& entry : promised.all) {
        const auto number = entry.first;
        const auto& one = entry.second;
        CAPTURE(number);
        if (!one.half)
            continue; // its place is not known, so nobody can speak of it
        const auto pending = store.pending(*one.half);
        const auto found = outcomes.find(*one.half);
        const auto count = found == outcomes.end() ? std::size_t{0} : found->second.size();
        pending_expected += pending ? 1u : 0u;
        CHECK(count <= 1);
        if (count == 1)
            CHECK(found->second.front() == queue_of(fate_of(number)));
        CHECK_FALSE((pending && count > 0));
        if (one.half_acknowledged)
            CHECK((pending.has_value() || count == 1));
        if (one.outcome_acknowledged)
            CHECK(count == 1);
        if (!one.outcome_tried)
            CHECK(count == 0);
        if (pending) {
            CHECK(pending->checks >= one.questions_acknowledged);
            CHECK(pending->checks <= one.questions);
        }
        if (is_resumed(number))
            pending_expected += check_resumed(store, one, outcomes) ? 1u : 0u;
    }
    // At most one half message is in the log that the script was not told of: the one it crashed at.
    CHECK(store.pending_count() <= pending_expected + 1);
}

void decide_all(message_store& store, const promise& promised) {
    for (const auto& [number, one] : promised.all)
        if (one.half && fate_of(number) != fate::open)
            REQUIRE(decide(store, *one.half, number));
    for (int again = 0; again < 2; ++again)
        for (const auto& [number, one] : promised.all)
            if (const auto record = one.half && is_resumed(number) ? given_up_record_of(store, *one.half) : std::nullopt) {
                REQUIRE(resume(store, *record, number));
                REQUIRE(end_resumed(store, *record, number));
            }
}

void check_crashed(const std::shared_ptr<fault_file_system>& files, promise promised) {
    std::string live;
    {
        const auto store = open_store(files, workload_options());
        check_transactions(*store, promised);
        // The producers say again what they said before, also those who never heard an answer.
        decide_all(*store, promised);
        for (auto& [number, one] : promised.all) {
            const bool is_there = one.half && (one.half_acknowledged || outcomes_of(*store).contains(*one.half));
            one.outcome_tried = one.outcome_acknowledged = is_there && fate_of(number) != fate::open;
            one.resume_tried = one.resume_acknowledged = one.end_tried = one.end_acknowledged = is_there && is_resumed(number);
            one.questions_acknowledged = 0; // only its own run can tell
        }
        check_transactions(*store, promised);
        live = store->dump_index().value();
    }
    REQUIRE(remove_directory_tree(*files, workload_options().directory / "index"));
    const auto rebuilt = open_store(files, workload_options());
    CHECK(rebuilt->dump_index().value() == live);
    decide_all(*rebuilt, promised);
    check_transactions(*rebuilt, promised);
}

} // namespace

TEST_CASE("crash enumeration: each transaction has exactly one outcome, whatever call a crash meets") {
    const auto seed = random_seed("transaction crash enumeration", 1);
    const auto whole = fault_file_system::make(seed);
    const auto usual = script{whole}.run();
    REQUIRE(usual.is_complete);
    const auto calls = whole->calls();
    MESSAGE(calls, " calls");
    REQUIRE(calls >= 200);
    check_crashed(whole->restart(), usual);

    const auto crashes = enumerate_crashes(1, calls, [&](std::uint64_t call, const fault_plan& plan) {
        const auto files = fault_file_system::make(seed + call);
        files->set_plan(plan);
        const auto promised = script{files}.run();
        INFO("seed ", seed, ", ", to_string(plan.mode), ", ", files->hit());
        check_crashed(files->restart(), promised);
        return !files->hit().empty();
    });
    MESSAGE(crashes, " crashes");
    CHECK(crashes > calls / 2);
}
