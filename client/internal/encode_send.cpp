#include "client/internal/encode_send.hpp"

#include "protocol/batch_codec.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/big_endian.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <array>

namespace troupe::client {

namespace {

constexpr std::array reserved_names{protocol::property_name::keys,
                                    protocol::property_name::tags,
                                    protocol::property_name::wait,
                                    protocol::property_name::unique_key,
                                    protocol::property_name::sharding_key,
                                    protocol::property_name::checksum,
                                    protocol::property_name::delay,
                                    protocol::property_name::transaction,
                                    protocol::property_name::producer_group,
                                    protocol::property_name::timer_delay_sec,
                                    protocol::property_name::timer_delay_ms,
                                    protocol::property_name::timer_deliver_ms,
                                    protocol::property_name::timer_out_ms,
                                    protocol::property_name::timer_delete_key,
                                    protocol::property_name::start_deliver_time};

result<std::string> join_keys(const std::vector<std::string>& keys) {
    std::string joined;
    for (const auto& key : keys) {
        if (key.empty() || key.find(' ') != std::string::npos)
            return error{errc::property_illegal, "key \"" + key + "\" is empty or holds a space"};
        joined += (joined.empty() ? "" : " ") + key;
    }
    return joined;
}

/// Adds what says when the message is to be delivered.
result<void> add_delivery_time(protocol::properties& all, const message& m) {
    if (m.delay_level < 0)
        return error{errc::property_illegal, "delay level " + std::to_string(m.delay_level) + "; levels begin at 1, and 0 is no delay"};
    const int ways = (m.delay_level > 0 ? 1 : 0) + (m.deliver_after ? 1 : 0) + (m.deliver_at ? 1 : 0);
    if (ways > 1)
        return error{errc::property_illegal, "a message has one of delay_level, deliver_after and deliver_at, not several"};
    if (m.deliver_after && *m.deliver_after < std::chrono::milliseconds{0})
        return error{errc::property_illegal, "deliver_after is " + std::to_string(m.deliver_after->count()) + " ms; it cannot be negative"};
    if (m.delay_level > 0)
        all.emplace(protocol::property_name::delay, std::to_string(m.delay_level));
    if (m.deliver_after)
        all.emplace(protocol::property_name::timer_delay_ms, std::to_string(m.deliver_after->count()));
    if (m.deliver_at)
        all.emplace(protocol::property_name::timer_deliver_ms, to_string(*m.deliver_at));
    return {};
}

result<std::string> make_properties(const message& m, const std::string& message_id) {
    for (const auto name : reserved_names)
        if (m.properties.contains(std::string{name}))
            return error{errc::property_illegal, "property name " + std::string{name} + " is reserved"};
    protocol::properties all{m.properties.begin(), m.properties.end()};
    auto keys = join_keys(m.keys);
    if (!keys)
        return keys.failure();
    if (!keys->empty())
        all.emplace(protocol::property_name::keys, *keys);
    if (!m.tags.empty())
        all.emplace(protocol::property_name::tags, m.tags);
    if (!m.sharding_key.empty())
        all.emplace(protocol::property_name::sharding_key, m.sharding_key);
    if (auto timed = add_delivery_time(all, m); !timed)
        return timed.failure();
    all.emplace(protocol::property_name::unique_key, message_id);
    return protocol::encode_properties(all);
}

} // namespace

result<encoded_message> encode_send(message m, unique_key_generator& ids, std::int64_t now_ms) {
    if (auto legal = check_topic_name(m.topic); !legal)
        return legal.failure();
    if (m.body.empty())
        return error{errc::message_illegal, "the body of a message to topic " + m.topic + " is empty"};
    if (m.body.size() > limits::body_bytes_max)
        return error{errc::body_too_large,
                     "message body of " + std::to_string(m.body.size()) + " bytes; the limit is " + std::to_string(limits::body_bytes_max)};
    encoded_message encoded;
    encoded.message_id = ids.next(now_ms);
    auto properties = make_properties(m, encoded.message_id);
    if (!properties)
        return properties.failure();
    encoded.properties = std::move(*properties);
    encoded.flag = m.flag;
    encoded.delayed = m.delay_level > 0 || m.deliver_after || m.deliver_at;
    encoded.topic = std::move(m.topic);
    encoded.sharding_key = std::move(m.sharding_key);
    encoded.body = payload{std::move(m.body)};
    return encoded;
}

result<encoded_message> encode_half(message m, const std::string& group, unique_key_generator& ids, std::int64_t now_ms) {
    if (m.delay_level != 0 || m.deliver_after || m.deliver_at) // Apache's brokers would take it, and never deliver it
        return error{errc::message_illegal, "a message of a transaction cannot be delayed; send it without a delay and a time"};
    auto encoded = encode_send(std::move(m), ids, now_ms);
    if (!encoded)
        return encoded;
    protocol::set_property(encoded->properties, protocol::property_name::transaction, "true");
    protocol::set_property(encoded->properties, protocol::property_name::producer_group, group);
    if (encoded->properties.size() > limits::properties_bytes_max)
        return error{errc::properties_too_large, "the properties of a message to topic " + encoded->topic + " have " +
                                                     std::to_string(encoded->properties.size()) + " bytes; the limit is " +
                                                     std::to_string(limits::properties_bytes_max)};
    encoded->half = true;
    return encoded;
}

void compress(encoded_message& m, protocol::compression how, std::optional<int> level) {
    auto packed = protocol::pack_body(how, m.body.view(), level);
    if (!packed)
        return;
    m.body = payload{std::move(*packed)};
    m.compression_flags = protocol::sys_flag_of(how);
}

std::size_t batch_bytes(const encoded_message& m) {
    return protocol::batch_element_head_bytes + m.bytes();
}

payload encode_batch(std::span<const encoded_message* const> messages) {
    std::size_t total = 0;
    for (const auto* m : messages)
        total += batch_bytes(*m);
    std::string body;
    body.reserve(total);
    for (const auto* m : messages) {
        append_be(body, static_cast<std::uint32_t>(batch_bytes(*m)));
        append_be(body, std::uint32_t{0}); // magic
        append_be(body, std::uint32_t{0}); // body checksum: brokers compute it
        append_be(body, static_cast<std::uint32_t>(m->flag));
        append_be(body, static_cast<std::uint32_t>(m->body.size()));
        body += m->body.view();
        append_be(body, static_cast<std::uint16_t>(m->properties.size()));
        body += m->properties;
    }
    return payload{std::move(body)};
}

std::vector<std::string> split_ids(std::string_view joined, std::size_t count) {
    std::vector<std::string> ids;
    ids.reserve(count);
    while (ids.size() < count) {
        const auto comma = std::min(joined.find(','), joined.size());
        ids.emplace_back(joined.substr(0, comma));
        joined.remove_prefix(std::min(comma + 1, joined.size()));
    }
    return ids;
}

} // namespace troupe::client
