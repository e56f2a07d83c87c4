#include "storage/rocksdb_file_system.hpp"

#include "storage/file_system.hpp"
#include "storage/manifest_tail.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/io_status.h>
#include <rocksdb/system_clock.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::storage {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus to_io_status(const error& failure) {
    switch (failure.code) {
    case errc::none: return IOStatus::OK();
    case errc::disk_full: return IOStatus::NoSpace(failure.text);
    case errc::not_found: return IOStatus::PathNotFound(failure.text);
    case errc::locked: return IOStatus::Busy(failure.text);
    // Not marked as retryable: RocksDB would repeat a failed flush for ever in the background, and its callers would wait.
    default: return IOStatus::IOError(failure.text);
    }
}

template <class T>
IOStatus to_io_status(const result<T>& outcome) {
    return outcome ? IOStatus::OK() : to_io_status(outcome.failure());
}

IOStatus read_into(const file& source, std::uint64_t offset, std::size_t bytes, Slice* out, char* scratch) {
    auto read = source.read_at(offset, {scratch, bytes});
    *out = Slice{scratch, read ? *read : 0};
    return to_io_status(read);
}

class sequential_file final : public rocksdb::FSSequentialFile {
public:
    explicit sequential_file(std::unique_ptr<file> source) : source_{std::move(source)} {}

    IOStatus Read(size_t n, const IOOptions& /*options*/, Slice* out, char* scratch, IODebugContext* /*dbg*/) override {
        auto status = read_into(*source_, next_, n, out, scratch);
        next_ += out->size();
        return status;
    }
    IOStatus Skip(uint64_t n) override {
        next_ += n;
        return IOStatus::OK();
    }
    IOStatus InvalidateCache(size_t offset, size_t length) override {
        source_->drop_cache(offset, length);
        return IOStatus::OK();
    }

private:
    std::unique_ptr<file> source_;
    std::uint64_t next_ = 0;
};

class random_access_file final : public rocksdb::FSRandomAccessFile {
public:
    explicit random_access_file(std::unique_ptr<file> source) : source_{std::move(source)} {}

    IOStatus Read(uint64_t offset, size_t n, const IOOptions& /*options*/, Slice* out, char* scratch,
                  IODebugContext* /*dbg*/) const override {
        return read_into(*source_, offset, n, out, scratch);
    }
    IOStatus InvalidateCache(size_t offset, size_t length) override {
        source_->drop_cache(offset, length);
        return IOStatus::OK();
    }

private:
    std::unique_ptr<file> source_;
};

class writable_file : public rocksdb::FSWritableFile {
public:
    writable_file(std::unique_ptr<file> target, std::uint64_t end, const FileOptions& options)
        : rocksdb::FSWritableFile{options}, target_{std::move(target)}, end_{end} {}

    using rocksdb::FSWritableFile::Append;
    IOStatus Append(const Slice& data, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        const std::array parts{std::string_view{data.data(), data.size()}};
        auto written = target_->write_at(end_, parts);
        if (written) {
            end_ += data.size();
        }
        return to_io_status(written);
    }
    IOStatus Truncate(uint64_t size, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        auto truncated = target_->truncate(size);
        if (truncated) {
            end_ = size;
        }
        return to_io_status(truncated);
    }
    IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        target_.reset();
        return IOStatus::OK();
    }
    IOStatus Flush(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override { return to_io_status(target_->sync()); }
    uint64_t GetFileSize(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override { return end_; }

private:
    std::unique_ptr<file> target_;
    std::uint64_t end_;
};

/// A MANIFEST: each sync of it is noted before RocksDB hears of it, and so before it removes what it no longer needs.
class noted_manifest final : public writable_file {
public:
    noted_manifest(std::shared_ptr<file_system> files, std::filesystem::path path, std::unique_ptr<file> target, const FileOptions& options)
        : writable_file{std::move(target), 0, options}, files_{std::move(files)}, path_{std::move(path)} {}

    IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override {
        auto synced = writable_file::Sync(options, dbg);
        if (synced.ok()) {
            // A note that cannot be stored is no failure of the database: the older one stays.
            static_cast<void>(note_synced_manifest(*files_, path_, GetFileSize(options, dbg)));
        }
        return synced;
    }

private:
    std::shared_ptr<file_system> files_;
    std::filesystem::path path_;
};

class random_write_file final : public rocksdb::FSRandomRWFile {
public:
    explicit random_write_file(std::unique_ptr<file> target) : target_{std::move(target)} {}

    IOStatus Write(uint64_t offset, const Slice& data, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        const std::array parts{std::string_view{data.data(), data.size()}};
        return to_io_status(target_->write_at(offset, parts));
    }
    IOStatus Read(uint64_t offset, size_t n, const IOOptions& /*options*/, Slice* out, char* scratch,
                  IODebugContext* /*dbg*/) const override {
        return read_into(*target_, offset, n, out, scratch);
    }
    IOStatus Flush(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override { return to_io_status(target_->sync()); }
    IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        target_.reset();
        return IOStatus::OK();
    }

private:
    std::unique_ptr<file> target_;
};

class synced_directory final : public rocksdb::FSDirectory {
public:
    synced_directory(std::shared_ptr<file_system> files, std::string path) : files_{std::move(files)}, path_{std::move(path)} {}

    IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override { return to_io_status(files_->sync_directory(path_)); }
    IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*dbg*/) override { return IOStatus::OK(); }

private:
    std::shared_ptr<file_system> files_;
    std::string path_;
};

