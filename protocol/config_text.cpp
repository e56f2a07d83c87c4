#include "protocol/config_text.hpp"

#include <algorithm>
#include <utility>

namespace troupe::protocol {

namespace {

constexpr std::string_view blanks = " \t\f\r";

void append_escaped(std::string& out, std::string_view text, bool is_key) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else if (c == '\f')
            out += "\\f";
        else if (static_cast<unsigned char>(c) >= 0x80)
            out += '?';
        else if (c == '\\' || (is_key && (c == '=' || c == ':' || c == ' ' || c == '#' || c == '!')) || (c == ' ' && i == 0))
            (out += '\\') += c;
        else
            out += c;
    }
}

/// What stands behind a backslash. A number of a character (\u0041) stays as it is: no key or value of ours needs one.
char unescaped(char c) {
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'f': return '\f';
    default: return c;
    }
}

/// Takes text up to the first unescaped separator, and says whether it is well formed.
bool take(std::string_view& line, std::string_view separators, std::string& out) {
    while (!line.empty() && separators.find(line.front()) == std::string_view::npos) {
        char c = line.front();
        line.remove_prefix(1);
        if (c == '\\') {
            if (line.empty())
                return false;
            c = unescaped(line.front());
            line.remove_prefix(1);
        }
        out += c;
    }
    return true;
}

void skip_blanks(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
}

} // namespace

std::string encode_config_text(const config_values& values) {
    std::string out;
    for (const auto& [key, value] : values) {
        append_escaped(out, key, true);
        out += '=';
        append_escaped(out, value, false);
        out += '\n';
    }
    return out;
}

result<config_values> decode_config_text(std::string_view text) {
    config_values values;
    std::size_t number = 0;
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const auto fail = [&number](const std::string& what) {
            return error{errc::protocol_error, "config text, line " + std::to_string(number) + ": " + what};
        };
        if (++number > config_lines_max)
            return fail("at most " + std::to_string(config_lines_max) + " lines are allowed");
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        skip_blanks(line);
        if (line.empty() || line.front() == '#' || line.front() == '!')
            continue;
        std::string key;
        std::string value;
        if (!take(line, "=: \t\f\r", key))
            return fail("it ends in a backslash; write each setting on one line");
        if (key.empty())
            return fail("there is no key before the value");
        skip_blanks(line);
        if (!line.empty() && (line.front() == '=' || line.front() == ':'))
            line.remove_prefix(1);
        skip_blanks(line);
        if (!take(line, "", value))
            return fail("it ends in a backslash; write each setting on one line");
        values.insert_or_assign(std::move(key), std::move(value));
    }
    return values;
}

} // namespace troupe::protocol
