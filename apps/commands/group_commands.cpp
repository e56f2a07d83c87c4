#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "apps/commands/group_settings.hpp"
#include "apps/commands/group_subcommands.hpp"
#include "client/admin.hpp"
#include "protocol/vocabulary/names.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace troupe::apps {

namespace {

struct group_arguments {
    bool all = false;
    std::string name;
    std::string topic;
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

/// Brokers that do not tell something of the group.
table untold_of(const std::map<std::string, error>& untold) {
    table rows{{{"broker"}, {"failure"}}};
    for (const auto& [broker, failure] : untold) {
        rows.add({broker, failure.text});
    }
    return rows;
}

bool brokers_differ(const std::vector<client::group_on_broker>& brokers) {
    return std::ranges::any_of(brokers, [&brokers](const auto& each) { return each.config != brokers.front().config; });
}

exit_code show(const command_context& context, const group_arguments& arguments) {
    auto admin = open_group_admin(context, arguments.name);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto group = admin->describe_group(arguments.name, arguments.topic);
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
    shown.add("brokers_differ", brokers_differ(group->brokers));
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
    if (context.format == output_format::json || !group->brokers.empty()) {
        shown.add("settings", settings_of(group->brokers));
    }
    if (context.format == output_format::json) { // people are told below
        shown.add("untold", untold_of(group->untold));
        shown.add("untold_progress", untold_of(group->untold_progress));
    }
    shown.print(context.out, context.format);
    for (const auto& [broker, failure] : group->untold) {
        context.err << "troupe: settings are left out: " << failure.text << "\n";
    }
    for (const auto& [broker, failure] : group->untold_progress) {
        context.err << "troupe: progress is left out: " << failure.text << "\n";
    }
    return group->untold_progress.empty() ? exit_code::ok : exit_code_of(group->untold_progress.begin()->second.code);
}

} // namespace

result<client::admin> open_group_admin(const command_context& context, const std::string& group) {
    if (const auto checked = check_group_name(group); !checked) {
        return checked.failure();
    }
    auto connection = connect(context);
    if (!connection) {
        return connection.failure();
    }
    return client::admin{std::move(*connection)};
}

result<std::vector<std::string>> brokers_to_ask(client::admin& admin, const std::vector<std::string>& named) {
    const auto cluster = admin.describe_cluster();
    if (!cluster) {
        return cluster.failure();
    }
    std::vector<std::string> known;
    std::string listed;
    for (const auto& [name, broker] : cluster->brokers) {
        known.push_back(name);
        listed += (listed.empty() ? "" : ", ") + name;
    }
    for (const auto& name : named) {
        if (std::ranges::find(known, name) == known.end()) {
            return error{errc::not_found, "no name server knows a broker " + name + "; they know " + (listed.empty() ? "none" : listed)};
        }
    }
    if (known.empty()) {
        return error{errc::no_route, "no broker is registered with the name servers"};
    }
    std::erase_if(known, [&named](const auto& name) { return !named.empty() && std::ranges::find(named, name) == named.end(); });
    return known;
}

table settings_of(const std::vector<client::group_on_broker>& brokers) {
    table rows{{{"setting"}, {"value"}, {"brokers"}, {"differs"}}};
    for (const auto& setting : group_settings()) {
        std::vector<client::group_on_broker> first; // of each value
        std::vector<std::vector<std::string>> names;
        for (const auto& broker : brokers) {
            const auto same = std::ranges::find_if(
                first, [&](const auto& each) { return text_of(setting, each.config) == text_of(setting, broker.config); });
            const auto at = static_cast<std::size_t>(same - first.begin());
            if (same == first.end()) {
                first.push_back(broker);
                names.emplace_back();
            }
            names[at].push_back(broker.broker_name);
        }
        for (std::size_t i = 0; i < first.size(); ++i) {
            rows.add({std::string{setting.name}, setting.shown(first[i].config), names[i], first.size() > 1});
        }
    }
    return rows;
}

void broker_failures::before_order(const error& failure) {
    failures_.push_back({failure.code, failure.text + "; nothing is changed there"});
}

void broker_failures::of_order(const error& failure) {
    if (failure.code == errc::timed_out || failure.code == errc::connection_lost) {
        failures_.push_back(
            {failure.code, failure.text + "; whether it is changed there is not known: `troupe group show " + group_ + "` says"});
    } else {
        before_order(failure);
    }
}

exit_code broker_failures::report(const command_context& context) const {
    for (const auto& failure : failures_) {
        context.fail(failure);
    }
    return failures_.empty() ? exit_code::ok : exit_code_of(failures_.front().code);
}

void add_group_commands(CLI::App& app, command_context& context) {
    CLI::App* group = app.add_subcommand("group", "Create, list, show, update and delete consumer groups, and set where they are");
    group->require_subcommand(1);

    CLI::App* list_command = group->add_subcommand("list", "List the consumer groups of the cluster, and how far they are behind");
    const auto arguments = std::make_shared<group_arguments>();
    add_client_options(*list_command, context);
    list_command->add_flag("-a,--all", arguments->all, "Also those that brokers make for themselves");
    set_examples(*list_command, "troupe group list");
    list_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return list(context, arguments->all); }; });

    add_group_config_commands(*group, context);
    add_group_reset_command(*group, context);

    CLI::App* show_command = group->add_subcommand(
        "show", "Show a group: its members, what they subscribe to, how far it is behind on each queue, and its settings");
    add_client_options(*show_command, context);
    show_command->add_option("GROUP", arguments->name, "Name of the group")->required();
    show_command->add_option("-t,--topic", arguments->topic, "Only this topic")->type_name("TOPIC");
    set_examples(*show_command, "troupe group show billing\ntroupe group show billing --topic orders -o json");
    show_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return show(context, *arguments); }; });
}

} // namespace troupe::apps
