#pragma once

#include "storage/file_system.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace troupe::test_support {

/// What survives a crash.
enum class crash_mode : std::uint8_t {
    keep_all,        ///< the process died, the machine went on: everything written is there
    drop_unsynced,   ///< power cut: nothing unsynced is there, neither bytes nor directory entries
    torn_sectors,    ///< power cut: a random part of the unsynced 512-byte sectors, and a random number of directory changes
    torn_last_write, ///< everything but the last unsynced write, of which a random prefix is there
    kill,            ///< the process died, the machine goes on: all is there, and what was unsynced still is, so that a power
                     ///< cut in the next life takes it. Not one of all_crash_modes: by itself it is keep_all.
};
inline constexpr crash_mode all_crash_modes[] = {crash_mode::keep_all, crash_mode::drop_unsynced, crash_mode::torn_sectors,
                                                 crash_mode::torn_last_write};
std::string to_string(crash_mode mode);

/// How a call fails.
enum class call_fault : std::uint8_t {
    io,          ///< nothing is done; a failed sync leaves the data readable but never writes it (as Linux does)
    disk_full,   ///< nothing is done
    short_write, ///< io after the first half was written; on any other call like io
    short_full,  ///< disk_full after the first half was written; on any other call like disk_full
};
inline constexpr call_fault all_call_faults[] = {call_fault::io, call_fault::disk_full, call_fault::short_write, call_fault::short_full};
std::string to_string(call_fault fault);

enum class call_kind : std::uint8_t {
    open,
    read,
    write,
    sync,
    allocate,
    truncate,
    list,
    make_directories,
    remove,
    rename,
    sync_directory,
    space,
    lock
};
std::string to_string(call_kind kind);

/// One call as the hooks see it.
struct call_info {
    std::uint64_t number = 0; ///< 1, 2, 3, ... over all counted calls since the file system was made or restarted
    call_kind kind = call_kind::open;
    std::string path;
};

/// What goes wrong, by call number. 0: never.
struct fault_plan {
    std::uint64_t crash_before = 0;
    std::uint64_t crash_after = 0;
    crash_mode mode = crash_mode::drop_unsynced;
    std::uint64_t fail_call = 0; ///< once; later calls succeed again
    call_fault fault = call_fault::io;
    /// Reads, lists and questions are counted, and so can fail or crash, only if asked for.
    bool count_reads = false;
};

/// A file system in memory that forgets what was not synced. Every answer is a function of the calls and the seed.
///
/// After a crash, and until restart(), every call of every file fails with io. A file created, renamed or removed is so
/// only after sync_directory of its directory; a directory made, after sync_directory of its parent.
///
/// Threads  safe from any thread; hooks are called with nothing locked.
class fault_file_system final : public storage::file_system {
public:
    static std::shared_ptr<fault_file_system> make(std::uint64_t seed);
    ~fault_file_system() override;

    // ---- what goes wrong -------------------------------------------------------------------------------------------

    void set_plan(fault_plan plan);
    /// Called for each counted call before it is done; returning a fault makes it fail so.
    void set_hook(std::function<std::optional<call_fault>(const call_info&)> hook);
    /// Bytes that files may take together; beyond it writes and allocations fail with disk_full. Nothing: no limit.
    void set_capacity(std::optional<std::uint64_t> bytes);
    /// Now. Files that are open stay useless for ever.
    void crash(crash_mode mode);
    [[nodiscard]] bool crashed() const;
    /// Counted calls so far.
    [[nodiscard]] std::uint64_t calls() const;
    /// What the planned fault hit, for messages; empty if nothing yet.
    [[nodiscard]] std::string hit() const;

    /// A new file system with the bytes that survived the crash; without one, a copy of everything. Its seed follows from this one's
    /// unless it is given.
    std::shared_ptr<fault_file_system> restart(std::optional<std::uint64_t> seed = std::nullopt);

    // ---- looking at and damaging bytes, uncounted ------------------------------------------------------------------

    [[nodiscard]] std::optional<std::string> content(const std::filesystem::path& path) const;
    /// Replaces or makes a file, durably, with its directories.
    void put(const std::filesystem::path& path, std::string bytes);

    // ---- file_system -----------------------------------------------------------------------------------------------

    result<std::unique_ptr<storage::file>> open(const std::filesystem::path& path, storage::open_mode mode) override;
    result<std::vector<storage::directory_entry>> list(const std::filesystem::path& directory) override;
    result<bool> exists(const std::filesystem::path& path) override;
    result<void> make_directories(const std::filesystem::path& directory) override;
    result<void> remove(const std::filesystem::path& path) override;
    result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
    result<void> sync_directory(const std::filesystem::path& directory) override;
    result<storage::disk_space> space(const std::filesystem::path& path) override;
    result<std::unique_ptr<storage::file_lock>> lock(const std::filesystem::path& path) override;

private:
    class disk;
    class open_file;
    class held_lock;
    explicit fault_file_system(std::shared_ptr<disk> on);
    std::shared_ptr<disk> disk_;
};

} // namespace troupe::test_support
