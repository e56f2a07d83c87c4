#pragma once

#include "protocol/vocabulary/ids.hpp"
#include "storage/store_options.hpp"
#include "tests/support/fault_file_system.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::test_support {

/// What a store promised about one queue.
struct promised_queue {
    std::vector<std::string> placed; ///< bodies by offset, of appends that succeeded
    std::size_t acknowledged = 0;    ///< of these, how many a flush made durable
    std::vector<std::string> tried;  ///< bodies behind them, of an append whose outcome is open
    std::int64_t highest_min = 0;    ///< of its minimum offsets, over all its life
};

/// What a store promised, as far as the workload came.
struct promised_store {
    std::map<topic_queue, promised_queue> queues;
    /// A topic whose removal was asked for and not confirmed: it may be there as it was, or be empty.
    std::optional<std::string> maybe_forgotten;
    /// Committed offset of one group: what was confirmed, and everything that was ever asked for.
    std::int64_t committed = -1;
    std::set<std::int64_t> asked;
    bool is_complete = false; ///< every step was done
};

storage::store_options workload_options();

/// Runs a fixed script of appends, flushes, index writes, offset commits, retention, a topic's removal and a clean
/// restart on `files`, until a step fails in a way that ends a broker, or to its end.
promised_store run_store_workload(const std::shared_ptr<fault_file_system>& files);

/// Opens what is left on `files` and compares it with the promise (doctest assertions): every acknowledged message is
/// there, in order, at its offset; nothing that was never sent; the committed offset; and the index equals one that is
/// rebuilt from the log. `usual` is the promise of a run without faults.
void check_store(const std::shared_ptr<fault_file_system>& files, const promised_store& promised, const promised_store& usual);

} // namespace troupe::test_support
