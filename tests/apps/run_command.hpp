#pragma once

#include "apps/command_line.hpp"

#include <sstream>
#include <string>
#include <vector>

namespace troupe::apps {

/// What a command printed and returned.
struct command_result {
    int code = 0;
    std::string out;
    std::string err;
};

/// Runs a command line inside this process. Words are separated by spaces; '_' stands for an empty word.
inline command_result run_command(const std::string& line) {
    std::vector<std::string> arguments;
    std::istringstream words{line};
    for (std::string word; words >> word;) {
        arguments.push_back(word == "_" ? "" : word);
    }
    std::ostringstream out;
    std::ostringstream err;
    const exit_code code = run_command_line(arguments, out, err);
    return {static_cast<int>(code), out.str(), err.str()};
}

} // namespace troupe::apps
