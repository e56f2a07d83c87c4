#include "tests/support/fault_file_system.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace troupe::test_support {

namespace {

constexpr std::uint64_t sector_bytes = 512;
constexpr std::uint64_t unlimited_bytes = 1ull << 40;

/// A change of a file that is not on disk yet.
struct pending_change {
    std::uint64_t number = 0; ///< order over all files
    bool is_write = true;
    std::uint64_t offset = 0; ///< of a write
    std::string bytes;        ///< of a write
    std::uint64_t size = 0;   ///< after a truncate or allocate
    bool grow_only = false;   ///< allocate
};

void apply_write(std::string& image, std::uint64_t offset, std::string_view bytes) {
    if (bytes.empty())
        return;
    if (image.size() < offset + bytes.size())
        image.resize(offset + bytes.size(), '\0');
    std::copy(bytes.begin(), bytes.end(), image.begin() + static_cast<std::ptrdiff_t>(offset));
}

void apply_change(std::string& image, const pending_change& change) {
    if (change.is_write)
        apply_write(image, change.offset, change.bytes);
    else if (!change.grow_only || image.size() < change.size)
        image.resize(change.size, '\0');
}

/// The first byte that is not 0, from `offset` on; the size when there is none. In blocks: byte by byte, under ASan, a segment of zeros takes
/// longer than all else that a broker does at its start.
std::size_t find_data(const std::string& image, std::size_t offset) {
    static constexpr std::array<char, 4'096> zeros{};
    auto at = std::min(offset, image.size());
    for (auto block = zeros.size(); at < image.size(); at += block) {
        block = std::min(zeros.size(), image.size() - at);
        if (std::memcmp(image.data() + at, zeros.data(), block) != 0)
            break;
    }
    return std::min(image.find_first_not_of('\0', at), image.size());
}

/// One file's bytes, as the process sees them and as the disk has them.
struct inode {
    std::string current;
    std::string durable;
    std::vector<pending_change> pending;
};

/// A change of a directory that is not on disk yet: `path` names `node` from now on, or nothing.
struct name_change {
    std::vector<std::pair<std::string, std::shared_ptr<inode>>> names; ///< a rename changes two at once
    std::string made_directory;
    std::string removed_directory;
};

std::string normal(const std::filesystem::path& path) {
    std::string text = path.lexically_normal().string();
    while (text.size() > 1 && text.back() == '/')
        text.pop_back();
    return text;
}

std::string parent(const std::string& path) {
    return normal(std::filesystem::path{path}.parent_path());
}

using names = std::map<std::string, std::shared_ptr<inode>>;

void apply_names(names& files, std::set<std::string>& directories, const name_change& change) {
    for (const auto& [path, node] : change.names) {
        if (node)
            files[path] = node;
        else
            files.erase(path);
    }
    if (!change.made_directory.empty())
        directories.insert(change.made_directory);
    if (!change.removed_directory.empty())
        directories.erase(change.removed_directory);
}

bool touches(const name_change& change, const std::string& directory) {
    if (!change.made_directory.empty())
        return parent(change.made_directory) == directory;
    if (!change.removed_directory.empty())
        return parent(change.removed_directory) == directory;
    return std::any_of(change.names.begin(), change.names.end(), [&](const auto& name) { return parent(name.first) == directory; });
}

error failure(errc code, call_kind kind, const std::string& path, std::string_view why) {
    return error{code, to_string(kind) + " " + path + ": " + std::string{why}};
}

} // namespace

std::string to_string(crash_mode mode) {
    switch (mode) {
    case crash_mode::keep_all: return "keep_all";
    case crash_mode::drop_unsynced: return "drop_unsynced";
    case crash_mode::torn_sectors: return "torn_sectors";
    case crash_mode::torn_last_write: return "torn_last_write";
    case crash_mode::kill: return "kill";
    }
    return "unknown";
}

std::string to_string(call_fault fault) {
    switch (fault) {
    case call_fault::io: return "io";
    case call_fault::disk_full: return "disk_full";
    case call_fault::short_write: return "short_write";
    case call_fault::short_full: return "short_full";
    }
    return "unknown";
}

