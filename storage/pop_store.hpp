#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::storage {

class file_system;

/// A message that a group has popped and not acknowledged.
struct pop_lease {
    queue_offset offset;
    timestamp_ms visible; ///< from then on it is delivered again
    timestamp_ms popped;  ///< its last delivery, as the handle of that says; before `visible`
    timestamp_ms first_popped;
    std::int32_t deliveries = 1; ///< so far
    friend bool operator==(const pop_lease&, const pop_lease&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, pop_lease& x) {
        return f(x.offset, x.visible, x.popped, x.first_popped, x.deliveries);
    }
};

/// What one group has popped of one queue: everything below `next` that has no lease is acknowledged.
struct popped_queue_state {
    progress_key key;
    queue_offset next;             ///< first offset never popped
    std::vector<pop_lease> leases; ///< by offset; all below `next`
    friend bool operator==(const popped_queue_state&, const popped_queue_state&) = default;
};

/// How that changes.
struct popped_queue_changes {
    bool forget = false;                                     ///< first remove all that is there
    std::optional<queue_offset> next;                        ///< none: as it is
    std::map<queue_offset, std::optional<pop_lease>> leases; ///< new and changed ones; none: removed
};
using pop_changes = std::map<progress_key, popped_queue_changes>;

struct pop_store_options {
    std::size_t block_cache_bytes = 1u << 20;
};

/// What the groups of one broker have popped.
///
/// Owns     one RocksDB under `<store>/pop`.
/// Threads  one at a time, normally its actor's.
/// Durable  change() returns after its write-ahead log is synced, if it is told to sync; else a power loss may take the last changes,
///          in the order in which they were made, a crash of the process none.
/// Fails    with result<>; never throws. After disk_full and io every call fails until reopen(); a change that failed may be there
///          then. corrupt names the key whose stored value makes no sense.
/// Format   docs/formats/pop.md
class pop_store {
public:
    /// Opens or creates. Fails with locked, corrupt, format_unknown (somebody else's directory), io, disk_full.
    static result<std::unique_ptr<pop_store>> open(std::shared_ptr<file_system> files, const std::filesystem::path& directory,
                                                   pop_store_options options = {});
    ~pop_store();
    pop_store(const pop_store&) = delete;
    pop_store& operator=(const pop_store&) = delete;

    /// Everything, sorted by key.
    [[nodiscard]] result<std::vector<popped_queue_state>> load() const;
    /// All or nothing.
    result<void> change(const pop_changes& changes, bool sync);
    /// After a failure: opens the database again. It stays failed if that fails.
    result<void> reopen();

    /// What opening had to give up: empty, or one sentence about a write-ahead log that ends in bytes that are no record.
    [[nodiscard]] const std::string& recovery_note() const;

private:
    class implementation;
    explicit pop_store(std::unique_ptr<implementation> made);
    std::unique_ptr<implementation> implementation_;
};

} // namespace troupe::storage
