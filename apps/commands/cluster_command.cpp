#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "client/admin.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <memory>
#include <ostream>

namespace troupe::apps {

namespace {

/// Empty text for what the broker does not say: one of another make counts other things.
cell number_at(const protocol::key_value_table& values, const std::string& key) {
    const auto found = values.find(key);
    if (found == values.end()) {
        return std::string{};
    }
    std::int64_t number = 0;
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
    return number;
}

std::string text_at(const protocol::key_value_table& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() ? std::string{} : found->second;
}

/// Of one that answers: what its store says, or, of another make, that and which version.
std::string state_of(const protocol::key_value_table& values) {
    const std::string state = text_at(values, "storeState");
    const std::string version = text_at(values, "brokerVersionDesc");
    return !state.empty() ? state : version.empty() ? "answers" : "answers as " + version;
}

exit_code show_broker(const command_context& context, client::admin& admin, const std::string& broker) {
    const auto values = admin.describe_broker(broker);
    if (!values) {
        return context.fail(values.failure());
    }
    record shown;
    for (const auto& [name, value] : *values) {
        shown.add(name, value);
    }
    shown.print(context.out, context.format);
    return exit_code::ok;
}

exit_code show_cluster(const command_context& context, client::admin& admin) {
    const auto info = admin.describe_cluster();
    if (!info) {
        return context.fail(info.failure());
    }
    table rows{{{"cluster"}, {"broker"}, {"id"}, {"address"}, {"state"}, {"topics"}, {"appended_since_start"}}};
    for (const auto& [name, broker] : info->brokers) {
        const auto values = admin.describe_broker(name);
        const protocol::key_value_table known = values ? *values : protocol::key_value_table{};
        for (const auto& [id, address] : broker.addresses) {
            rows.add({broker.cluster, name, id, address, values ? state_of(known) : "unreachable", number_at(known, "topics"),
                      number_at(known, "storeAppendedRecords")});
        }
    }
    rows.print(context.out, context.format, "The name server answers, and knows no broker.");
    return exit_code::ok;
}

} // namespace

void add_cluster_command(CLI::App& app, command_context& context) {
    const auto broker = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("cluster", "Show the brokers of the cluster");
    add_client_options(*command, context);
    command->add_option("-b,--broker", *broker, "All counters and states of one broker")->type_name("NAME");
    set_examples(*command, "troupe cluster\ntroupe cluster --name-server 10.0.0.1:9876 -o json\ntroupe cluster --broker broker-a");
    command->callback([&context, broker] {
        context.chosen = [&context, broker] {
            auto connection = connect(context);
            if (!connection) {
                return context.fail(connection.failure());
            }
            client::admin admin{std::move(*connection)};
            return broker->empty() ? show_cluster(context, admin) : show_broker(context, admin, *broker);
        };
    });
}

} // namespace troupe::apps
