#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "client/admin.hpp"

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>

namespace troupe::apps {

namespace {

constexpr std::int32_t count_max = 100'000;

struct timer_arguments {
    std::string id;
    std::string topic;
    std::int32_t count = 100;
    bool body_only = false;
};

std::int64_t due_in_ms(const client::pending_timer& timer) {
    return timer.due - now();
}

exit_code list(const command_context& context, const timer_arguments& arguments) {
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto listed = client::admin{*connection}.list_timers(arguments.topic, static_cast<std::size_t>(arguments.count));
    if (!listed) {
        return context.fail(listed.failure());
    }
    table rows{{{"due"}, {"due_in_ms"}, {"topic"}, {"message_id"}, {"broker"}, {"stored"}, {"tags"}, {"keys"}, {"body_bytes"}}};
    for (const auto& timer : listed->timers) {
        rows.add({moment{timer.due.value()}, due_in_ms(timer), timer.topic, std::string{timer.message.message_id()},
                  timer.message.queue.broker_name, moment{timer.message.stored.value()}, std::string{timer.message.tags()},
                  std::string{timer.message.keys()}, static_cast<std::int64_t>(timer.message.body.size())});
    }
    rows.print(context.out, context.format);
    if (listed->has_more && context.format == output_format::table) {
        context.err << "troupe: these are the first; --count shows more, " << listed->pending << " are pending over all topics\n";
    }
    return exit_code::ok;
}

exit_code show(const command_context& context, const timer_arguments& arguments) {
    if (arguments.body_only && context.format == output_format::json) {
        return context.fail(exit_code::usage, "--body-only prints the body as it is, which is no JSON; leave out one of --body-only and "
                                              "-o json");
    }
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto timer = client::admin{*connection}.find_timer(arguments.topic, arguments.id);
    if (!timer) {
        return context.fail(timer.failure());
    }
    const auto& message = timer->message;
    if (arguments.body_only) {
        context.out << message.body.view() << '\n';
        return exit_code::ok;
    }
    auto properties = message.properties();
    erase_added(properties);
    const std::string_view body = message.body.view();
    const bool is_text = is_utf8(body);
    record shown;
    shown.add("topic", timer->topic);
    shown.add("due", moment{timer->due.value()});
    shown.add("due_in_ms", due_in_ms(*timer));
    shown.add("broker", message.queue.broker_name);
    shown.add("queue", std::int64_t{message.queue.queue});
    shown.add("message_id", std::string{message.message_id()});
    shown.add("stored", moment{message.stored.value()});
    shown.add("born", moment{message.born.value()});
    shown.add("tags", std::string{message.tags()});
    shown.add("keys", std::string{message.keys()});
    shown.add("properties", std::move(properties));
    shown.add("body_encoding", std::string{is_text ? "utf-8" : "base64"});
    shown.add("body", is_text ? std::string{body} : to_base64(body));
    shown.print(context.out, context.format);
    return exit_code::ok;
}

exit_code cancel(const command_context& context, const timer_arguments& arguments) {
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    if (const auto cancelled = client::admin{*connection}.cancel_timer(arguments.topic, arguments.id); !cancelled) {
        return context.fail(cancelled.failure());
    }
    record shown;
    shown.add("topic", arguments.topic);
    shown.add("message_id", arguments.id);
    shown.add("cancelled", true);
    shown.print(context.out, context.format);
    return exit_code::ok;
}

} // namespace

void add_timer_commands(CLI::App& app, command_context& context) {
    CLI::App* timer = app.add_subcommand("timer", "List, show and cancel messages that wait for their time");
    timer->require_subcommand(1);
    const auto arguments = std::make_shared<timer_arguments>();

    CLI::App* list_command = timer->add_subcommand("list", "List the messages that are due next");
    add_client_options(*list_command, context);
    list_command->add_option("-t,--topic", arguments->topic, "Only those for this topic")->type_name("TOPIC");
    list_command->add_option("-c,--count", arguments->count, "At most so many")->check(CLI::Range(1, count_max))->capture_default_str();
    set_examples(*list_command, "troupe timer list\n"
                                "troupe timer list --topic reminders --count 10 -o json");
    list_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return list(context, *arguments); }; });

    const auto add_one = [&](const char* name, const char* meaning, exit_code (*run)(const command_context&, const timer_arguments&)) {
        CLI::App* command = timer->add_subcommand(name, meaning);
        add_client_options(*command, context);
        command->add_option("ID", arguments->id, "What sending printed as its message id")->required();
        command->add_option("-t,--topic", arguments->topic, "The topic that it was sent to")->required()->type_name("TOPIC");
        command->callback([&context, arguments, run] { context.chosen = [&context, arguments, run] { return run(context, *arguments); }; });
        return command;
    };
    CLI::App* show_command = add_one("show", "Show one message that waits, and what is stored with it", show);
    show_command->add_flag("--body-only", arguments->body_only, "Print nothing but the body, unchanged, followed by a newline");
    set_examples(*show_command, "troupe timer show C000020206B263BCB060817F88380000 --topic reminders");
    CLI::App* cancel_command = add_one("cancel", "Cancel one message: it will not be delivered", cancel);
    set_examples(*cancel_command, "troupe timer cancel C000020206B263BCB060817F88380000 --topic reminders");
}

} // namespace troupe::apps
