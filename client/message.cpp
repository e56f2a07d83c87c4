#include "client/message.hpp"

#include "protocol/properties.hpp"

namespace troupe::client {

std::string_view received_message::property(std::string_view name) const {
    return protocol::find_property(encoded_properties, name).value_or(std::string_view{});
}

std::string_view received_message::tags() const {
    return property(protocol::property_name::tags);
}

std::string_view received_message::keys() const {
    return property(protocol::property_name::keys);
}

std::string_view received_message::message_id() const {
    return property(protocol::property_name::unique_key);
}

std::string_view received_message::sharding_key() const {
    return property(protocol::property_name::sharding_key);
}

std::map<std::string, std::string> received_message::properties() const {
    return protocol::decode_properties(encoded_properties);
}

} // namespace troupe::client
