#include "bench/load_support.hpp"

#include <algorithm>
#include <deque>

namespace troupe::bench {

namespace {

constexpr std::size_t batch_record_head_bytes = 22; ///< see protocol/batch_codec.hpp
constexpr std::size_t batch_body_offset = 20;
constexpr std::size_t oneway_unsent_bytes_max = 256u << 10;
/// A delay is written over in the frame, so it always has as many digits.
constexpr std::size_t delay_digits = 11;
constexpr std::string_view delay_property = "TIMER_DELAY_MS\x01";

/// All of one length.
constexpr std::string_view rare_properties = "TAGS\x01rare\x02kind\x01rare\x02";
constexpr std::string_view many_properties = "TAGS\x01many\x02kind\x01many\x02";

std::string batch_record(std::size_t body_bytes, std::string_view properties) {
    std::string record(batch_record_head_bytes + body_bytes, 'x');
    std::fill_n(record.begin(), batch_body_offset, '\0');
    put_be32(record.data(), static_cast<std::uint32_t>(record.size() + properties.size()));
    put_be32(record.data() + 16, static_cast<std::uint32_t>(body_bytes));
    record[record.size() - 2] = '\0';
    record[record.size() - 1] = static_cast<char>(properties.size());
    return record.append(properties);
}

std::string batch_body(const send_load& load, std::size_t body_bytes) {
    std::string all;
    for (std::int32_t i = 0; i < load.batch; ++i) {
        const auto properties = load.rare_every == 0 ? std::string_view{} : i % load.rare_every == 0 ? rare_properties : many_properties;
        all += batch_record(body_bytes, properties);
    }
    return all;
}

/// A request made once; each use writes the opaque number and the send time into it.
struct prepared_send {
    std::string frame;
    std::size_t body_offset = 0;
    std::size_t time_stride = 0; ///< bytes from one send time to the next; 0: one
    std::size_t times = 1;
    std::size_t delay_offset = 0; ///< of the digits of the delay; 0: not timed
};

/// The next of a row of numbers that look random, the same in every run.
std::uint64_t next_random(std::uint64_t& state) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 20;
}

protocol::remoting_command send_command(const send_load& load, const std::string& topic, std::int32_t queue) {
    auto command = binary_command(load.batch > 0 ? code_send_batch : code_send_v2);
    command.flag = load.oneway ? protocol::command_flag::oneway : 0;
    command.fields.set("a", std::string{"bench"});
    command.fields.set("b", topic);
    command.fields.set("c", std::string{"TBW102"});
    command.fields.set("d", std::int64_t{4});
    command.fields.set("e", std::int64_t{queue});
    command.fields.set("f", std::int64_t{load.transactions ? protocol::message_sys_flag::prepared : 0});
    command.fields.set("g", std::int64_t{1'700'000'000'000});
    command.fields.set("h", std::int64_t{0});
    if (load.transactions) {
        command.fields.set("i", std::string{"TRAN_MSG\x01true\x02"});
    } else if (load.delay_level > 0) {
        command.fields.set("i", std::string{"DELAY\x01"}.append(std::to_string(load.delay_level)) + '\x02');
    } else if (load.delay_max.count() > 0) {
        command.fields.set("i", std::string{delay_property}.append(delay_digits, '0') + '\x02');
    }
    command.fields.set("m", std::string{load.batch > 0 ? "true" : "false"});
    return command;
}

prepared_send prepare_send(const send_load& load, const std::string& topic, std::int32_t queue) {
    const auto command = send_command(load, topic, queue);
    const auto body_bytes = std::max<std::size_t>(load.body_bytes, 8);
    const auto body = load.batch > 0 ? batch_body(load, body_bytes) : std::string(body_bytes, 'x');
    prepared_send prepared;
    prepared.frame = protocol::encode_frame_head(command, body.size()).value();
    prepared.body_offset = prepared.frame.size() + (load.batch > 0 ? batch_body_offset : 0);
    prepared.time_stride = batch_record_head_bytes + body_bytes + (load.rare_every > 0 ? rare_properties.size() : 0);
    prepared.times = load.batch > 0 ? static_cast<std::size_t>(load.batch) : 1;
    if (const auto delay = prepared.frame.find(delay_property); delay != std::string::npos) {
        prepared.delay_offset = delay + delay_property.size();
    }
    prepared.frame += body;
    return prepared;
}

void stamp(prepared_send& prepared, std::int32_t opaque, std::int64_t sent_ns) {
    put_be32(prepared.frame.data() + binary_opaque_offset, static_cast<std::uint32_t>(opaque));
    for (std::size_t i = 0; i < prepared.times; ++i) {
        put_be64(prepared.frame.data() + prepared.body_offset + i * prepared.time_stride, static_cast<std::uint64_t>(sent_ns));
    }
}

void write_delay(prepared_send& prepared, std::int64_t delay_ms) {
    for (auto at = prepared.delay_offset + delay_digits; at-- > prepared.delay_offset; delay_ms /= 10) {
        prepared.frame[at] = static_cast<char>('0' + delay_ms % 10);
    }
}

result<std::int64_t> sum_of_max_offsets(peer& connection, const std::string& topic, std::int32_t queues) {
    std::int64_t sum = 0;
    for (std::int32_t queue = 0; queue < queues; ++queue) {
        auto command = binary_command(code_max_offset);
        command.fields.set("topic", topic);
        command.fields.set("queueId", std::int64_t{queue});
        auto answer = connection.call(command, std::chrono::seconds{30});
        if (!answer) {
            return answer.failure();
        }
        const auto* offset = answer->fields.find("offset");
        if (answer->code != answer_success || offset == nullptr) {
            return error{errc::topic_not_found, topic + " queue " + std::to_string(queue) + ": " + answer->remark};
        }
        sum += std::stoll(*offset);
    }
    return sum;
}

/// The request that commits the half message which `answer` says is stored.
result<std::string> commit_frame(std::string_view answer) {
    auto stored = protocol::decode_frame(payload{std::string{answer}});
    if (!stored) {
        return stored.failure();
    }
    const auto* id = stored->fields.find("msgId");
    const auto* offset = stored->fields.find("queueOffset");
    const auto place = protocol::parse_offset_message_id(id == nullptr ? "" : *id);
    if (!place || offset == nullptr) {
        return error{errc::protocol_error, "the answer to a half message does not say where it is"};
    }
    auto command = binary_command(code_end_transaction);
    command.opaque = stored->opaque;
    command.fields.set("producerGroup", std::string{"bench"});
    command.fields.set("tranStateTableOffset", *offset);
    command.fields.set("commitLogOffset", place->second.value());
    command.fields.set("commitOrRollback", std::int64_t{8});
    command.fields.set("fromTransactionCheck", std::string{"false"});
    command.fields.set("msgId", std::string{"bench"});
    return protocol::encode_frame_head(command, 0);
}

/// One run of sends over all connections.
class send_run {
public:
    send_run(const send_load& load, std::vector<prepared_send> requests)
        : load_{load}, requests_{std::move(requests)}, watch_{load.warm_up, load.measure, load.broker_process} {}

