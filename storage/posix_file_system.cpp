#include "storage/file_system.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

namespace troupe::storage {

namespace {

errc code_of(int number) {
    switch (number) {
    case ENOSPC:
    case EDQUOT: return errc::disk_full;
    case ENOENT: return errc::not_found;
    case EEXIST: return errc::already_exists;
    case EACCES:
    case EPERM:
    case EROFS: return errc::not_permitted;
    default: return errc::io;
    }
}

error failure(const char* call, const std::filesystem::path& path, int number) {
    const auto code = code_of(number);
    return error{code, std::string{call} + " " + path.string() + ": " + std::generic_category().message(number) +
                           (code == errc::not_permitted ? "; let user " + std::to_string(::geteuid()) + " read and write there" : "")};
}

/// Repeats `call` while a signal interrupts it.
template <class Call>
auto repeat(Call call) {
    auto answer = call();
    while (answer < 0 && errno == EINTR)
        answer = call();
    return answer;
}

/// Owns a file descriptor.
class descriptor {
public:
    explicit descriptor(int number) : number_{number} {}
    descriptor(descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (number_ >= 0)
            ::close(number_);
    }
    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

/// The parts still to be written, handed out as iovec arrays of at most IOV_MAX.
class unwritten_parts {
public:
    explicit unwritten_parts(std::span<const std::string_view> parts) : parts_{parts} { skip_empty(); }
    [[nodiscard]] bool empty() const { return parts_.empty(); }

    std::span<const iovec> next() {
        std::size_t count = 0;
        for (std::size_t i = 0; i < parts_.size() && count < vectors_.size(); ++i) {
            const std::size_t first = i == 0 ? written_of_first_ : 0;
            if (parts_[i].size() == first)
                continue;
            vectors_[count++] = iovec{const_cast<char*>(parts_[i].data()) + first, parts_[i].size() - first};
        }
        return std::span<const iovec>{vectors_.data(), count};
    }

    void advance(std::size_t bytes) {
        written_of_first_ += bytes;
        skip_empty();
    }

private:
    void skip_empty() {
        while (!parts_.empty() && written_of_first_ >= parts_.front().size()) {
            written_of_first_ -= parts_.front().size();
            parts_ = parts_.subspan(1);
        }
    }

    std::span<const std::string_view> parts_;
    std::size_t written_of_first_ = 0;
    std::array<iovec, IOV_MAX> vectors_;
};

/// Where something was written less than this ago, as the file goes, reads do not make the kernel read ahead.
constexpr std::uint64_t tail_bytes = 16u << 20;
constexpr std::uint64_t page_bytes = 4096;

/// Reads near the end of what was written into reserved space use a descriptor of their own, for which the kernel does not read ahead: it would
/// fill its cache with the zeros of the space behind, as much as the disk's read-ahead is (8 MiB take 19 ms, in which the reader waits), and
/// again each time that the writer has come so far.
class posix_file final : public file {
public:
    posix_file(descriptor fd, std::filesystem::path path) : fd_{std::move(fd)}, path_{std::move(path)} {}

    result<std::size_t> read_at(std::uint64_t offset, std::span<char> out) const override {
        const auto end = written_.load(std::memory_order_relaxed);
        const bool is_tail = end > 0 && end <= offset + tail_bytes;
        const auto tail = is_tail ? tail_.load(std::memory_order_acquire) : -1;
        const auto number = tail >= 0 ? tail : fd_.number();
        std::size_t done = 0;
        while (done < out.size()) {
            const auto bytes =
                repeat([&] { return ::pread(number, out.data() + done, out.size() - done, static_cast<off_t>(offset + done)); });
            if (bytes < 0)
                return failure("pread", path_, errno);
            if (bytes == 0)
                break;
            done += static_cast<std::size_t>(bytes);
        }
        return done;
    }

