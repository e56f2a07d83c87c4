#include "apps/command_line.hpp"

#include "apps/commands/commands.hpp"
#include "apps/version.hpp"
#include "config/load_config.hpp"
#include "config/nearest.hpp"
#include "config/units.hpp"

#include <CLI/CLI.hpp>

#include <ostream>

namespace troupe::apps {

namespace {

/// The full name of a command: "troupe topic create".
std::string name_of(const CLI::App& app) {
    return app.get_parent() == nullptr ? app.get_name() : name_of(*app.get_parent()) + " " + app.get_name();
}

/// The command that the arguments reached before something went wrong.
CLI::App& deepest(CLI::App& app) {
    const auto chosen = app.get_subcommands();
    return chosen.empty() ? app : deepest(*chosen.back());
}

std::vector<std::string> subcommand_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* each : app.get_subcommands(nullptr)) {
        names.push_back(each->get_name());
    }
    return names;
}

std::vector<std::string> flag_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* each : app.get_options()) {
        for (const std::string& name : each->get_lnames()) {
            names.push_back("--" + name);
        }
    }
    return names;
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

std::string did_you_mean(const std::string& written, const std::vector<std::string>& candidates) {
    const std::string meant = config::nearest(written, candidates);
    return meant.empty() ? "" : "; did you mean \"" + meant + "\"?";
}

/// What to say about the first word that `app` could not use.
std::string complain(const CLI::App& app, const std::string& word) {
    if (word.starts_with("-") && word != "-") {
        const std::string flag = word.substr(0, word.find('='));
        return "unknown option \"" + flag + "\"" + did_you_mean(flag, flag_names(app));
    }
    const auto commands = subcommand_names(app);
    if (commands.empty()) {
        return "unexpected argument \"" + word + "\"";
    }
    const std::string meant = did_you_mean(word, commands);
    return "unknown command \"" + word + "\"" + (meant.empty() ? "; commands are " + joined(commands) : meant);
}

/// CLI11's sentence, without the parts that only a programmer of it would understand.
std::string complain(const CLI::App& app, const CLI::ParseError& failure) {
    if (const auto rest = app.remaining(); !rest.empty()) {
        return complain(app, rest.front());
    }
    if (failure.get_name() == "RequiredError" && app.get_require_subcommand_min() > 0) {
        return "a command is missing; commands are " + joined(subcommand_names(app));
    }
    return failure.what();
}

void describe(CLI::App& app) {
    app.name("troupe");
    app.description("Troupe, a durable message broker with RocketMQ's architecture and wire protocol.");
    app.require_subcommand(1);
    app.set_help_all_flag("--help-all", "Help of every command");
    app.set_version_flag("-V,--version", std::string{version_text}, "Version, and stop");
    app.footer("Examples:\n"
               "  troupe node --config config/standalone.json\n"
               "  troupe topic create orders --queues 8\n"
               "  troupe send orders \"hello\"\n"
               "  troupe consume orders --from first --follow\n"
               "  troupe group show billing -o json\n\n" +
               std::string{exit_code_help()} +
               "\nEnvironment:\n"
               "  TROUPE_NAME_SERVERS  name servers for every client command, as --name-server takes them\n"
               "  TROUPE_...           every configuration option of a node: see troupe config explain\n\n"
               "`troupe COMMAND --help` explains a command.");
}

void add_commands(CLI::App& app, command_context& context) {
    add_node_command(app, context);
    add_config_commands(app, context);
    add_topic_commands(app, context);
    add_group_commands(app, context);
    add_message_commands(app, context);
    add_transaction_commands(app, context);
    add_timer_commands(app, context);
    add_dlq_commands(app, context);
    add_send_command(app, context);
    add_consume_command(app, context);
    add_cluster_command(app, context);
    add_doctor_command(app, context);
    add_store_commands(app, context);
    add_selftest_command(app, context);
    add_bench_commands(app, context);
}

} // namespace

exit_code command_context::fail(const error& failure) const {
    err << "troupe: " << printable(failure.text) << '\n';
    return exit_code_of(failure.code);
}

exit_code command_context::fail(exit_code code, const std::string& text) const {
    err << "troupe: " << printable(text) << '\n';
    return code;
}

exit_code run_command_line(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
    command_context context{.out = out, .err = err, .chosen = {}};
    CLI::App app;
    describe(app);
    add_commands(app, context);
    try {
        app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
    } catch (const CLI::CallForHelp&) {
        out << deepest(app).help("", CLI::AppFormatMode::Normal);
        return exit_code::ok;
    } catch (const CLI::CallForAllHelp&) {
        out << app.help("", CLI::AppFormatMode::All);
        return exit_code::ok;
    } catch (const CLI::CallForVersion&) {
        out << version_text << '\n';
        return exit_code::ok;
    } catch (const CLI::ParseError& failure) {
        const CLI::App& reached = deepest(app);
        err << name_of(reached) << ": " << printable(complain(reached, failure)) << '\n' << "Try \"" << name_of(reached) << " --help\".\n";
        return exit_code::usage;
    }
    return context.chosen();
}

void add_output_option(CLI::App& command, command_context& context) {
    static const std::map<std::string, output_format> formats{{"table", output_format::table}, {"json", output_format::json}};
    command
        .add_option_function<std::string>(
            "-o,--output", [&context](const std::string& text) { context.format = formats.at(text); },
            "table for people, json for programs")
        ->check([](const std::string& text) { return formats.contains(text) ? std::string{} : "\"" + text + "\" is none of table, json"; })
        ->type_name("FORMAT");
}

void add_client_options(CLI::App& command, command_context& context) {
    add_output_option(command, context);
    command.add_option("-n,--name-server", context.name_servers, "Name servers, \"host:port\" separated by ';' or ','")
        ->envname("TROUPE_NAME_SERVERS")
        ->capture_default_str()
        ->type_name("ADDRESSES");
    add_duration_option(command, "--timeout", context.timeout, "How long to wait for an answer");
}

void add_duration_option(CLI::App& command, const std::string& flags, std::chrono::milliseconds& target, const std::string& meaning) {
    command
        .add_option_function<std::string>(
            flags, [&target](const std::string& text) { target = *config::parse_duration(text); }, meaning)
        ->check([](const std::string& text) {
            const auto parsed = config::parse_duration(text);
            return parsed ? std::string{} : parsed.failure().text;
        })
        ->default_str(config::format_duration(target))
        ->type_name("DURATION");
}

void set_examples(CLI::App& command, const std::string& lines) {
    std::string text = "Examples:";
    std::size_t from = 0;
    while (from < lines.size()) {
        const std::size_t end = std::min(lines.find('\n', from), lines.size());
        text += "\n  " + lines.substr(from, end - from);
        from = end + 1;
    }
    command.footer(text);
}

} // namespace troupe::apps
