#include "storage/recovery.hpp"

#include "protocol/message_codec.hpp"
#include "storage/commit_log.hpp"
#include "storage/directories.hpp"
#include "storage/file_system.hpp"
#include "storage/log_index.hpp"
#include "storage/verify.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace troupe::storage {
namespace {

/// Entries in memory after which replay writes what is safe to the database.
constexpr std::size_t replay_memory_bytes = 8u << 20;

/// Names that a directory without `format` may hold: what a crash while it was made, or a file system, leaves behind, and
/// the metadata, which has a mark of its own.
bool is_harmless(std::string_view name) {
    return name == store_names::lock || name == store_names::metadata || name == "format.new" || name == "lost+found";
}

/// Fails with format_unknown for a directory that is neither a store nor new. Changes nothing.
result<void> refuse_foreign(file_system& files, const std::filesystem::path& directory) {
    auto marked = files.exists(directory / store_names::format);
    if (!marked) {
        return marked.failure();
    }
    if (*marked) {
        return {};
    }
    auto entries = files.list(directory);
    if (!entries) {
        return entries.failure();
    }
    const auto foreign = std::find_if(entries->begin(), entries->end(), [](const auto& entry) { return !is_harmless(entry.name); });
    if (foreign != entries->end()) {
        return error{errc::format_unknown, directory.string() + " is no Troupe store: it holds \"" + foreign->name +
                                               "\" but no file \"format\"; name an empty or new directory"};
    }
    return {};
}

result<void> mark_new_directory(file_system& files, const std::filesystem::path& directory) {
    if (auto ours = refuse_foreign(files, directory); !ours) {
        return ours;
    }
    return write_durable_file(files, directory / store_names::format, store_format);
}

result<void> check_format(file_system& files, const std::filesystem::path& directory) {
    const auto path = directory / store_names::format;
    auto there = files.exists(path);
    if (!there) {
        return there.failure();
    }
    if (!*there) {
        return mark_new_directory(files, directory);
    }
    if (auto synced = files.sync_directory(directory); !synced) { // a process may have died before it could
        return synced;
    }
    auto content = read_small_file(files, path, 4 * store_format.size());
    if (!content) {
        return content.failure();
    }
    if (*content != store_format) {
        return error{errc::format_unknown,
                     path.string() + " does not say \"" + std::string{store_format.substr(0, store_format.size() - 1)} +
                         "\": another version wrote this store, or the file is damaged; use that version, or restore the file"};
    }
    return {};
}

bool means_broken(errc code) {
    return code == errc::corrupt || code == errc::not_found || code == errc::format_unknown;
}

/// One attempt to open and replay.
class recovery {
public:
    recovery(std::shared_ptr<file_system> files, const store_options& options) : files_{std::move(files)}, options_{options} {}

    /// True when the index was wiped on the way and everything must begin again.
    result<bool> run() {
        if (auto opened = open_index(); !opened) {
            return opened.failure();
        }
        auto log =
            commit_log::open(files_, {options_.directory / store_names::commit_log, options_.segment_bytes, options_.disk_reserve_bytes});
        if (!log) {
            return log.failure();
        }
        store_.log = *std::move(log);
        store_.index->set_log_min(store_.log->min_position());
        store_.report.checkpoint = std::max(store_.index->checkpoint(), store_.log->min_position());
        auto recovered = store_.log->recover(store_.index->checkpoint(), visitor());
        if (index_disagrees_) {
            store_.index.reset();
            store_.log.reset();
            auto wiped = remove_directory_tree(*files_, index_directory());
            return wiped ? result<bool>{true} : result<bool>{wiped.failure()};
        }
        if (!recovered) {
            return recovered.code() == errc::corrupt ? explained(recovered.failure()) : recovered.failure();
        }
        finish(*recovered);
        return false;
    }

    recovered_store take() { return std::move(store_); }

private:
    [[nodiscard]] std::filesystem::path index_directory() const { return options_.directory / store_names::index; }

    result<void> open_index() {
        const auto request = options_.directory / store_names::rebuild_index;
        auto requested = files_->exists(request);
        if (!requested) {
            return requested.failure();
        }
        if (*requested) {
            if (auto wiped = remove_directory_tree(*files_, index_directory()); !wiped) {
                return wiped;
            }
            if (auto removed = files_->remove(request); !removed) {
                return removed;
            }
        }
        auto index = log_index::open(files_, index_directory(), options_.block_cache_bytes);
        if (!index && means_broken(index.code())) {
            if (auto wiped = remove_directory_tree(*files_, index_directory()); !wiped) {
                return wiped;
            }
            index = log_index::open(files_, index_directory(), options_.block_cache_bytes);
        }
        if (!index) {
            return index.failure();
        }
        store_.index = *std::move(index);
        return {};
    }