class held_lock final : public rocksdb::FileLock {
public:
    explicit held_lock(std::unique_ptr<file_lock> lock) : lock_{std::move(lock)} {}

private:
    std::unique_ptr<file_lock> lock_;
};

/// RocksDB's informational log is not kept: what matters comes back as a status and is reported by us.
class silent_logger final : public rocksdb::Logger {
public:
    using rocksdb::Logger::Logv;
    void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

class adapter final : public rocksdb::FileSystem {
public:
    adapter(std::shared_ptr<file_system> files, manifest_notes notes) : files_{std::move(files)}, notes_{notes} {}

    const char* Name() const override { return "troupe"; }

    IOStatus NewSequentialFile(const std::string& name, const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSSequentialFile>* out,
                               IODebugContext* /*dbg*/) override {
        return open_as<sequential_file>(name, open_mode::read, out);
    }
    IOStatus NewRandomAccessFile(const std::string& name, const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                                 IODebugContext* /*dbg*/) override {
        return open_as<random_access_file>(name, open_mode::read, out);
    }
    IOStatus NewRandomRWFile(const std::string& name, const FileOptions& /*options*/, std::unique_ptr<rocksdb::FSRandomRWFile>* out,
                             IODebugContext* /*dbg*/) override {
        return open_as<random_write_file>(name, open_mode::open_or_create, out);
    }
    IOStatus NewWritableFile(const std::string& name, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* out,
                             IODebugContext* /*dbg*/) override {
        auto opened = files_->open(name, open_mode::create);
        if (opened.code() == errc::already_exists) {
            if (auto removed = files_->remove(name); !removed) {
                return to_io_status(removed);
            }
            opened = files_->open(name, open_mode::create);
        }
        if (!opened) {
            return to_io_status(opened);
        }
        if (notes_ == manifest_notes::kept && std::filesystem::path{name}.filename().string().starts_with("MANIFEST-")) {
            *out = std::make_unique<noted_manifest>(files_, name, *std::move(opened), options);
        } else {
            *out = std::make_unique<writable_file>(*std::move(opened), 0, options);
        }
        return IOStatus::OK();
    }
    IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* out,
                                IODebugContext* /*dbg*/) override {
        auto opened = files_->open(name, open_mode::open_or_create);
        if (!opened) {
            return to_io_status(opened);
        }
        auto size = (*opened)->size();
        if (!size) {
            return to_io_status(size);
        }
        *out = std::make_unique<writable_file>(*std::move(opened), *size, options);
        return IOStatus::OK();
    }
    IOStatus NewDirectory(const std::string& name, const IOOptions& /*options*/, std::unique_ptr<rocksdb::FSDirectory>* out,
                          IODebugContext* /*dbg*/) override {
        auto there = files_->list(name);
        if (!there) {
            return to_io_status(there);
        }
        *out = std::make_unique<synced_directory>(files_, name);
        return IOStatus::OK();
    }

