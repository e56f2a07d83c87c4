#pragma once

#include "actors/wire/wire.hpp"
#include "protocol/remoting_command.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>

/// What was recorded of RocketMQ's programs, byte by byte: tests/protocol/golden/README.md says how.
namespace troupe::golden {

inline std::string bytes_of_hex(std::string_view text) {
    REQUIRE(text.size() % 2 == 0);
    std::string bytes;
    for (std::size_t at = 0; at < text.size(); at += 2)
        bytes.push_back(static_cast<char>(std::stoi(std::string{text.substr(at, 2)}, nullptr, 16)));
    return bytes;
}

/// What one client sent with one form of header.
class recording {
public:
    recording(std::string client, protocol::header_codec codec, std::int32_t version)
        : client_{std::move(client)}, codec_{codec}, version_{version} {
        const auto path = std::string{TROUPE_SOURCE_DIRECTORY "/tests/protocol/golden/"} + client_ + ".txt";
        std::ifstream in{path};
        REQUIRE_MESSAGE(in.good(), path);
        in.ignore(1'000, '\n'); // where it comes from
        std::string name;
        std::string hex;
        while (in >> name >> hex)
            frames_.emplace(name, payload{bytes_of_hex(hex)});
    }

    [[nodiscard]] const std::string& client() const { return client_; }
    [[nodiscard]] const std::map<std::string, payload>& frames() const { return frames_; }

    [[nodiscard]] protocol::remoting_command command(const std::string& name) const {
        const auto decoded = protocol::decode_frame(frames_.at(name));
        REQUIRE_MESSAGE(decoded.ok(), name);
        CHECK(decoded->codec == codec_);
        CHECK(decoded->version == version_);
        CHECK(decoded->from == protocol::language::java);
        CHECK_FALSE(decoded->is_response());
        return *decoded;
    }

    template <class Order>
    [[nodiscard]] Order order(const std::string& name) const {
        auto read = actors::net::decode_request<Order>(command(name));
        REQUIRE_MESSAGE(read.ok(), (read.ok() ? "" : read.failure().text));
        return std::move(*read);
    }

    /// The order, which is encoded again to what the client meant: as far as it says the same, in the same words.
    template <class Order>
    [[nodiscard]] Order order_both_ways(const std::string& name) const {
        CAPTURE(name);
        const auto theirs = command(name);
        auto read = order<Order>(name);
        const auto ours = actors::net::encode_request(read);
        CHECK(ours.code == theirs.code);
        std::size_t common = 0;
        for (const auto& field : ours.fields)
            if (const auto* said = theirs.fields.find(field.first)) {
                CAPTURE(field.first);
                CHECK(field.second == *said);
                ++common;
            }
        CHECK(common + (theirs.body.empty() ? 0u : 1u) > 0);
        return read;
    }

    /// Every frame is encoded again to what was decoded, in the binary form to the same bytes.
    void check_both_ways() const {
        for (const auto& recorded : frames_) {
            CAPTURE(recorded.first);
            const auto decoded = command(recorded.first);
            const auto encoded = protocol::encode_frame(decoded);
            if (decoded.codec == protocol::header_codec::binary)
                CHECK(encoded == recorded.second.view());
            const auto again = protocol::decode_frame(payload{encoded});
            REQUIRE(again.ok());
            CHECK(again->code == decoded.code);
            CHECK(again->opaque == decoded.opaque);
            CHECK(again->flag == decoded.flag);
            CHECK(again->remark == decoded.remark);
            CHECK(again->fields == decoded.fields);
            CHECK(again->body == decoded.body);
        }
    }

private:
    std::string client_;
    protocol::header_codec codec_;
    std::int32_t version_;
    std::map<std::string, payload> frames_;
};

} // namespace troupe::golden
