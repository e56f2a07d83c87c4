#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "apps/stop_signal.hpp"
#include "client/admin.hpp"
#include "client/pull_consumer.hpp"
#include "client/push_consumer.hpp"
#include "filter/expression.hpp"
#include "protocol/properties.hpp"
#include "protocol/vocabulary/names.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>

namespace troupe::apps {

namespace {

/// Ends a run that makes no progress although the cluster said that there is more.
constexpr std::chrono::seconds stalled_after{15};
constexpr std::chrono::milliseconds poll_interval{100};

struct consume_arguments {
    std::string topic;
    std::string group;
    std::string from; ///< empty: not given
    std::string filter = "*";
    std::optional<std::string> sql92; ///< instead of `filter`
    std::int64_t count = 0;           ///< 0: no limit
    bool follow = false;
    bool body_only = false;
    start_point start;
};

/// Prints messages one by one, from any thread, until there are enough.
class message_printer {
public:
    message_printer(const command_context& context, const consume_arguments& arguments) : context_{context}, arguments_{arguments} {}

    /// False when enough were printed before, or the output failed: this one was not printed.
    bool print(const client::received_message& message) {
        const std::lock_guard lock{mutex_};
        if (finished_) {
            return false;
        }
        if (context_.format == output_format::json) {
            print_json(message);
        } else if (arguments_.body_only) {
            context_.out << message.body.view() << '\n';
        } else {
            context_.out << message.queue.broker_name << ':' << message.queue.queue << " @" << message.offset.value() << "  "
                         << format_moment({message.stored.value()})
                         << (message.tags().empty() ? "" : "  [" + printable(message.tags()) + "]") << "  "
                         << printable(message.body.view()) << '\n';
        }
        ++printed_;
        failed_ = !context_.out.good();
        finished_ = (arguments_.count > 0 && printed_ >= arguments_.count) || failed_;
        return !failed_;
    }
    /// False when what was printed did not reach its reader.
    bool flush() {
        const std::lock_guard lock{mutex_};
        context_.out.flush();
        failed_ = !context_.out.good();
        finished_ = finished_ || failed_;
        return !failed_;
    }
    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] std::int64_t printed() const { return printed_; }

private:
    void print_json(const client::received_message& message) {
        const std::string_view body = message.body.view();
        const bool as_text = is_utf8(body);
        auto properties = message.properties();
        erase_added(properties);
        table line{{{"topic"},
                    {"broker"},
                    {"queue"},
                    {"offset"},
                    {"message_id"},
                    {"stored_ms"},
                    {"born_ms"},
                    {"tags"},
                    {"keys"},
                    {"properties"},
                    {"body_encoding"},
                    {"body"}}};
        line.add({message.queue.topic, message.queue.broker_name, std::int64_t{message.queue.queue}, message.offset.value(),
                  std::string{message.message_id()}, message.stored.value(), message.born.value(), std::string{message.tags()},
                  std::string{message.keys()}, std::move(properties), std::string{as_text ? "utf-8" : "base64"},
                  as_text ? std::string{body} : to_base64(body)});
        line.print_line(context_.out, 0);
    }

    const command_context& context_;
    const consume_arguments& arguments_;
    std::mutex mutex_;
    std::atomic<std::int64_t> printed_{0};
    std::atomic<bool> finished_{false};
    std::atomic<bool> failed_{false};
};

exit_code output_failed(const command_context& context, const consume_arguments& arguments) {
    return context.fail(exit_code::failed,
                        std::string{"standard output takes no more: it is closed, or its disk is full"} +
                            (arguments.group.empty() ? "" : "; what was not printed was not committed, and comes again"));
}

client::message_selector selector_of(const consume_arguments& arguments) {
    return arguments.sql92 ? client::message_selector::sql92(*arguments.sql92) : client::message_selector{arguments.filter};
}

/// Where each queue ends now: a run without --follow reads up to there.
result<std::map<client::message_queue, queue_offset>> ends_of(const client::connection& connection, const std::string& topic) {
    const auto description = client::admin{connection}.describe_topic(topic);
    if (!description) {
        return description.failure();
    }
    std::map<client::message_queue, queue_offset> ends;
    for (const auto& [queue, stats] : description->queues) {
        ends[queue] = queue_offset{stats.max_offset};
    }
    return ends;
}

bool is_read(const client::pull_consumer& consumer, const std::map<client::message_queue, queue_offset>& ends,
             const std::vector<client::message_queue>& queues) {
    return std::all_of(queues.begin(), queues.end(), [&](const client::message_queue& queue) {
        const auto end = ends.find(queue);
        const auto position = consumer.position(queue);
        return end == ends.end() || (position && *position >= end->second);
    });
}

/// Reads all queues of the topic, alone. With a group: continues at, and commits, the group's offsets.
class alone_run {
public:
    alone_run(const command_context& context, const consume_arguments& arguments, client::connection connection, stop_signal& stop)
        : context_{context}, arguments_{arguments}, connection_{std::move(connection)}, stop_{stop}, printer_{context, arguments} {}

