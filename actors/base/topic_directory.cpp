#include "actors/base/topic_directory.hpp"

#include <functional>
#include <utility>

namespace troupe::actors {

topic_snapshot::topic_snapshot(std::int32_t broker_perm, std::int64_t started_ms, std::vector<topic_config> topics)
    : broker_perm_{broker_perm} {
    std::array<shard, 256> filled;
    for (auto& topic : topics) {
        auto name = topic.name;
        filled[shard_of(name)].insert_or_assign(std::move(name), std::move(topic));
    }
    for (std::size_t i = 0; i < shards_.size(); ++i)
        shards_[i] = std::make_shared<const shard>(std::move(filled[i]));
    version_.timestamp_ms = started_ms;
}

std::size_t topic_snapshot::shard_of(std::string_view topic) {
    return std::hash<std::string_view>{}(topic) % 256;
}

const topic_config* topic_snapshot::find(std::string_view topic) const {
    const auto& here = *shards_[shard_of(topic)];
    const auto found = here.find(topic);
    return found == here.end() ? nullptr : &found->second;
}

std::size_t topic_snapshot::size() const {
    std::size_t all = 0;
    for (const auto& one : shards_)
        all += one->size();
    return all;
}

protocol::topic_table topic_snapshot::table() const {
    protocol::topic_table table;
    table.version = version_;
    for (const auto& one : shards_)
        for (const auto& [name, topic] : *one) {
            auto& listed = table.topics.emplace(name, topic).first->second;
            // Inherit says nothing about traffic; the broker's permission does not take it away.
            listed.perm &= broker_perm_ | permission::inherit;
        }
    return table;
}

std::shared_ptr<const topic_snapshot> topic_snapshot::with(topic_config topic, std::int64_t now_ms) const {
    auto next = std::make_shared<topic_snapshot>(*this);
    auto& place = next->shards_[shard_of(topic.name)];
    auto changed = std::make_shared<shard>(*place);
    auto name = topic.name;
    changed->insert_or_assign(std::move(name), std::move(topic));
    place = std::move(changed);
    next->version_.timestamp_ms = now_ms;
    ++next->version_.counter;
    return next;
}

std::shared_ptr<const topic_snapshot> topic_snapshot::without(std::string_view topic, std::int64_t now_ms) const {
    auto next = std::make_shared<topic_snapshot>(*this);
    auto& place = next->shards_[shard_of(topic)];
    auto changed = std::make_shared<shard>(*place);
    if (const auto found = changed->find(topic); found != changed->end())
        changed->erase(found);
    place = std::move(changed);
    next->version_.timestamp_ms = now_ms;
    ++next->version_.counter;
    return next;
}

std::shared_ptr<const topic_snapshot> topic_snapshot::with_broker_perm(std::int32_t perm, std::int64_t now_ms) const {
    auto next = std::make_shared<topic_snapshot>(*this);
    next->broker_perm_ = perm;
    next->version_.timestamp_ms = now_ms;
    ++next->version_.counter;
    return next;
}

topic_directory::topic_directory(std::shared_ptr<const topic_snapshot> first) : current_{std::move(first)} {}

std::shared_ptr<const topic_snapshot> topic_directory::current() const {
    const std::lock_guard guard{mutex_};
    return current_;
}

void topic_directory::publish(std::shared_ptr<const topic_snapshot> next) {
    const std::lock_guard guard{mutex_};
    current_.swap(next);
}

} // namespace troupe::actors
