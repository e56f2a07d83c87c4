#include "tests/storage/store_workload.hpp"

#include "protocol/message_codec.hpp"
#include "storage/directories.hpp"
#include "storage/message_store.hpp"
#include "storage/metadata_store.hpp"
#include "tests/storage/store_fixture.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <utility>

namespace troupe::test_support {

namespace {

using storage::message_store;
using storage::metadata_store;

const progress_key reader_key{"readers", orders0};
const topic_queue scratch{"scratch", queue_id{0}};
constexpr int rounds = 60;
constexpr std::size_t largest_batch = 3;

/// One broker's life on a store.
class broker_script {
public:
    explicit broker_script(std::shared_ptr<fault_file_system> files) : files_{std::move(files)} {}

    promised_store run() {
        promised_.is_complete = open() && append_rounds(0, rounds / 2) && restart() && append_rounds(rounds / 2, rounds);
        // A broker that ends badly does not close its store: the crash comes first.
        if (!promised_.is_complete && !files_->crashed())
            files_->crash(crash_mode::drop_unsynced);
        return std::move(promised_);
    }

private:
    bool open() {
        auto store = message_store::open(files_, workload_options());
        if (!store)
            return false;
        store_ = *std::move(store);
        auto metadata = metadata_store::open(files_, workload_options().directory / "metadata");
        if (!metadata)
            return false;
        metadata_ = *std::move(metadata);
        return true;
    }

    bool restart() {
        store_.reset();
        metadata_.reset();
        return !files_->crashed() && open();
    }

    bool append_rounds(int first, int last) {
        for (int round = first; round < last; ++round)
            if (!append_batch(round) || !keep_books(round))
                return false;
        return true;
    }