    exit_code run() {
        client::pull_consumer_options options;
        options.group = arguments_.group.empty() ? "troupe-cli" : arguments_.group;
        options.expression = selector_of(arguments_);
        auto opened = client::pull_consumer::open(connection_, std::move(options));
        if (!opened) {
            return context_.fail(opened.failure());
        }
        client::pull_consumer& consumer = *opened;
        auto queues = consumer.queues(arguments_.topic);
        if (!queues) {
            return context_.fail(queues.failure());
        }
        const auto ends = ends_of(connection_, arguments_.topic);
        if (!ends) {
            return context_.fail(ends.failure());
        }
        if (const auto known = make_group_known(); !known) {
            return context_.fail(known.failure());
        }
        if (const auto assigned = assign(consumer, *queues); !assigned) {
            return context_.fail(assigned.failure());
        }
        const exit_code code = read(consumer, *ends, *queues);
        if (!arguments_.group.empty() && code == exit_code::ok) {
            if (const auto committed = consumer.commit(); !committed) {
                return context_.fail(committed.failure());
            }
        }
        return code;
    }

private:
    /// A reader that is no member sends no heartbeat, which is what makes a group; lists should show it all the same.
    result<void> make_group_known() {
        if (arguments_.group.empty()) {
            return {};
        }
        client::admin admin{connection_};
        const auto groups = admin.list_groups(true);
        if (!groups) {
            return groups.failure();
        }
        if (std::find(groups->begin(), groups->end(), arguments_.group) != groups->end()) {
            return {};
        }
        group_config group;
        group.name = arguments_.group;
        return admin.put_group(group);
    }

    /// Queues with a committed offset continue there; the others begin at --from.
    result<void> assign(client::pull_consumer& consumer, const std::vector<client::message_queue>& queues) {
        if (const auto assigned = consumer.assign(queues, to_seek_target(arguments_.start)); !assigned || arguments_.group.empty()) {
            return assigned;
        }
        for (const client::message_queue& queue : queues) {
            const auto committed = consumer.committed(queue);
            if (!committed && committed.code() != errc::offset_not_found) {
                return committed.failure();
            }
            if (const auto moved = committed ? consumer.seek(queue, client::seek_target::at(*committed)) : result<void>{}; !moved) {
                return moved;
            }
        }
        return {};
    }

    exit_code read(client::pull_consumer& consumer, const std::map<client::message_queue, queue_offset>& ends,
                   const std::vector<client::message_queue>& queues) {
        auto progressed = std::chrono::steady_clock::now();
        while (!printer_.finished() && stop_.wait_for(std::chrono::milliseconds{0}) == 0) {
            if (!arguments_.follow && is_read(consumer, ends, queues)) {
                return exit_code::ok;
            }
            // One message at a time where a limit could cut a batch short: what was polled and not printed would be committed.
            const auto messages = consumer.poll(poll_interval, arguments_.count > 0 ? 1 : 1000);
            for (const auto& message : messages) {
                printer_.print(message);
            }
            if (!printer_.flush()) {
                return output_failed(context_, arguments_);
            }
            if (!messages.empty()) {
                progressed = std::chrono::steady_clock::now();
            } else if (!arguments_.follow && std::chrono::steady_clock::now() - progressed > stalled_after) {
                return context_.fail(exit_code::unreachable, "nothing more arrived for 15 s, although there is more to read; " +
                                                                 std::to_string(printer_.printed()) + " messages were printed");
            }
        }
        return exit_code::ok;
    }

