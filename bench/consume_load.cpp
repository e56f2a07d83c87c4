#include "bench/load_support.hpp"

#include <algorithm>

namespace troupe::bench {

namespace {

/// Counts the records in a pull answer and, if `latencies` is given, records how long ago each was sent.
std::uint64_t count_records(std::string_view records, std::int64_t now, histogram* latencies) {
    std::uint64_t count = 0;
    while (const auto record = next_record(records)) {
        if (latencies != nullptr && record->sent_ns != 0) {
            latencies->record(now - record->sent_ns);
        }
        ++count;
    }
    return count;
}

result<std::int64_t> next_offset(std::string_view frame) {
    auto decoded = protocol::decode_frame(payload{std::string{frame.substr(0, frame.size())}});
    if (!decoded) {
        return decoded.failure();
    }
    const auto* next = decoded->fields.find("nextBeginOffset");
    if (next == nullptr) {
        return error{errc::protocol_error, "pull answered " + std::to_string(decoded->code) + " " + decoded->remark};
    }
    return std::stoll(*next);
}

} // namespace

result<load_report> run_consume_load(const consume_load& load) {
    auto connected = peer::connect(load.broker);
    if (!connected) {
        return connected.failure();
    }
    auto& connection = *connected;
    if (auto announced = announce_group(connection, load.group, load.topic); !announced) {
        return announced.failure();
    }
    constexpr std::chrono::milliseconds hold{5000};
    std::vector<std::int64_t> begin(static_cast<std::size_t>(load.queues)); // all asked for before the first pull is under way
    for (std::int32_t queue = 0; queue < load.queues; ++queue) {
        auto& from = begin[static_cast<std::size_t>(queue)];
        if (load.from_end) {
            auto command = binary_command(code_max_offset);
            command.fields.set("topic", load.topic);
            command.fields.set("queueId", std::int64_t{queue});
            auto answer = connection.call(command, std::chrono::seconds{10});
            const auto* offset = answer ? answer->fields.find("offset") : nullptr;
            if (offset == nullptr) {
                return answer ? error{errc::protocol_error, "max offset: " + answer->remark} : answer.failure();
            }
            from = std::stoll(*offset);
        }
    }
    for (std::int32_t queue = 0; queue < load.queues; ++queue) {
        connection.queue(pull_frame(load, queue, begin[static_cast<std::size_t>(queue)], hold));
    }
    poller wait;
    wait.add(connection.descriptor(), 0);
    stopwatch watch{load.warm_up, load.measure, load.broker_process};
    std::vector<epoll_event> events(4);
    load_report report;
    std::uint64_t bytes = 0;
    while (now_ns() < watch.end() && (load.messages == 0 || report.messages < load.messages)) {
        if (auto written = connection.write_some(); !written) {
            return written.failure();
        }
        wait.want_write(connection.descriptor(), 0, connection.unsent_bytes() > 0);
        if (wait.wait(events, std::min(now_ns() + 100'000'000, watch.end())) == 0) {
            continue;
        }
        if (auto got = connection.read_some(); !got) {
            return got.failure();
        }
        const auto now = now_ns();
        const bool counts = watch.measuring(now);
        for (;;) {
            auto frame = connection.next_frame();
            if (!frame) {
                return frame.failure();
            }
            if (frame->empty()) {
                break;
            }
            auto answer = read_answer_head(*frame);
            if (!answer) {
                return answer.failure();
            }
            if (answer->opaque < 0 || answer->opaque >= load.queues) {
                continue; // a request of the broker's own (group change)
            }
            const auto body = frame_body(*frame);
            const auto found = count_records(body, now, counts && load.from_end ? &report.latency : nullptr);
            auto next = next_offset(header_only(*frame));
            if (!next) {
                return next.failure();
            }
            if (counts) {
                report.messages += found;
                bytes += body.size();
            }
            connection.queue(pull_frame(load, answer->opaque, *next, hold));
        }
    }
    watch.finish(report, report.messages == 0 ? 0 : static_cast<std::size_t>(bytes / report.messages));
    return report;
}

} // namespace troupe::bench
