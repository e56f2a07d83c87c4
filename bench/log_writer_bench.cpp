#include "actors/broker/broker_node.hpp"
#include "actors/messages/type_ids.hpp"
#include "bench/peer.hpp"
#include "bench/raw_limits.hpp"
#include "bench/suite_support.hpp"
#include "storage/file_system.hpp"

#include <caf/all.hpp>

#include <future>
#include <thread>

namespace troupe::bench {

namespace {

constexpr std::size_t record_bytes = 1024;
constexpr std::int32_t queues = 8;

struct writer_load {
    std::int64_t senders = 1;
    std::int64_t begin_ns = 0; ///< of the measured part
    std::int64_t end_ns = 0;
    std::shared_ptr<std::promise<load_report>> done;
};

/// Stands for many senders that each wait for their answer before they send again.
struct waiting_senders_state {
    static inline const char* name = "waiting_senders";
    writer_load load;
    actors::log_writer_actor writer;
    std::shared_ptr<actors::admission> admission;
    std::vector<std::string> records; ///< one per queue
    load_report report;
    std::int64_t waiting = 0;
    std::uint64_t commits = 0;
    std::int32_t next_queue = 0;

    actors::append_entry entry() {
        actors::append_entry one;
        const auto queue = next_queue++ % queues;
        one.records.queue = topic_queue{"load0", queue_id{queue}};
        one.records.bytes = records[static_cast<std::size_t>(queue)];
        static_cast<void>(admission->try_acquire(one.records.bytes.size()));
        return one;
    }
};
using waiting_senders = actors::ticket_holder_actor;

std::vector<std::string> record_per_queue() {
    std::vector<std::string> all;
    for (std::int32_t queue = 0; queue < queues; ++queue) {
        protocol::message message;
        message.topic = "load0";
        message.queue = queue_id{queue};
        message.body = payload{std::string(record_bytes, 'x')};
        all.push_back(protocol::encode_record(message).value());
    }
    return all;
}

void send_again(waiting_senders::stateful_pointer<waiting_senders_state> self, std::size_t count) {
    actors::append_records request;
    request.reply_to = self;
    for (std::size_t i = 0; i < count; ++i) {
        request.entries.push_back(self->state.entry());
    }
    self->send(self->state.writer, std::move(request));
}

void settle(waiting_senders::stateful_pointer<waiting_senders_state> self, const actors::records_appended& answer) {
    auto& state = self->state;
    const auto now = now_ns();
    if (now >= state.load.begin_ns && now < state.load.end_ns) {
        state.report.messages += answer.outcomes.size();
        ++state.commits;
    }
    for (const auto& outcome : answer.outcomes) {
        state.report.failures += outcome.failure.code == errc::none ? 0u : 1u;
    }
    if (now < state.load.end_ns) {
        send_again(self, answer.outcomes.size());
        return;
    }
    state.waiting -= static_cast<std::int64_t>(answer.outcomes.size());
    if (state.waiting == 0) {
        state.report.seconds = static_cast<double>(state.load.end_ns - state.load.begin_ns) / 1e9;
        state.report.messages_per_second = static_cast<double>(state.report.messages) / state.report.seconds;
        state.load.done->set_value(state.report);
        self->quit();
    }
}

waiting_senders::behavior_type senders_behavior(waiting_senders::stateful_pointer<waiting_senders_state> self, writer_load load,
                                                actors::log_writer_actor writer, std::shared_ptr<actors::admission> admission) {
    self->state.load = std::move(load);
    self->state.writer = std::move(writer);
    self->state.admission = std::move(admission);
    self->state.records = record_per_queue();
    self->state.waiting = self->state.load.senders;
    send_again(self, static_cast<std::size_t>(self->state.load.senders));
    return {
        [self](const actors::records_appended& msg) { settle(self, msg); },
        [](const actors::pull_answered&) {},
    };
}

result<load_report> run_writer_load(const suite_options& options, bool sync, std::int64_t senders) {
    const auto directory = options.directory / "log-writer";
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
    caf::actor_system_config config;
    actors::register_types(config);
    config.set("scheduler.policy", caf::atom("sharing"));
    config.set("scheduler.max-threads", 2);
    caf::actor_system system{config};
    actors::broker_options broker;
    broker.store.directory = directory;
    broker.store.flush = sync ? storage::flush_mode::sync : storage::flush_mode::async;
    auto node = actors::broker_node::start(system, broker, storage::posix_file_system());
    if (!node) {
        return node.failure();
    }
    writer_load load;
    load.senders = senders;
    load.begin_ns = now_ns() + 500'000'000;
    load.end_ns = load.begin_ns + std::chrono::nanoseconds{options.measure}.count();
    load.done = std::make_shared<std::promise<load_report>>();
    auto answer = load.done->get_future();
    system.spawn(senders_behavior, load, (*node)->log_writer(), (*node)->append_admission());
    if (answer.wait_for(options.measure + std::chrono::seconds{30}) != std::future_status::ready) {
        return error{errc::timed_out, "the log writer stopped answering"};
    }
    (*node)->stop();
    std::filesystem::remove_all(directory, ignored);
    auto report = answer.get();
    if (report.failures > 0) {
        return error{errc::internal, std::to_string(report.failures) + " of the appends were refused"};
    }
    return report;
}

void measure_sync_writer(const suite_options& options, std::int64_t senders, report& out) {
    const auto raw = raw_group_commits(options.directory, record_bytes, static_cast<std::size_t>(senders), options.measure);
    const auto done = run_writer_load(options, true, senders);
    if (!raw || !done) {
        out.failed("log_writer", to_string(raw ? done.failure() : raw.failure()));
        return;
    }
    out.add({"writer",
             std::to_string(senders) + " waiting senders, 1 KiB, sync flush, of raw",
             done->messages_per_second / raw->operations_per_second,
             "ratio",
             0.8,
             goal::at_least,
             {{"messages_per_second", done->messages_per_second}, {"raw_messages_per_second", raw->operations_per_second}}});
}

void measure_async_writer(const suite_options& options, report& out) {
    constexpr std::int64_t senders = 64;
    const auto done = run_writer_load(options, false, senders);
    if (!done) {
        out.failed("log_writer", to_string(done.failure()));
        return;
    }
    const auto raw =
        raw_sequential_writes(options.directory, record_bytes, std::max<std::uint64_t>(done->messages * record_bytes, 64u << 20));
    if (!raw) {
        out.failed("log_writer", to_string(raw.failure()));
        return;
    }
    out.add({"writer",
             "64 waiting senders, 1 KiB, async flush, of write()",
             done->messages_per_second / raw->operations_per_second,
             "ratio",
             0.5,
             goal::at_least,
             {{"messages_per_second", done->messages_per_second}, {"raw_messages_per_second", raw->operations_per_second}}});
}

} // namespace

void measure_log_writer(const suite_options& options, report& out) {
    std::error_code ignored;
    std::filesystem::create_directories(options.directory, ignored);
    for (const std::int64_t senders : {1, 64}) {
        measure_sync_writer(options, senders, out);
    }
    measure_async_writer(options, out);
}

} // namespace troupe::bench
