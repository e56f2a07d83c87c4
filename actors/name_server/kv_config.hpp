#pragma once

#include "protocol/name_server_bodies.hpp"
#include "protocol/vocabulary/result.hpp"

#include <cstddef>
#include <string>

namespace troupe::actors {

/// Namespace of the topics whose messages are to keep their order; key is the topic, value "broker-a:4;broker-b:4".
inline constexpr const char* order_topic_namespace = "ORDER_TOPIC_CONFIG";

/// Texts by namespace and key that operators store at a name server (RocketMQ: KVConfigManager).
///
/// Always   bounded, since anybody who reaches the port may add to it.
class kv_config {
public:
    struct bounds {
        std::size_t entries_max = 10'000;
        std::size_t name_bytes_max = 255; ///< of a namespace and of a key
        std::size_t value_bytes_max = 32'768;
        std::size_t bytes_max = 4u << 20; ///< of all names and values; a namespace counts for each of its keys
    };
    kv_config() = default;
    explicit kv_config(bounds allowed) : allowed_{allowed} {}

    /// Fails, and changes nothing, with argument_illegal (a name that is empty or too long, a value that is too long) and busy
    /// (there is no room).
    result<void> put(const std::string& name_space, const std::string& key, const std::string& value);
    void remove(const std::string& name_space, const std::string& key);

    /// nullptr when there is no such key. Valid until the next change.
    [[nodiscard]] const std::string* find(const std::string& name_space, const std::string& key) const;
    /// nullptr when there is no such namespace: the last key takes it along. Valid until the next change.
    [[nodiscard]] const protocol::key_value_table* find_all(const std::string& name_space) const;
    [[nodiscard]] const protocol::kv_namespaces& all() const { return namespaces_; }

private:
    bounds allowed_;
    std::size_t entries_ = 0;
    std::size_t bytes_ = 0;
    protocol::kv_namespaces namespaces_;
};

} // namespace troupe::actors