std::string to_string(call_kind kind) {
    switch (kind) {
    case call_kind::open: return "open";
    case call_kind::read: return "read";
    case call_kind::write: return "write";
    case call_kind::sync: return "sync";
    case call_kind::allocate: return "allocate";
    case call_kind::truncate: return "truncate";
    case call_kind::list: return "list";
    case call_kind::make_directories: return "make_directories";
    case call_kind::remove: return "remove";
    case call_kind::rename: return "rename";
    case call_kind::sync_directory: return "sync_directory";
    case call_kind::space: return "space";
    case call_kind::lock: return "lock";
    }
    return "unknown";
}

/// Everything behind the file system and its open files.
class fault_file_system::disk {
public:
    explicit disk(std::uint64_t seed) : random{seed}, next_seed{seed * 6364136223846793005ull + 1442695040888963407ull} {}

    /// Runs one call: counts it, lets the plan and the hook have their say, does `work` under the mutex.
    /// `partial` is done instead of `work` by the faults that stop half way.
    template <class Work, class Partial>
    auto call(call_kind kind, const std::string& path, Work work, Partial partial) -> decltype(work()) {
        call_info info{0, kind, path};
        std::optional<call_fault> fault;
        std::function<std::optional<call_fault>(const call_info&)> ask;
        {
            std::lock_guard lock{mutex};
            if (is_dead)
                return failure(errc::io, kind, path, "crashed");
            const bool is_read = kind == call_kind::read || kind == call_kind::list || kind == call_kind::space;
            if (!is_read || plan.count_reads) {
                info.number = ++count;
                if (count == plan.crash_before) {
                    note("crash before", info);
                    die(plan.mode);
                    return failure(errc::io, kind, path, "crashed");
                }
                if (count == plan.fail_call)
                    fault = plan.fault;
                ask = hook;
            }
        }
        if (ask && !fault)
            fault = ask(info);
        std::unique_lock lock{mutex};
        if (is_dead)
            return failure(errc::io, kind, path, "crashed");
        if (fault) {
            note(test_support::to_string(*fault), info);
            if (*fault == call_fault::short_write || *fault == call_fault::short_full)
                partial();
            if (kind == call_kind::sync)
                forget_pending(path);
            const bool full = *fault == call_fault::disk_full || *fault == call_fault::short_full;
            return failure(full ? errc::disk_full : errc::io, kind, path, "injected");
        }
        auto answer = work();
        if (info.number != 0 && info.number == plan.crash_after) {
            note("crash after", info);
            die(plan.mode);
            lock.unlock(); // the answer may be a lock, whose end takes the mutex
            return failure(errc::io, kind, path, "crashed");
        }
        return answer;
    }
    template <class Work>
    auto call(call_kind kind, const std::string& path, Work work) {
        return call(kind, path, std::move(work), [] {});
    }

    void note(const std::string& what, const call_info& info) {
        hit = what + " call " + std::to_string(info.number) + ", " + test_support::to_string(info.kind) + " " + info.path;
    }

    void die(crash_mode mode) {
        if (is_dead)
            return;
        is_dead = true;
        locks.clear();
        was_killed = mode == crash_mode::kill;
        if (was_killed)
            return;
        settle_bytes(mode);
        settle_names(mode);
    }

    void change_names(name_change change) {
        apply_names(files, directories, change);
        name_changes.push_back(std::move(change));
    }

    void sync_file(inode& node) {
        for (const auto& change : node.pending)
            apply_change(node.durable, change);
        node.pending.clear();
    }

    void sync_names(const std::string& directory) {
        auto rest = std::stable_partition(name_changes.begin(), name_changes.end(),
                                          [&](const name_change& change) { return touches(change, directory); });
        for (auto change = name_changes.begin(); change != rest; ++change)
            apply_names(durable_files, durable_directories, *change);
        name_changes.erase(name_changes.begin(), rest);
    }

    [[nodiscard]] std::uint64_t used_bytes() const {
        std::uint64_t bytes = 0;
        for (const auto& [path, node] : files)
            bytes += node->current.size();
        return bytes;
    }
    /// How many of `wanted` more bytes fit.
    [[nodiscard]] std::uint64_t room_bytes(std::uint64_t wanted) const {
        if (!capacity)
            return wanted;
        const std::uint64_t used = used_bytes();
        return used >= *capacity ? 0 : std::min(wanted, *capacity - used);
    }

