#include "storage/missing_metadata.hpp"

#include "storage/file_system.hpp"
#include "storage/metadata_store.hpp"
#include "storage/recovery.hpp"

#include <algorithm>

namespace troupe::storage {

namespace {

/// What a database is opened by, or has its data in: none of them is there when making it was cut short.
result<bool> has_database(file_system& files, const std::filesystem::path& directory) {
    const auto there = files.exists(directory);
    if (!there || !*there)
        return there;
    const auto entries = files.list(directory);
    if (!entries)
        return entries.failure();
    return std::any_of(entries->begin(), entries->end(), [](const directory_entry& entry) {
        return entry.name == "CURRENT" || entry.name.ends_with(".sst") || entry.name.ends_with(".log");
    });
}

} // namespace

result<void> check_metadata_there(file_system& files, const std::filesystem::path& store, log_position log_end) {
    if (log_end == log_position{0})
        return {};
    const auto directory = store / store_names::metadata;
    const auto there = has_database(files, directory);
    if (!there)
        return there.failure();
    if (*there)
        return {};
    return error{errc::corrupt, directory.string() +
                                    " is missing or empty, but the log beside it is not: the topics, the groups and how far each has "
                                    "read were in there, and nowhere else. Restore the directory from a copy; or, to go on without "
                                    "all of them, run `troupe store new-metadata " +
                                    store.string() + "` and make the topics again"};
}

result<void> make_empty_metadata(const std::shared_ptr<file_system>& files, const std::filesystem::path& store) {
    const auto is_store = files->exists(store / store_names::format);
    if (!is_store)
        return is_store.failure();
    if (!*is_store)
        return error{errc::not_found, store.string() + ": this is no store, it has no file \"format\"; name the broker's store directory"};
    const auto lock = claim_directory(*files, store);
    if (!lock)
        return lock.failure();
    const auto directory = store / store_names::metadata;
    const auto there = has_database(*files, directory);
    if (!there)
        return there.failure();
    if (*there)
        return error{errc::already_exists, directory.string() + " is there, and is left as it is; to begin anew move it away first"};
    const auto made = metadata_store::open(files, directory);
    return made ? result<void>{} : made.failure();
}

} // namespace troupe::storage
