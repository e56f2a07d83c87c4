#include "actors/broker/broker_config.hpp"
#include "actors/broker/broker_state.hpp"

#include <utility>

namespace troupe::actors {

caf::result<broker_config_listed> broker_state::handle(const list_broker_config&) {
    return broker_config_listed{describe_config(setup_.options), config_version_};
}

caf::result<broker_config_changed> broker_state::handle(const change_broker_config& order) {
    auto changed = change_config(setup_.options, order.values);
    if (!changed)
        return make_caf_error(changed.failure());
    const auto before = std::exchange(setup_.options, std::move(*changed));
    const auto& after = setup_.options;
    if (describe_config(before) == describe_config(after))
        return broker_config_changed{};
    const auto time = after.now().value();
    config_version_.timestamp_ms = time;
    ++config_version_.counter;
    // Gateways and name servers see the broker through its topics: publishing them is what makes these settings take effect.
    auto topics = topics_;
    if (after.perm != before.perm)
        topics = topics->with_broker_perm(after.perm, time);
    if (after.auto_create_topics && (!before.auto_create_topics || after.default_topic_queues != before.default_topic_queues))
        topics = topics->with(template_topic(after), time);
    else if (before.auto_create_topics && !after.auto_create_topics)
        topics = topics->without(template_topic(after).name, time);
    if (topics != topics_)
        publish(std::move(topics));
    return broker_config_changed{};
}

} // namespace troupe::actors
