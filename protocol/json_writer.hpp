#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Writing compact JSON by appending: no tree is built, and an object may stand where a key goes, as fastjson has it.
namespace troupe::protocol {

/// Appends `text` with quotes; control characters, quote and backslash are escaped, everything else stays as it is.
void append_json_string(std::string& out, std::string_view text);

/// Appends values and members in the order of the calls and puts the commas. Nesting is the caller's to get right.
class json_writer {
public:
    explicit json_writer(std::string& out) : out_{out} {}
    json_writer(const json_writer&) = delete;
    json_writer& operator=(const json_writer&) = delete;

    void begin_object() { open('{'); }
    void end_object() { close('}'); }
    void begin_array() { open('['); }
    void end_array() { close(']'); }

    void key(std::string_view name);
    /// Ends a key that was itself written as a value, for maps with object keys.
    void end_value_key();

    void text(std::string_view value);
    void number(std::int64_t value);
    void boolean(bool value);
    /// Always with a fraction, as Java writes it; what is no finite number becomes 0.0.
    void real(double value);

    void text_member(std::string_view name, std::string_view value) { key(name), text(value); }
    void number_member(std::string_view name, std::int64_t value) { key(name), number(value); }
    void boolean_member(std::string_view name, bool value) { key(name), boolean(value); }

private:
    void open(char bracket);
    void close(char bracket);
    void separate();

    std::string& out_;
    bool needs_comma_ = false;
};

} // namespace troupe::protocol
