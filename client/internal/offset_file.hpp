#pragma once

#include "client/message.hpp"
#include "protocol/vocabulary/result.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace troupe::client {

/// Offsets of a broadcasting consumer, kept by itself. One line per queue: offset, queue, broker name, topic, separated by
/// spaces (none of the names may hold one), after a first line "troupe offsets 1"; the last line is "end".
///
/// Durable  save() returns after the new file is synced and in place of the old one; a crash leaves one or the other.
/// Threads  not synchronised. Blocks on the disk.
class offset_file {
public:
    explicit offset_file(std::filesystem::path path) : path_{std::move(path)} {}

    /// Nothing for a file that is not there. Fails with io, corrupt.
    result<std::map<message_queue, queue_offset>> load() const;
    /// Creates the directory if need be. Fails with io.
    result<void> save(const std::map<message_queue, queue_offset>& offsets) const;

    static std::string encode(const std::map<message_queue, queue_offset>& offsets);
    /// Fails with corrupt.
    static result<std::map<message_queue, queue_offset>> decode(const std::string& text);

private:
    std::filesystem::path path_;
};

/// A file name for any client id or group: letters, digits, '.', '-', '_' stay, other bytes become %XX.
std::string file_name_of(std::string_view name);

} // namespace troupe::client
