#include "apps/commands/commands.hpp"
#include "apps/commands/config_flags.hpp"
#include "config/nearest.hpp"
#include "config/reference_page.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace troupe::apps {

namespace {

exit_code check(const command_context& context, const config_arguments& arguments) {
    const auto loaded = load(arguments, context);
    if (!loaded) {
        return exit_code::config;
    }
    context.out << (arguments.file.empty() ? "The configuration" : arguments.file) << " is good.\n";
    return exit_code::ok;
}

exit_code dump(const command_context& context, const config_arguments& arguments, bool as_file) {
    const auto loaded = load(arguments, context);
    if (!loaded) {
        return exit_code::config;
    }
    if (as_file) {
        context.out << config::to_file(*loaded);
        return exit_code::ok;
    }
    table rows{{{"key"}, {"value"}, {"origin"}, {"place"}}};
    for (const config::setting& each : loaded->settings) {
        rows.add({std::string{each.what->key}, config::format_option(*each.what, each.value), std::string{to_string_view(each.from)},
                  each.place});
    }
    rows.print(context.out, context.format);
    return exit_code::ok;
}

exit_code explain_all(const command_context& context) {
    table rows{{{"key"}, {"kind"}, {"default"}, {"allowed"}, {"environment"}, {"flag"}}};
    for (const config::option& each : config::option_table()) {
        rows.add({std::string{each.key}, std::string{kind_name(each.kind)}, std::string{each.default_text}, allowed_values(each),
                  environment_name(each), flag_name(each)});
    }
    rows.print(context.out, context.format);
    return exit_code::ok;
}

exit_code explain_one(const command_context& context, const std::string& key) {
    std::vector<std::string> keys;
    bool found = false;
    for (const config::option& each : config::option_table()) {
        keys.emplace_back(each.key);
        if (each.key != key && !each.key.starts_with(key + ".")) {
            continue;
        }
        if (found) {
            context.out << '\n';
        }
        found = true;
        context.out << config::explain(each);
    }
    if (found) {
        return exit_code::ok;
    }
    const std::string meant = config::nearest(key, keys);
    return context.fail(exit_code::not_found,
                        "there is no option \"" + key + "\"" + (meant.empty() ? "" : "; did you mean \"" + meant + "\"?"));
}

} // namespace

void add_config_commands(CLI::App& app, command_context& context) {
    CLI::App* config = app.add_subcommand("config", "Check, explain and show configurations");
    config->require_subcommand(1);

    const auto arguments = std::make_shared<config_arguments>();
    CLI::App* check_command = config->add_subcommand("check", "List everything that is wrong with a configuration");
    add_config_flags(*check_command, arguments);
    check_command->add_option("FILE", arguments->file, "Configuration file")->required();
    set_examples(*check_command, "troupe config check config/standalone.json");
    check_command->callback([&context, arguments] { context.chosen = [&context, arguments] { return check(context, *arguments); }; });

    const auto key = std::make_shared<std::string>();
    const auto markdown = std::make_shared<bool>(false);
    CLI::App* explain_command = config->add_subcommand("explain", "Say what options mean");
    explain_command->add_option("KEY", *key, "An option or a section; without it all options are listed");
    explain_command->add_flag("--markdown", *markdown, "Print the whole reference page");
    add_output_option(*explain_command, context);
    set_examples(*explain_command, "troupe config explain\ntroupe config explain broker.store\ntroupe config explain broker.store.flush");
    explain_command->callback([&context, key, markdown] {
        context.chosen = [&context, key, markdown] {
            if (*markdown) {
                context.out << config::reference_page();
                return exit_code::ok;
            }
            return key->empty() ? explain_all(context) : explain_one(context, *key);
        };
    });

    const auto as_file = std::make_shared<bool>(false);
    CLI::App* dump_command = config->add_subcommand("dump", "Show every value and where it came from");
    add_config_flags(*dump_command, arguments);
    dump_command->add_option("FILE", arguments->file, "Configuration file; without it, environment, flags and defaults");
    dump_command->add_flag("--as-file", *as_file, "Print a configuration file, with the origins as comments");
    add_output_option(*dump_command, context);
    set_examples(*dump_command, "troupe config dump config/standalone.json\ntroupe config dump --broker-port 10999 -o json");
    dump_command->callback([&context, arguments, as_file] {
        context.chosen = [&context, arguments, as_file] { return dump(context, *arguments, *as_file); };
    });
}

} // namespace troupe::apps
