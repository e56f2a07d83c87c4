#pragma once

#include "protocol/bodies.hpp"
#include "protocol/vocabulary/topic_config.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// The topics of a broker at one moment. Immutable; a change makes a new snapshot that shares all but one of its shards,
/// so that creating the 10,000th topic copies some forty entries.
class topic_snapshot {
public:
    /// nullptr when the broker has no such topic.
    [[nodiscard]] const topic_config* find(std::string_view topic) const;
    [[nodiscard]] std::size_t size() const;
    /// Rises with every change; the time stamp is the moment of the last one.
    [[nodiscard]] const protocol::data_version& version() const { return version_; }
    /// What the broker as a whole allows: `permission` bits, from its options.
    [[nodiscard]] std::int32_t broker_perm() const { return broker_perm_; }
    /// All topics with their permission cut down to what the broker allows: what it registers and lists.
    [[nodiscard]] protocol::topic_table table() const;

    topic_snapshot(std::int32_t broker_perm, std::int64_t started_ms, std::vector<topic_config> topics = {});
    /// A snapshot in which `topic` is there, or replaced.
    [[nodiscard]] std::shared_ptr<const topic_snapshot> with(topic_config topic, std::int64_t now_ms) const;
    /// A snapshot in which the broker as a whole allows `perm`.
    [[nodiscard]] std::shared_ptr<const topic_snapshot> with_broker_perm(std::int32_t perm, std::int64_t now_ms) const;
    [[nodiscard]] std::shared_ptr<const topic_snapshot> without(std::string_view topic, std::int64_t now_ms) const;

private:
    using shard = std::map<std::string, topic_config, std::less<>>;
    static std::size_t shard_of(std::string_view topic);

    std::array<std::shared_ptr<const shard>, 256> shards_;
    protocol::data_version version_;
    std::int32_t broker_perm_;
};

/// Where gateways find the current snapshot. Only the broker publishes.
///
/// Threads  safe from any thread. Take one snapshot per batch of requests, not one per request.
class topic_directory {
public:
    explicit topic_directory(std::shared_ptr<const topic_snapshot> first);

    [[nodiscard]] std::shared_ptr<const topic_snapshot> current() const;
    void publish(std::shared_ptr<const topic_snapshot> next);

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const topic_snapshot> current_;
};

} // namespace troupe::actors
