#include "apps/commands/config_flags.hpp"

#include <CLI/CLI.hpp>

#include <ostream>

namespace troupe::apps {

void add_config_flags(CLI::App& command, const std::shared_ptr<config_arguments>& arguments) {
    for (const config::option& each : config::option_table()) {
        const std::string name = config::flag_name(each);
        command
            .add_option_function<std::string>(
                name, [arguments, name](const std::string& text) { arguments->flags.emplace_back(name, text); }, std::string{each.meaning})
            ->group(""); // hidden
    }
}

std::optional<config::loaded_config> load(const config_arguments& arguments, const command_context& context) {
    config::config_source source;
    source.environment = config::troupe_environment();
    source.flags = arguments.flags;
    if (!arguments.file.empty()) {
        const auto text = config::read_config_file(arguments.file);
        if (!text) {
            context.err << "troupe: " << text.failure().text << '\n';
            return std::nullopt;
        }
        source.file_name = arguments.file;
        source.file_text = *text;
    }
    auto outcome = config::load_config(source);
    for (const config::config_error& each : outcome.mistakes) {
        context.err << printable(to_string(each)) << '\n';
    }
    if (!outcome.mistakes.empty()) {
        const std::size_t count = outcome.mistakes.size();
        context.err << "troupe: " << count << (count == 1 ? " mistake" : " mistakes")
                    << " in the configuration; `troupe config explain KEY` helps\n";
    }
    return std::move(outcome.loaded);
}

} // namespace troupe::apps