    const command_context& context_;
    const consume_arguments& arguments_;
    client::connection connection_;
    stop_signal& stop_;
    message_printer printer_;
};

/// Joins the group and shares its queues with the other members until stopped.
exit_code run_as_member(const command_context& context, const consume_arguments& arguments, const client::connection& connection,
                        stop_signal& stop) {
    client::push_consumer_options options;
    options.group = arguments.group;
    options.handler_threads = 1;
    options.ordered = true;
    switch (arguments.start.kind) {
    case start_point::kind_type::first: options.from = client::consume_from::first_offset; break;
    case start_point::kind_type::time:
        options.from = client::consume_from::timestamp;
        options.from_time = arguments.start.time;
        break;
    case start_point::kind_type::last: options.from = client::consume_from::last_offset; break;
    case start_point::kind_type::offset:
        return context.fail(exit_code::usage, "--from offset:N cannot be used with --group and --follow; commit offsets with a run "
                                              "without --follow first");
    }
    message_printer printer{context, arguments};
    auto consumer = client::push_consumer::open(connection, std::move(options), [&printer](const client::received_message& message) {
        // Done means committed soon, so it has to have left this process.
        return printer.print(message) && printer.flush() ? client::consume_outcome::done : client::consume_outcome::retry_later;
    });
    if (!consumer) {
        return context.fail(consumer.failure());
    }
    if (const auto subscribed = consumer->subscribe(arguments.topic, selector_of(arguments)); !subscribed) {
        return context.fail(subscribed.failure());
    }
    if (const auto started = consumer->start(); !started) {
        return context.fail(started.failure());
    }
    while (!printer.finished() && stop.wait_for(poll_interval) == 0) {
    }
    consumer->stop();
    return printer.failed() ? output_failed(context, arguments) : exit_code::ok;
}

exit_code consume(const command_context& context, consume_arguments& arguments) {
    if (const auto checked = check_topic_name(arguments.topic); !checked) {
        return context.fail(checked.failure());
    }
    if (const auto checked = arguments.group.empty() ? result<void>{} : check_group_name(arguments.group); !checked) {
        return context.fail(checked.failure());
    }
    if (arguments.sql92) {
        if (const auto compiled = filter::expression::parse(*arguments.sql92); !compiled) {
            return context.fail(error{compiled.code(), "--sql: " + compiled.failure().text});
        }
    }
    // A reader of a finite run wants what is there; a follower, what comes.
    const std::string from = !arguments.from.empty() ? arguments.from : arguments.follow ? "last" : "first";
    const auto start = parse_start_point(from, now());
    if (!start) {
        return context.fail(start.failure());
    }
    arguments.start = *start;
    if (arguments.body_only && context.format == output_format::json) {
        return context.fail(exit_code::usage, "--body-only prints bodies as they are, which is no JSON; leave out one of --body-only and "
                                              "-o json");
    }
    stop_signal stop;
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    if (arguments.follow && !arguments.group.empty()) {
        return run_as_member(context, arguments, *connection, stop);
    }
    return alone_run{context, arguments, *connection, stop}.run();
}

} // namespace

void add_consume_command(CLI::App& app, command_context& context) {
    const auto arguments = std::make_shared<consume_arguments>();
    CLI::App* command = app.add_subcommand("consume", "Print the messages of a topic");
    add_client_options(*command, context);
    command->add_option("TOPIC", arguments->topic, "What to read")->required();
    command->add_flag("-f,--follow", arguments->follow, "Go on with messages as they arrive, until Ctrl-C");
    command
        ->add_option("--from", arguments->from,
                     "first, last, time:T or offset:N; T is 2026-11-22T10:00:00Z, milliseconds since 1970, or -15m. With --group, only "
                     "queues on which the group has no committed offset begin there. By default first, with --follow last")
        ->type_name("PLACE");
    command
        ->add_option(
            "-g,--group", arguments->group,
            "Read in this consumer group: continue where it stopped, and commit. With --follow, share the queues with its other members")
        ->type_name("GROUP");
    auto* tags =
        command->add_option("--filter", arguments->filter, "Tags, like \"paid || sent\"")->capture_default_str()->type_name("EXPRESSION");
    command
        ->add_option("--sql", arguments->sql92,
                     "A condition over the properties of messages instead (RocketMQ's SQL92), like \"price > 10.5 AND region = 'eu'\"")
        ->type_name("CONDITION")
        ->excludes(tags);
    command->add_option("-c,--count", arguments->count, "Stop after so many messages")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
        ->type_name("N");
    command->add_flag("--body-only", arguments->body_only, "Print nothing but bodies, unchanged, each followed by a newline");
    set_examples(*command, "troupe consume orders\n"
                           "troupe consume orders --follow --from time:-15m\n"
                           "troupe consume orders --group billing --follow -o json\n"
                           "troupe consume orders --filter paid --count 10 --body-only\n"
                           "troupe consume orders --sql \"price > 10.5 AND region IN ('eu', 'us')\"");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return consume(context, *arguments); }; });
}

} // namespace troupe::apps
