#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "client/admin.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/vocabulary/names.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <memory>
#include <ostream>

namespace troupe::apps {

namespace {

/// One broker's index gives no more for one question.
constexpr std::int32_t count_max = 64;

struct message_arguments {
    std::string id;
    std::string topic;
    std::string key;
    std::string since;
    std::string until;
    std::int32_t count = 32;
    bool body_only = false;
};

std::string shown_body(const client::received_message& message) {
    const std::string_view body = message.body.view();
    return is_utf8(body) ? std::string{body} : to_base64(body);
}

std::string body_encoding(const client::received_message& message) {
    return is_utf8(message.body.view()) ? "utf-8" : "base64";
}

exit_code show(const command_context& context, const message_arguments& arguments) {
    if (arguments.body_only && context.format == output_format::json) {
        return context.fail(exit_code::usage, "--body-only prints the body as it is, which is no JSON; leave out one of --body-only and "
                                              "-o json");
    }
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto message = client::admin{*connection}.find_message(arguments.id, arguments.topic);
    if (!message && message.code() == errc::argument_illegal && arguments.topic.empty()) {
        return context.fail(error{message.code(), message.failure().text + " with --topic"});
    }
    if (!message) {
        return context.fail(message.failure());
    }
    if (arguments.body_only) {
        context.out << message->body.view() << '\n';
        return exit_code::ok;
    }
    auto properties = message->properties();
    erase_added(properties);
    record shown;
    shown.add("topic", message->queue.topic);
    shown.add("broker", message->queue.broker_name);
    shown.add("queue", std::int64_t{message->queue.queue});
    shown.add("offset", message->offset.value());
    shown.add("message_id", std::string{message->message_id()});
    shown.add("offset_message_id", message->offset_message_id);
    shown.add("stored", moment{message->stored.value()});
    shown.add("born", moment{message->born.value()});
    shown.add("retries", std::int64_t{message->reconsume_times});
    shown.add("tags", std::string{message->tags()});
    shown.add("keys", std::string{message->keys()});
    shown.add("properties", std::move(properties));
    shown.add("body_encoding", body_encoding(*message));
    shown.add("body", shown_body(*message));
    shown.print(context.out, context.format);
    return exit_code::ok;
}

/// One end of a range of times; `otherwise` when it is not given.
result<timestamp_ms> time_of(const char* option, const std::string& text, timestamp_ms now, timestamp_ms otherwise) {
    if (text.empty()) {
        return otherwise;
    }
    const auto time = parse_start_point("time:" + text, now);
    if (!time) {
        return error{time.code(), std::string{option} + ": " + time.failure().text};
    }
    return time->time;
}

/// Fails with argument_illegal.
result<client::find_options> range_of(const message_arguments& arguments) {
    client::find_options options;
    options.messages_max = arguments.count;
    const auto at = now(); // one for both
    const auto since = time_of("--since", arguments.since, at, options.begin);
    if (!since) {
        return since.failure();
    }
    const auto until = time_of("--until", arguments.until, at, options.end);
    if (!until) {
        return until.failure();
    }
    if (!arguments.since.empty() && *until < *since) {
        return error{errc::argument_illegal, "--until " + arguments.until + " (" + format_moment(moment{until->value()}) +
                                                 ") is before --since " + arguments.since + " (" + format_moment(moment{since->value()}) +
                                                 "), so that nothing lies between; exchange the two"};
    }
    options.begin = *since;
    options.end = *until;
    return options;
}

exit_code find(const command_context& context, const message_arguments& arguments) {
    const auto options = range_of(arguments);
    if (!options) {
        return context.fail(options.failure());
    }
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    auto found = client::admin{*connection}.find_messages(arguments.topic, arguments.key, *options);
    if (!found) {
        return context.fail(found.failure());
    }
    // A broker gives no more than was asked for, and does not say whether there are more.
    const bool may_be_more = found->size() >= static_cast<std::size_t>(arguments.count);
    if (found->size() > static_cast<std::size_t>(arguments.count)) {
        found->resize(static_cast<std::size_t>(arguments.count));
    }
    table rows{{{"message_id"}, {"broker"}, {"queue"}, {"offset"}, {"stored"}, {"tags"}, {"keys"}, {"body_encoding"}, {"body"}}};
    for (const auto& message : *found) {
        rows.add({std::string{message.message_id()}, message.queue.broker_name, std::int64_t{message.queue.queue}, message.offset.value(),
                  moment{message.stored.value()}, std::string{message.tags()}, std::string{message.keys()}, body_encoding(message),
                  shown_body(message)});
    }
    rows.print(context.out, context.format);
    if (may_be_more && context.format == output_format::table) {
        context.err << "troupe: there may be older ones than these " << found->size() << ": --until " << found->back().stored.value()
                    << " finds them" << (arguments.count < count_max ? ", or a greater --count" : "") << '\n';
    }
    return exit_code::ok;
}

std::string kind_text(client::message_stop::kind_type kind) {
    using kind_type = client::message_stop::kind_type;
    switch (kind) {
    case kind_type::original: return "original";
    case kind_type::retry: return "retry";
    case kind_type::dead_letter: break;
    }
    return "dead letter";
}

table copies_of(const client::message_way& way) {
    table rows{{{"copy"}, {"group"}, {"topic"}, {"queue"}, {"offset"}, {"tries"}, {"stored"}, {"offset_message_id"}}};
    for (const auto& stop : way.stops) {
        rows.add({kind_text(stop.kind), stop.group, stop.message.queue.topic, std::int64_t{stop.message.queue.queue},
                  stop.message.offset.value(), std::int64_t{stop.message.reconsume_times}, moment{stop.message.stored.value()},
                  stop.message.offset_message_id});
    }
    return rows;
}

table deliveries_of(const client::message_way& way) {
    table rows{{{"copy"}, {"group"}, {"member"}, {"first"}, {"last"}, {"certain"}}};
    for (const auto& stop : way.stops) {
        for (const auto& group : stop.trace.groups) {
            for (const auto& delivery : group.deliveries) {
                rows.add({kind_text(stop.kind), group.group, delivery.client_id.empty() ? std::string{"(not known)"} : delivery.client_id,
                          moment{delivery.first.value()}, moment{delivery.last.value()}, !delivery.is_partial});
            }
        }
    }
    return rows;
}

table acknowledgements_of(const client::message_way& way) {
    table rows{{{"copy"}, {"group"}, {"offset"}, {"committed_offset"}, {"acknowledged"}, {"deliveries"}, {"again_from"}}};
    for (const auto& stop : way.stops) {
        for (const auto& group : stop.trace.groups) {
            rows.add({kind_text(stop.kind), group.group, stop.message.offset.value(), group.committed.value(),
                      group.has_acknowledged(stop.message.offset), std::int64_t{group.popped.deliveries},
                      moment{group.popped.visible.value()}});
        }
    }
    return rows;
}

exit_code trace(const command_context& context, const message_arguments& arguments) {
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto way = client::admin{*connection}.trace_message(arguments.id, arguments.topic);
    if (!way && way.code() == errc::argument_illegal && arguments.topic.empty()) {
        return context.fail(error{way.code(), way.failure().text + " with --topic"});
    }
    if (!way) {
        return context.fail(way.failure());
    }
    const auto& first = way->stops.front();
    const auto place = protocol::parse_offset_message_id(first.message.offset_message_id);
    record shown;
    shown.add("message_id", std::string{first.message.message_id()});
    shown.add("offset_message_id", first.message.offset_message_id);
    shown.add("topic", first.message.queue.topic);
    shown.add("broker", first.message.queue.broker_name);
    shown.add("queue", std::int64_t{first.message.queue.queue});
    shown.add("offset", first.message.offset.value());
    shown.add("position", place ? place->second.value() : std::int64_t{-1});
    shown.add("born", moment{first.message.born.value()});
    shown.add("stored", moment{first.message.stored.value()});
    shown.add("indexed", first.trace.is_indexed);
    shown.add("deliveries_known_since", moment{first.trace.complete_since.value()});
    shown.add("copies_findable", way->copies_are_findable);
    shown.add("copies", copies_of(*way));
    shown.add("deliveries", deliveries_of(*way));
    shown.add("acknowledgements", acknowledgements_of(*way));
    shown.print(context.out, context.format);
    if (context.format == output_format::table && first.message.stored < first.trace.complete_since) {
        context.err << "troupe: the broker does not know to whom it handed messages before "
                    << format_moment(moment{first.trace.complete_since.value()}) << ", and this one was stored earlier\n";
    }
    return exit_code::ok;
}

} // namespace

void add_message_commands(CLI::App& app, command_context& context) {
    CLI::App* message = app.add_subcommand("message", "Show a message by its id, trace its way, and find messages by key");
    message->require_subcommand(1);
    const auto arguments = std::make_shared<message_arguments>();

    CLI::App* show_command = message->add_subcommand("show", "Show one message and what is stored with it");
    add_client_options(*show_command, context);
    show_command
        ->add_option("ID", arguments->id, "Offset id, or unique key: what sending printed as its message id. A unique key needs --topic")
        ->required();
    show_command->add_option("-t,--topic", arguments->topic, "Where to look the unique key up")->type_name("TOPIC");
    show_command->add_flag("--body-only", arguments->body_only, "Print nothing but the body, unchanged, followed by a newline");
    set_examples(*show_command, "troupe message show C000020206B263BCB060817F88380000 --topic orders\n"
                                "troupe message show 7F00000100002A9F0000000000000000 -o json");
    show_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return show(context, *arguments); }; });

    CLI::App* trace_command =
        message->add_subcommand("trace", "Show one message's way: where it is stored, who got it, who is done with it, and its retries");
    add_client_options(*trace_command, context);
    trace_command
        ->add_option("ID", arguments->id, "Offset id, or unique key: what sending printed as its message id. A unique key needs --topic")
        ->required();
    trace_command->add_option("-t,--topic", arguments->topic, "Where to look the unique key up")->type_name("TOPIC");
    set_examples(*trace_command, "troupe message trace C000020206B263BCB060817F88380000 --topic orders\n"
                                 "troupe message trace 7F00000100002A9F0000000000000000 -o json");
    trace_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return trace(context, *arguments); }; });

    CLI::App* find_command = message->add_subcommand("find", "Find the messages of a topic that have a key, newest first");
    add_client_options(*find_command, context);
    find_command->add_option("-t,--topic", arguments->topic, "Where to look")->required()->type_name("TOPIC");
    find_command->add_option("-k,--key", arguments->key, "One of the keys that the message was sent with")->required()->type_name("KEY");
    find_command->add_option("-c,--count", arguments->count, "At most so many; the newest of those that there are")
        ->check(CLI::Range(1, count_max))
        ->capture_default_str();
    find_command->add_option("--since", arguments->since, "Only what was stored since then: 2026-11-22T10:00:00Z, milliseconds, or -15m")
        ->type_name("TIME");
    find_command->add_option("--until", arguments->until, "Only what was stored until then, written in the same way")->type_name("TIME");
    set_examples(*find_command,
                 "troupe message find --topic orders --key order-4711\n"
                 "troupe message find --topic orders --key order-4711 --since 2026-11-22T10:00:00Z --until 2026-11-22T11:00:00Z\n"
                 "troupe message find --topic orders --key order-4711 --since -1h -o json");
    find_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return find(context, *arguments); }; });
}

} // namespace troupe::apps
