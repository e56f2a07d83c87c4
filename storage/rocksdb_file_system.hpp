#pragma once

#include <memory>

namespace rocksdb {
class Env;
} // namespace rocksdb

namespace troupe::storage {

class file_system;

/// Whether a note is kept of how much of a database's MANIFEST is synced: see manifest_tail.hpp. Not needed where the
/// database can be built anew.
enum class manifest_notes : bool { off, kept };

/// A RocksDB environment whose files go through `files`, so that tests inject faults into RocksDB's files as into ours.
/// Threads and clocks are RocksDB's own.
///
/// Owns     a share of `files`. Must outlive every database opened with it.
/// Threads  safe from any thread, as `files` is.
/// Fails    with rocksdb::Status: NoSpace for disk_full, PathNotFound for not_found, else IOError with our text.
std::unique_ptr<rocksdb::Env> make_rocksdb_env(std::shared_ptr<file_system> files, manifest_notes notes);

} // namespace troupe::storage
