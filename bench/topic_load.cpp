#include "bench/load_support.hpp"

namespace troupe::bench {

result<load_report> run_create_topics(const protocol::host_address& broker, const std::string& prefix, std::int32_t topics,
                                      std::int32_t queues, std::int32_t window) {
    auto connected = peer::connect(broker);
    if (!connected) {
        return connected.failure();
    }
    auto& connection = *connected;
    poller wait;
    wait.add(connection.descriptor(), 0);
    std::vector<epoll_event> events(4);
    load_report report;
    const auto begin = now_ns();
    std::vector<std::int64_t> sent_at(static_cast<std::size_t>(topics));
    std::int32_t sent = 0;
    std::int32_t answered = 0;
    auto last_progress = begin;
    while (answered < topics) {
        for (; sent < topics && sent - answered < window; ++sent) {
            auto command = binary_command(code_put_topic);
            command.opaque = sent;
            command.fields.set("topic", prefix + std::to_string(sent));
            command.fields.set("defaultTopic", std::string{"TBW102"});
            command.fields.set("readQueueNums", std::int64_t{queues});
            command.fields.set("writeQueueNums", std::int64_t{queues});
            command.fields.set("perm", std::int64_t{6});
            command.fields.set("topicFilterType", std::string{"SINGLE_TAG"});
            command.fields.set("topicSysFlag", std::int64_t{0});
            command.fields.set("order", std::string{"false"});
            sent_at[static_cast<std::size_t>(sent)] = now_ns();
            connection.queue(protocol::encode_frame(command));
        }
        if (auto written = connection.write_some(); !written) {
            return written.failure();
        }
        wait.want_write(connection.descriptor(), 0, connection.unsent_bytes() > 0);
        if (wait.wait(events, now_ns() + 100'000'000) == 0) {
            if (now_ns() - last_progress > stall_ns) {
                return error{errc::timed_out, "no answer to topic creation " + std::to_string(answered)};
            }
            continue;
        }
        if (auto got = connection.read_some(); !got) {
            return got.failure();
        }
        last_progress = now_ns();
        for (;;) {
            auto frame = connection.next_frame();
            if (!frame) {
                return frame.failure();
            }
            if (frame->empty()) {
                break;
            }
            auto answer = read_answer_head(*frame);
            if (!answer || answer->opaque < 0 || answer->opaque >= topics) {
                return error{errc::protocol_error, "unexpected answer to a topic creation"};
            }
            ++answered;
            report.failures += answer->code == answer_success ? 0u : 1u;
            report.latency.record(now_ns() - sent_at[static_cast<std::size_t>(answer->opaque)]);
        }
    }
    report.messages = static_cast<std::uint64_t>(topics);
    report.seconds = static_cast<double>(now_ns() - begin) / 1e9;
    report.messages_per_second = static_cast<double>(topics) / report.seconds;
    return report;
}

result<load_report> run_held_pulls(const protocol::host_address& broker, const std::string& prefix, std::int32_t topics,
                                   std::int32_t queues, std::int32_t pulls, std::chrono::milliseconds hold,
                                   const std::function<void()>& when_all_are_held) {
    auto connected = peer::connect(broker);
    if (!connected) {
        return connected.failure();
    }
    auto& connection = *connected;
    if (auto announced = announce_group(connection, "bench-held", prefix + "0"); !announced) {
        return announced.failure();
    }
    for (std::int32_t i = 0; i < pulls; ++i) {
        consume_load load;
        load.group = "bench-held";
        load.topic = prefix + std::to_string(i % topics);
        auto frame = pull_frame(load, (i / topics) % queues, 0, hold);
        put_be32(frame.data() + binary_opaque_offset, static_cast<std::uint32_t>(i));
        connection.queue(frame);
    }
    poller wait;
    wait.add(connection.descriptor(), 0);
    std::vector<epoll_event> events(4);
    load_report report;
    const auto begin = now_ns();
    const auto hold_ns = std::chrono::nanoseconds{hold}.count();
    bool told = false;
    while (report.messages < static_cast<std::uint64_t>(pulls)) {
        if (auto written = connection.write_some(); !written) {
            return written.failure();
        }
        wait.want_write(connection.descriptor(), 0, connection.unsent_bytes() > 0);
        const auto now = now_ns();
        if (!told && now - begin > hold_ns / 2) {
            told = true;
            when_all_are_held();
        }
        if (now - begin > hold_ns + stall_ns) {
            return error{errc::timed_out, std::to_string(report.messages) + " of " + std::to_string(pulls) + " held pulls were answered"};
        }
        if (wait.wait(events, now + 50'000'000) == 0) {
            continue;
        }
        if (auto got = connection.read_some(); !got) {
            return got.failure();
        }
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
            constexpr std::int32_t answer_pull_not_found = 19;
            ++report.messages;
            report.failures += answer->code == answer_pull_not_found ? 0u : 1u;
            report.latency.record(now_ns() - begin);
        }
    }
    report.seconds = static_cast<double>(now_ns() - begin) / 1e9;
    return report;
}

} // namespace troupe::bench
