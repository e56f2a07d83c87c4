#include "apps/logging.hpp"

#include "actors/base/log.hpp"
#include "apps/output.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace troupe::apps {

namespace {

spdlog::level::level_enum to_spdlog(config::log_level level) {
    switch (level) {
    case config::log_level::trace: return spdlog::level::trace;
    case config::log_level::debug: return spdlog::level::debug;
    case config::log_level::info: return spdlog::level::info;
    case config::log_level::warning: return spdlog::level::warn;
    case config::log_level::error: return spdlog::level::err;
    }
    return spdlog::level::info;
}

spdlog::level::level_enum to_spdlog(actors::log_level level) {
    switch (level) {
    case actors::log_level::debug: return spdlog::level::debug;
    case actors::log_level::info: return spdlog::level::info;
    case actors::log_level::warning: return spdlog::level::warn;
    case actors::log_level::error: return spdlog::level::err;
    }
    return spdlog::level::info;
}

} // namespace

void start_logging(const config::log_config& options) {
    const auto logger = std::make_shared<spdlog::logger>("troupe", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_level(to_spdlog(options.level));
    logger->flush_on(spdlog::level::trace);
    const bool as_json = options.format == config::log_format::json;
    logger->set_pattern(as_json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","text":%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v",
                        spdlog::pattern_time_type::utc);
    actors::set_log_sink([logger, as_json](actors::log_level level, std::string_view text) {
        // Texts quote names that peers chose: a line break or an escape sequence in one must not make a line of its own.
        const std::string safe = printable(text);
        logger->log(to_spdlog(level), "{}", as_json ? nlohmann::json(safe).dump() : safe);
    });
}

} // namespace troupe::apps
