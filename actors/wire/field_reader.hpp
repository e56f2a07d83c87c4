#pragma once

#include "protocol/remoting_command.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::actors::net {

/// Reads header fields one after the other and keeps the first problem, so that decoding reads as a list of fields.
class field_reader {
public:
    explicit field_reader(const protocol::remoting_command& command) : command_{command} {}

    /// Must be there.
    std::string text(std::string_view name);
    std::string text_or(std::string_view name, std::string_view otherwise = {});
    /// Must be there; decimal, in range.
    std::int32_t int32(std::string_view name);
    std::int32_t int32_or(std::string_view name, std::int32_t otherwise);
    std::int64_t int64(std::string_view name);
    std::int64_t int64_or(std::string_view name, std::int64_t otherwise);
    /// Anything but "true" is false, as in RocketMQ.
    bool boolean_or(std::string_view name, bool otherwise);
    /// As above, for a field that fits T by its own right: ids and offsets.
    template <class Number>
    Number number(std::string_view name) {
        if constexpr (sizeof(typename Number::rep) == sizeof(std::int32_t))
            return Number{int32(name)};
        else
            return Number{int64(name)};
    }

    /// `read`, unless a field was missing or wrong: protocol_error, naming request and field.
    template <class T>
    result<T> finish(T read) {
        if (problem_.code != errc::none)
            return problem_;
        return read;
    }

private:
    const std::string* require(std::string_view name);
    std::int64_t parse(std::string_view name, const std::string& text, std::int64_t min, std::int64_t max);

    const protocol::remoting_command& command_;
    error problem_;
};

} // namespace troupe::actors::net
