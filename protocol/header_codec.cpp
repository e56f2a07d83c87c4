#include "protocol/header_codec.hpp"

#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"
#include "protocol/vocabulary/big_endian.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace troupe::protocol {

namespace {

constexpr std::array<std::string_view, 14> language_names{"JAVA",  "CPP",  "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY",
                                                          "OTHER", "HTTP", "GO",     "PHP",    "OMS",    "RUST",   "NODE_JS"};

language language_of(std::int64_t ordinal) {
    const bool known = ordinal >= 0 && ordinal < static_cast<std::int64_t>(language_names.size());
    return known ? static_cast<language>(ordinal) : language::other;
}

language read_language(json_reader& json) {
    if (json.peek() == json_kind::number)
        return language_of(json.integer<std::int64_t>());
    if (json.peek() == json_kind::null)
        return json.skip(), language::java;
    const auto name = json.text();
    const auto* found = std::find(language_names.begin(), language_names.end(), name);
    return language_of(found == language_names.end() ? -1 : found - language_names.begin());
}

void read_field(json_reader& json, std::string_view name, extension_fields& fields) {
    if (json.peek() == json_kind::null)
        json.skip();
    else if (fields.size() == extension_fields_max)
        json.fail("too many header fields");
    else
        fields.set(std::string{name}, json.text());
}

void read_json_member(json_reader& json, std::string_view key, remoting_command& command) {
    if (key == "extFields")
        json.object([&](std::string_view name) { read_field(json, name, command.fields); });
    else if (key == "code")
        command.code = json.integer<std::int32_t>();
    else if (key == "flag")
        command.flag = json.integer<std::int32_t>();
    else if (key == "opaque")
        command.opaque = json.integer<std::int32_t>();
    else if (key == "version")
        command.version = json.integer<std::int32_t>();
    else if (key == "language")
        command.from = read_language(json);
    else if (key == "remark")
        command.remark = json.text();
    else
        json.skip();
}

/// What a header that does not say so means.
void set_wire_defaults(remoting_command& command) {
    command.from = language::java;
    command.version = 0;
}

error too_short(std::string_view what) {
    return {errc::protocol_error, "binary header: ends inside " + std::string{what}};
}

result<void> decode_binary_fields(std::string_view encoded, extension_fields& fields) {
    for (byte_reader rest{encoded}; rest.left() > 0;) {
        const auto name_bytes = rest.number<std::int16_t>();
        const auto name = rest.bytes(name_bytes.value_or(-1));
        const auto value_bytes = rest.number<std::int32_t>();
        const auto value = rest.bytes(value_bytes.value_or(-1));
        if (!name || !value)
            return too_short("its fields");
        if (fields.size() == extension_fields_max)
            return error{errc::protocol_error, "binary header: too many header fields"};
        if (!name->empty() && !value->empty()) // nothing is how this form writes null
            fields.set(std::string{*name}, std::string{*value});
    }
    return {};
}

} // namespace

void append_json_header(std::string& out, const remoting_command& command) {
    json_writer json{out};
    json.begin_object();
    json.number_member("code", command.code);
    if (command.fields.size() > 0) {
        json.key("extFields");
        json.begin_object();
        for (const auto& [name, value] : command.fields)
            json.text_member(name, value);
        json.end_object();
    }
    json.number_member("flag", command.flag);
    json.text_member("language", language_names[static_cast<std::size_t>(command.from)]);
    json.number_member("opaque", command.opaque);
    if (!command.remark.empty())
        json.text_member("remark", command.remark);
    json.text_member("serializeTypeCurrentRPC", "JSON");
    json.number_member("version", command.version);
    json.end_object();
}

result<void> decode_json_header(std::string_view header, remoting_command& command) {
    set_wire_defaults(command);
    json_reader json{header};
    if (json.peek() != json_kind::object)
        json.fail("an object is expected");
    json.object([&](std::string_view key) { read_json_member(json, key, command); });
    return json.finish("JSON header");
}

bool fits_binary_header(const remoting_command& command) {
    constexpr std::int32_t number_max = std::numeric_limits<std::int16_t>::max();
    return command.code >= 0 && command.code <= number_max && command.version >= 0 && command.version <= number_max &&
           std::all_of(command.fields.begin(), command.fields.end(), [](const auto& field) { return field.first.size() <= number_max; });
}

void append_binary_header(std::string& out, const remoting_command& command) {
    append_be(out, static_cast<std::int16_t>(command.code));
    append_be(out, static_cast<std::uint8_t>(command.from));
    append_be(out, static_cast<std::int16_t>(command.version));
    append_be(out, command.opaque);
    append_be(out, command.flag);
    append_be(out, static_cast<std::uint32_t>(command.remark.size()));
    out.append(command.remark);
    const auto at_fields_bytes = out.size();
    append_be(out, std::uint32_t{0});
    for (const auto& [name, value] : command.fields) {
        append_be(out, static_cast<std::int16_t>(name.size()));
        out.append(name);
        append_be(out, static_cast<std::uint32_t>(value.size()));
        out.append(value);
    }
    store_be(out.data() + at_fields_bytes, static_cast<std::uint32_t>(out.size() - at_fields_bytes - 4));
}

result<void> decode_binary_header(std::string_view header, remoting_command& command) {
    set_wire_defaults(command);
    byte_reader rest{header};
    const auto code = rest.number<std::int16_t>();
    const auto from = rest.number<std::uint8_t>();
    const auto version = rest.number<std::int16_t>();
    const auto opaque = rest.number<std::int32_t>();
    const auto flag = rest.number<std::int32_t>();
    const auto remark_bytes = rest.number<std::int32_t>();
    if (!code || !from || !version || !opaque || !flag || !remark_bytes)
        return too_short("its fixed part");
    const auto remark = rest.bytes(*remark_bytes);
    if (!remark)
        return too_short("its remark");
    const auto fields_bytes = rest.number<std::int32_t>();
    const auto fields = rest.bytes(fields_bytes.value_or(-1));
    if (!fields)
        return too_short("its fields");
    if (rest.left() != 0)
        return error{errc::protocol_error, "binary header: " + std::to_string(rest.left()) + " bytes follow its fields"};
    command.code = *code;
    command.from = language_of(*from);
    command.version = *version;
    command.opaque = *opaque;
    command.flag = *flag;
    command.remark = *remark;
    return decode_binary_fields(*fields, command.fields);
}

} // namespace troupe::protocol
