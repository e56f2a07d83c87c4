#include "bench/member_load.hpp"

#include "bench/delivery_ledger.hpp"
#include "bench/load_support.hpp"
#include "protocol/bodies.hpp"
#include "protocol/pop_bodies.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"

#include <atomic>
#include <cstring>
#include <ctime>
#include <deque>
#include <map>
#include <sys/resource.h>
#include <thread>

namespace troupe::bench {

namespace {

namespace code = protocol::request_code;
namespace answers = protocol::response_code;
using protocol::remoting_command;
using std::chrono::nanoseconds;

/// Opaque numbers: a pull has that of its queue, a pop 0; acknowledgements add how many messages they are of.
constexpr std::int32_t heartbeat_opaque = 1 << 28;
constexpr std::int32_t ack_opaque = 1 << 29;
constexpr std::int64_t ask_again_ns = 100'000'000;
constexpr std::int64_t look_around_ns = 50'000'000;
/// Written over in the frame, so it always has as many digits.
constexpr std::string_view born_digits = "1700000000000";

std::int64_t wall_clock_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// With that of threads that have ended, as the senders' has.
std::int64_t own_cpu_ns() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<std::int64_t>(used.tv_sec) * 1'000'000'000 + used.tv_nsec;
}

/// Room for `wanted` open files.
result<void> allow_files(std::size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) {
        return {};
    }
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    if (limit.rlim_cur < wanted || ::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return error{errc::io, std::to_string(wanted) + " open files are needed and " + std::to_string(limit.rlim_max) +
                                   " allowed; raise the limit (ulimit -Hn) or take fewer members"};
    }
    return {};
}

/// A pop of any queue, made once; each use writes the time into it.
struct prepared_pop {
    std::string frame;
    std::size_t born_offset = 0;
};

prepared_pop prepare_pop(const member_load& load) {
    remoting_command command;
    command.code = code::pop_message;
    command.fields.set("consumerGroup", load.group);
    command.fields.set("topic", load.topic);
    command.fields.set("queueId", std::int64_t{-1});
    command.fields.set("maxMsgNums", std::int64_t{load.messages_max});
    command.fields.set("invisibleTime", static_cast<std::int64_t>(load.invisible.count()));
    command.fields.set("pollTime", static_cast<std::int64_t>(load.hold.count()));
    command.fields.set("bornTime", std::string{born_digits});
    command.fields.set("initMode", std::int64_t{0});
    command.fields.set("exp", std::string{"*"});
    command.fields.set("expType", std::string{"TAG"});
    command.fields.set("order", std::string{"false"});
    prepared_pop prepared{protocol::encode_frame(command), 0};
    prepared.born_offset = prepared.frame.find(born_digits);
    return prepared;
}

std::string heartbeat_frame(const member_load& load, std::int32_t member) {
    protocol::heartbeat_data data;
    data.client_id = "bench@" + std::to_string(::getpid()) + "-" + std::to_string(member);
    protocol::consumer_data consumer;
    consumer.group = load.group;
    consumer.type = load.pops ? protocol::consume_type::pop : protocol::consume_type::passively;
    consumer.from = protocol::consume_from::first_offset;
    consumer.subscriptions.push_back(protocol::subscription_data{load.topic, "*", "TAG", 1});
    data.consumers.push_back(consumer);
    remoting_command command;
    command.code = code_heartbeat;
    command.opaque = heartbeat_opaque;
    command.body = payload{protocol::encode_heartbeat(data)};
    return protocol::encode_frame(command);
}

/// Says that everything below `offset` is done, as clients do.
std::string committing_pull_frame(const member_load& load, std::int32_t queue, std::int64_t offset) {
    consume_load pull;
    pull.topic = load.topic;
    pull.group = load.group;
    pull.messages_max = load.messages_max;
    auto command = pull_command(pull, queue, offset, load.hold);
    command.codec = protocol::header_codec::json;
    if (offset > 0) {
        command.fields.set("sysFlag", std::int64_t{1 | 2 | 4});
        command.fields.set("commitOffset", offset);
    }
    return protocol::encode_frame(command);
}

struct received_pop {
    timestamp_ms popped;
    std::int64_t invisible_ms = 0;
    std::int32_t revive_queue = 0;
    std::map<std::int32_t, std::vector<queue_offset>> offsets; ///< by queue
};