    result<load_report> run() {
        if (auto opened = open(); !opened) {
            return opened.failure();
        }
        std::vector<epoll_event> events(256);
        auto next_due = now_ns();
        last_progress_ = next_due;
        for (;;) {
            const auto now = now_ns();
            if (now >= watch_.end()) {
                break;
            }
            if (now - last_progress_ > stall_ns) {
                return error{errc::timed_out, "no answer for 10 s with " + std::to_string(load_.senders) + " senders"};
            }
            watch_.measuring(now);
            next_due = offer(now, next_due);
            const auto ready = poller_.wait(events, std::min(wake_up_at(now, next_due), watch_.end()));
            for (std::size_t i = 0; i < ready; ++i) {
                if (auto done = serve(events[i]); !done) {
                    return done.failure();
                }
            }
        }
        count_overdue(now_ns());
        watch_.finish(report_, load_.body_bytes);
        if (load_.oneway) {
            if (auto closed = close_queues(); !closed) {
                return closed.failure();
            }
        }
        return report_;
    }

    /// Requests with an answer that end a one-way run, each stored as one message.
    [[nodiscard]] std::int64_t closing_messages() const { return static_cast<std::int64_t>(senders_.size()) * load_.queues; }

private:
    struct sender {
        explicit sender(peer connected) : connection{std::move(connected)} {}
        peer connection;
        std::vector<std::int64_t> due_at; ///< by opaque number: when the request was (to be) sent
        std::vector<std::int32_t> free_slots;
        std::vector<bool> committing; ///< by opaque number: the half message is stored, its commit is under way
        bool write_wanted = false;
        bool dirty = false;
    };