    bool append_batch(int round) {
        std::vector<storage::unplaced_records> batch;
        std::map<topic_queue, std::vector<std::string>> sent;
        const std::array queues{orders0, orders1, scratch};
        for (std::size_t i = 0; i <= static_cast<std::size_t>(round) % largest_batch; ++i) {
            const auto& queue = queues[(static_cast<std::size_t>(round) + i) % queues.size()];
            auto body = "message " + std::to_string(round) + "." + std::to_string(i) + " " +
                        std::string(static_cast<std::size_t>(round * 131 % 700), static_cast<char>('a' + round % 26));
            batch.push_back(one(draft{.queue = queue, .body = body, .stored_properties = {{"KEYS", "k" + std::to_string(round)}}}));
            sent[queue].push_back(std::move(body));
        }
        const auto placed = store_->append(std::move(batch), timestamp_ms{1'000 + round});
        if (!placed) {
            const bool is_refused = placed.code() == errc::disk_full || placed.code() == errc::busy;
            if (is_refused && !files_->crashed()) {
                store_->probe_disk();
                return true;
            }
            for (auto& [queue, bodies] : sent)
                promised_.queues[queue].tried = std::move(bodies);
            return false;
        }
        for (auto& [queue, bodies] : sent)
            for (auto& body : bodies)
                promised_.queues[queue].placed.push_back(std::move(body));
        return round % 5 == 4 || flush();
    }

    bool flush() {
        if (!store_->flush())
            return false;
        for (auto& [queue, promised] : promised_.queues)
            promised.acknowledged = promised.placed.size();
        return true;
    }

    /// What other roles do now and then. Errors of the index and of commits leave the store as it is.
    bool keep_books(int round) {
        if (round % 4 == 0)
            commit(round);
        if (round % 6 == 1)
            persist(round % 12 == 1);
        if (round == 24 || round == 44)
            return retain();
        if (round == 40)
            return forget();
        return !files_->crashed();
    }

    void commit(int round) {
        promised_.asked.insert(round);
        const std::array offsets{std::pair{reader_key, queue_offset{round}}};
        if (metadata_->commit(offsets)) {
            promised_.committed = round;
            promised_.asked = {round};
        }
    }

    void persist(bool force) {
        for (int i = 0; i < 10; ++i)
            if (const auto more = store_->persist_index(force); !more || !*more)
                return;
    }

    bool retain() {
        const bool done = store_->retain(timestamp_ms{2'000}).ok();
        for (auto& [queue, promised] : promised_.queues)
            if (const auto bounds = store_->bounds(queue); bounds)
                promised.highest_min = std::max(promised.highest_min, bounds->min.value());
        return done || !files_->crashed();
    }

    bool forget() {
        const auto forgotten = store_->forget_topic(scratch.topic);
        if (forgotten) {
            promised_.queues[scratch] = {.placed = {}, .tried = {}, .highest_min = promised_.queues[scratch].highest_min};
            for (auto& [queue, promised] : promised_.queues)
                promised.acknowledged = promised.placed.size();
            return true;
        }
        // Whether the log took the order is open, whatever the error, so the broker ends here.
        promised_.maybe_forgotten = scratch.topic;
        return false;
    }

    std::shared_ptr<fault_file_system> files_;
    std::unique_ptr<message_store> store_;
    std::unique_ptr<metadata_store> metadata_;
    promised_store promised_;
};

/// Every readable message of a queue.
std::map<std::int64_t, std::string> read_queue(const message_store& store, const topic_queue& queue) {
    std::map<std::int64_t, std::string> all;
    const auto bounds = store.bounds(queue);
    REQUIRE(bounds);
    for (auto at = bounds->min; at < bounds->max;) {
        const auto read = read_from(store, queue, at.value());
        REQUIRE(read.status == storage::read_status::found);
        CHECK(read.damaged == 0);
        const auto messages = protocol::decode_records(read.records);
        REQUIRE(messages);
        for (const auto& m : *messages) {
            CHECK(topic_queue{m.topic, m.queue} == queue);
            all[m.offset.value()] = std::string{m.body.view()};
        }
        REQUIRE(read.next > at);
        at = read.next;
    }
    return all;
}

void check_queue(const message_store& store, const topic_queue& queue, const promised_queue& promised, const promised_queue* usual,
                 bool maybe_forgotten) {
    const auto bounds = store.bounds(queue);
    REQUIRE(bounds);
    if (maybe_forgotten && bounds->max == queue_offset{0})
        return;
    auto expected = promised.placed;
    expected.insert(expected.end(), promised.tried.begin(), promised.tried.end());
    // What retention may take is known from the usual run; a refused batch shifts it a little.
    const auto usual_min = usual == nullptr ? 0 : usual->highest_min + static_cast<std::int64_t>(largest_batch);
    const auto highest_min = std::max(promised.highest_min, usual_min);
    INFO(queue.topic, "/", queue.queue.value(), ": ", bounds->min.value(), " to ", bounds->max.value(), ", acknowledged ",
         promised.acknowledged, ", placed ", promised.placed.size(), ", tried ", promised.tried.size());
    CHECK(bounds->min.value() <= highest_min);
    CHECK(static_cast<std::size_t>(bounds->max.value()) >= promised.acknowledged);
    REQUIRE(static_cast<std::size_t>(bounds->max.value()) <= expected.size());
    const auto found = read_queue(store, queue);
    CHECK(found.size() == static_cast<std::size_t>(bounds->max - bounds->min));
    for (const auto& [offset, body] : found)
        CHECK(body == expected[static_cast<std::size_t>(offset)]);
}

void check_offset(const std::shared_ptr<fault_file_system>& files, const promised_store& promised) {
    auto metadata = metadata_store::open(files, workload_options().directory / "metadata");
    REQUIRE_MESSAGE(metadata.ok(), (metadata ? std::string{} : to_string(metadata.failure())));
    const auto offsets = (*metadata)->offsets();
    REQUIRE(offsets);
    const auto found = offsets->empty() ? std::int64_t{-1} : offsets->front().second.value();
    CHECK((found == promised.committed || promised.asked.contains(found)));
}

void check_rebuild(const std::shared_ptr<fault_file_system>& files, const std::string& live) {
    REQUIRE(storage::remove_directory_tree(*files, workload_options().directory / "index"));
    const auto rebuilt = open_store(files, workload_options())->dump_index();
    REQUIRE(rebuilt);
    CHECK(*rebuilt == live);
}

} // namespace

storage::store_options workload_options() {
    auto options = small_store();
    options.segment_bytes = 8u << 10;
    options.checkpoint_bytes = 4u << 10;
    options.retention_bytes = 24u << 10;
    return options;
}

promised_store run_store_workload(const std::shared_ptr<fault_file_system>& files) {
    return broker_script{files}.run();
}

void check_store(const std::shared_ptr<fault_file_system>& files, const promised_store& promised, const promised_store& usual) {
    std::string live;
    {
        const auto store = open_store(files, workload_options());
        CHECK(store->recovered().damaged.empty());
        for (const auto& [queue, one_queue] : promised.queues) {
            const auto found = usual.queues.find(queue);
            check_queue(*store, queue, one_queue, found == usual.queues.end() ? nullptr : &found->second,
                        promised.maybe_forgotten == queue.topic);
        }
        check_offset(files, promised);
        const auto dump = store->dump_index();
        REQUIRE(dump);
        live = *dump;
    }
    check_rebuild(files, live);
}

} // namespace troupe::test_support