/// One message is acknowledged by itself, several in a batch.
std::string ack_frame(const member_load& load, const received_pop& pop) {
    remoting_command command;
    std::int32_t count = 0;
    for (const auto& [queue, offsets] : pop.offsets) {
        count += static_cast<std::int32_t>(offsets.size());
    }
    command.opaque = ack_opaque + count;
    if (count == 1) {
        const auto& [queue, offsets] = *pop.offsets.begin();
        protocol::receipt_handle handle;
        handle.start = handle.offset = offsets.front();
        handle.popped = pop.popped;
        handle.invisible_ms = pop.invisible_ms;
        handle.revive_queue = pop.revive_queue;
        handle.broker_name = "bench";
        handle.queue = queue_id{queue};
        command.code = code::ack_message;
        command.fields.set("consumerGroup", load.group);
        command.fields.set("topic", load.topic);
        command.fields.set("queueId", std::int64_t{queue});
        command.fields.set("extraInfo", protocol::encode_receipt_handle(handle));
        command.fields.set("offset", offsets.front().value());
        return protocol::encode_frame(command);
    }
    protocol::batch_ack_request batch;
    batch.broker_name = "bench";
    for (const auto& [queue, offsets] : pop.offsets) {
        protocol::batch_ack ack;
        ack.group = load.group;
        ack.topic = load.topic;
        ack.start = offsets.front();
        ack.queue = queue_id{queue};
        ack.revive_queue = pop.revive_queue;
        ack.popped = pop.popped;
        ack.invisible_ms = pop.invisible_ms;
        ack.offsets = offsets;
        batch.acks.push_back(std::move(ack));
    }
    command.code = code::batch_ack_message;
    command.body = payload{protocol::encode_batch_ack_request(batch)};
    return protocol::encode_frame(command);
}

result<std::int64_t> field_number(const remoting_command& answer, const char* name) {
    const auto* text = answer.fields.find(name);
    if (text == nullptr) {
        return error{errc::protocol_error, "the answer " + std::to_string(answer.code) + " " + answer.remark + " has no field " + name};
    }
    return std::stoll(*text);
}

/// What `code` says of the offset of each queue; -1 where it knows none.
result<std::vector<std::int64_t>> offsets_of(peer& connection, const member_load& load, std::int32_t request) {
    std::vector<std::int64_t> all;
    for (std::int32_t queue = 0; queue < load.queues; ++queue) {
        auto command = binary_command(request);
        command.fields.set("topic", load.topic);
        command.fields.set("queueId", std::int64_t{queue});
        if (request == code::query_consumer_offset) {
            command.fields.set("consumerGroup", load.group);
        }
        const auto answer = connection.call(command, std::chrono::seconds{10});
        if (!answer) {
            return answer.failure();
        }
        const auto offset = field_number(*answer, "offset");
        if (!offset && answer->code != answers::query_not_found) {
            return offset.failure();
        }
        all.push_back(offset ? *offset : -1);
    }
    return all;
}

class member_run {
public:
    explicit member_run(const member_load& load)
        : load_{load}, pop_{prepare_pop(load)}, next_(static_cast<std::size_t>(load.queues)), ledger_{load.queues} {}

    result<member_report> run(const std::function<result<void>()>& send) {
        const auto join_at = now_ns();
        const auto cpu_ns = broker_cpu_ns();
        if (auto joined = join(); !joined) {
            return joined.failure();
        }
        report_.join_seconds = static_cast<double>(last_arrival_ - join_at) / 1e9;
        report_.join_cpu_seconds = static_cast<double>(broker_cpu_ns() - cpu_ns) / 1e9;
        report_.private_bytes_waiting = private_bytes();
        if (auto done = serve_while_sending(send); !done) {
            return done.failure();
        }
        const auto sent_at = now_ns();
        if (auto drained = drain(); !drained) {
            return drained.failure();
        }
        report_.drain_seconds = static_cast<double>(now_ns() - sent_at) / 1e9;
        finish();
        return report_;
    }

private:
    struct member {
        explicit member(peer connected) : connection{std::move(connected)} {}
        peer connection;
        std::uint64_t measured = 0; ///< messages that it was the first to get in the measured time
        bool write_wanted = false;
    };
    struct postponed {
        std::int64_t at = 0;
        std::uint32_t member = 0;
        std::int32_t queue = 0; ///< of a pull
    };

