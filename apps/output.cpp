#include "apps/output.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>
#include <ctime>
#include <ostream>
#include <sstream>

namespace troupe::apps {

namespace {

using json = nlohmann::ordered_json;

template <class... Ts>
struct overloaded : Ts... {
    using Ts::operator()...;
};
template <class... Ts>
overloaded(Ts...) -> overloaded<Ts...>;

/// Length of the UTF-8 sequence at the start of `bytes`; 0 if it is not valid (RFC 3629).
std::size_t utf8_length(std::string_view bytes) {
    const auto first = static_cast<unsigned char>(bytes[0]);
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xF0 && first < 0xF5 ? 4
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xC2 && first < 0xE0 ? 2
                                                               : 0;
    if (length == 0 || length > bytes.size()) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(bytes[i]) & 0xC0u) != 0x80u) {
            return 0;
        }
    }
    const auto second = length > 1 ? static_cast<unsigned char>(bytes[1]) : 0u;
    const bool overlong_or_surrogate = (first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0) ||
                                       (first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90);
    return overlong_or_surrogate ? 0 : length;
}

/// Characters that move the cursor or start an escape sequence: C0, DEL and C1.
bool is_control(std::string_view sequence) {
    const auto first = static_cast<unsigned char>(sequence[0]);
    return first < 0x20 || first == 0x7F || (first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0);
}

std::string format_double(double value, int decimals) {
    std::array<char, 64> buffer{};
    const int length = std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals < 0 ? 2 : decimals, value);
    return {buffer.data(), static_cast<std::size_t>(std::clamp(length, 0, static_cast<int>(buffer.size()) - 1))};
}

std::string to_text(const cell& value, int decimals) {
    return std::visit(overloaded{
                          [](const std::string& text) { return text.empty() ? "-" : printable(text); },
                          [](std::int64_t number) { return std::to_string(number); },
                          [&](double number) { return format_double(number, decimals); },
                          [](bool yes) { return std::string{yes ? "yes" : "no"}; },
                          [](moment when) { return format_moment(when); },
                          [](const std::vector<std::string>& list) {
                              std::string joined;
                              for (const std::string& item : list) {
                                  joined += (joined.empty() ? "" : ", ") + printable(item);
                              }
                              return joined.empty() ? std::string{"-"} : joined;
                          },
                          [](const std::map<std::string, std::string>& map) {
                              std::string joined;
                              for (const auto& [name, each] : map) {
                                  joined += (joined.empty() ? "" : ", ") + printable(name) + "=" + printable(each);
                              }
                              return joined.empty() ? std::string{"-"} : joined;
                          },
                      },
                      value);
}

/// JSON holds UTF-8 and nothing else.
json json_text(const std::string& text) {
    return is_utf8(text) ? text : printable(text);
}

json to_json(const cell& value) {
    return std::visit(overloaded{
                          [](moment when) { return json(when.ms); },
                          [](const std::string& text) { return json_text(text); },
                          [](const std::vector<std::string>& list) {
                              json all = json::array();
                              for (const std::string& item : list) {
                                  all.push_back(json_text(item));
                              }
                              return all;
                          },
                          [](const std::map<std::string, std::string>& map) {
                              json all = json::object();
                              for (const auto& [name, each] : map) {
                                  all[is_utf8(name) ? name : printable(name)] = json_text(each);
                              }
                              return all;
                          },
                          [](const auto& other) { return json(other); },
                      },
                      value);
}

std::string heading(std::string_view name) {
    std::string text{name};
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c == '_' ? ' ' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c); });
    return text;
}

bool is_number(const cell& value) {
    return std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value);
}

/// Characters, not bytes, of UTF-8 text: as wide as most terminals show it.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }));
}

} // namespace

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t length = utf8_length(bytes);
        if (length == 0) {
            return false;
        }
        bytes.remove_prefix(length);
    }
    return true;
}

std::string to_base64(std::string_view bytes) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto three = bytes.substr(at, 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            bits = bits << 8 | (i < three.size() ? static_cast<unsigned char>(three[i]) : 0u);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            text += i <= three.size() ? letters[bits >> (18 - 6 * i) & 63u] : '=';
        }
    }
    return text;
}

std::string format_moment(moment when) {
    if (when.ms == 0) {
        return "-";
    }
    const auto seconds = static_cast<std::time_t>(when.ms / 1000);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::array<char, 64> buffer{};
    const std::size_t length = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    std::array<char, 8> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(when.ms % 1000));
    return std::string{buffer.data(), length} + fraction.data();
}

std::string printable(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {
        const std::size_t length = utf8_length(bytes);
        if (length > 0 && !is_control(bytes.substr(0, length))) {
            text += bytes.substr(0, length);
            bytes.remove_prefix(length);
            continue;
        }
        std::array<char, 8> escaped{};
        std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned char>(bytes[0]));
        text += escaped.data();
        bytes.remove_prefix(1);
    }
    return text;
}

void table::add(std::vector<cell> row) {
    assert(row.size() == columns_.size());
    rows_.push_back(std::move(row));
}

void table::print(std::ostream& out, output_format format, std::string_view when_empty) const {
    if (format == output_format::json) {
        out << "[";
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            std::ostringstream line;
            print_line(line, i);
            out << (i == 0 ? "\n  " : "  ") << line.str().substr(0, line.str().size() - 1) << (i + 1 == rows_.size() ? "\n" : ",\n");
        }
        out << "]\n";
        return;
    }
    if (rows_.empty()) {
        out << when_empty << '\n';
        return;
    }
    std::vector<std::vector<std::string>> lines{{}};
    std::vector<std::size_t> widths;
    for (const column& each : columns_) {
        lines[0].push_back(heading(each.name));
        widths.push_back(width(lines[0].back()));
    }
    for (const auto& row : rows_) {
        auto& line = lines.emplace_back();
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            line.push_back(to_text(row[c], columns_[c].decimals));
            widths[c] = std::max(widths[c], width(line.back()));
        }
    }
    for (const auto& line : lines) {
        std::string text;
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            const std::string padding(widths[c] - width(line[c]), ' ');
            text += (c == 0 ? "" : "  ") + (is_number(rows_[0][c]) ? padding + line[c] : line[c] + padding);
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out << text << '\n';
    }
}

void table::print_line(std::ostream& out, std::size_t row) const {
    json object = json::object();
    for (std::size_t c = 0; c < columns_.size(); ++c) {
        object[columns_[c].name] = to_json(rows_[row][c]);
    }
    out << object.dump() << '\n';
}

void record::add(std::string name, cell value) {
    properties_.emplace_back(std::move(name), std::move(value));
}

void record::add(std::string name, table rows) {
    tables_.emplace_back(std::move(name), std::move(rows));
}

void record::print(std::ostream& out, output_format format) const {
    if (format == output_format::json) {
        json object = json::object();
        for (const auto& [name, value] : properties_) {
            object[name] = to_json(value);
        }
        for (const auto& [name, rows] : tables_) {
            std::ostringstream text;
            rows.print(text, format);
            object[name] = json::parse(text.str());
        }
        out << object.dump(2) << '\n';
        return;
    }
    std::size_t widest = 0;
    for (const auto& [name, value] : properties_) {
        widest = std::max(widest, width(name));
    }
    for (const auto& [name, value] : properties_) {
        std::string shown = name;
        std::replace(shown.begin(), shown.end(), '_', ' ');
        out << shown << std::string(widest - width(name) + 2, ' ') << to_text(value, -1) << '\n';
    }
    for (const auto& [name, rows] : tables_) {
        out << '\n';
        rows.print(out, format);
    }
}

} // namespace troupe::apps
