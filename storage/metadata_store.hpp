#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::storage {

class file_system;

/// Topics, groups, their request modes and committed consumer offsets of one broker, and when groups that are none were seen: what cannot be derived from the log.
///
/// Owns     one RocksDB under `<store>/metadata`.
/// Threads  safe from any thread; calls block on the disk.
/// Durable  every write returns after the write-ahead log is synced.
/// Fails    with result<>; never throws. after disk_full and io reads go on as long as the database can be opened, and a later
///          write may succeed. A write that failed may still be there after a restart. corrupt names the key whose stored value makes no sense.
/// Format   docs/formats/metadata.md
class metadata_store {
public:
    /// Opens or creates. Fails with locked, corrupt, format_unknown (somebody else's directory), io, disk_full.
    static result<std::unique_ptr<metadata_store>> open(std::shared_ptr<file_system> files, const std::filesystem::path& directory);
    ~metadata_store();
    metadata_store(const metadata_store&) = delete;
    metadata_store& operator=(const metadata_store&) = delete;

    result<void> put_topic(const topic_config& topic);
    /// Success if it is not there. Removes the committed offsets and request modes of the topic too, in the same write, and notes that its
    /// index is still to go: deleted_topics() has it until forget_deleted(), or until the topic is put again.
    result<void> remove_topic(std::string_view topic);
    result<void> forget_deleted(std::string_view topic);
    [[nodiscard]] result<std::vector<std::string>> deleted_topics() const; ///< sorted
    [[nodiscard]] result<std::vector<topic_config>> topics() const;        ///< sorted by name

    result<void> put_group(const group_config& group);
    /// Its request modes go in the same write; `with_offsets`: its committed offsets, too.
    result<void> remove_group(std::string_view group, bool with_offsets);
    [[nodiscard]] result<std::vector<group_config>> groups() const; ///< sorted by name

    result<void> put_mode(const request_mode& mode);
    [[nodiscard]] result<std::vector<request_mode>> modes() const; ///< sorted by topic and group

    /// When a group was seen last that has offsets and no configuration; nothing: that is not kept any more.
    using group_sign = std::pair<std::string, std::optional<timestamp_ms>>;
    /// Commits all of `offsets` in one synced write, and stores all of `signs`.
    result<void> commit(std::span<const std::pair<progress_key, queue_offset>> offsets, std::span<const group_sign> signs = {});
    /// Removes offsets that groups have committed, and when these groups were seen, in one synced write. Success if they are not there.
    result<void> remove_offsets(std::span<const progress_key> offsets, std::span<const std::string> groups);
    [[nodiscard]] result<std::vector<std::pair<std::string, timestamp_ms>>> last_seen() const; ///< by group, sorted
    [[nodiscard]] result<std::vector<std::pair<progress_key, queue_offset>>> offsets() const;  ///< all of them, for start-up

    /// What opening, or opening anew after a failed write, had to give up: empty, or one sentence about a write-ahead log that ends in bytes that are no record
    /// (a write torn by a crash, which nobody was told of, or damage, after which newer changes are gone).
    [[nodiscard]] std::string recovery_note() const;

private:
    class implementation;
    explicit metadata_store(std::unique_ptr<implementation> made);
    std::unique_ptr<implementation> implementation_;
};

} // namespace troupe::storage
