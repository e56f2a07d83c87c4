#include "config/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace troupe::config {

namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array<unit, 5> size_units{{{"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40}}};
constexpr std::array<unit, 5> duration_units{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
/// Keeps every sum and product of two configured numbers inside 64 bits.
constexpr std::uint64_t value_max = std::numeric_limits<std::int64_t>::max() / 4;

error illegal(std::string text) {
    return error{errc::argument_illegal, std::move(text)};
}

std::string unit_names(std::span<const unit> units) {
    std::string names;
    for (const unit& each : units) {
        names += names.empty() ? "" : ", ";
        names += each.name;
    }
    return names;
}

/// What to say about a unit that is none of ours.
std::string unit_complaint(std::string_view written, std::span<const unit> units) {
    std::string text = "unknown unit \"" + std::string{written} + "\"; ";
    constexpr std::array<std::string_view, 8> decimal{"K", "M", "G", "T", "KB", "MB", "GB", "TB"};
    if (units.data() == size_units.data() && std::find(decimal.begin(), decimal.end(), written) != decimal.end()) {
        return text + "write " + written[0] + "iB (powers of 1024)";
    }
    return text + "units are " + unit_names(units);
}

result<std::uint64_t> parse(std::string_view text, std::span<const unit> units, std::string_view noun, std::string_view example) {
    std::uint64_t number = 0;
    const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view written{rest, static_cast<std::size_t>(text.data() + text.size() - rest)};
    if (failure == std::errc::invalid_argument) {
        return illegal("\"" + std::string{text} + "\" is no " + std::string{noun} + "; write a whole number and a unit, like \"" +
                       std::string{example} + "\"");
    }
    if (failure == std::errc::result_out_of_range) {
        return illegal("\"" + std::string{text} + "\" is too large");
    }
    if (written.empty()) {
        return illegal("\"" + std::string{text} + "\" has no unit; write one of " + unit_names(units) + " behind the number");
    }
    if (written[0] == '.') {
        return illegal("\"" + std::string{text} + "\" has a fraction; write a whole number of a smaller unit");
    }
    const auto found = std::find_if(units.begin(), units.end(), [&](const unit& each) { return each.name == written; });
    if (found == units.end()) {
        return illegal(unit_complaint(written, units));
    }
    if (number > value_max / found->factor) {
        return illegal("\"" + std::string{text} + "\" is too large");
    }
    return number * found->factor;
}

std::string format(std::uint64_t value, std::span<const unit> units) {
    const unit* best = &units.front();
    for (const unit& each : units) {
        if (value != 0 && value % each.factor == 0) {
            best = &each;
        }
    }
    return std::to_string(value / best->factor) + std::string{best->name};
}

} // namespace

result<std::uint64_t> parse_size(std::string_view text) {
    return parse(text, size_units, "size", "64MiB");
}

result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto value = parse(text, duration_units, "duration", "500ms");
    if (!value) {
        return value.failure();
    }
    return std::chrono::milliseconds{static_cast<std::int64_t>(*value)};
}

std::string format_size(std::uint64_t bytes) {
    return format(bytes, size_units);
}

std::string format_duration(std::chrono::milliseconds duration) {
    return format(static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count())), duration_units);
}

} // namespace troupe::config
