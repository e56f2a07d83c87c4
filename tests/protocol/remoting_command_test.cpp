#include "protocol/remoting_command.hpp"

#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/support/hex.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <random>

using namespace troupe;
using namespace troupe::protocol;
using test_support::from_hex;
using test_support::to_hex;

namespace {

// Vectors: RocketMQ's two forms of a header: GET_ROUTEINFO_BY_TOPIC for topic T, opaque 1, version 401.
const std::string java_json_header =
    R"({"code":105,"extFields":{"topic":"T"},"flag":0,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":401})";
const std::string java_json_frame = from_hex("0000007f 0000007b") + java_json_header;
const std::string java_binary_frame =
    from_hex("00000025 01000021 0069 00 0191 00000001 00000000 00000000 0000000c 0005 746f706963 00000001 54");

remoting_command java_request(header_codec codec) {
    remoting_command command;
    command.code = 105;
    command.from = language::java;
    command.version = 401;
    command.opaque = 1;
    command.fields.set("topic", "T");
    command.codec = codec;
    return command;
}

/// Every field other than its default.
remoting_command full_command(header_codec codec) {
    remoting_command command;
    command.code = 12345;
    command.from = language::rust;
    command.version = 317;
    command.opaque = -1;
    command.flag = command_flag::response | command_flag::oneway;
    command.remark = "why \"quoted\" \\ \n and 中文";
    command.fields.set("properties", std::string{"TAGS\1TagA\2KEYS\1k\2"});
    command.fields.set("offset", std::int64_t{-9'000'000'000});
    command.body = payload{std::string{"body\0with zero", 14}};
    command.codec = codec;
    return command;
}

void check_same(const remoting_command& x, const remoting_command& y) {
    CHECK(x.code == y.code);
    CHECK(x.from == y.from);
    CHECK(x.version == y.version);
    CHECK(x.opaque == y.opaque);
    CHECK(x.flag == y.flag);
    CHECK(x.remark == y.remark);
    CHECK(x.fields == y.fields);
    CHECK(x.body == y.body);
    CHECK(x.codec == y.codec);
}

std::string framed(std::string_view header, std::uint32_t codec = 0) {
    std::string frame;
    append_be(frame, static_cast<std::uint32_t>(header.size() + 4));
    append_be(frame, static_cast<std::uint32_t>(header.size()) | (codec << 24));
    frame += header;
    return frame;
}

result<remoting_command> decode_header(std::string_view json) {
    return decode_frame(payload{framed(json)});
}

} // namespace

TEST_CASE("frames of the original Java classes decode in both header forms") {
    REQUIRE(java_json_header.size() == 123);
    check_same(decode_frame(payload{java_json_frame}).value(), java_request(header_codec::json));
    check_same(decode_frame(payload{java_binary_frame}).value(), java_request(header_codec::binary));
}

TEST_CASE("an encoded request has Java's bytes in both header forms") {
    CHECK(encode_frame(java_request(header_codec::json)) == java_json_frame);
    CHECK(to_hex(encode_frame(java_request(header_codec::binary))) == to_hex(java_binary_frame));
}

TEST_CASE("a command comes back with every field in both header forms") {
    for (const auto codec : {header_codec::json, header_codec::binary}) {
        const auto command = full_command(codec);
        const auto frame = encode_frame(command);
        const auto decoded = decode_frame(payload{frame}).value();
        check_same(decoded, command);
        CHECK(decoded.is_response());
        CHECK(decoded.is_oneway());
        CHECK(frame == encode_frame_head(command, command.body.size()).value() + std::string{command.body.view()});
    }
}

TEST_CASE("every header field is written as a JSON string, as C++ and Go clients need it") {
    const auto frame = encode_frame(full_command(header_codec::json));
    const auto header = nlohmann::json::parse(frame.substr(8, frame.size() - 8 - 14));
    CHECK(header["extFields"]["offset"] == "-9000000000");
    CHECK(header["extFields"]["properties"] == "TAGS\1TagA\2KEYS\1k\2");
    CHECK(header["language"] == "RUST");
    CHECK(header["remark"] == full_command(header_codec::json).remark);
    CHECK(header["serializeTypeCurrentRPC"] == "JSON");
    const auto bare = encode_frame(remoting_command{});
    const auto bare_header = nlohmann::json::parse(bare.substr(8));
    CHECK_FALSE(bare_header.contains("remark"));
    CHECK_FALSE(bare_header.contains("extFields"));
}

TEST_CASE("a command that fits into no frame is refused, whether its body or its header is too large") {
    for (const auto codec : {header_codec::json, header_codec::binary}) {
        auto command = full_command(codec);
        command.body = {};
        const auto head = encode_frame_head(command, 0).value().size();
        CHECK(encode_frame_head(command, limits::frame_bytes_max - head).ok());
        CHECK(encode_frame_head(command, limits::frame_bytes_max - head + 1).code() == errc::argument_illegal);
        command.remark.assign(limits::frame_bytes_max, 'x');
        CHECK(encode_frame_head(command, 0).code() == errc::argument_illegal);
    }
}

TEST_CASE("a decoded body shares the frame's memory") {
    const payload frame{encode_frame(full_command(header_codec::json))};
    const auto body = decode_frame(frame).value().body;
    CHECK(body.view().data() == frame.view().data() + frame.size() - body.size());
}

TEST_CASE("a command that the binary form cannot hold is written as JSON") {
    auto command = full_command(header_codec::binary);
    command.code = 200'050;
    const auto decoded = decode_frame(payload{encode_frame(command)}).value();
    CHECK(decoded.codec == header_codec::json);
    CHECK(decoded.code == 200'050);
    command = full_command(header_codec::binary);
    command.fields.set(std::string(40'000, 'n'), "v");
    CHECK(decode_frame(payload{encode_frame(command)}).value().codec == header_codec::json);
}

TEST_CASE("JSON headers are taken in every form that peers write") {
    const auto command = decode_header(
        R"( { "version" : 333 , "unknown":{"deep":[1,{}]}, "extFields":{"n":12,"b":true,"s":"x","none":null,"d":1.50,"b":false},
              "code":"34","flag":2,"opaque":-7,"remark":null,"language":9,"serializeTypeCurrentRPC":"JSON"} )");
    REQUIRE(command.ok());
    CHECK(command->code == 34);
    CHECK(command->version == 333);
    CHECK(command->opaque == -7);
    CHECK(command->is_oneway());
    CHECK(command->from == language::go);
    CHECK(command->remark.empty());
    CHECK(*command->fields.find("n") == "12");
    CHECK(*command->fields.find("b") == "false"); // the later one
    CHECK(*command->fields.find("s") == "x");
    CHECK(*command->fields.find("d") == "1.50");
    CHECK(command->fields.find("none") == nullptr);
    CHECK(command->fields.find("absent") == nullptr);
    CHECK(decode_header(R"({"code":1,"extFields":null})").value().fields.size() == 0);
}

TEST_CASE("the language is taken by name or number, unknown ones as other, none as Java") {
    CHECK(decode_header("{}").value().from == language::java);
    CHECK(decode_header("{}").value().version == 0);
    CHECK(decode_header(R"({"language":null})").value().from == language::java);
    CHECK(decode_header(R"({"language":"CPP"})").value().from == language::cpp);
    CHECK(decode_header(R"({"language":"NODE_JS"})").value().from == language::node_js);
    CHECK(decode_header(R"({"language":"COBOL"})").value().from == language::other);
    CHECK(decode_header(R"({"language":99})").value().from == language::other);
    CHECK(decode_header(R"({"language":-1})").value().from == language::other);
}

TEST_CASE("JSON headers that are none are refused with protocol_error") {
    for (const char* wrong : {"", "{", "null", "[]", "1", R"({"code":1)", R"({"code":99999999999})", R"({"code":"x"})",
                              R"({"extFields":[]})", R"({"extFields":"x"})", R"({"code":1}x)", R"({"opaque":true})"})
        CHECK_MESSAGE(decode_header(wrong).code() == errc::protocol_error, wrong);
}

TEST_CASE("the number of header fields is bounded in both forms") {
    for (const auto codec : {header_codec::json, header_codec::binary}) {
        auto command = java_request(codec);
        while (command.fields.size() < extension_fields_max)
            command.fields.set("k", "v");
        CHECK(decode_frame(payload{encode_frame(command)}).ok());
        command.fields.set("k", "v");
        CHECK(decode_frame(payload{encode_frame(command)}).code() == errc::protocol_error);
    }
}

TEST_CASE("the binary form reads empty values as absent, as Java does") {
    auto command = java_request(header_codec::binary);
    command.fields.set("empty", "");
    CHECK(decode_frame(payload{encode_frame(command)}).value().fields == java_request(header_codec::binary).fields);
}

TEST_CASE("the size of a frame is known from four bytes and bounded before anything is allocated") {
    const auto size_of = [](std::uint32_t length) {
        std::string stream;
        append_be(stream, length);
        return frame_size(stream);
    };
    CHECK(frame_size("").value() == std::nullopt);
    CHECK(frame_size(std::string_view{"\0\0\0", 3}).value() == std::nullopt);
    CHECK(size_of(4).value() == 8);
    CHECK(size_of(limits::frame_bytes_max - 4).value() == limits::frame_bytes_max);
    for (const std::uint32_t lie : {0u, 3u, static_cast<std::uint32_t>(limits::frame_bytes_max) - 3, 0x7FFFFFFFu, 0xFFFFFFFFu, 0x16030100u})
        CHECK(size_of(lie).code() == errc::protocol_error);
    CHECK(size_of(0xFFFFFFFF).failure().text == "frame: its length word says 4294967299 bytes in all, at most 16777216 are allowed");
    CHECK(frame_size(java_json_frame + "more").value() == java_json_frame.size());
}

TEST_CASE("a frame cut at any length is refused") {
    for (const auto& frame : {java_json_frame, java_binary_frame, encode_frame(full_command(header_codec::binary))})
        for (std::size_t bytes = 0; bytes < frame.size(); ++bytes) {
            CHECK(decode_frame(payload{frame.substr(0, bytes)}).ok() == false);
            if (bytes < 8)
                continue;
            // The same with a length word that fits: only the header knows then. A frame may lose its body and be one.
            auto cut = frame.substr(0, bytes);
            store_be(cut.data(), static_cast<std::uint32_t>(bytes - 4));
            const auto header_bytes = load_be<std::uint32_t>(frame.data() + 4) & 0xFFFFFF;
            CHECK(decode_frame(payload{cut}).ok() == (bytes >= 8 + header_bytes));
        }
}

TEST_CASE("lying lengths inside a binary header are refused") {
    const auto good = java_binary_frame;
    for (const std::size_t at : {8u + 13u, 8u + 17u, 8u + 28u}) // remark, fields, value
        for (const std::uint32_t lie : {2u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu}) {
            auto frame = good;
            store_be(frame.data() + at, lie);
            CHECK(decode_frame(payload{frame}).code() == errc::protocol_error);
        }
    auto name = good;
    store_be(name.data() + 8 + 21, std::uint16_t{0xFFFF});
    CHECK(decode_frame(payload{name}).code() == errc::protocol_error);
}

TEST_CASE("an unknown header form, and a header longer than its frame, are refused by name") {
    auto frame = java_json_frame;
    frame[4] = 2;
    CHECK(decode_frame(payload{frame}).failure().text == "frame: it has a header of form 2, only 0 (JSON) and 1 (binary) are known");
    frame = java_json_frame;
    store_be(frame.data() + 4, std::uint32_t{124});
    CHECK(decode_frame(payload{frame}).failure().text == "frame: its header of 124 bytes does not fit into it");
}

TEST_CASE("random damage of a frame is refused or harmless, never a crash") {
    std::mt19937_64 random{test_support::random_seed("frame damage", 1)};
    for (int round = 0; round < 20'000; ++round) {
        std::string frame = encode_frame(full_command(round % 2 == 0 ? header_codec::json : header_codec::binary));
        for (auto changes = 1 + random() % 4; changes > 0; --changes)
            frame[4 + random() % (frame.size() - 4)] = static_cast<char>(random());
        const auto command = decode_frame(payload{frame});
        if (!command)
            CHECK(command.code() == errc::protocol_error);
    }
}
