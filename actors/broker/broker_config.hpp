#pragma once

#include "actors/broker/broker_options.hpp"
#include "protocol/config_text.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

/// A broker's settings under RocketMQ's names, for tools (codes 25 and 26).
/// RocketMQ: BrokerConfig, MessageStoreConfig, NettyServerConfig.
namespace troupe::actors {

/// Every setting that means here what it means in RocketMQ; a setting that would say something else is not there.
/// `options.perm` is what the broker allows now.
[[nodiscard]] protocol::config_values describe_config(const broker_options& options);

/// The options after `changes`. Fails with not_permitted for the keys that say where RocketMQ itself lives, and with
/// argument_illegal, naming the key, for one that is unknown, cannot change at run time, or has a value that is not allowed.
/// A value that is the present one is always allowed: tools send whole files back.
[[nodiscard]] result<broker_options> change_config(broker_options options, const protocol::config_values& changes);

/// The template that producers look up to create topics; it exists while topics may be created by sending.
[[nodiscard]] topic_config template_topic(const broker_options& options);

/// The topic `<cluster>_REPLY_TOPIC` that clients look up the route of to send replies; nothing is stored in it (decision 0009).
[[nodiscard]] topic_config reply_topic(const broker_options& options);
/// Where RocketMQ's clients write what they trace (RocketMQ: msgTraceTopicName).
[[nodiscard]] topic_config topic_of_traces();

/// A topic that only the broker itself makes: a system topic, or one named for the cluster, its replies or the broker.
[[nodiscard]] bool is_own_topic(const broker_options& options, std::string_view topic);

} // namespace troupe::actors