    mutable std::mutex mutex;
    std::mt19937_64 random;
    std::uint64_t next_seed;
    names files;
    names durable_files;
    std::set<std::string> directories{"/"};
    std::set<std::string> durable_directories{"/"};
    std::vector<name_change> name_changes;
    std::set<std::string> locks;
    fault_plan plan;
    std::function<std::optional<call_fault>(const call_info&)> hook;
    std::optional<std::uint64_t> capacity;
    std::uint64_t count = 0;
    std::uint64_t change_number = 0;
    std::string hit;
    bool is_dead = false;
    bool was_killed = false;

private:
    void forget_pending(const std::string& path) {
        if (auto found = files.find(path); found != files.end())
            found->second->pending.clear();
    }

    void settle_bytes(crash_mode mode) {
        std::uint64_t last_write = 0;
        // By name, not by address: the random numbers must meet the files in the same order in every run.
        std::vector<std::shared_ptr<inode>> nodes;
        for (const names* table : {&files, &durable_files})
            for (const auto& [path, node] : *table)
                if (std::find(nodes.begin(), nodes.end(), node) == nodes.end())
                    nodes.push_back(node);
        for (const auto& node : nodes)
            for (const auto& change : node->pending)
                if (change.is_write)
                    last_write = std::max(last_write, change.number);
        for (const auto& node : nodes)
            settle(*node, mode, last_write);
    }

    void settle(inode& node, crash_mode mode, std::uint64_t last_write) {
        if (mode == crash_mode::keep_all) {
            node.durable = node.current;
        } else if (mode != crash_mode::drop_unsynced) {
            for (const auto& change : node.pending) {
                if (mode == crash_mode::torn_sectors)
                    apply_some_sectors(node.durable, change);
                else if (change.number == last_write)
                    apply_write(node.durable, change.offset,
                                std::string_view{change.bytes}.substr(0, random() % (change.bytes.size() + 1)));
                else
                    apply_change(node.durable, change);
            }
        }
        node.current = node.durable;
        node.pending.clear();
    }

    void apply_some_sectors(std::string& image, const pending_change& change) {
        if (!change.is_write) {
            if (random() % 2 == 0)
                apply_change(image, change);
            return;
        }
        for (std::uint64_t at = 0; at < change.bytes.size();) {
            const std::uint64_t rest = sector_bytes - (change.offset + at) % sector_bytes;
            const std::uint64_t bytes = std::min<std::uint64_t>(rest, change.bytes.size() - at);
            if (random() % 2 == 0)
                apply_write(image, change.offset + at, std::string_view{change.bytes}.substr(at, bytes));
            at += bytes;
        }
    }

    void settle_names(crash_mode mode) {
        // A journal keeps the order of directory changes, so a torn one is a prefix.
        std::size_t kept = 0;
        if (mode == crash_mode::keep_all || mode == crash_mode::torn_last_write)
            kept = name_changes.size();
        else if (mode == crash_mode::torn_sectors)
            kept = random() % (name_changes.size() + 1);
        for (std::size_t i = 0; i < kept; ++i)
            apply_names(durable_files, durable_directories, name_changes[i]);
        name_changes.clear();
        std::erase_if(durable_directories, [&](const std::string& path) { return !is_reachable(path); });
        std::erase_if(durable_files, [&](const auto& file) { return !durable_directories.contains(parent(file.first)); });
        files = durable_files;
        directories = durable_directories;
    }

    bool is_reachable(std::string path) const {
        while (path != "/") {
            if (!durable_directories.contains(path))
                return false;
            path = parent(path);
        }
        return true;
    }
};

class fault_file_system::open_file final : public storage::file {
public:
    open_file(std::shared_ptr<disk> disk, std::shared_ptr<inode> node, std::string path)
        : disk_{std::move(disk)}, node_{std::move(node)}, path_{std::move(path)} {}

