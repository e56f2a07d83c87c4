#include "apps/commands/group_settings.hpp"
#include "apps/commands/group_subcommands.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace troupe::apps {

namespace {

struct config_arguments {
    std::string name;
    std::vector<std::string> brokers;
    std::vector<std::pair<const group_setting*, std::string>> settings; ///< that are named, with their values
    bool clean_offsets = false;
    bool sure = false;
};

/// Puts what the command line says over what is there.
result<void> change(group_config& group, const config_arguments& arguments) {
    for (const auto& [setting, text] : arguments.settings) {
        if (const auto set = setting->set(group, text); !set) {
            return error{set.code(), option_of(*setting) + ": " + set.failure().text};
        }
    }
    return {};
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

// ---- create ---------------------------------------------------------------------------------------------------------

/// Fails with already_exists when one of the brokers has the group.
result<void> check_absent(client::admin& admin, const std::string& group, const std::vector<std::string>& brokers) {
    for (const auto& broker : brokers) {
        const auto found = admin.find_group(group, {broker});
        if (found) {
            return error{errc::already_exists, "broker " + broker + " has a group " + group + " already; `troupe group update " + group +
                                                   "` changes it, and --broker makes it on other brokers"};
        }
        if (found.code() != errc::group_not_found) {
            return found.failure();
        }
    }
    return {};
}

void report_created(const command_context& context, const group_config& group, const std::vector<std::string>& brokers) {
    if (context.format == output_format::json) {
        std::vector<client::group_on_broker> made;
        for (const auto& broker : brokers) {
            made.push_back({broker, group});
        }
        record shown;
        shown.add("group", group.name);
        shown.add("brokers", brokers);
        shown.add("settings", settings_of(made));
        shown.print(context.out, context.format);
        return;
    }
    std::vector<std::string> chosen;
    for (const auto& change : changes_between({}, group)) {
        chosen.push_back(change.name + " " + change.to);
    }
    context.out << "Created group " << group.name << " on " << joined(brokers) << ": "
                << (chosen.empty() ? "with the usual settings" : joined(chosen)) << ".\n";
}

exit_code create(const command_context& context, const config_arguments& arguments) {
    group_config group;
    group.name = arguments.name;
    if (const auto changed = change(group, arguments); !changed) {
        return context.fail(changed.failure());
    }
    auto admin = open_group_admin(context, arguments.name);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto brokers = brokers_to_ask(*admin, arguments.brokers);
    if (!brokers) {
        return context.fail(brokers.failure());
    }
    if (const auto absent = check_absent(*admin, arguments.name, *brokers); !absent) {
        return context.fail(absent.failure());
    }
    broker_failures failures{arguments.name};
    std::vector<std::string> made;
    for (const auto& broker : *brokers) {
        if (const auto put = admin->put_group(group, {broker}); put) {
            made.push_back(broker);
        } else {
            failures.of_order(put.failure());
        }
    }
    if (!made.empty()) {
        report_created(context, group, made);
    }
    return failures.report(context);
}

// ---- update ---------------------------------------------------------------------------------------------------------

struct updated_broker {
    std::string name;
    std::vector<setting_change> changes;
};

std::string text_of(const std::vector<setting_change>& changes) {
    std::vector<std::string> texts;
    for (const auto& change : changes) {
        texts.push_back(change.name + " " + change.from + " -> " + change.to);
    }
    return joined(texts);
}

void report_updated(const command_context& context, const std::string& group, const std::vector<updated_broker>& brokers) {
    if (context.format == output_format::table) {
        for (const auto& broker : brokers) {
            if (broker.changes.empty()) {
                context.out << "Group " << group << " on " << broker.name << " has these settings already.\n";
            } else {
                context.out << "Updated group " << group << " on " << broker.name << ": " << text_of(broker.changes) << ".\n";
            }
        }
        return;
    }
    table rows{{{"broker"}, {"changed"}}};
    table changes{{{"broker"}, {"setting"}, {"from"}, {"to"}}};
    for (const auto& broker : brokers) {
        rows.add({broker.name, !broker.changes.empty()});
        for (const auto& change : broker.changes) {
            changes.add({broker.name, change.name, change.from, change.to});
        }
    }
    record shown;
    shown.add("group", group);
    shown.add("brokers", std::move(rows));
    shown.add("changes", std::move(changes));
    shown.print(context.out, context.format);
}

/// Reads what one broker has, and writes what is named over it. Says what it changed; what fails goes to `failures`.
std::optional<updated_broker> update_at(client::admin& admin, const std::string& broker, const config_arguments& arguments,
                                        broker_failures& failures) {
    const auto found = admin.find_group(arguments.name, {broker});
    if (found.code() == errc::group_not_found && arguments.brokers.empty()) {
        return std::nullopt; // brokers need not have the same groups
    }
    if (!found) {
        failures.before_order(found.code() == errc::group_not_found
                                  ? error{found.code(), "broker " + broker + " has no group " + arguments.name + "; `troupe group create " +
                                                            arguments.name + " --broker " + broker + "` makes it"}
                                  : found.failure());
        return std::nullopt;
    }
    const auto& before = found->front().config;
    auto after = before;
    if (const auto changed = change(after, arguments); !changed) {
        failures.before_order(changed.failure());
        return std::nullopt;
    }
    if (after == before) {
        return updated_broker{broker, {}};
    }
    if (const auto put = admin.put_group(after, {broker}); !put) {
        failures.of_order(put.failure());
        return std::nullopt;
    }
    return updated_broker{broker, changes_between(before, after)};
}

/// Brokers may have a group with different settings; each keeps what is not to change.
exit_code update(const command_context& context, const config_arguments& arguments) {
    if (arguments.settings.empty()) {
        return context.fail(exit_code::usage, "nothing to change; name a setting, like --retry-max-times 5: `troupe group update --help` "
                                              "lists them");
    }
    auto admin = open_group_admin(context, arguments.name);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto brokers = brokers_to_ask(*admin, arguments.brokers);
    if (!brokers) {
        return context.fail(brokers.failure());
    }
    broker_failures failures{arguments.name};
    std::vector<updated_broker> updated;
    for (const auto& broker : *brokers) {
        if (auto one = update_at(*admin, broker, arguments, failures)) {
            updated.push_back(std::move(*one));
        }
    }
    if (updated.empty() && failures.empty()) {
        return context.fail(exit_code::not_found,
                            "no broker has a group " + arguments.name + "; `troupe group create " + arguments.name + "` makes it");
    }
    if (!updated.empty()) {
        report_updated(context, arguments.name, updated);
    }
    return failures.report(context);
}

// ---- delete ---------------------------------------------------------------------------------------------------------

/// Without the offsets, those that have the settings. With them, all: offsets are kept where the settings were deleted before.
std::vector<std::string> brokers_to_clean(const client::group_description& group, const std::vector<std::string>& brokers,
                                          bool clean_offsets) {
    std::vector<std::string> wanted;
    std::ranges::copy_if(brokers, std::back_inserter(wanted), [&](const std::string& name) {
        return clean_offsets || std::ranges::any_of(group.brokers, [&name](const auto& each) { return each.broker_name == name; });
    });
    return wanted;
}

void report_deleted(const command_context& context, const config_arguments& arguments, const std::vector<std::string>& brokers) {
    if (context.format == output_format::json) {
        record shown;
        shown.add("group", arguments.name);
        shown.add("brokers", brokers);
        shown.add("offsets_deleted", arguments.clean_offsets);
        shown.print(context.out, context.format);
        return;
    }
    context.out << "Deleted group " << arguments.name << " on " << joined(brokers) << ", "
                << (arguments.clean_offsets ? "and where it was" : "but not where it was; --clean-offsets does") << ".\n";
}

exit_code remove(const command_context& context, const config_arguments& arguments) {
    if (!arguments.sure) {
        return context.fail(exit_code::usage, "deleting group " + arguments.name + " loses its settings" +
                                                  (arguments.clean_offsets ? " and where it is in its topics" : "") +
                                                  "; add --yes to do it");
    }
    auto admin = open_group_admin(context, arguments.name);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto group = admin->describe_group(arguments.name);
    if (!group) {
        return context.fail(group.failure());
    }
    const auto brokers = brokers_to_ask(*admin, arguments.brokers);
    if (!brokers) {
        return context.fail(brokers.failure());
    }
    const auto wanted = brokers_to_clean(*group, *brokers, arguments.clean_offsets);
    broker_failures failures{arguments.name};
    for (const auto& broker : *brokers) {
        if (const auto at = group->untold.find(broker); at != group->untold.end() && !arguments.clean_offsets) {
            failures.before_order(at->second);
        }
    }
    if (wanted.empty() && failures.empty()) {
        return context.fail(exit_code::not_found, "group " + arguments.name + " has no settings on " + joined(*brokers) +
                                                      "; --clean-offsets deletes what is left of where it was");
    }
    std::vector<std::string> deleted;
    for (const auto& broker : wanted) {
        if (const auto gone = admin->delete_group(arguments.name, arguments.clean_offsets, {broker}); gone) {
            deleted.push_back(broker);
        } else {
            failures.of_order(gone.failure());
        }
    }
    if (!deleted.empty()) {
        report_deleted(context, arguments, deleted);
    }
    if (!group->members.empty() && context.format == output_format::table) {
        context.err << "troupe: " << group->members.size() << " members are connected; brokers that make groups by themselves "
                    << "(broker.auto_create_groups) make it anew for them\n";
    }
    return failures.report(context);
}

// ---- the command line -----------------------------------------------------------------------------------------------

using action = exit_code (*)(const command_context&, const config_arguments&);

CLI::App& add(CLI::App& group, command_context& context, const std::shared_ptr<config_arguments>& arguments, const char* name,
              const char* meaning, action run) {
    CLI::App* command = group.add_subcommand(name, meaning);
    add_client_options(*command, context);
    command->add_option("GROUP", arguments->name, "Name of the group")->required();
    command->add_option("-b,--broker", arguments->brokers, "Only on this broker; may be repeated")->type_name("NAME");
    command->callback([&context, arguments, run] { context.chosen = [&context, arguments, run] { return run(context, *arguments); }; });
    return *command;
}

void add_settings(CLI::App& command, const std::shared_ptr<config_arguments>& arguments) {
    for (const auto& each : group_settings()) {
        command
            .add_option_function<std::string>(
                option_of(each), [arguments, setting = &each](const std::string& text) { arguments->settings.emplace_back(setting, text); },
                std::string{each.meaning})
            ->check([setting = &each](const std::string& text) {
                group_config group;
                const auto set = setting->set(group, text);
                return set ? std::string{} : set.failure().text;
            })
            ->type_name(std::string{each.type});
    }
}

} // namespace

void add_group_config_commands(CLI::App& group, command_context& context) {
    const auto arguments = std::make_shared<config_arguments>();

    CLI::App& create_command = add(group, context, arguments, "create", "Create a group, before its first consumer would", create);
    add_settings(create_command, arguments);
    set_examples(create_command, "troupe group create billing\n"
                                 "troupe group create billing --retry-max-times 5 --group-retry-policy exponential:1s,10m,2\n"
                                 "troupe group create billing --consume-enable false --broker broker-a");

    CLI::App& update_command =
        add(group, context, arguments, "update", "Change settings of a group where it is; those that are not named stay", update);
    add_settings(update_command, arguments);
    set_examples(update_command, "troupe group update billing --retry-max-times 5\n"
                                 "troupe group update billing --group-retry-policy levels --broker broker-a\n"
                                 "troupe group update billing --deliver-rate 0");

    CLI::App& delete_command = add(group, context, arguments, "delete", "Delete a group", remove);
    delete_command.add_flag("--clean-offsets", arguments->clean_offsets, "Also where it is in its topics, so that it would begin anew");
    delete_command.add_flag("-y,--yes", arguments->sure, "Really delete");
    set_examples(delete_command, "troupe group delete billing --yes\ntroupe group delete billing --clean-offsets --yes");
}

} // namespace troupe::apps