    [[nodiscard]] std::int64_t private_bytes() const {
        return load_.broker_process != 0 ? read_process_stats(load_.broker_process).private_bytes : 0;
    }
    [[nodiscard]] std::int64_t broker_cpu_ns() const {
        return load_.broker_process != 0 ? read_process_stats(load_.broker_process).cpu_ns : 0;
    }
    [[nodiscard]] bool is_measured(std::int64_t when) const { return when >= begin_ && when < end_; }

    /// Everybody is known to the broker before anybody asks for messages.
    result<void> join() {
        constexpr std::size_t other_files = 1'000;
        if (auto allowed = allow_files(static_cast<std::size_t>(load_.members) + other_files); !allowed) {
            return allowed;
        }
        for (std::int32_t i = 0; i < load_.members; ++i) {
            auto connected = peer::connect(load_.broker);
            if (!connected) {
                return connected.failure();
            }
            members_.emplace_back(std::move(connected).value());
            poller_.add(members_.back().connection.descriptor(), static_cast<std::uint32_t>(i));
            members_.back().connection.queue(heartbeat_frame(load_, i));
            flush(static_cast<std::uint32_t>(i));
        }
        if (auto known = serve_until([this] { return known_ == load_.members; }); !known) {
            return known;
        }
        for (std::uint32_t i = 0; i < members_.size(); ++i) {
            if (load_.pops) {
                ask(i, 0);
            }
            for (auto queue = static_cast<std::int32_t>(i); !load_.pops && queue < load_.queues; queue += load_.members) {
                ask(i, queue);
            }
            flush(i);
        }
        // Each new member is told to all others: that must be over.
        return serve_until([this] { return now_ns() - last_arrival_ >= nanoseconds{load_.settle}.count(); }, false);
    }

    result<void> serve_while_sending(const std::function<result<void>()>& send) {
        begin_ = now_ns() + nanoseconds{load_.warm_up}.count();
        end_ = begin_ + nanoseconds{load_.measure}.count();
        cpu_at_begin_ns_ = broker_cpu_ns();
        own_cpu_at_begin_ns_ = own_cpu_ns();
        std::atomic<bool> sent{false};
        result<void> outcome;
        std::thread sender{[&] {
            outcome = send();
            sent = true;
        }};
        const auto served = serve_until([&sent] { return sent.load(); }, false);
        sender.join();
        return served ? outcome : served;
    }

    result<void> drain() {
        auto control = peer::connect(load_.broker);
        if (!control) {
            return control.failure();
        }
        const auto ends = offsets_of(*control, load_, code_max_offset);
        if (!ends) {
            return ends.failure();
        }
        std::uint64_t stored = 0;
        for (const auto end : *ends) {
            stored += static_cast<std::uint64_t>(end);
        }
        const auto drained = serve_until([this, stored] { return ledger_.distinct() >= stored && acks_under_way_ == 0; });
        if (const auto missing = ledger_.missing(*ends); missing > 0) {
            return error{errc::timed_out, std::to_string(missing) + " of " + std::to_string(stored) + " stored messages did not arrive" +
                                              (drained ? "" : ": " + drained.failure().text)};
        }
        if (!drained) {
            return drained.failure();
        }
        if (ledger_.stray() > 0) {
            return error{errc::protocol_error, std::to_string(ledger_.stray()) + " messages came of queues that the topic does not have"};
        }
        report_.messages = stored;
        return check_progress(*control, *ends);
    }

    /// The broker must say so, too: what it took as acknowledged is not delivered again.
    result<void> check_progress(peer& control, const std::vector<std::int64_t>& ends) {
        const auto limit = now_ns() + nanoseconds{load_.patience}.count();
        for (;;) {
            const auto committed = offsets_of(control, load_, code::query_consumer_offset);
            if (!committed) {
                return committed.failure();
            }
            std::int64_t open = 0;
            for (std::size_t queue = 0; queue < ends.size(); ++queue) {
                open += std::max<std::int64_t>(ends[queue] - std::max<std::int64_t>((*committed)[queue], 0), 0);
            }
            if (open == 0) {
                return {};
            }
            if (now_ns() > limit) {
                return error{errc::timed_out, std::to_string(open) + " messages arrived, and are not behind the group's offsets"};
            }
            const auto again = now_ns() + look_around_ns;
            if (auto served = serve_until([again] { return now_ns() >= again; }); !served) {
                return served;
            }
        }
    }

