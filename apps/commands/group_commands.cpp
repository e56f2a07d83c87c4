#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "client/admin.hpp"
#include "protocol/vocabulary/names.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <ostream>
#include <string>

namespace troupe::apps {

namespace {

struct group_arguments {
    bool all = false;
    std::string name;
    std::string topic;
    std::int64_t deliver_rate = -1; ///< -1: not given
    std::string to;
    std::string queue;
};

exit_code list(const command_context& context, bool all) {
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto groups = client::admin{*connection}.summarize_groups(all);
    if (!groups) {
        return context.fail(groups.failure());
    }
    table rows{{{"group"}, {"members"}, {"lag"}, {"lag_ms"}, {"measured"}, {"slow"}}};
    for (const auto& group : *groups) {
        rows.add({group.name, std::int64_t{group.members}, group.lag, group.lag_ms, group.is_known, group.is_slow});
    }
    rows.print(context.out, context.format, "There are no consumer groups; a consumer makes its own when it starts.");
    return exit_code::ok;
}

bool differs_on(const client::group_description& group, const std::string& topic) {
    return std::ranges::any_of(group.differences, [&topic](const auto& one) { return one.what == "topic " + topic; });
}

/// Who subscribes to what; a mark where the members do not say the same.
table subscriptions_of(const client::group_description& group) {
    table rows{{{"member"}, {"topic"}, {"type"}, {"expression"}, {"differs"}}};
    for (const auto& member : group.member_details) {
        for (const auto& subscription : member.subscriptions) {
            rows.add({member.connection.client_id, subscription.topic,
                      subscription.expression_type.empty() ? std::string{"TAG"} : subscription.expression_type, subscription.expression,
                      differs_on(group, subscription.topic)});
        }
    }
    return rows;
}

table differences_of(const client::group_description& group) {
    table rows{{{"difference"}, {"said"}, {"members"}}};
    for (const auto& difference : group.differences) {
        for (const auto& [said, members] : difference.said) {
            rows.add({difference.what, said, members});
        }
    }
    return rows;
}

/// Client ids that several clients have at once, with where these are.
table shared_client_ids_of(const client::group_description& group) {
    table rows{{{"shared_client_id"}, {"addresses"}}};
    for (const auto& member : group.member_details) {
        if (!member.other_addresses.empty()) {
            auto addresses = member.other_addresses;
            addresses.insert(addresses.begin(), member.connection.address);
            rows.add({member.connection.client_id, std::move(addresses)});
        }
    }
    return rows;
}

bool shares_client_ids(const client::group_description& group) {
    return std::ranges::any_of(group.member_details, [](const auto& member) { return !member.other_addresses.empty(); });
}

exit_code show(const command_context& context, const group_arguments& arguments) {
    if (const auto checked = check_group_name(arguments.name); !checked) {
        return context.fail(checked.failure());
    }
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto group = client::admin{*connection}.describe_group(arguments.name, arguments.topic);
    if (!group) {
        return context.fail(group.failure());
    }
    table queues{
        {{"topic"}, {"broker"}, {"queue"}, {"committed_offset"}, {"next_offset"}, {"lag"}, {"in_flight"}, {"last_consumed_stored"}}};
    for (const auto& [queue, progress] : group->queues) {
        queues.add({queue.topic, queue.broker_name, std::int64_t{queue.queue}, progress.consumer_offset, progress.broker_offset,
                    std::max<std::int64_t>(0, progress.broker_offset - std::max<std::int64_t>(0, progress.consumer_offset)),
                    std::max<std::int64_t>(0, progress.pull_offset - std::max<std::int64_t>(0, progress.consumer_offset)),
                    moment{progress.last_stored_ms}});
    }
    record shown;
    shown.add("group", group->name);
    shown.add("members", group->members);
    shown.add("lag", group->lag());
    shown.add("lag_ms", group->summary.lag_ms);
    shown.add("slow", group->summary.is_slow);
    shown.add("members_differ", !group->differences.empty());
    shown.add("client_ids_shared", shares_client_ids(*group));
    shown.add("queues", std::move(queues));
    // Programs find all of them; people are not shown what is empty.
    if (context.format == output_format::json || !group->member_details.empty()) {
        shown.add("subscriptions", subscriptions_of(*group));
    }
    if (context.format == output_format::json || !group->differences.empty()) {
        shown.add("differences", differences_of(*group));
    }
    if (context.format == output_format::json || shares_client_ids(*group)) {
        shown.add("shared_client_ids", shared_client_ids_of(*group));
    }
    shown.print(context.out, context.format);
    return exit_code::ok;
}

exit_code update(const command_context& context, const group_arguments& arguments) {
    if (arguments.deliver_rate < 0) {
        return context.fail(exit_code::usage, "nothing to change; give --deliver-rate");
    }
    if (const auto checked = check_group_name(arguments.name); !checked) {
        return context.fail(checked.failure());
    }
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    if (const auto set = client::admin{*connection}.set_delivery_quota(arguments.name, arguments.deliver_rate); !set) {
        return context.fail(set.failure());
    }
    if (context.format == output_format::table) {
        context.out << "Updated group " << arguments.name << ": "
                    << (arguments.deliver_rate == 0
                            ? std::string{"no limit of what it gets"}
                            : "at most " + std::to_string(arguments.deliver_rate) + " messages a second of each broker")
                    << ".\n";
        return exit_code::ok;
    }
    record shown;
    shown.add("group", arguments.name);
    shown.add("deliver_rate", arguments.deliver_rate);
    shown.print(context.out, context.format);
    return exit_code::ok;
}

using offset_changes = std::map<client::message_queue, client::offset_change>;

result<offset_changes> reset_offsets(const client::connection& connection, const group_arguments& arguments, const start_point& to) {
    client::admin admin{connection};
    if (arguments.queue.empty()) {
        return admin.reset_offsets(arguments.name, arguments.topic, to_seek_target(to));
    }
    const auto queue = parse_queue(arguments.topic, arguments.queue);
    if (!queue) {
        return queue.failure();
    }
    const auto change = admin.reset_offset(arguments.name, *queue, to_seek_target(to));
    if (!change) {
        return change.failure();
    }
    return offset_changes{{*queue, *change}};
}

exit_code reset(const command_context& context, const group_arguments& arguments) {
    const auto to = parse_start_point(arguments.to, now());
    if (!to) {
        return context.fail(exit_code::usage, "--to: " + to.failure().text);
    }
    if (to->kind == start_point::kind_type::offset && arguments.queue.empty()) {
        return context.fail(exit_code::usage, "--to offset:N is for one queue; name it with --queue BROKER:N");
    }
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto changes = reset_offsets(*connection, arguments, *to);
    if (!changes) {
        return context.fail(changes.failure());
    }
    table rows{{{"broker"}, {"queue"}, {"from"}, {"to"}}};
    for (const auto& [queue, change] : *changes) {
        rows.add({queue.broker_name, std::int64_t{queue.queue}, change.from, change.to.value()});
    }
    rows.print(context.out, context.format);
    return exit_code::ok;
}

} // namespace

void add_group_commands(CLI::App& app, command_context& context) {
    CLI::App* group = app.add_subcommand("group", "List, show and update consumer groups, and set where they are");
    group->require_subcommand(1);

    CLI::App* list_command = group->add_subcommand("list", "List the consumer groups of the cluster, and how far they are behind");
    const auto arguments = std::make_shared<group_arguments>();
    add_client_options(*list_command, context);
    list_command->add_flag("-a,--all", arguments->all, "Also those that brokers make for themselves");
    set_examples(*list_command, "troupe group list");
    list_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return list(context, arguments->all); }; });

    CLI::App* update_command = group->add_subcommand("update", "Change the quota of a group");
    add_client_options(*update_command, context);
    update_command->add_option("GROUP", arguments->name, "Name of the group")->required();
    update_command
        ->add_option("--deliver-rate", arguments->deliver_rate,
                     "Hand it so many messages a second on each broker, at most; 0: without limit")
        ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()))
        ->type_name("N");
    set_examples(*update_command, "troupe group update billing --deliver-rate 500\ntroupe group update billing --deliver-rate 0");
    update_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return update(context, *arguments); }; });

    CLI::App* reset_command = group->add_subcommand("reset", "Let a group go on elsewhere in a topic, whether or not it consumes now");
    add_client_options(*reset_command, context);
    reset_command->add_option("GROUP", arguments->name, "Name of the group")->required();
    reset_command->add_option("TOPIC", arguments->topic, "Topic")->required();
    reset_command
        ->add_option("--to", arguments->to, "first, last, time:T or offset:N; T is 2026-11-22T10:00:00Z, milliseconds since 1970, or -15m")
        ->required()
        ->type_name("PLACE");
    reset_command->add_option("--queue", arguments->queue, "Only this queue")->type_name("BROKER:N");
    set_examples(*reset_command, "troupe group reset billing orders --to first\n"
                                 "troupe group reset billing orders --to time:-15m\n"
                                 "troupe group reset billing orders --queue broker-a:3 --to offset:1200");
    reset_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return reset(context, *arguments); }; });

    CLI::App* show_command =
        group->add_subcommand("show", "Show a group: its members, what they subscribe to, and how far it is behind on each queue");
    add_client_options(*show_command, context);
    show_command->add_option("GROUP", arguments->name, "Name of the group")->required();
    show_command->add_option("-t,--topic", arguments->topic, "Only this topic")->type_name("TOPIC");
    set_examples(*show_command, "troupe group show billing\ntroupe group show billing --topic orders -o json");
    show_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return show(context, *arguments); }; });
}

} // namespace troupe::apps
