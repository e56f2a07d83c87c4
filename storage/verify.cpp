#include "storage/verify.hpp"

#include "protocol/message_codec.hpp"
#include "storage/log_index.hpp"
#include "storage/log_scan.hpp"
#include "storage/recovery.hpp"
#include "storage/segment.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

namespace troupe::storage {

namespace {

/// Collects what a scan reports.
class verifier {
public:
    verifier(const segment_list& segments, store_verification& found) : segments_{segments}, found_{found} {}

    log_visitor visitor() {
        return {.record = [this](log_position at, std::string_view record) { return see(at, record); },
                .batch = {},
                .damage = [this](const damaged_range& damage) { report(to_string(damage)); }};
    }

    [[nodiscard]] std::size_t queues() const { return next_offsets_.size(); }

private:
    result<void> see(log_position at, std::string_view record) {
        while (!segments_[index_]->holds(at))
            ++index_;
        auto& segment = found_.segments[index_];
        const auto stored = protocol::record_stored(record);
        if (segment.records++ == 0)
            segment.first_stored = stored;
        segment.last_stored = stored;
        check_offset(at, record);
        return {};
    }

    void check_offset(log_position at, std::string_view record) {
        const auto view = protocol::view_record(record);
        if (view.topic == forget_topic_name) {
            const auto first = next_offsets_.lower_bound({std::string{view.body}, queue_id{0}});
            next_offsets_.erase(first,
                                std::find_if(first, next_offsets_.end(), [&](const auto& of) { return of.first.topic != view.body; }));
            return;
        }
        const topic_queue queue{std::string{view.topic}, protocol::record_queue(record)};
        const auto offset = protocol::record_offset(record);
        auto& next = next_offsets_[queue];
        // Damaged records leave gaps. Going back is never right, but for a topic that was deleted and made again, should the
        // record that says so be damaged.
        if (offset < next && offset.value() != 0)
            report(segments_[index_]->path.string() + ": record at log position " + to_string(at) + " has offset " + to_string(offset) +
                   " of queue " + to_string(queue.queue) + " of " + queue.topic + ", but " + to_string(next) + " is the lowest possible");
        next = offset + 1;
    }

    void report(std::string problem) {
        ++found_.problem_count;
        if (found_.problems.size() < problems_max)
            found_.problems.push_back(std::move(problem));
    }

    const segment_list& segments_;
    store_verification& found_;
    std::map<topic_queue, queue_offset> next_offsets_;
    std::size_t index_ = 0;
};

result<std::unique_ptr<file_lock>> lock_store(file_system& files, const std::filesystem::path& store) {
    const auto path = store / store_names::lock;
    auto there = files.exists(path);
    if (!there)
        return there.failure();
    if (!*there)
        return std::unique_ptr<file_lock>{};
    return files.lock(path);
}

} // namespace

result<store_verification> verify_store(file_system& files, const std::filesystem::path& store) {
    const auto directory = store / store_names::commit_log;
    auto there = files.exists(directory);
    if (!there)
        return there.failure();
    if (!*there)
        return error{errc::not_found,
                     store.string() + ": this is no store, it has no commitlog directory; name the broker's store directory"};
    auto lock = lock_store(files, store);
    if (!lock)
        return lock.failure();
    auto segments = open_segments(files, directory, 0, open_mode::read);
    if (!segments)
        return segments.failure();
    store_verification found;
    if (segments->empty())
        return found;
    for (const auto& one : *segments) {
        auto bytes = one->file->size();
        if (!bytes)
            return bytes.failure();
        found.segments.push_back({one->path, one->base, *bytes, 0, timestamp_ms{}, timestamp_ms{}});
    }
    found.log_min = segments->front()->base;
    verifier sees{*segments, found};
    auto scan = scan_log(*segments, {.from = found.log_min, .durable = found.log_min}, sees.visitor());
    if (!scan)
        return scan.failure();
    found.log_end = scan->end;
    found.records = scan->records;
    found.batches = scan->batches;
    found.queues = sees.queues();
    if (scan->torn_bytes > 0)
        found.torn_tail = std::to_string(scan->torn_bytes) + " bytes at log position " + to_string(scan->end) + ": " + scan->torn_tail;
    return found;
}

} // namespace troupe::storage