    result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) const override {
        return disk_->call(call_kind::read, path_, [&]() -> result<std::size_t> {
            if (offset >= node_->current.size())
                return std::size_t{0};
            return static_cast<std::size_t>(node_->current.copy(out.data(), out.size(), offset));
        });
    }

    result<void> write_at(std::uint64_t offset, std::span<const std::string_view> parts) override {
        std::string bytes;
        for (const auto part : parts)
            bytes += part;
        const auto half = [&] { write(offset, bytes.substr(0, bytes.size() / 2)); };
        const auto all = [&]() -> result<void> {
            const std::uint64_t end = offset + bytes.size();
            const std::uint64_t more = end > node_->current.size() ? end - node_->current.size() : 0;
            const std::uint64_t room = disk_->room_bytes(more);
            if (room < more) {
                const std::uint64_t missing = more - room;
                write(offset, bytes.substr(0, missing < bytes.size() ? bytes.size() - missing : 0));
                return failure(errc::disk_full, call_kind::write, path_, "no space left");
            }
            write(offset, std::move(bytes));
            return {};
        };
        return disk_->call(call_kind::write, path_, all, half);
    }

    result<void> sync() override {
        return disk_->call(call_kind::sync, path_, [&]() -> result<void> {
            disk_->sync_file(*node_);
            return {};
        });
    }

    result<void> allocate(std::uint64_t bytes) override {
        const std::uint64_t more = bytes > node_->current.size() ? bytes - node_->current.size() : 0;
        const auto grow = [&](std::uint64_t by) {
            if (by > 0)
                record(pending_change{
                    .number = 0, .is_write = false, .offset = 0, .bytes = {}, .size = node_->current.size() + by, .grow_only = true});
        };
        const auto all = [&]() -> result<void> {
            // As ext4 does: what there was room for is kept.
            const auto room = disk_->room_bytes(more);
            grow(std::min(room, more));
            return room < more ? failure(errc::disk_full, call_kind::allocate, path_, "no space left") : result<void>{};
        };
        return disk_->call(call_kind::allocate, path_, all, [&] { grow(more / 2); });
    }

    result<void> truncate(std::uint64_t bytes) override {
        return disk_->call(call_kind::truncate, path_, [&]() -> result<void> {
            record(pending_change{.number = 0, .is_write = false, .offset = 0, .bytes = {}, .size = bytes, .grow_only = false});
            return {};
        });
    }

    result<std::uint64_t> size() const override {
        return disk_->call(call_kind::read, path_, [&]() -> result<std::uint64_t> { return node_->current.size(); });
    }

    result<std::uint64_t> next_data(std::uint64_t offset) const override {
        return disk_->call(call_kind::read, path_, [&]() -> result<std::uint64_t> {
            return std::max<std::uint64_t>(offset, find_data(node_->current, static_cast<std::size_t>(offset)));
        });
    }

    void drop_cache(std::uint64_t, std::uint64_t) const override {}

private:
    void write(std::uint64_t offset, std::string bytes) {
        record(pending_change{.number = 0, .is_write = true, .offset = offset, .bytes = std::move(bytes), .size = 0, .grow_only = false});
    }
    void record(pending_change change) {
        change.number = ++disk_->change_number;
        apply_change(node_->current, change);
        node_->pending.push_back(std::move(change));
    }

    std::shared_ptr<disk> disk_;
    std::shared_ptr<inode> node_;
    std::string path_;
};

class fault_file_system::held_lock final : public storage::file_lock {
public:
    held_lock(std::shared_ptr<disk> disk, std::string path) : disk_{std::move(disk)}, path_{std::move(path)} {}
    held_lock(const held_lock&) = delete;
    held_lock& operator=(const held_lock&) = delete;
    ~held_lock() override {
        std::lock_guard lock{disk_->mutex};
        disk_->locks.erase(path_);
    }

private:
    std::shared_ptr<disk> disk_;
    std::string path_;
};

std::shared_ptr<fault_file_system> fault_file_system::make(std::uint64_t seed) {
    return std::shared_ptr<fault_file_system>{new fault_file_system{std::make_shared<disk>(seed)}};
}

fault_file_system::fault_file_system(std::shared_ptr<disk> on) : disk_{std::move(on)} {}
fault_file_system::~fault_file_system() = default;

void fault_file_system::set_plan(fault_plan plan) {
    std::lock_guard lock{disk_->mutex};
    disk_->plan = plan;
}

void fault_file_system::set_hook(std::function<std::optional<call_fault>(const call_info&)> hook) {
    std::lock_guard lock{disk_->mutex};
    disk_->hook = std::move(hook);
}

void fault_file_system::set_capacity(std::optional<std::uint64_t> bytes) {
    std::lock_guard lock{disk_->mutex};
    disk_->capacity = bytes;
}

