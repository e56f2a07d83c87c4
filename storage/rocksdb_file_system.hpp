#pragma once

#include <memory>

namespace rocksdb {
class Env;
} // namespace rocksdb

namespace troupe::storage {

class file_system;

/// A RocksDB environment whose files go through `files`, so that tests inject faults into RocksDB's files as into ours.
/// Threads and clocks are RocksDB's own.
///
/// Owns     a share of `files`. Must outlive every database opened with it.
/// Threads  safe from any thread, as `files` is.
/// Fails    with rocksdb::Status: NoSpace for disk_full, PathNotFound for not_found, else IOError with our text.
std::unique_ptr<rocksdb::Env> make_rocksdb_env(std::shared_ptr<file_system> files);

} // namespace troupe::storage
