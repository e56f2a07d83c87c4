#pragma once

#include "actors/base/admission.hpp"
#include "actors/base/log.hpp"
#include "actors/base/metrics.hpp"
#include "protocol/message_codec.hpp"
#include "storage/message_store.hpp"
#include "tests/actors/virtual_system.hpp"
#include "tests/support/fault_file_system.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace troupe::test_support {

/// A message store on a disk in memory that fails on demand, for the roles that work on it, and what is logged meanwhile.
struct store_world {
    virtual_system world;
    std::shared_ptr<fault_file_system> files = fault_file_system::make(1);
    std::shared_ptr<storage::message_store> store;
    std::vector<std::string> logged;

    explicit store_world(storage::flush_mode flush = storage::flush_mode::sync) {
        storage::store_options options;
        options.directory = "/store";
        options.segment_bytes = 1 << 20;
        options.disk_reserve_bytes = 0;
        options.flush = flush;
        auto opened = storage::message_store::open(files, options);
        if (!opened)
            FAIL(to_string(opened.failure()));
        store = std::move(*opened);
        actors::set_log_sink([this](actors::log_level, std::string_view text) { logged.emplace_back(text); });
    }
    ~store_world() { actors::set_log_sink({}); }
    store_world(const store_world&) = delete;
    store_world& operator=(const store_world&) = delete;

    void append(const std::string& body) {
        protocol::message message;
        message.topic = "orders";
        message.body = payload{body};
        const auto appended = store->append({{{"orders", queue_id{0}}, *protocol::encode_record(message), 1}}, world.wall_clock()());
        REQUIRE(appended);
        if (store->options().flush == storage::flush_mode::sync)
            REQUIRE(store->flush());
    }
    /// Every write and sync of a path with `part` in it fails from now on, or none.
    void fail_writes(const std::string& part) {
        files->set_hook([part](const call_info& call) -> std::optional<call_fault> {
            const bool writes = call.kind == call_kind::write || call.kind == call_kind::sync;
            return writes && call.path.find(part) != std::string::npos ? std::optional{call_fault::io} : std::nullopt;
        });
    }
    void fail_reads() {
        files->set_plan({.count_reads = true});
        files->set_hook([](const call_info& call) { return call.kind == call_kind::read ? std::optional{call_fault::io} : std::nullopt; });
    }
    void mend() { files->set_hook(nullptr); }
    [[nodiscard]] std::ptrdiff_t logged_by(const std::string& role) const {
        return std::count_if(logged.begin(), logged.end(), [&role](const auto& line) { return line.starts_with(role); });
    }
};

} // namespace troupe::test_support