    void finish() {
        auto& load = report_.deliveries;
        load.seconds = static_cast<double>(end_ - begin_) / 1e9;
        load.failures = report_.refused;
        load.busy = report_.refused;
        load.messages_per_second = static_cast<double>(load.messages) / load.seconds;
        load.bytes_per_second = static_cast<double>(measured_bytes_) / load.seconds;
        report_.acknowledged_per_second = static_cast<double>(report_.acknowledged) / load.seconds;
        report_.repeated = ledger_.repeated();
        report_.private_bytes_after = private_bytes();
        if (report_.messages > 0) {
            const auto all = static_cast<double>(report_.messages);
            if (load_.broker_process != 0) {
                load.broker_cpu_us_per_message = static_cast<double>(broker_cpu_ns() - cpu_at_begin_ns_) / 1e3 / all;
            }
            load.client_cpu_us_per_message = static_cast<double>(own_cpu_ns() - own_cpu_at_begin_ns_) / 1e3 / all;
        }
        if (load.messages > 0) {
            const auto mean = static_cast<double>(load.messages) / static_cast<double>(members_.size());
            const auto by_share = [](const member& a, const member& b) { return a.measured < b.measured; };
            const auto [least, most] = std::minmax_element(members_.begin(), members_.end(), by_share);
            report_.smallest_share = static_cast<double>(least->measured) / mean;
            report_.largest_share = static_cast<double>(most->measured) / mean;
        }
    }

    /// Serves until `done`. With `impatient`, fails with timed_out when nothing new comes for the load's patience.
    template <class Done>
    result<void> serve_until(Done done, bool impatient = true) {
        std::vector<epoll_event> events(256);
        last_progress_ = now_ns();
        while (!done()) {
            const auto now = now_ns();
            if (impatient && now - last_progress_ > nanoseconds{load_.patience}.count()) {
                return error{errc::timed_out, "nothing came for " + std::to_string(load_.patience.count()) + " ms"};
            }
            while (!postponed_.empty() && postponed_.front().at <= now) {
                ask(postponed_.front().member, postponed_.front().queue);
                flush(postponed_.front().member);
                postponed_.pop_front();
            }
            const auto wake_up = postponed_.empty() ? now + look_around_ns : std::min(postponed_.front().at, now + look_around_ns);
            const auto ready = poller_.wait(events, wake_up);
            for (std::size_t i = 0; i < ready; ++i) {
                if (auto served = serve(events[i]); !served) {
                    return served;
                }
            }
        }
        return {};
    }

    void ask(std::uint32_t number, std::int32_t queue) {
        auto& connection = members_[number].connection;
        if (!load_.pops) {
            connection.queue(committing_pull_frame(load_, queue, next_[static_cast<std::size_t>(queue)]));
            return;
        }
        const auto born = std::to_string(wall_clock_ms());
        std::memcpy(pop_.frame.data() + pop_.born_offset, born.data(), std::min(born.size(), born_digits.size()));
        connection.queue(pop_.frame);
    }

    void flush(std::uint32_t number) {
        auto& each = members_[number];
        if (!each.connection.write_some()) {
            return; // the read side reports it
        }
        if (const bool wanted = each.connection.unsent_bytes() > 0; wanted != each.write_wanted) {
            each.write_wanted = wanted;
            poller_.want_write(each.connection.descriptor(), number, wanted);
        }
    }