    result<void> write_at(std::uint64_t offset, std::span<const std::string_view> parts) override {
        if (written_.load(std::memory_order_relaxed) == 0 && tail_owner_)
            drop_cache(offset / page_bytes * page_bytes, 0); // what was read ahead there before: it would go on when it is read again
        unwritten_parts rest{parts};
        while (!rest.empty()) {
            const auto vectors = rest.next();
            const auto bytes = repeat(
                [&] { return ::pwritev(fd_.number(), vectors.data(), static_cast<int>(vectors.size()), static_cast<off_t>(offset)); });
            if (bytes < 0)
                return failure("pwritev", path_, errno);
            if (bytes == 0)
                return error{errc::io, "pwritev " + path_.string() + ": the system took no bytes"};
            offset += static_cast<std::uint64_t>(bytes);
            rest.advance(static_cast<std::size_t>(bytes));
        }
        if (written_.load(std::memory_order_relaxed) < offset)
            written_.store(offset, std::memory_order_relaxed);
        return {};
    }

    result<void> sync() override {
        // Only an interrupted call is repeated: after any other error the kernel may have dropped the dirty pages, and a
        // second call would succeed without having written them.
        if (repeat([&] { return ::fdatasync(fd_.number()); }) < 0)
            return failure("fdatasync", path_, errno);
        return {};
    }

    result<void> allocate(std::uint64_t bytes) override {
        auto now = size();
        if (!now)
            return now.failure();
        if (bytes == 0)
            return {};
        open_tail();
        if (repeat([&] { return ::fallocate(fd_.number(), 0, 0, static_cast<off_t>(bytes)); }) == 0)
            return {};
        if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
            return failure("fallocate", path_, errno);
        // The file system cannot reserve: a sparse file has the size, and a full disk shows when it is written.
        if (*now < bytes)
            return truncate(bytes);
        return {};
    }

    result<void> truncate(std::uint64_t bytes) override {
        if (repeat([&] { return ::ftruncate(fd_.number(), static_cast<off_t>(bytes)); }) < 0)
            return failure("ftruncate", path_, errno);
        return {};
    }

    result<std::uint64_t> size() const override {
        struct stat status {};
        if (::fstat(fd_.number(), &status) < 0)
            return failure("fstat", path_, errno);
        return static_cast<std::uint64_t>(status.st_size);
    }

    result<std::uint64_t> next_data(std::uint64_t offset) const override {
        auto bytes = size();
        if (!bytes || offset >= *bytes)
            return bytes;
        // Reserved space that was only read (or read ahead) counts as data while its pages are cached: let go of them first.
        drop_cache(offset / page_bytes * page_bytes, 0);
        const auto found = ::lseek(fd_.number(), static_cast<off_t>(offset), SEEK_DATA);
        if (found >= 0)
            return static_cast<std::uint64_t>(found);
        return errno == ENXIO ? *bytes : offset; // ENXIO: nothing but a hole is left; other: the system cannot tell
    }

    void drop_cache(std::uint64_t offset, std::uint64_t bytes) const override {
        ::posix_fadvise(fd_.number(), static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_DONTNEED);
    }

private:
    /// Without one, reads do with what there is.
    void open_tail() {
        if (tail_owner_)
            return;
        descriptor opened{repeat([&] { return ::open(path_.c_str(), O_RDONLY | O_CLOEXEC); })};
        struct stat ours {};
        struct stat found {};
        const bool is_same = opened.number() >= 0 && ::fstat(fd_.number(), &ours) == 0 && ::fstat(opened.number(), &found) == 0 &&
                             ours.st_dev == found.st_dev && ours.st_ino == found.st_ino;
        if (!is_same || ::posix_fadvise(opened.number(), 0, 0, POSIX_FADV_RANDOM) != 0)
            return;
        tail_owner_.emplace(std::move(opened));
        tail_.store(tail_owner_->number(), std::memory_order_release);
    }

