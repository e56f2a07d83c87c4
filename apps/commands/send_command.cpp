#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "client/producer.hpp"
#include "config/units.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <ostream>

namespace troupe::apps {

namespace {

struct send_arguments {
    std::string topic;
    std::vector<std::string> body; ///< at most one
    std::string file;              ///< whole file as one message; "-": standard input
    std::string lines;             ///< one message per line; "-": standard input
    std::string tag;
    std::vector<std::string> keys;
    std::vector<std::string> properties; ///< NAME=VALUE
    std::string sharding_key;
    std::int32_t delay_level = 0;
    std::string delay;      ///< duration
    std::string deliver_at; ///< time
    std::string queue;
    std::string group = "troupe-cli";
};

/// Standard input or a file, to read from; null with errno set when it cannot be opened.
std::shared_ptr<std::istream> open_input(const std::string& name) {
    if (name == "-") {
        return {&std::cin, [](std::istream*) {}};
    }
    auto file = std::make_shared<std::ifstream>(name, std::ios::binary);
    return *file ? file : nullptr;
}

exit_code cannot_read(const command_context& context, const std::string& name) {
    const int reason = errno;
    return context.fail(reason == ENOENT ? exit_code::not_found : exit_code::failed, name + ": cannot be read: " + std::strerror(reason));
}

/// Everything of a message but its body.
result<client::message> make_message(const send_arguments& arguments) {
    client::message message;
    message.topic = arguments.topic;
    message.tags = arguments.tag;
    message.keys = arguments.keys;
    message.sharding_key = arguments.sharding_key;
    message.delay_level = arguments.delay_level;
    if (!arguments.delay.empty()) {
        const auto delay = config::parse_duration(arguments.delay);
        if (!delay) {
            return delay.failure();
        }
        message.deliver_after = *delay;
    }
    if (!arguments.deliver_at.empty()) {
        const auto moment = parse_moment(arguments.deliver_at);
        if (!moment) {
            return moment.failure();
        }
        message.deliver_at = *moment;
    }
    for (const std::string& property : arguments.properties) {
        const std::size_t equals = property.find('=');
        if (equals == std::string::npos || equals == 0) {
            return error{errc::argument_illegal, "\"" + property + "\" is no property; write NAME=VALUE"};
        }
        message.properties[property.substr(0, equals)] = property.substr(equals + 1);
    }
    return message;
}

exit_code send_one(const command_context& context, client::producer& producer, client::message message,
                   const client::queue_choice& choice) {
    const auto receipt = producer.send(std::move(message), choice);
    if (!receipt) {
        return context.fail(receipt.failure());
    }
    std::vector<column> columns{{"message_id"}, {"topic"}, {"broker"}, {"queue"}, {"offset"}, {"attempts"}};
    std::vector<cell> cells{receipt->message_id,        receipt->queue.topic,
                            receipt->queue.broker_name, std::int64_t{receipt->queue.queue},
                            receipt->offset.value(),    std::int64_t{receipt->attempts}};
    if (!receipt->recall_handle.empty()) {
        columns.push_back({"recall_handle"});
        cells.push_back(receipt->recall_handle);
    }
    table rows{std::move(columns)};
    rows.add(std::move(cells));
    rows.print(context.out, context.format);
    return exit_code::ok;
}

/// Outcomes of many sends; filled from the producer's thread.
struct tally {
    std::mutex mutex;
    std::condition_variable answered;
    std::int64_t sent = 0;
    std::int64_t bytes = 0;
    std::int64_t failed = 0;
    error first_failure;
};

exit_code send_lines(const command_context& context, client::producer& producer, const client::message& shape, std::istream& input,
                     const client::queue_choice& choice) {
    const auto counts = std::make_shared<tally>();
    std::int64_t empty = 0;
    std::int64_t given = 0;
    for (std::string line; std::getline(input, line);) {
        if (line.empty()) {
            ++empty; // a message has a body
            continue;
        }
        ++given;
        client::message message = shape;
        const auto bytes = static_cast<std::int64_t>(line.size());
        message.body = std::move(line);
        producer.send_async(
            std::move(message),
            [counts, bytes](const result<client::send_receipt>& outcome) {
                const std::lock_guard lock{counts->mutex};
                if (outcome) {
                    ++counts->sent;
                    counts->bytes += bytes;
                } else if (++counts->failed == 1) {
                    counts->first_failure = outcome.failure();
                }
                counts->answered.notify_one();
            },
            choice);
    }
    // Every send is answered within its timeout; the wait is bounded all the same.
    std::unique_lock lock{counts->mutex};
    counts->answered.wait_for(lock, 2 * context.timeout, [&] { return counts->sent + counts->failed == given; });
    record shown;
    shown.add("topic", shape.topic);
    shown.add("messages_sent", counts->sent);
    shown.add("bytes_sent", counts->bytes);
    shown.add("messages_failed", given - counts->sent);
    shown.add("empty_lines_skipped", empty);
    shown.print(context.out, context.format);
    if (counts->failed == 0 && counts->sent == given) {
        return exit_code::ok;
    }
    return counts->failed > 0 ? context.fail(counts->first_failure)
                              : context.fail(exit_code::unreachable, "not every send was answered in time");
}

exit_code send(const command_context& context, const send_arguments& arguments) {
    if (const auto checked = check_topic_name(arguments.topic); !checked) {
        return context.fail(checked.failure());
    }
    auto message = make_message(arguments);
    if (!message) {
        return context.fail(message.failure());
    }
    client::queue_choice choice;
    if (!arguments.queue.empty()) {
        const auto queue = parse_queue(arguments.topic, arguments.queue);
        if (!queue) {
            return context.fail(queue.failure());
        }
        choice = client::queue_choice::exactly(*queue);
    }
    const bool many = !arguments.lines.empty();
    const std::string source = many ? arguments.lines : arguments.file.empty() && arguments.body.empty() ? "-" : arguments.file;
    std::shared_ptr<std::istream> input;
    if (!source.empty()) {
        input = open_input(source);
        if (!input) {
            return cannot_read(context, source);
        }
    }
    if (!many && input) {
        // One byte over the limit is enough for the producer to refuse it.
        message->body.resize(limits::body_bytes_max + 1);
        input->read(message->body.data(), static_cast<std::streamsize>(message->body.size()));
        message->body.resize(static_cast<std::size_t>(input->gcount()));
    } else if (!many) {
        message->body = arguments.body.front();
    }
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    client::producer_options options;
    options.group = arguments.group;
    options.send_timeout = context.timeout;
    auto producer = client::producer::open(*connection, options);
    if (!producer) {
        return context.fail(producer.failure());
    }
    return many ? send_lines(context, *producer, *message, *input, choice) : send_one(context, *producer, std::move(*message), choice);
}

} // namespace

void add_send_command(CLI::App& app, command_context& context) {
    const auto arguments = std::make_shared<send_arguments>();
    CLI::App* command = app.add_subcommand("send", "Send messages to a topic");
    add_client_options(*command, context);
    command->add_option("TOPIC", arguments->topic, "Where to send")->required();
    CLI::Option* body =
        command->add_option("BODY", arguments->body, "The message; without it, standard input is the message")->expected(0, 1);
    CLI::Option* file =
        command->add_option("--file", arguments->file, "Send a whole file as one message; - is standard input")->type_name("FILE");
    CLI::Option* lines =
        command->add_option("--lines", arguments->lines, "Send each line of a file as a message; - is standard input")->type_name("FILE");
    body->excludes(file)->excludes(lines);
    file->excludes(lines);
    command->add_option("--tag", arguments->tag, "A word that consumers can filter by")->type_name("TAG");
    command->add_option("--key", arguments->keys, "A word to find the message by; may be repeated")->type_name("KEY");
    command->add_option("--property", arguments->properties, "A property; may be repeated")->type_name("NAME=VALUE");
    command->add_option("--sharding-key", arguments->sharding_key, "Messages of one key go to one queue, in order")->type_name("KEY");
    CLI::Option* level =
        command->add_option("--delay-level", arguments->delay_level, "Deliver it after this level's delay; 1 is the shortest")
            ->check(CLI::Range(1, 64))
            ->type_name("N");
    CLI::Option* delay =
        command->add_option("--delay", arguments->delay, "Deliver it after this time, like 90s or 36h")->type_name("DURATION");
    CLI::Option* deliver_at =
        command->add_option("--deliver-at", arguments->deliver_at, "Deliver it then: 2026-11-22T10:00:00Z, or milliseconds since 1970")
            ->type_name("TIME");
    level->excludes(delay)->excludes(deliver_at);
    delay->excludes(deliver_at);
    command->add_option("--queue", arguments->queue, "Exactly this queue, like broker-a:0")->type_name("BROKER:N");
    command->add_option("--group", arguments->group, "Producer group")->capture_default_str()->type_name("GROUP");
    set_examples(*command, "troupe send orders \"hello\"\n"
                           "troupe send orders --tag paid --key 4711 < order.json\n"
                           "troupe send orders --lines orders.txt\n"
                           "troupe send reminders --delay 36h \"hello again\"");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return send(context, *arguments); }; });
}

} // namespace troupe::apps
