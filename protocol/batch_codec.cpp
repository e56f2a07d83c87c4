#include "protocol/batch_codec.hpp"

#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/limits.hpp"

namespace troupe::protocol {

namespace {

error illegal(std::string_view what, std::size_t number) {
    return {errc::message_illegal, "batch: " + std::string{what} + " (message " + std::to_string(number) + ")"};
}

error too_large(std::size_t bytes) {
    return {errc::body_too_large, "batch: it has " + std::to_string(bytes) + " bytes, at most " + std::to_string(limits::body_bytes_max) +
                                      " are allowed: send it in parts"};
}

error no_element() {
    return {errc::message_illegal, "batch: it holds no message"};
}

void append_element(std::string& out, const batch_element& element) {
    append_be(out, static_cast<std::uint32_t>(batch_element_head_bytes + element.body.size() + element.properties.size()));
    append_be(out, std::uint32_t{0}); // magic
    append_be(out, std::uint32_t{0}); // checksum: brokers compute it
    append_be(out, element.flag);
    append_be(out, static_cast<std::uint32_t>(element.body.size()));
    out.append(element.body.view());
    append_be(out, static_cast<std::uint16_t>(element.properties.size()));
    out.append(element.properties);
}

} // namespace

result<std::string> encode_batch(std::span<const batch_element> elements) {
    if (elements.empty())
        return no_element();
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < elements.size(); ++i) {
        if (elements[i].body.empty())
            return illegal("its body is empty: send at least one byte", i);
        if (elements[i].properties.size() > limits::properties_bytes_max)
            return error{errc::properties_too_large, "batch: the properties have " + std::to_string(elements[i].properties.size()) +
                                                         " bytes, at most " + std::to_string(limits::properties_bytes_max) +
                                                         " are allowed (message " + std::to_string(i) + ")"};
        bytes += batch_element_head_bytes + elements[i].body.size() + elements[i].properties.size();
    }
    if (bytes > limits::body_bytes_max)
        return too_large(bytes);
    std::string out;
    out.reserve(bytes);
    for (const auto& element : elements)
        append_element(out, element);
    return out;
}

result<std::vector<batch_element>> decode_batch(const payload& body) {
    if (body.empty())
        return no_element();
    if (body.size() > limits::body_bytes_max)
        return too_large(body.size());
    std::vector<batch_element> elements;
    for (byte_reader rest{body.view()}; rest.left() > 0;) {
        const auto begin = rest.position();
        const auto bytes = rest.number<std::int32_t>();
        const auto magic_and_checksum = rest.number<std::uint64_t>(); // brokers compute their own
        const auto flag = rest.number<std::int32_t>();
        const auto body_bytes = rest.number<std::int32_t>();
        const auto body_at = rest.position();
        const auto element_body = rest.bytes(body_bytes.value_or(-1));
        const auto properties_bytes = rest.number<std::int16_t>();
        const auto encoded_properties = rest.bytes(properties_bytes.value_or(-1));
        if (!bytes || !magic_and_checksum || !flag || !element_body || !encoded_properties)
            return illegal("it is cut off, or a length in it is wrong", elements.size());
        if (*bytes < 0 || static_cast<std::size_t>(*bytes) != rest.position() - begin)
            return illegal("its size does not match its parts", elements.size());
        if (element_body->empty())
            return illegal("its body is empty: send at least one byte", elements.size());
        elements.push_back({*flag, body.slice(body_at, element_body->size()), std::string{*encoded_properties}});
    }
    return elements;
}

} // namespace troupe::protocol