    result<void> open() {
        for (std::int32_t i = 0; i < load_.senders; ++i) {
            auto connected = peer::connect(load_.broker);
            if (!connected) {
                return connected.failure();
            }
            senders_.emplace_back(std::move(connected).value());
            auto& added = senders_.back();
            added.due_at.resize(static_cast<std::size_t>(load_.window));
            added.committing.resize(static_cast<std::size_t>(load_.window), false);
            for (std::int32_t slot = load_.window - 1; slot >= 0; --slot) {
                added.free_slots.push_back(slot);
            }
            poller_.add(added.connection.descriptor(), static_cast<std::uint32_t>(i));
        }
        return {};
    }

    /// The broker keeps the order of a connection's sends to one queue: when one more on each connection to each queue is
    /// answered, everything before it was taken or refused. A broker that is busy is asked again.
    result<void> close_queues() {
        const auto deadline = now_ns() + stall_ns;
        auto plain = load_;
        plain.batch = 0;
        plain.oneway = false;
        for (auto& each : senders_) {
            for (std::int32_t queue = 0; queue < load_.queues;) {
                auto command = send_command(plain, load_.topic, queue);
                command.body = payload{std::string(8, '\0')};
                auto answer = each.connection.call(command, std::chrono::milliseconds{stall_ns / 1'000'000});
                if (!answer) {
                    return answer.failure();
                }
                if (answer->code == answer_success) {
                    ++queue;
                } else if (answer->code != answer_busy || now_ns() > deadline) {
                    return error{errc::timed_out, "the send that closes queue " + std::to_string(queue) + ": " + answer->remark};
                }
            }
        }
        return {};
    }

    /// Open loop: what was due and has no answer was late by so much at least. Leaving it out would hide the worst stall.
    void count_overdue(std::int64_t now) {
        if (load_.rate <= 0) {
            return;
        }
        const auto late = [this, now](std::int64_t due) {
            ++report_.overdue;
            report_.latency.record(now - due);
        };
        std::for_each(overdue_.begin(), overdue_.end(), late);
        for (const auto& each : senders_) {
            if (load_.oneway) {
                continue; // nothing is answered
            }
            std::vector<bool> is_free(each.due_at.size(), false);
            for (const auto slot : each.free_slots) {
                is_free[static_cast<std::size_t>(slot)] = true;
            }
            for (std::size_t slot = 0; slot < each.due_at.size(); ++slot) {
                if (!is_free[slot]) {
                    late(each.due_at[slot]);
                }
            }
        }
    }

    /// When there is something to do even if no socket becomes ready.
    [[nodiscard]] std::int64_t wake_up_at(std::int64_t now, std::int64_t next_due) const {
        constexpr std::int64_t look_around_ns = 100'000'000;
        if (load_.rate > 0) {
            return next_due;
        }
        const bool has_room = load_.oneway && std::any_of(senders_.begin(), senders_.end(), [](const sender& each) { return !each.dirty; });
        return has_room ? now : now + look_around_ns;
    }

