#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "protocol/vocabulary/result.hpp"

#include <filesystem>
#include <memory>

/// A store whose directory `metadata` is gone. Topics, groups and committed offsets are nowhere else, so that a broker must not take such
/// a store for a new one.
namespace troupe::storage {

class file_system;

/// Fails with corrupt when there is no metadata database in `store` although its log, which ends at `log_end`, was written to. Nothing is
/// written to a log before the database is durable, so a first start that died at any moment is no reason to refuse the next.
/// A database that is there and damaged is for metadata_store::open.
result<void> check_metadata_there(file_system& files, const std::filesystem::path& store, log_position log_end);

/// The way on for who has no copy: makes a metadata database in which nothing is. Fails with already_exists, and has changed nothing, when
/// there is one, with not_found when `store` is no store, locked while a broker runs on it, io, disk_full.
result<void> make_empty_metadata(const std::shared_ptr<file_system>& files, const std::filesystem::path& store);

} // namespace troupe::storage
