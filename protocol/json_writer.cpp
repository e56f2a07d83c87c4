#include "protocol/json_writer.hpp"

#include <charconv>
#include <cmath>

namespace troupe::protocol {

namespace {

constexpr bool needs_escape(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_escaped(std::string& out, char c) {
    constexpr char digits[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
        out.push_back('\\');
        out.push_back(c);
    } else {
        out.append("\\u00");
        out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
        out.push_back(digits[static_cast<unsigned char>(c) & 15]);
    }
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    std::size_t copied = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!needs_escape(text[i]))
            continue;
        out.append(text, copied, i - copied);
        append_escaped(out, text[i]);
        copied = i + 1;
    }
    out.append(text, copied, text.size() - copied);
    out.push_back('"');
}

void json_writer::key(std::string_view name) {
    separate();
    append_json_string(out_, name);
    end_value_key();
}

void json_writer::end_value_key() {
    out_.push_back(':');
    needs_comma_ = false;
}

void json_writer::text(std::string_view value) {
    separate();
    append_json_string(out_, value);
}

void json_writer::number(std::int64_t value) {
    separate();
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out_.append(digits, end);
}

void json_writer::boolean(bool value) {
    separate();
    out_.append(value ? "true" : "false");
}

void json_writer::real(double value) {
    separate();
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, std::isfinite(value) ? value : 0.0).ptr;
    const std::string_view shortest{digits, static_cast<std::size_t>(end - digits)};
    out_.append(shortest);
    if (shortest.find_first_of(".e") == std::string_view::npos)
        out_.append(".0");
}

void json_writer::open(char bracket) {
    separate();
    out_.push_back(bracket);
    needs_comma_ = false;
}

void json_writer::close(char bracket) {
    out_.push_back(bracket);
    needs_comma_ = true;
}

void json_writer::separate() {
    if (needs_comma_)
        out_.push_back(',');
    needs_comma_ = true;
}

} // namespace troupe::protocol
