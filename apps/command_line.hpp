#pragma once

#include "apps/exit_code.hpp"
#include "apps/output.hpp"
#include "protocol/vocabulary/errc.hpp"

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace CLI {
class App;
}

/// The command line program as a function, so that tests can call it.
namespace troupe::apps {

/// What every command needs; filled while the command line is read.
struct command_context {
    std::ostream& out;
    std::ostream& err;
    output_format format = output_format::table;
    std::string name_servers = "127.0.0.1:9876"; ///< "host:port;host:port"
    std::chrono::milliseconds timeout{3000};
    std::function<exit_code()> chosen; ///< the command to run

    /// Prints "troupe: <text>" and gives the exit code for it.
    exit_code fail(const error& failure) const;
    exit_code fail(exit_code code, const std::string& text) const;
};

/// Reads the command line and runs the command that it names. `arguments` without the program's name.
exit_code run_command_line(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

// ---- for commands ---------------------------------------------------------------------------------------------------

/// -o table|json.
void add_output_option(CLI::App& command, command_context& context);
/// -o, --name-server and --timeout.
void add_client_options(CLI::App& command, command_context& context);
/// A duration with unit, as in configuration files.
void add_duration_option(CLI::App& command, const std::string& flags, std::chrono::milliseconds& target, const std::string& meaning);
/// "Examples:" below the help text; one command line per line.
void set_examples(CLI::App& command, const std::string& lines);

} // namespace troupe::apps
