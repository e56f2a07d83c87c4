#include "actors/base/log.hpp"

#include <cstdio>
#include <string>
#include <utility>

namespace troupe::actors {

namespace {

void write_to_stderr(log_level level, std::string_view text) {
    if (level < log_level::info)
        return;
    // One call per line: lines of different threads do not mix.
    auto line = std::string{to_string_view(level)};
    line += ": ";
    line += text;
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

log_sink& sink() {
    static log_sink instance = write_to_stderr;
    return instance;
}

} // namespace

std::string_view to_string_view(log_level level) {
    switch (level) {
    case log_level::debug: return "debug";
    case log_level::info: return "info";
    case log_level::warning: return "warning";
    case log_level::error: return "error";
    }
    return "unknown";
}

void set_log_sink(log_sink next) {
    sink() = next ? std::move(next) : log_sink{write_to_stderr};
}

void write_log(log_level level, std::string_view text) {
    sink()(level, text);
}

} // namespace troupe::actors