void fault_file_system::crash(crash_mode mode) {
    std::lock_guard lock{disk_->mutex};
    disk_->die(mode);
}

bool fault_file_system::crashed() const {
    std::lock_guard lock{disk_->mutex};
    return disk_->is_dead;
}

std::uint64_t fault_file_system::calls() const {
    std::lock_guard lock{disk_->mutex};
    return disk_->count;
}

std::string fault_file_system::hit() const {
    std::lock_guard lock{disk_->mutex};
    return disk_->hit;
}

std::shared_ptr<fault_file_system> fault_file_system::restart(std::optional<std::uint64_t> seed) {
    std::lock_guard lock{disk_->mutex};
    auto next = make(seed.value_or(disk_->next_seed));
    auto& to = *next->disk_;
    to.capacity = disk_->capacity;
    to.directories = disk_->directories;
    if (disk_->was_killed) {
        std::map<const inode*, std::shared_ptr<inode>> copies;
        const auto copy_of = [&copies](const std::shared_ptr<inode>& node) {
            auto& copy = copies[node.get()];
            if (node && !copy)
                copy = std::make_shared<inode>(*node);
            return copy;
        };
        for (const auto& [path, node] : disk_->files)
            to.files[path] = copy_of(node);
        for (const auto& [path, node] : disk_->durable_files)
            to.durable_files[path] = copy_of(node);
        to.name_changes = disk_->name_changes;
        for (auto& change : to.name_changes)
            for (auto& entry : change.names)
                entry.second = copy_of(entry.second);
        to.durable_directories = disk_->durable_directories;
        to.change_number = disk_->change_number;
        return next;
    }
    for (const auto& [path, node] : disk_->files) {
        auto copy = std::make_shared<inode>();
        copy->current = node->current;
        copy->durable = node->current;
        to.files[path] = copy;
        to.durable_files[path] = copy;
    }
    to.durable_directories = disk_->directories;
    return next;
}

std::optional<std::string> fault_file_system::content(const std::filesystem::path& path) const {
    std::lock_guard lock{disk_->mutex};
    const auto found = disk_->files.find(normal(path));
    if (found == disk_->files.end())
        return std::nullopt;
    return found->second->current;
}

void fault_file_system::put(const std::filesystem::path& path, std::string bytes) {
    std::lock_guard lock{disk_->mutex};
    const std::string name = normal(path);
    for (std::string directory = parent(name); directory != "/"; directory = parent(directory)) {
        disk_->directories.insert(directory);
        disk_->durable_directories.insert(directory);
    }
    auto node = std::make_shared<inode>();
    node->current = bytes;
    node->durable = std::move(bytes);
    disk_->files[name] = node;
    disk_->durable_files[name] = node;
}

result<std::unique_ptr<storage::file>> fault_file_system::open(const std::filesystem::path& path, storage::open_mode mode) {
    const std::string name = normal(path);
    return disk_->call(call_kind::open, name, [&]() -> result<std::unique_ptr<storage::file>> {
        const auto found = disk_->files.find(name);
        const bool there = found != disk_->files.end();
        if (there && mode == storage::open_mode::create)
            return failure(errc::already_exists, call_kind::open, name, "file exists");
        if (!there && (mode == storage::open_mode::read || mode == storage::open_mode::read_write))
            return failure(errc::not_found, call_kind::open, name, "no such file");
        if (there)
            return std::unique_ptr<storage::file>{std::make_unique<open_file>(disk_, found->second, name)};
        if (!disk_->directories.contains(parent(name)))
            return failure(errc::not_found, call_kind::open, name, "no such directory");
        auto node = std::make_shared<inode>();
        disk_->change_names(name_change{.names = {{name, node}}, .made_directory = {}, .removed_directory = {}});
        return std::unique_ptr<storage::file>{std::make_unique<open_file>(disk_, node, name)};
    });
}

result<std::vector<storage::directory_entry>> fault_file_system::list(const std::filesystem::path& directory) {
    const std::string name = normal(directory);
    return disk_->call(call_kind::list, name, [&]() -> result<std::vector<storage::directory_entry>> {
        if (!disk_->directories.contains(name))
            return failure(errc::not_found, call_kind::list, name, "no such directory");
        std::vector<storage::directory_entry> entries;
        for (const auto& [path, node] : disk_->files)
            if (parent(path) == name)
                entries.push_back({std::filesystem::path{path}.filename().string(), node->current.size(), false});
        for (const auto& path : disk_->directories)
            if (path != "/" && parent(path) == name)
                entries.push_back({std::filesystem::path{path}.filename().string(), 0, true});
        return entries;
    });
}

