#pragma once

#include "bench/load_generator.hpp"
#include "bench/peer.hpp"
#include "bench/process_stats.hpp"
#include "protocol/remoting_command.hpp"

#include <algorithm>
#include <optional>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

/// What the load programs share: codes, readiness, and the clock of a measured run.
namespace troupe::bench {

inline constexpr std::int32_t code_send_v2 = 310;
inline constexpr std::int32_t code_send_batch = 320;
inline constexpr std::int32_t code_pull = 11;
inline constexpr std::int32_t code_heartbeat = 34;
inline constexpr std::int32_t code_end_transaction = 37;
inline constexpr std::int32_t code_max_offset = 30;
inline constexpr std::int32_t code_put_topic = 17;
inline constexpr std::int32_t answer_success = 0;
inline constexpr std::int32_t answer_busy = 2;
inline constexpr std::int64_t stall_ns = 10'000'000'000;

protocol::remoting_command binary_command(std::int32_t code);

/// A pull of queue `queue` of load.topic, with the queue number as opaque number.
protocol::remoting_command pull_command(const consume_load& load, std::int32_t queue, std::int64_t offset, std::chrono::milliseconds hold);
std::string pull_frame(const consume_load& load, std::int32_t queue, std::int64_t offset, std::chrono::milliseconds hold);

/// `frame` cut after its header, with lengths to match: so that the fields can be decoded without copying the body.
std::string header_only(std::string_view frame);
std::string_view frame_body(std::string_view frame);

/// What the generator wants to know of a record.
struct record_head {
    std::int32_t queue = 0;
    std::int64_t offset = 0;
    std::int32_t tries = 0;   ///< deliveries before this one, where the broker counts them
    std::int64_t sent_ns = 0; ///< the first eight bytes of the body; 0: the body is shorter
};
/// Takes the first record off `records`; none at their end, or where they are no records.
std::optional<record_head> next_record(std::string_view& records);

/// Makes `group` known to the broker with a heartbeat.
result<void> announce_group(peer& connection, const std::string& group, const std::string& topic);

/// Readiness of many peers.
class poller {
public:
    poller() : descriptor_{::epoll_create1(EPOLL_CLOEXEC)} {}
    ~poller() { ::close(descriptor_); }
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;

    void add(int descriptor, std::uint32_t tag) { control(EPOLL_CTL_ADD, descriptor, tag, EPOLLIN); }
    void want_write(int descriptor, std::uint32_t tag, bool on) {
        control(EPOLL_CTL_MOD, descriptor, tag, on ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    /// Waits until `deadline_ns` at the latest.
    std::size_t wait(std::vector<epoll_event>& events, std::int64_t deadline_ns) const {
        const auto left = std::max<std::int64_t>(deadline_ns - now_ns(), 0);
        const timespec limit{left / 1'000'000'000, left % 1'000'000'000};
        const int got = ::epoll_pwait2(descriptor_, events.data(), static_cast<int>(events.size()), &limit, nullptr);
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }

private:
    void control(int what, int descriptor, std::uint32_t tag, std::uint32_t events) const {
        epoll_event event{};
        event.events = events;
        event.data.u32 = tag;
        ::epoll_ctl(descriptor_, what, descriptor, &event);
    }
    int descriptor_;
};

/// Marks the measured part of a run and fills in the figures that depend on it.
class stopwatch {
public:
    stopwatch(std::chrono::milliseconds warm_up, std::chrono::milliseconds measure, pid_t process)
        : process_{process},
          begin_{now_ns() + std::chrono::nanoseconds{warm_up}.count()},
          end_{begin_ + std::chrono::nanoseconds{measure}.count()} {}

    [[nodiscard]] std::int64_t end() const { return end_; }
    /// True inside the measured part; takes the first readings when it is entered.
    bool measuring(std::int64_t now) {
        if (now < begin_) {
            return false;
        }
        if (started_ == 0) {
            started_ = now;
            broker_cpu_ns_ = process_ != 0 ? read_process_stats(process_).cpu_ns : 0;
            own_cpu_ns_ = read_process_stats(::getpid()).cpu_ns;
        }
        return now < end_;
    }
    void finish(load_report& report, std::size_t body_bytes) const {
        const auto now = now_ns();
        report.seconds = started_ == 0 ? 0 : static_cast<double>(now - started_) / 1e9;
        const auto messages = static_cast<double>(report.messages);
        if (report.seconds > 0 && report.messages > 0) {
            report.messages_per_second = messages / report.seconds;
            report.bytes_per_second = report.messages_per_second * static_cast<double>(body_bytes);
            if (process_ != 0) {
                report.broker_cpu_us_per_message =
                    static_cast<double>(read_process_stats(process_).cpu_ns - broker_cpu_ns_) / 1e3 / messages;
            }
            report.client_cpu_us_per_message = static_cast<double>(read_process_stats(::getpid()).cpu_ns - own_cpu_ns_) / 1e3 / messages;
        }
    }

private:
    pid_t process_;
    std::int64_t begin_;
    std::int64_t end_;
    std::int64_t started_ = 0; ///< 0: not yet measuring
    std::int64_t broker_cpu_ns_ = 0;
    std::int64_t own_cpu_ns_ = 0;
};

} // namespace troupe::bench