    /// Sends whatever is due; returns when the next open-loop request is.
    std::int64_t offer(std::int64_t now, std::int64_t next_due) {
        if (load_.oneway && load_.rate > 0) {
            const auto gap = gap_ns();
            for (; next_due <= now; next_due += gap) {
                overdue_.push_back(next_due);
            }
            for (std::size_t full = 0; !overdue_.empty() && full < senders_.size();) {
                auto& each = senders_[next_sender_++ % senders_.size()];
                if (each.connection.unsent_bytes() >= oneway_unsent_bytes_max) {
                    ++full;
                    continue;
                }
                send(each, 0, overdue_.front());
                overdue_.pop_front();
            }
        } else if (load_.oneway) {
            for (auto& each : senders_) {
                while (each.connection.unsent_bytes() < oneway_unsent_bytes_max) {
                    send(each, 0, now);
                }
            }
        } else if (load_.rate > 0) {
            const auto gap = gap_ns();
            for (; next_due <= now; next_due += gap) {
                overdue_.push_back(next_due);
            }
            for (std::size_t tried = 0; !overdue_.empty() && tried < senders_.size(); ++tried) {
                auto& each = senders_[next_sender_++ % senders_.size()];
                while (!each.free_slots.empty() && !overdue_.empty()) {
                    send_on_free_slot(each, overdue_.front());
                    overdue_.pop_front();
                    if (senders_.size() > 1) {
                        tried = 0;
                        break;
                    }
                }
            }
        } else {
            for (auto& each : senders_) {
                while (!each.free_slots.empty()) {
                    send_on_free_slot(each, now_ns());
                }
            }
        }
        flush();
        return next_due;
    }

    /// Between two requests of an open loop.
    [[nodiscard]] std::int64_t gap_ns() const {
        return std::max<std::int64_t>(1, static_cast<std::int64_t>(1e9 * std::max(load_.batch, 1) / load_.rate));
    }

    void send_on_free_slot(sender& from, std::int64_t due) {
        const auto slot = from.free_slots.back();
        from.free_slots.pop_back();
        send(from, slot, due);
    }

    void send(sender& from, std::int32_t slot, std::int64_t due) {
        auto& request = requests_[next_request_++ % requests_.size()];
        stamp(request, slot, due);
        if (request.delay_offset != 0) {
            const auto range = static_cast<std::uint64_t>((load_.delay_max - load_.delay_min).count()) + 1;
            write_delay(request, load_.delay_min.count() + static_cast<std::int64_t>(next_random(random_) % range));
        }
        from.due_at[static_cast<std::size_t>(slot)] = due;
        from.connection.queue(request.frame);
        from.dirty = true;
    }

    void flush() {
        for (std::uint32_t i = 0; i < senders_.size(); ++i) {
            auto& each = senders_[i];
            if (!each.dirty) {
                continue;
            }
            if (auto written = each.connection.write_some(); !written) {
                continue; // the read side reports it
            }
            each.dirty = each.connection.unsent_bytes() > 0;
            if (load_.oneway && !each.dirty) {
                last_progress_ = now_ns(); // no answer will say so
            }
            if (each.dirty != each.write_wanted) {
                each.write_wanted = each.dirty;
                poller_.want_write(each.connection.descriptor(), i, each.dirty);
            }
        }
    }

    result<void> serve(const epoll_event& event) {
        auto& from = senders_[event.data.u32];
        from.dirty = from.dirty || (event.events & EPOLLOUT) != 0;
        if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
            last_progress_ = now_ns();
            return {};
        }
        if (auto got = from.connection.read_some(); !got) {
            return got.failure();
        }
        const auto now = now_ns();
        last_progress_ = now;
        const bool counts = watch_.measuring(now);
        for (;;) {
            auto frame = from.connection.next_frame();
            if (!frame) {
                return frame.failure();
            }
            if (frame->empty()) {
                return {};
            }
            auto answer = read_answer_head(*frame);
            if (!answer) {
                return answer.failure();
            }
            const auto begun = load_.transactions && answer->code == answer_success ? commit(from, *answer, *frame) : result<bool>{false};
            if (!begun) {
                return begun.failure();
            }
            if (!*begun) {
                settle(from, *answer, now, counts);
            }
        }
    }