    result<void> serve(const epoll_event& event) {
        const auto number = event.data.u32;
        auto& connection = members_[number].connection;
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            if (auto got = connection.read_some(); !got) {
                return got.failure();
            }
        }
        const auto now = now_ns();
        last_arrival_ = now;
        for (;;) {
            const auto frame = connection.next_frame();
            if (!frame) {
                return frame.failure();
            }
            if (frame->empty()) {
                break;
            }
            const auto answer = protocol::decode_frame(payload{header_only(*frame)});
            if (!answer) {
                return answer.failure();
            }
            if (answer->is_response()) { // else the broker's own request: a group changed
                if (auto taken = take(number, *answer, frame_body(*frame), now); !taken) {
                    return taken;
                }
            }
        }
        flush(number);
        return {};
    }

    result<void> take(std::uint32_t number, const remoting_command& answer, std::string_view records, std::int64_t now) {
        if (answer.opaque >= heartbeat_opaque) {
            if (answer.code != answers::success) {
                return error{errc::protocol_error, (answer.opaque >= ack_opaque ? "an acknowledgement" : "a heartbeat") +
                                                       std::string{" was answered "} + std::to_string(answer.code) + " " + answer.remark};
            }
            if (answer.opaque == heartbeat_opaque) {
                ++known_;
                last_progress_ = now;
            } else {
                --acks_under_way_;
                report_.acknowledged += is_measured(now) ? static_cast<std::uint64_t>(answer.opaque - ack_opaque) : 0;
            }
            return {};
        }
        switch (answer.code) {
        case answers::success: return take_messages(number, answer, records, now);
        case answers::polling_full:
        case answers::system_busy:
            ++report_.refused;
            postponed_.push_back({now + ask_again_ns, number, answer.opaque});
            return {};
        case answers::polling_timeout:
        case answers::pull_not_found:
        case answers::pull_retry_immediately: ask(number, answer.opaque); return {};
        default:
            return error{errc::protocol_error, std::string{load_.pops ? "a pop" : "a pull"} + " was answered " +
                                                   std::to_string(answer.code) + " " + answer.remark};
        }
    }

    result<void> take_messages(std::uint32_t number, const remoting_command& answer, std::string_view records, std::int64_t now) {
        received_pop pop;
        const bool counts = is_measured(now);
        std::uint64_t first = 0;
        std::uint64_t count = 0;
        const auto bytes = records.size();
        while (const auto record = next_record(records)) {
            ++count;
            report_.redelivered += record->tries > 0 ? 1u : 0u;
            if (ledger_.arrived(record->queue, record->offset)) {
                ++first;
                if (is_measured(record->sent_ns)) {
                    report_.deliveries.latency.record(now - record->sent_ns);
                }
            }
            if (load_.pops) {
                pop.offsets[record->queue].push_back(queue_offset{record->offset});
            }
        }
        if (count == 0 || !records.empty()) {
            return error{errc::protocol_error, "an answer brings " + std::to_string(count) + " messages, and then " +
                                                   std::to_string(records.size()) + " bytes that are none"};
        }
        last_progress_ = first > 0 ? now : last_progress_; // what comes again and again is none
        ++report_.answers;
        if (counts) {
            report_.deliveries.messages += first;
            members_[number].measured += first;
            measured_bytes_ += bytes;
        }
        return load_.pops ? acknowledge(number, answer, std::move(pop)) : commit(number, answer, counts ? count : 0);
    }

    result<void> acknowledge(std::uint32_t number, const remoting_command& answer, received_pop pop) {
        const auto popped = field_number(answer, "popTime");
        const auto invisible = field_number(answer, "invisibleTime");
        const auto revive_queue = field_number(answer, "reviveQid");
        if (!popped || !invisible || !revive_queue) {
            return !popped ? popped.failure() : !invisible ? invisible.failure() : revive_queue.failure();
        }
        pop.popped = timestamp_ms{*popped};
        pop.invisible_ms = *invisible;
        pop.revive_queue = static_cast<std::int32_t>(*revive_queue);
        for (auto& entry : pop.offsets) {
            std::sort(entry.second.begin(), entry.second.end());
        }
        members_[number].connection.queue(ack_frame(load_, pop));
        ++acks_under_way_;
        ask(number, 0);
        return {};
    }

    result<void> commit(std::uint32_t number, const remoting_command& answer, std::uint64_t counted) {
        const auto next = field_number(answer, "nextBeginOffset");
        if (!next) {
            return next.failure();
        }
        next_.at(static_cast<std::size_t>(answer.opaque)) = *next;
        report_.acknowledged += counted;
        ask(number, answer.opaque);
        return {};
    }

    const member_load& load_;
    prepared_pop pop_;
    std::vector<std::int64_t> next_; ///< by queue: what is pulled next
    delivery_ledger ledger_;
    poller poller_;
    std::deque<member> members_;
    std::deque<postponed> postponed_; ///< the earliest first
    std::int32_t known_ = 0;          ///< members whose heartbeat was answered
    std::int64_t acks_under_way_ = 0;
    std::int64_t last_progress_ = 0;
    std::int64_t last_arrival_ = 0; ///< of anything, as the notice that a member has joined
    std::int64_t begin_ = 0;        ///< of the measured time; 0 with end_: nothing is
    std::int64_t end_ = 0;
    std::int64_t cpu_at_begin_ns_ = 0;
    std::int64_t own_cpu_at_begin_ns_ = 0;
    std::uint64_t measured_bytes_ = 0;
    member_report report_;
};

} // namespace

result<member_report> run_member_load(const member_load& load, const std::function<result<void>()>& send) {
    return member_run{load}.run(send);
}

} // namespace troupe::bench