    descriptor fd_;
    std::filesystem::path path_;
    std::optional<descriptor> tail_owner_;
    std::atomic<int> tail_{-1};
    std::atomic<std::uint64_t> written_{0}; ///< the end of what was written since it was opened
};

int flags_of(open_mode mode) {
    switch (mode) {
    case open_mode::read: return O_RDONLY;
    case open_mode::read_write: return O_RDWR;
    case open_mode::create: return O_RDWR | O_CREAT | O_EXCL;
    case open_mode::open_or_create: return O_RDWR | O_CREAT;
    }
    return O_RDONLY;
}

/// A flock. flock already excludes a second descriptor of this very process, unlike fcntl locks.
class posix_lock final : public file_lock {
public:
    explicit posix_lock(descriptor fd) : fd_{std::move(fd)} {}

private:
    descriptor fd_; // closing it lets go of the lock; the file stays, since removing it would race with the next holder
};

class posix_files final : public file_system {
public:
    result<std::unique_ptr<file>> open(const std::filesystem::path& path, open_mode mode) override {
        descriptor fd{repeat([&] { return ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0644); })};
        if (fd.number() < 0)
            return failure("open", path, errno);
        return std::unique_ptr<file>{std::make_unique<posix_file>(std::move(fd), path)};
    }

    result<std::vector<directory_entry>> list(const std::filesystem::path& directory) override {
        std::error_code problem;
        std::vector<directory_entry> entries;
        std::filesystem::directory_iterator each{directory, problem};
        for (; !problem && each != std::filesystem::directory_iterator{}; each.increment(problem)) {
            directory_entry entry{each->path().filename().string(), 0, false};
            std::error_code gone; // an entry may vanish meanwhile: RocksDB deletes files in the background
            entry.is_directory = each->is_directory(gone);
            if (!entry.is_directory)
                entry.bytes = each->file_size(gone);
            if (gone)
                entry.bytes = 0;
            entries.push_back(std::move(entry));
        }
        if (problem)
            return failure("list", directory, problem.value());
        return entries;
    }

    result<bool> exists(const std::filesystem::path& path) override {
        std::error_code problem;
        const bool there = std::filesystem::exists(path, problem);
        if (problem)
            return failure("stat", path, problem.value());
        return there;
    }

    result<void> make_directories(const std::filesystem::path& directory) override {
        std::error_code problem;
        std::filesystem::create_directories(directory, problem);
        if (problem)
            return failure("mkdir", directory, problem.value());
        return {};
    }

    result<void> remove(const std::filesystem::path& path) override {
        std::error_code problem;
        const bool removed = std::filesystem::remove(path, problem);
        if (problem)
            return failure("remove", path, problem.value());
        if (!removed)
            return failure("remove", path, ENOENT);
        return {};
    }

    result<void> rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
        if (::rename(from.c_str(), to.c_str()) < 0)
            return failure("rename", from, errno);
        return {};
    }

    result<void> sync_directory(const std::filesystem::path& directory) override {
        descriptor fd{repeat([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
        if (fd.number() < 0)
            return failure("open", directory, errno);
        if (repeat([&] { return ::fsync(fd.number()); }) < 0)
            return failure("fsync", directory, errno);
        return {};
    }

    result<disk_space> space(const std::filesystem::path& path) override {
        struct statvfs status {};
        if (repeat([&] { return ::statvfs(path.c_str(), &status); }) < 0)
            return failure("statvfs", path, errno);
        const std::uint64_t used = status.f_blocks - status.f_bfree;
        return disk_space{.total_bytes = (used + status.f_bavail) * status.f_frsize, .free_bytes = status.f_bavail * status.f_frsize};
    }

    result<std::unique_ptr<file_lock>> lock(const std::filesystem::path& path) override {
        descriptor fd{repeat([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644); })};
        if (fd.number() < 0)
            return failure("open", path, errno);
        if (repeat([&] { return ::flock(fd.number(), LOCK_EX | LOCK_NB); }) < 0) {
            if (errno == EWOULDBLOCK)
                return error{errc::locked, path.string() + ": another process has this store open; stop it, or use another directory"};
            return failure("flock", path, errno);
        }
        return std::unique_ptr<file_lock>{std::make_unique<posix_lock>(std::move(fd))};
    }
};

} // namespace

std::shared_ptr<file_system> posix_file_system() {
    static const std::shared_ptr<file_system> files = std::make_shared<posix_files>();
    return files;
}

} // namespace troupe::storage