result<bool> fault_file_system::exists(const std::filesystem::path& path) {
    const std::string name = normal(path);
    return disk_->call(call_kind::list, name,
                       [&]() -> result<bool> { return disk_->files.contains(name) || disk_->directories.contains(name); });
}

result<void> fault_file_system::make_directories(const std::filesystem::path& directory) {
    const std::string name = normal(directory);
    return disk_->call(call_kind::make_directories, name, [&]() -> result<void> {
        std::vector<std::string> missing;
        for (std::string path = name; !disk_->directories.contains(path); path = parent(path)) {
            if (disk_->files.contains(path))
                return failure(errc::io, call_kind::make_directories, path, "a file is in the way");
            missing.push_back(path);
        }
        for (auto path = missing.rbegin(); path != missing.rend(); ++path)
            disk_->change_names(name_change{.names = {}, .made_directory = *path, .removed_directory = {}});
        return {};
    });
}

result<void> fault_file_system::remove(const std::filesystem::path& path) {
    const std::string name = normal(path);
    return disk_->call(call_kind::remove, name, [&]() -> result<void> {
        if (disk_->files.contains(name)) {
            disk_->change_names(name_change{.names = {{name, nullptr}}, .made_directory = {}, .removed_directory = {}});
            return {};
        }
        if (!disk_->directories.contains(name))
            return failure(errc::not_found, call_kind::remove, name, "no such file");
        const auto inside = [&](const std::string& other) { return other != "/" && parent(other) == name; };
        for (const auto& [other, node] : disk_->files)
            if (inside(other))
                return failure(errc::io, call_kind::remove, name, "directory not empty");
        if (std::any_of(disk_->directories.begin(), disk_->directories.end(), inside))
            return failure(errc::io, call_kind::remove, name, "directory not empty");
        disk_->change_names(name_change{.names = {}, .made_directory = {}, .removed_directory = name});
        return {};
    });
}

result<void> fault_file_system::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
    const std::string source = normal(from);
    const std::string target = normal(to);
    return disk_->call(call_kind::rename, source, [&]() -> result<void> {
        const auto found = disk_->files.find(source);
        if (found == disk_->files.end())
            return failure(errc::not_found, call_kind::rename, source, "no such file");
        if (!disk_->directories.contains(parent(target)))
            return failure(errc::not_found, call_kind::rename, target, "no such directory");
        const auto node = found->second;
        disk_->change_names(name_change{.names = {{source, nullptr}, {target, node}}, .made_directory = {}, .removed_directory = {}});
        return {};
    });
}

result<void> fault_file_system::sync_directory(const std::filesystem::path& directory) {
    const std::string name = normal(directory);
    return disk_->call(call_kind::sync_directory, name, [&]() -> result<void> {
        if (!disk_->directories.contains(name))
            return failure(errc::not_found, call_kind::sync_directory, name, "no such directory");
        disk_->sync_names(name);
        return {};
    });
}

result<storage::disk_space> fault_file_system::space(const std::filesystem::path& path) {
    return disk_->call(call_kind::space, normal(path), [&]() -> result<storage::disk_space> {
        const std::uint64_t total = disk_->capacity.value_or(unlimited_bytes);
        const std::uint64_t used = disk_->used_bytes();
        return storage::disk_space{total, total > used ? total - used : 0};
    });
}

result<std::unique_ptr<storage::file_lock>> fault_file_system::lock(const std::filesystem::path& path) {
    const std::string name = normal(path);
    return disk_->call(call_kind::lock, name, [&]() -> result<std::unique_ptr<storage::file_lock>> {
        if (!disk_->directories.contains(parent(name)))
            return failure(errc::not_found, call_kind::lock, name, "no such directory");
        if (!disk_->locks.insert(name).second)
            return failure(errc::locked, call_kind::lock, name, "held by another store; stop the other process");
        return std::unique_ptr<storage::file_lock>{std::make_unique<held_lock>(disk_, name)};
    });
}

} // namespace troupe::test_support