    log_visitor visitor() {
        return {.record = [this](log_position position, std::string_view record) { return replay(position, record); },
                .batch = [this](const batch_header& header) { safe_limit_ = std::max(safe_limit_, header.durable); },
                .damage =
                    [this](const damaged_range& damage) {
                        if (store_.report.damaged_ranges++ < problems_max) {
                            store_.report.damaged.push_back(to_string(damage));
                            report(store_event::damaged_record, store_.report.damaged.back());
                        }
                    }};
    }

    result<void> replay(log_position position, std::string_view record) {
        auto& report = store_.report;
        ++report.replayed_records;
        report.replayed_bytes += record.size();
        store_.last_stored = std::max(store_.last_stored, protocol::record_stored(record));
        auto done = store_.index->replay(position, record);
        // Written early must be only what is durable: a power cut could take the rest of the log away again.
        while (done && store_.index->memory_bytes() > replay_memory_bytes && persisted_limit_ < safe_limit_) {
            auto more = store_.index->persist(safe_limit_, options_.checkpoint_bytes, false);
            if (more.code() == errc::disk_full && store_.index->memory_bytes() <= options_.index_memory_bytes_max) {
                break; // a store that opens can remove old segments; one that does not, cannot
            }
            if (!more) {
                done = more.failure();
            } else if (!*more) {
                persisted_limit_ = safe_limit_;
            }
        }
        index_disagrees_ = means_broken(done.code());
        return done;
    }

    void finish(const log_recovery& recovered) {
        auto& report_of = store_.report;
        report_of.end = store_.log->end();
        if (report_of.damaged_ranges > report_of.damaged.size()) {
            report(store_event::damaged_record, options_.directory.string() + ": " +
                                                    std::to_string(report_of.damaged_ranges - report_of.damaged.size()) +
                                                    " more damaged places; run `troupe store verify`");
        }
        report_of.cut_bytes = recovered.cut_bytes;
        report_of.cut_at = recovered.cut_bytes > 0 ? recovered.scan.end : log_position{0};
        store_.index->set_log_min(store_.log->min_position());
        store_.last_stored = std::max(store_.last_stored, recovered.scan.last_batch.stored);
        for (const auto& summary : store_.log->segments()) {
            store_.last_stored = std::max({store_.last_stored, summary.first_stored, summary.last_stored});
        }
        if (recovered.cut_bytes > 0) {
            report(store_event::torn_tail_cut, (options_.directory / store_names::commit_log).string() + ": " +
                                                   std::to_string(recovered.cut_bytes) +
                                                   " bytes of an unfinished write cut at log position " + to_string(recovered.scan.end) +
                                                   ": " + recovered.scan.torn_tail);
        }
    }

    error explained(const error& cause) const {
        return {errc::corrupt, cause.text + "; the index in " + index_directory().string() + " covers the log up to " +
                                   to_string(store_.index->checkpoint()) +
                                   ". Restore the missing files from a copy, or remove the index directory to go on with what is left"};
    }

    void report(store_event event, const std::string& text) const {
        if (options_.on_event) {
            options_.on_event(event, text);
        }
    }

    std::shared_ptr<file_system> files_;
    const store_options& options_;
    recovered_store store_;
    log_position safe_limit_;      ///< everything below was durable when the log was written
    log_position persisted_limit_; ///< of that, what the database has
    bool index_disagrees_ = false;
};

} // namespace

result<std::unique_ptr<file_lock>> claim_directory(file_system& files, const std::filesystem::path& directory) {
    if (auto made = make_durable_directories(files, directory); !made) {
        return made.failure();
    }
    // Looked at before the lock too, so that not even a lock file is left in somebody else's directory.
    if (auto ours = refuse_foreign(files, directory); !ours) {
        return ours.failure();
    }
    auto lock = files.lock(directory / store_names::lock);
    if (!lock) {
        return lock.code() == errc::locked ? error{errc::locked, directory.string() + " is in use by another process (" +
                                                                     lock.failure().text + "); stop it, or name another directory"}
                                           : lock.failure();
    }
    if (auto fine = check_format(files, directory); !fine) {
        return fine.failure();
    }
    return lock;
}

result<void> request_index_rebuild(file_system& files, const std::filesystem::path& directory) {
    return write_durable_file(files, directory / store_names::rebuild_index, "the index was found damaged\n");
}

result<recovered_store> recover_store(const std::shared_ptr<file_system>& files, const store_options& options) {
    const auto begun = std::chrono::steady_clock::now();
    // A second round starts with an empty index, which cannot disagree with the log.
    for (int round = 0; round < 2; ++round) {
        recovery attempt{files, options};
        auto again = attempt.run();
        if (!again) {
            return again.failure();
        }
        if (!*again) {
            auto store = attempt.take();
            store.report.elapsed_us = static_cast<std::uint64_t>(
                std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun).count());
            return store;
        }
    }
    return error{errc::corrupt, options.directory.string() + ": an index made from the log alone disagrees with the log; run "
                                                             "`troupe store verify` on the directory"};
}

} // namespace troupe::storage
