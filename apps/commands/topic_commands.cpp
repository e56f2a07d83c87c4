#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "client/admin.hpp"
#include "config/units.hpp"
#include "protocol/topic_attributes.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <ostream>
#include <utility>

namespace troupe::apps {

namespace {

struct topic_arguments {
    std::string name;
    std::int32_t queues = 8;
    std::int32_t read_queues = 0;  ///< 0: as queues
    std::int32_t write_queues = 0; ///< 0: as queues
    std::string perm;              ///< empty: not given
    std::int64_t send_rate = -1;   ///< messages a second; -1: not given
    std::int64_t send_bytes = -1;  ///< bytes a second; likewise
    std::int64_t keep_ms = -1;     ///< likewise
    std::int64_t keep_bytes = -1;  ///< likewise
    bool queues_given = false;
    std::vector<std::string> brokers;
    bool with_system = false;
    bool sure = false;
};

/// Opens an admin after checking the name here: a bad name is reported even when no name server answers.
result<client::admin> open_admin(const command_context& context, const std::string& topic) {
    if (const auto checked = check_topic_name(topic); !checked) {
        return checked.failure();
    }
    auto connection = connect(context);
    if (!connection) {
        return connection.failure();
    }
    return client::admin{std::move(*connection)};
}

/// Puts what the command line says over what is there.
result<void> change(topic_config& topic, const topic_arguments& arguments) {
    if (arguments.queues_given) {
        topic.read_queues = arguments.queues;
        topic.write_queues = arguments.queues;
    }
    if (arguments.read_queues != 0) {
        topic.read_queues = arguments.read_queues;
    }
    if (arguments.write_queues != 0) {
        topic.write_queues = arguments.write_queues;
    }
    if (!arguments.perm.empty()) {
        const auto bits = parse_permission(arguments.perm);
        if (!bits) {
            return bits.failure();
        }
        topic.perm = *bits;
    }
    namespace name = protocol::topic_attribute;
    for (const auto& [attribute, value] :
         {std::pair{name::send_messages, arguments.send_rate}, std::pair{name::send_bytes, arguments.send_bytes},
          std::pair{name::retention_ms, arguments.keep_ms}, std::pair{name::retention_bytes, arguments.keep_bytes}}) {
        if (value >= 0) {
            topic.attributes.insert_or_assign(std::string{attribute}, std::to_string(value));
        }
    }
    return {};
}

bool changes_something(const topic_arguments& arguments) {
    return arguments.queues_given || arguments.read_queues != 0 || arguments.write_queues != 0 || !arguments.perm.empty() ||
           arguments.send_rate >= 0 || arguments.send_bytes >= 0 || arguments.keep_ms >= 0 || arguments.keep_bytes >= 0;
}

std::string shape_text(const topic_config& topic) {
    return std::to_string(topic.read_queues) + " read queues, " + std::to_string(topic.write_queues) + " write queues, permission " +
           format_permission(topic.perm);
}

table shapes_of(const std::vector<client::topic_on_broker>& brokers) {
    table rows{{{"broker"}, {"read_queues"}, {"write_queues"}, {"permission"}, {"attributes"}}};
    for (const auto& each : brokers) {
        rows.add({each.broker_name, std::int64_t{each.config.read_queues}, std::int64_t{each.config.write_queues},
                  format_permission(each.config.perm), each.config.attributes});
    }
    return rows;
}

exit_code report_created(const command_context& context, const topic_config& topic) {
    if (context.format == output_format::table) {
        context.out << "Created topic " << topic.name << ": " << shape_text(topic) << ".\n";
        return exit_code::ok;
    }
    record shown;
    shown.add("topic", topic.name);
    shown.add("read_queues", std::int64_t{topic.read_queues});
    shown.add("write_queues", std::int64_t{topic.write_queues});
    shown.add("permission", format_permission(topic.perm));
    shown.print(context.out, context.format);
    return exit_code::ok;
}

exit_code create(const command_context& context, const topic_arguments& arguments) {
    topic_config topic;
    topic.name = arguments.name;
    topic.read_queues = topic.write_queues = arguments.queues;
    if (const auto changed = change(topic, arguments); !changed) {
        return context.fail(changed.failure());
    }
    auto admin = open_admin(context, arguments.name);
    if (!admin) {
        return context.fail(admin.failure());
    }
    if (const auto created = admin->create_topic(topic, arguments.brokers); !created) {
        return context.fail(created.failure());
    }
    return report_created(context, topic);
}

/// The brokers of `found` that the command line names, by default all. Fails with not_found for a name that is none of them.
result<std::vector<client::topic_on_broker>> brokers_to_change(const client::topic_description& found, const topic_arguments& arguments) {
    if (arguments.brokers.empty()) {
        return found.brokers;
    }
    std::vector<client::topic_on_broker> named;
    for (const std::string& name : arguments.brokers) {
        const auto at =
            std::ranges::find_if(found.brokers, [&name](const client::topic_on_broker& each) { return each.broker_name == name; });
        if (at == found.brokers.end()) {
            return error{errc::not_found, "broker " + name + " has no topic " + arguments.name + "; `troupe topic show " + arguments.name +
                                              "` lists those that do"};
        }
        named.push_back(*at);
    }
    return named;
}

exit_code report_update(const command_context& context, const std::string& name, const std::vector<client::topic_on_broker>& changed) {
    if (context.format == output_format::json) {
        record shown;
        shown.add("topic", name);
        shown.add("brokers", shapes_of(changed));
        shown.print(context.out, context.format);
        return exit_code::ok;
    }
    for (const auto& each : changed) {
        context.out << "Updated topic " << name << " on " << each.broker_name << ": " << shape_text(each.config) << ".\n";
    }
    return exit_code::ok;
}

/// Brokers may have a topic in different shapes; each keeps what is not to change.
exit_code update(const command_context& context, const topic_arguments& arguments) {
    if (!changes_something(arguments)) {
        return context.fail(
            exit_code::usage,
            "nothing to change; give --queues, --read-queues, --write-queues, --perm, --send-rate, --send-bytes, --keep or --keep-bytes");
    }
    auto admin = open_admin(context, arguments.name);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto before = admin->describe_topic(arguments.name);
    if (!before) {
        return context.fail(before.failure());
    }
    if (before->brokers.empty()) {
        return context.fail(exit_code::not_found, "no broker has topic " + arguments.name);
    }
    auto brokers = brokers_to_change(*before, arguments);
    if (!brokers) {
        return context.fail(brokers.failure());
    }
    std::string done;
    for (client::topic_on_broker& each : *brokers) {
        if (const auto changed = change(each.config, arguments); !changed) {
            return context.fail(changed.failure());
        }
        if (const auto put = admin->put_topic(each.config, {each.broker_name}); !put) {
            return context.fail(error{put.code(), put.failure().text + (done.empty() ? "" : "; already changed on" + done)});
        }
        done += " " + each.broker_name;
    }
    return report_update(context, arguments.name, *brokers);
}

exit_code remove(const command_context& context, const topic_arguments& arguments) {
    if (!arguments.sure) {
        return context.fail(exit_code::usage, "deleting " + arguments.name + " makes its messages unreachable; add --yes to do it");
    }
    auto admin = open_admin(context, arguments.name);
    if (!admin) {
        return context.fail(admin.failure());
    }
    if (const auto deleted = admin->delete_topic(arguments.name); !deleted) {
        return context.fail(deleted.failure());
    }
    if (context.format == output_format::table) {
        context.out << "Deleted topic " << arguments.name << ".\n";
    } else {
        record shown;
        shown.add("topic", arguments.name);
        shown.add("deleted", true);
        shown.print(context.out, context.format);
    }
    return exit_code::ok;
}

exit_code list(const command_context& context, const topic_arguments& arguments) {
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    const auto names = client::admin{*connection}.list_topics(arguments.with_system);
    if (!names) {
        return context.fail(names.failure());
    }
    table rows{{{"topic"}}};
    for (const std::string& name : *names) {
        rows.add({name});
    }
    rows.print(context.out, context.format, "There are no topics; `troupe topic create NAME` makes one.");
    return exit_code::ok;
}

exit_code show(const command_context& context, const topic_arguments& arguments) {
    auto admin = open_admin(context, arguments.name);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto topic = admin->describe_topic(arguments.name);
    if (!topic) {
        return context.fail(topic.failure());
    }
    table queues{{{"broker"}, {"queue"}, {"first_offset"}, {"next_offset"}, {"messages"}, {"last_stored"}}};
    std::int64_t messages = 0;
    for (const auto& [queue, stats] : topic->queues) {
        messages += stats.max_offset - stats.min_offset;
        queues.add({queue.broker_name, std::int64_t{queue.queue}, stats.min_offset, stats.max_offset, stats.max_offset - stats.min_offset,
                    moment{stats.last_stored_ms}});
    }
    record shown;
    shown.add("topic", arguments.name);
    shown.add("messages", messages);
    shown.add("brokers", shapes_of(topic->brokers));
    shown.add("queues", std::move(queues));
    shown.print(context.out, context.format);
    return exit_code::ok;
}

using action = exit_code (*)(const command_context&, const topic_arguments&);

CLI::App& add(CLI::App& topic, command_context& context, const std::shared_ptr<topic_arguments>& arguments, const char* name,
              const char* meaning, action run) {
    CLI::App* command = topic.add_subcommand(name, meaning);
    add_client_options(*command, context);
    command->callback([&context, arguments, run] { context.chosen = [&context, arguments, run] { return run(context, *arguments); }; });
    return *command;
}

void add_name(CLI::App& command, topic_arguments& arguments) {
    command.add_option("TOPIC", arguments.name, "Name of the topic")->required();
}

void add_amount(CLI::App& command, const char* option, std::int64_t& bytes, const char* meaning) {
    command
        .add_option_function<std::string>(
            option, [&bytes](const std::string& text) { bytes = static_cast<std::int64_t>(*config::parse_size(text)); }, meaning)
        ->check([](const std::string& text) {
            const auto parsed = config::parse_size(text);
            return parsed ? std::string{} : parsed.failure().text;
        })
        ->type_name("SIZE");
}

void add_shape(CLI::App& command, topic_arguments& arguments) {
    const CLI::Range range{1, limits::queues_per_topic_max};
    command
        .add_option_function<std::int32_t>(
            "-q,--queues",
            [&arguments](std::int32_t count) {
                arguments.queues = count;
                arguments.queues_given = true;
            },
            "Queues on each broker (8 when created)")
        ->check(range)
        ->type_name("N");
    command.add_option("--read-queues", arguments.read_queues, "Queues that consumers see")->check(range)->type_name("N");
    command.add_option("--write-queues", arguments.write_queues, "Queues that producers see")->check(range)->type_name("N");
    command.add_option("--perm", arguments.perm, "rw, r (no sending) or w (no consuming)")
        ->check([](const std::string& text) {
            const auto parsed = parse_permission(text);
            return parsed ? std::string{} : parsed.failure().text;
        })
        ->type_name("RIGHTS");
    const CLI::Range amount{std::int64_t{0}, std::numeric_limits<std::int64_t>::max()};
    command.add_option("--send-rate", arguments.send_rate, "Take so many messages a second on each broker; 0: without limit")
        ->check(amount)
        ->type_name("N");
    add_amount(command, "--send-bytes", arguments.send_bytes, "Take so many bytes a second on each broker, like 4MiB; 0B: without limit");
    add_amount(command, "--keep-bytes", arguments.keep_bytes,
               "Hand out only the newest so many bytes of each broker, like 10GiB; 0B: all that its log has");
    command
        .add_option_function<std::string>(
            "--keep", [&arguments](const std::string& text) { arguments.keep_ms = config::parse_duration(text)->count(); },
            "Hand out messages for so long, like 12h; 0s: as long as the log has them")
        ->check([](const std::string& text) {
            const auto parsed = config::parse_duration(text);
            return parsed ? std::string{} : parsed.failure().text;
        })
        ->type_name("DURATION");
}

} // namespace

void add_topic_commands(CLI::App& app, command_context& context) {
    CLI::App* topic = app.add_subcommand("topic", "Create, list, show, update and delete topics");
    topic->require_subcommand(1);
    const auto arguments = std::make_shared<topic_arguments>();

    CLI::App& create_command = add(*topic, context, arguments, "create", "Create a topic", create);
    add_name(create_command, *arguments);
    add_shape(create_command, *arguments);
    create_command.add_option("-b,--broker", arguments->brokers, "Only on this broker; may be repeated")->type_name("NAME");
    set_examples(create_command, "troupe topic create orders\ntroupe topic create orders --queues 16 --broker broker-a");

    CLI::App& list_command = add(*topic, context, arguments, "list", "List the topics of the cluster", list);
    list_command.add_flag("-a,--all", arguments->with_system, "Also the system's own topics");
    set_examples(list_command, "troupe topic list\ntroupe topic list -o json");

    CLI::App& show_command = add(*topic, context, arguments, "show", "Show a topic: its brokers, queues and offsets", show);
    add_name(show_command, *arguments);
    set_examples(show_command, "troupe topic show orders");

    CLI::App& update_command =
        add(*topic, context, arguments, "update", "Change the queues, the permission, the quotas or the retention of a topic", update);
    add_name(update_command, *arguments);
    add_shape(update_command, *arguments);
    update_command.add_option("-b,--broker", arguments->brokers, "Only on this broker; may be repeated")->type_name("NAME");
    set_examples(update_command, "troupe topic update orders --queues 32\ntroupe topic update orders --perm r --broker broker-a\n"
                                 "troupe topic update orders --send-rate 1000 --send-bytes 4MiB");

    CLI::App& delete_command = add(*topic, context, arguments, "delete", "Delete a topic", remove);
    add_name(delete_command, *arguments);
    delete_command.add_flag("-y,--yes", arguments->sure, "Really delete");
    set_examples(delete_command, "troupe topic delete orders --yes");
}

} // namespace troupe::apps