    /// Commits what `frame` says is stored; false when it is the answer to the commit.
    result<bool> commit(sender& from, const answer_head& answer, std::string_view frame) {
        if (answer.opaque < 0 || answer.opaque >= load_.window) {
            return false;
        }
        std::vector<bool>::reference committing = from.committing[static_cast<std::size_t>(answer.opaque)];
        if (committing) {
            committing = false;
            return false;
        }
        auto request = commit_frame(frame);
        if (!request) {
            return request.failure();
        }
        committing = true;
        from.connection.queue(*request);
        from.dirty = true;
        return true;
    }

    void settle(sender& from, const answer_head& answer, std::int64_t now, bool counts) {
        if (answer.opaque < 0 || answer.opaque >= load_.window) {
            return;
        }
        from.free_slots.push_back(answer.opaque);
        if (!counts) {
            return;
        }
        if (answer.code != answer_success) {
            ++report_.failures;
            report_.busy += answer.code == answer_busy ? 1u : 0u;
            return;
        }
        report_.messages += static_cast<std::uint64_t>(std::max(load_.batch, 1));
        report_.latency.record(now - from.due_at[static_cast<std::size_t>(answer.opaque)]);
    }

    const send_load& load_;
    std::vector<prepared_send> requests_;
    std::uint64_t random_ = 1; ///< of delays
    stopwatch watch_;
    poller poller_;
    std::deque<sender> senders_;
    std::deque<std::int64_t> overdue_;
    std::size_t next_request_ = 0;
    std::size_t next_sender_ = 0;
    std::int64_t last_progress_ = 0;
    load_report report_;
};

result<load_report> run_counted_by_offsets(const send_load& load, std::vector<prepared_send> requests) {
    auto control = peer::connect(load.broker);
    if (!control) {
        return control.failure();
    }
    auto before = sum_of_max_offsets(*control, load.topic, load.queues);
    if (!before) {
        return before.failure();
    }
    send_load whole = load;
    whole.warm_up = std::chrono::milliseconds{0};
    const auto begin = now_ns();
    const auto cpu_before = load.broker_process != 0 ? read_process_stats(load.broker_process).cpu_ns : 0;
    send_run sending{whole, std::move(requests)};
    auto report = sending.run();
    if (!report) {
        return report;
    }
    auto after = sum_of_max_offsets(*control, load.topic, load.queues);
    if (!after) {
        return after.failure();
    }
    report->messages = static_cast<std::uint64_t>(*after - *before - sending.closing_messages());
    report->seconds = static_cast<double>(now_ns() - begin) / 1e9;
    report->messages_per_second = static_cast<double>(report->messages) / report->seconds;
    report->bytes_per_second = report->messages_per_second * static_cast<double>(load.body_bytes);
    if (load.broker_process != 0 && report->messages > 0) {
        report->broker_cpu_us_per_message =
            static_cast<double>(read_process_stats(load.broker_process).cpu_ns - cpu_before) / 1e3 / static_cast<double>(report->messages);
    }
    return report;
}

} // namespace

result<load_report> run_send_load(const send_load& load) {
    std::vector<prepared_send> requests;
    for (std::int32_t queue = 0; queue < load.queues; ++queue) {
        requests.push_back(prepare_send(load, load.topic, queue));
    }
    if (load.oneway) {
        return run_counted_by_offsets(load, std::move(requests));
    }
    return send_run{load, std::move(requests)}.run();
}

result<load_report> run_send_load_over_topics(const send_load& load, const std::string& prefix, std::int32_t topics) {
    std::vector<prepared_send> requests;
    for (std::int32_t topic = 0; topic < topics; ++topic) {
        requests.push_back(prepare_send(load, prefix + std::to_string(topic), topic % load.queues));
    }
    return send_run{load, std::move(requests)}.run();
}

} // namespace troupe::bench
