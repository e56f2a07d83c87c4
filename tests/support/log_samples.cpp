#include "tests/support/log_samples.hpp"

#include <stdexcept>
#include <utility>

namespace troupe::test_support {

std::string make_record(std::string_view body, std::string_view topic, std::int32_t queue) {
    protocol::message m;
    m.topic = topic;
    m.queue = queue_id{queue};
    m.born = timestamp_ms{1'700'000'000'000};
    m.body = payload{std::string{body}};
    auto record = protocol::encode_record(m);
    if (!record)
        throw std::runtime_error{to_string(record.failure())};
    return *record;
}

std::string body_of(std::string_view record) {
    return std::string{protocol::view_record(record).body};
}

result<std::vector<storage::record_place>> append_bodies(storage::commit_log& log, const std::vector<std::string>& bodies,
                                                         std::int64_t first, std::int64_t now_ms) {
    std::vector<std::string> records;
    for (const auto& body : bodies)
        records.push_back(make_record(body));
    std::vector<storage::pending_record> pending;
    for (auto& record : records)
        pending.push_back({.bytes = record, .offset = queue_offset{first++}});
    auto end = log.append(pending, timestamp_ms{now_ms});
    if (!end)
        return end.failure();
    std::vector<storage::record_place> places;
    for (const auto& one : pending)
        places.push_back({one.position, static_cast<std::uint32_t>(one.bytes.size())});
    return places;
}

result<opened_log> open_log(std::shared_ptr<storage::file_system> files, std::uint64_t segment_bytes, log_position from,
                            std::filesystem::path directory) {
    auto log = storage::commit_log::open(std::move(files), {.directory = std::move(directory), .segment_bytes = segment_bytes});
    if (!log)
        return log.failure();
    opened_log opened;
    storage::log_visitor visitor;
    visitor.record = [&](log_position at, std::string_view record) -> result<void> {
        opened.bodies[at] = body_of(record);
        return {};
    };
    visitor.damage = [&](const storage::damaged_range& damage) { opened.damage.push_back(damage); };
    auto recovery = (*log)->recover(from, visitor);
    if (!recovery)
        return recovery.failure();
    opened.recovery = *recovery;
    opened.log = std::move(*log);
    return opened;
}

std::shared_ptr<fault_file_system> make_store_disk(std::uint64_t seed) {
    auto files = fault_file_system::make(seed);
    if (!files->make_directories("/store") || !files->sync_directory("/"))
        throw std::runtime_error{"/store"};
    return files;
}

} // namespace troupe::test_support
