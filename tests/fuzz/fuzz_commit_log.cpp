#include "protocol/message_codec.hpp"
#include "storage/segment.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/support/log_samples.hpp"

using namespace troupe;

namespace {

constexpr std::uint64_t segment_bytes = 64u << 10;

/// Bodies by position, after checking what recovery handed out; nullopt when the log was refused.
std::optional<std::map<log_position, std::string>> recovered(const std::shared_ptr<test_support::fault_file_system>& files) {
    auto opened = test_support::open_log(files, segment_bytes);
    if (!opened) {
        fuzz::require(opened.code() == errc::corrupt || opened.code() == errc::format_unknown, "a failure has a documented code");
        return std::nullopt;
    }
    for (const auto& [position, body] : opened->bodies) {
        fuzz::require(position < opened->log->end(), "no record stands behind the end");
        const auto record = opened->log->read(position);
        fuzz::require(record.ok() && protocol::check_record(record->view()).ok(), "what recovery handed out can be read");
    }
    return std::move(opened->bodies);
}

} // namespace

// The bytes are the first segment of a log: recovery refuses it or makes a sound log of it, and a second one agrees.
FUZZ_TARGET(bytes) {
    const auto disk = test_support::make_store_disk();
    disk->put(test_support::log_directory / storage::segment_name(log_position{0}), std::string{bytes.substr(0, segment_bytes)});
    const auto first = recovered(disk);
    if (!first)
        return;
    const auto second = recovered(disk->restart());
    fuzz::require(second.has_value() && *second == *first, "recovering again finds the same records");
}
