#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "client/admin.hpp"
#include "protocol/vocabulary/names.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace troupe::apps {

namespace {

constexpr std::int32_t count_max = 100'000;

struct transaction_arguments {
    std::string id;
    std::string group;
    std::int32_t count = 100;
    bool given_up = false;
};

exit_code print_given_up(const command_context& context, const std::vector<client::admin::pending_transaction>& found) {
    table rows{{{"id"}, {"broker"}, {"group"}, {"topic"}, {"queue"}, {"message_id"}, {"born"}, {"given_up"}, {"body_bytes"}}};
    for (const auto& [broker_name, one] : found) {
        rows.add({one.offset_message_id, broker_name, one.group, one.topic, std::int64_t{one.queue.value()}, one.unique_key,
                  moment{one.born.value()}, moment{one.stored.value()}, std::int64_t{one.body_bytes}});
    }
    rows.print(context.out, context.format, "No transaction was given up, or all of those were resumed.");
    return exit_code::ok;
}

exit_code list(const command_context& context, const transaction_arguments& arguments) {
    if (!arguments.group.empty()) {
        if (const auto legal = check_group_name(arguments.group); !legal) {
            return context.fail(legal.failure());
        }
    }
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    client::admin administrator{*connection};
    const auto found = arguments.given_up ? administrator.list_given_up_transactions(arguments.group, arguments.count)
                                          : administrator.list_transactions(arguments.group, arguments.count);
    if (!found) {
        return context.fail(found.failure());
    }
    if (arguments.given_up) {
        return print_given_up(context, *found);
    }
    table rows{
        {{"id"}, {"broker"}, {"group"}, {"topic"}, {"queue"}, {"message_id"}, {"stored"}, {"checks"}, {"last_check"}, {"body_bytes"}}};
    for (const auto& [broker_name, one] : *found) {
        rows.add({one.offset_message_id, broker_name, one.group, one.topic, std::int64_t{one.queue.value()}, one.unique_key,
                  moment{one.stored.value()}, std::int64_t{one.checks}, moment{one.asked.value()}, std::int64_t{one.body_bytes}});
    }
    rows.print(context.out, context.format, "No transaction is without an outcome.");
    return exit_code::ok;
}

exit_code end(const command_context& context, const std::string& id, client::transaction_outcome outcome) {
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto ended = client::admin{*connection}.end_transaction(id, outcome);
    if (!ended) {
        return context.fail(ended.failure());
    }
    record shown;
    shown.add("id", ended->second.offset_message_id);
    shown.add("broker", ended->first);
    shown.add("topic", ended->second.topic);
    shown.add("message_id", ended->second.unique_key);
    shown.add("outcome", std::string{outcome == client::transaction_outcome::commit ? "committed" : "rolled back"});
    shown.print(context.out, context.format);
    return exit_code::ok;
}

exit_code resume(const command_context& context, const transaction_arguments& arguments) {
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto resumed = client::admin{*connection}.resume_transaction(arguments.id);
    if (!resumed) {
        return context.fail(resumed.failure());
    }
    record shown;
    shown.add("id", resumed->offset_message_id);
    shown.add("broker", resumed->broker_name);
    shown.print(context.out, context.format);
    return exit_code::ok;
}

void add_end_command(CLI::App& parent, command_context& context, const std::shared_ptr<transaction_arguments>& arguments,
                     const std::string& name, const std::string& what, client::transaction_outcome outcome) {
    CLI::App* command = parent.add_subcommand(name, what);
    add_client_options(*command, context);
    command->add_option("ID", arguments->id, "The id that `troupe transaction list` shows")->required();
    set_examples(*command, "troupe transaction " + name + " 7F00000100002A9F0000000000000040");
    command->callback([&context, arguments, outcome] {
        context.chosen = [&context, arguments, outcome] { return end(context, arguments->id, outcome); };
    });
}

} // namespace

void add_transaction_commands(CLI::App& app, command_context& context) {
    CLI::App* transaction = app.add_subcommand(
        "transaction", "List transactions without an outcome, decide those that are stuck, and go on with those that were given up");
    transaction->require_subcommand(1);
    const auto arguments = std::make_shared<transaction_arguments>();

    CLI::App* list_command = transaction->add_subcommand("list", "List the half messages that are neither committed nor rolled back");
    add_client_options(*list_command, context);
    list_command->add_option("-g,--group", arguments->group, "Only of this producer group")->type_name("GROUP");
    list_command->add_option("-c,--count", arguments->count, "At most so many of each broker")
        ->check(CLI::Range(1, count_max))
        ->capture_default_str();
    list_command->add_flag("--given-up", arguments->given_up, "Instead those that nobody decided in time, and that nobody has resumed");
    set_examples(*list_command,
                 "troupe transaction list\ntroupe transaction list --group payers -o json\ntroupe transaction list --given-up");
    list_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return list(context, *arguments); }; });

    add_end_command(*transaction, context, arguments, "commit", "Commit one: its consumers see the message",
                    client::transaction_outcome::commit);
    add_end_command(*transaction, context, arguments, "rollback", "Roll one back: nobody ever sees the message",
                    client::transaction_outcome::roll_back);

    CLI::App* resume_command =
        transaction->add_subcommand("resume", "Go on with one that was given up: it is pending again, and its producers are asked");
    add_client_options(*resume_command, context);
    resume_command->add_option("ID", arguments->id, "The id that `troupe transaction list --given-up` shows, or that of its half message")
        ->required();
    set_examples(*resume_command, "troupe transaction resume 7F00000100002A9F0000000000000040");
    resume_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return resume(context, *arguments); }; });
}

} // namespace troupe::apps
