#include "config/delay_levels.hpp"

#include "config/units.hpp"

#include <algorithm>
#include <string>

namespace troupe::config {

result<std::vector<std::chrono::milliseconds>> parse_delay_levels(std::string_view text) {
    std::vector<std::chrono::milliseconds> levels;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (word.empty()) {
            continue;
        }
        const auto delay = parse_duration(word);
        if (!delay) {
            return error{errc::argument_illegal, "level " + std::to_string(levels.size() + 1) + ": " + delay.failure().text};
        }
        if (delay->count() <= 0) {
            return error{errc::argument_illegal, "level " + std::to_string(levels.size() + 1) + " is no delay; write 1ms or more"};
        }
        levels.push_back(*delay);
    }
    if (levels.empty() || levels.size() > delay_levels_max) {
        return error{errc::argument_illegal, "has " + std::to_string(levels.size()) + " levels; write 1 to " +
                                                 std::to_string(delay_levels_max) + " delays, as in \"1s 10s 2h\""};
    }
    return levels;
}

} // namespace troupe::config