    IOStatus FileExists(const std::string& name, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        auto there = files_->exists(name);
        if (there && !*there) {
            return IOStatus::NotFound(name);
        }
        return to_io_status(there);
    }
    IOStatus GetChildren(const std::string& directory, const IOOptions& /*options*/, std::vector<std::string>* out,
                         IODebugContext* /*dbg*/) override {
        out->clear();
        auto entries = files_->list(directory);
        if (entries) {
            for (auto& entry : *entries) {
                out->push_back(std::move(entry.name));
            }
        }
        return to_io_status(entries);
    }
    IOStatus DeleteFile(const std::string& name, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        return to_io_status(files_->remove(name));
    }
    IOStatus Truncate(const std::string& name, size_t size, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        auto opened = files_->open(name, open_mode::read_write);
        return opened ? to_io_status((*opened)->truncate(size)) : to_io_status(opened);
    }
    IOStatus CreateDir(const std::string& name, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        auto there = files_->exists(name);
        if (there && *there) {
            return IOStatus::IOError(name + ": exists already");
        }
        return there ? to_io_status(files_->make_directories(name)) : to_io_status(there);
    }
    IOStatus CreateDirIfMissing(const std::string& name, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        return to_io_status(files_->make_directories(name));
    }
    IOStatus DeleteDir(const std::string& name, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        return to_io_status(files_->remove(name));
    }
    IOStatus GetFileSize(const std::string& name, const IOOptions& /*options*/, uint64_t* out, IODebugContext* /*dbg*/) override {
        *out = 0;
        auto opened = files_->open(name, open_mode::read);
        if (!opened) {
            return to_io_status(opened);
        }
        auto size = (*opened)->size();
        if (size) {
            *out = *size;
        }
        return to_io_status(size);
    }
    /// RocksDB asks only to expire archived write-ahead logs, which we do not keep.
    IOStatus GetFileModificationTime(const std::string& /*name*/, const IOOptions& /*options*/, uint64_t* out,
                                     IODebugContext* /*dbg*/) override {
        *out = 0;
        return IOStatus::OK();
    }
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        return to_io_status(files_->rename(from, to));
    }
    IOStatus LockFile(const std::string& name, const IOOptions& /*options*/, rocksdb::FileLock** out, IODebugContext* /*dbg*/) override {
        *out = nullptr;
        auto lock = files_->lock(name);
        if (!lock) {
            return to_io_status(lock);
        }
        *out = new held_lock{*std::move(lock)}; // RocksDB hands it back to UnlockFile
        return IOStatus::OK();
    }
    IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions& /*options*/, IODebugContext* /*dbg*/) override {
        delete lock;
        return IOStatus::OK();
    }
    IOStatus GetTestDirectory(const IOOptions& /*options*/, std::string* /*out*/, IODebugContext* /*dbg*/) override {
        return IOStatus::NotSupported("GetTestDirectory");
    }
    IOStatus NewLogger(const std::string& /*name*/, const IOOptions& /*options*/, std::shared_ptr<rocksdb::Logger>* out,
                       IODebugContext* /*dbg*/) override {
        *out = std::make_shared<silent_logger>();
        return IOStatus::OK();
    }
    IOStatus GetAbsolutePath(const std::string& path, const IOOptions& /*options*/, std::string* out, IODebugContext* /*dbg*/) override {
        std::error_code failure;
        *out = std::filesystem::absolute(path, failure).string();
        return failure ? IOStatus::IOError(path + ": " + failure.message()) : IOStatus::OK();
    }
    IOStatus GetFreeSpace(const std::string& path, const IOOptions& /*options*/, uint64_t* out, IODebugContext* /*dbg*/) override {
        auto space = files_->space(path);
        if (space) {
            *out = space->free_bytes;
        }
        return to_io_status(space);
    }
    IOStatus IsDirectory(const std::string& path, const IOOptions& /*options*/, bool* out, IODebugContext* /*dbg*/) override {
        auto there = files_->exists(path);
        *out = there && *there && files_->list(path).ok();
        return to_io_status(there);
    }

private:
    template <class File, class Base>
    IOStatus open_as(const std::string& name, open_mode mode, std::unique_ptr<Base>* out) {
        auto opened = files_->open(name, mode);
        if (!opened) {
            return to_io_status(opened);
        }
        *out = std::make_unique<File>(*std::move(opened));
        return IOStatus::OK();
    }

    std::shared_ptr<file_system> files_;
    manifest_notes notes_;
};

/// RocksDB sleeps a second after a background job has failed. Nothing gets better by that: we repeat when we see fit, and a
/// stop must not wait for it.
class impatient_clock final : public rocksdb::SystemClockWrapper {
public:
    using rocksdb::SystemClockWrapper::SystemClockWrapper;

    const char* Name() const override { return "troupe_clock"; }
    void SleepForMicroseconds(int micros) override { target_->SleepForMicroseconds(std::min(micros, 1000)); }
};

class environment final : public rocksdb::EnvWrapper {
public:
    explicit environment(std::unique_ptr<rocksdb::Env> with_our_files) : rocksdb::EnvWrapper{std::move(with_our_files)} {
        file_system_ = target()->GetFileSystem();
        system_clock_ = std::make_shared<impatient_clock>(target()->GetSystemClock());
    }

    const char* Name() const override { return "troupe"; }
};

} // namespace

std::unique_ptr<rocksdb::Env> make_rocksdb_env(std::shared_ptr<file_system> files, manifest_notes notes) {
    return std::make_unique<environment>(rocksdb::NewCompositeEnv(std::make_shared<adapter>(std::move(files), notes)));
}

} // namespace troupe::storage
