#include "apps/commands/client_support.hpp"
#include "apps/commands/group_subcommands.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace troupe::apps {

namespace {

using offset_changes = std::map<client::message_queue, client::offset_change>;

struct reset_arguments {
    std::string name;
    std::string topic;
    std::string to;
    std::string queue;
    std::vector<std::string> brokers;
    bool dry_run = false;
};

result<offset_changes> reset_queue(client::admin& admin, const reset_arguments& arguments, const client::seek_target& to) {
    const auto queue = parse_queue(arguments.topic, arguments.queue);
    if (!queue) {
        return queue.failure();
    }
    const auto change =
        arguments.dry_run ? admin.preview_reset_offset(arguments.name, *queue, to) : admin.reset_offset(arguments.name, *queue, to);
    if (!change) {
        return change.failure();
    }
    return offset_changes{{*queue, *change}};
}

result<offset_changes> reset_at(client::admin& admin, const std::string& broker, const reset_arguments& arguments,
                                const client::seek_target& to) {
    return arguments.dry_run ? admin.preview_reset_offsets(arguments.name, arguments.topic, to, {broker})
                             : admin.reset_offsets(arguments.name, arguments.topic, to, {broker});
}

/// What went well; the rest goes to `failures`. Fails when there is neither.
result<offset_changes> reset_all(client::admin& admin, const reset_arguments& arguments, const client::seek_target& to,
                                 broker_failures& failures) {
    const auto brokers = brokers_to_ask(admin, arguments.brokers);
    if (!brokers) {
        return brokers.failure();
    }
    offset_changes all;
    error nowhere;
    for (const auto& broker : *brokers) {
        auto changes = reset_at(admin, broker, arguments, to);
        const bool is_absent = changes.code() == errc::topic_not_found || changes.code() == errc::group_not_found;
        if (changes) {
            all.merge(*changes);
        } else if (is_absent && arguments.brokers.empty()) {
            nowhere = changes.failure(); // brokers need not have the same topics, nor know every group
        } else if (arguments.dry_run) {
            failures.before_order(changes.failure());
        } else {
            failures.of_order(changes.failure());
        }
    }
    return all.empty() && failures.empty() ? result<offset_changes>{nowhere} : all;
}

void print(const command_context& context, const offset_changes& changes, bool dry_run) {
    table rows{{{"broker"}, {"queue"}, {"from"}, {"to"}}};
    for (const auto& [queue, change] : changes) {
        rows.add({queue.broker_name, std::int64_t{queue.queue}, change.from, change.to.value()});
    }
    rows.print(context.out, context.format);
    if (dry_run && context.format == output_format::table) {
        context.out << "Nothing is changed: without --dry-run it would be.\n";
    }
}

exit_code reset(const command_context& context, const reset_arguments& arguments) {
    const auto to = parse_start_point(arguments.to, now());
    if (!to) {
        return context.fail(exit_code::usage, "--to: " + to.failure().text);
    }
    if (to->kind == start_point::kind_type::offset && arguments.queue.empty()) {
        return context.fail(exit_code::usage, "--to offset:N is for one queue; name it with --queue BROKER:N");
    }
    auto admin = open_group_admin(context, arguments.name);
    if (!admin) {
        return context.fail(admin.failure());
    }
    broker_failures failures{arguments.name};
    const auto target = to_seek_target(*to);
    const auto changes = arguments.queue.empty() ? reset_all(*admin, arguments, target, failures) : reset_queue(*admin, arguments, target);
    if (!changes) {
        return context.fail(changes.failure());
    }
    if (!changes->empty()) {
        print(context, *changes, arguments.dry_run);
    }
    return failures.report(context);
}

} // namespace

void add_group_reset_command(CLI::App& group, command_context& context) {
    const auto arguments = std::make_shared<reset_arguments>();
    CLI::App* command = group.add_subcommand("reset", "Let a group go on elsewhere in a topic, whether or not it consumes now");
    add_client_options(*command, context);
    command->add_option("GROUP", arguments->name, "Name of the group")->required();
    command->add_option("TOPIC", arguments->topic, "Topic")->required();
    command
        ->add_option("--to", arguments->to, "first, last, time:T or offset:N; T is 2026-11-22T10:00:00Z, milliseconds since 1970, or -15m")
        ->required()
        ->type_name("PLACE");
    auto* queue = command->add_option("--queue", arguments->queue, "Only this queue")->type_name("BROKER:N");
    command->add_option("-b,--broker", arguments->brokers, "Only on this broker; may be repeated")->type_name("NAME")->excludes(queue);
    command->add_flag("--dry-run", arguments->dry_run, "Change nothing; print where each queue is and where it would go");
    set_examples(*command, "troupe group reset billing orders --to first\n"
                           "troupe group reset billing orders --to time:-15m --dry-run\n"
                           "troupe group reset billing orders --queue broker-a:3 --to offset:1200");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return reset(context, *arguments); }; });
}

} // namespace troupe::apps
