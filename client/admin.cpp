#include "client/admin.hpp"

#include "actors/messages/broker_admin.hpp"
#include "actors/messages/member_messages.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/net/broker_proxy.hpp"
#include "client/internal/asker.hpp"
#include "protocol/vocabulary/names.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace troupe::client {

namespace {

using actors::net::role_of;

result<void> check_topic(const topic_config& topic) {
    if (auto legal = check_topic_name(topic.name); !legal)
        return legal;
    if (topic.read_queues <= 0 || topic.write_queues <= 0)
        return error{errc::argument_illegal, "topic " + topic.name + " needs at least one queue to read and one to write"};
    return {};
}

/// Brokers that have the topic, with its configuration.
result<std::map<std::string, topic_config>> find_topic(asker& ask, const std::map<std::string, actors::broker_actor>& brokers,
                                                       const std::string& topic) {
    auto tables = ask.ask_brokers<actors::topics_listed>(brokers, actors::list_topics{});
    if (!tables)
        return tables.failure();
    std::map<std::string, topic_config> found;
    for (const auto& [name, listed] : *tables)
        if (const auto at = listed.table.topics.find(topic); at != listed.table.topics.end())
            found[name] = at->second;
    return found;
}

error topic_missing(const std::string& topic) {
    return {errc::topic_not_found, "no broker has a topic " + topic};
}

using group_summaries = std::map<std::string, group_summary>; ///< by group

/// What one broker adds to them; RocketMQ's have nothing.
result<void> add_lags(asker& ask, const std::string& broker_name, const actors::broker_actor& broker, const std::string& group,
                      group_summaries& all) {
    const auto role = role_of<actors::operator_actor>(broker);
    const auto listed = ask.ask_again<actors::lags_listed>(role, actors::list_lags{group});
    if (!listed && listed.code() == errc::not_supported)
        return {};
    if (!listed)
        return at_broker(broker_name, listed.failure());
    for (const auto& one : listed->groups) {
        auto& summary = all[one.group];
        const auto age = one.oldest.value() == 0 ? 0 : one.measured - one.oldest;
        summary.is_known = summary.is_known || one.measured.value() != 0;
        summary.members = std::max(summary.members, one.members);
        summary.lag += one.messages;
        summary.lag_ms = std::max(summary.lag_ms, age);
        summary.is_slow = summary.is_slow || one.is_slow;
    }
    return {};
}

std::map<std::string, actors::broker_actor> only(const std::map<std::string, actors::broker_actor>& all,
                                                 const std::map<std::string, topic_config>& wanted) {
    std::map<std::string, actors::broker_actor> some;
    for (const auto& [name, broker] : all)
        if (wanted.contains(name))
            some.emplace(name, broker);
    return some;
}

} // namespace

std::int64_t group_description::lag() const {
    std::int64_t sum = 0;
    for (const auto& [queue, progress] : queues)
        sum += std::max<std::int64_t>(progress.broker_offset - std::max<std::int64_t>(progress.consumer_offset, 0), 0);
    return sum;
}

// ---- topics ---------------------------------------------------------------------------------------------------------

result<void> admin::put_topic(const topic_config& topic, const std::vector<std::string>& broker_names) {
    if (auto good = check_topic(topic); !good)
        return good;
    asker ask{via_};
    auto brokers = ask.brokers(broker_names);
    if (!brokers)
        return brokers.failure();
    if (auto put = ask.ask_brokers<actors::topic_put>(*brokers, actors::put_topic{topic}); !put)
        return put.failure();
    ask.wait_for_route(topic.name, *brokers);
    return {};
}

result<void> admin::create_topic(const topic_config& topic, const std::vector<std::string>& broker_names) {
    if (auto good = check_topic(topic); !good)
        return good;
    asker ask{via_};
    auto brokers = ask.brokers(broker_names);
    if (!brokers)
        return brokers.failure();
    auto found = find_topic(ask, *brokers, topic.name);
    if (!found)
        return found.failure();
    if (!found->empty())
        return error{errc::already_exists,
                     "broker " + found->begin()->first + " has a topic " + topic.name + " already; update it instead"};
    return put_topic(topic, broker_names);
}

result<void> admin::update_topic(const topic_config& topic) {
    if (auto good = check_topic(topic); !good)
        return good;
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    auto found = find_topic(ask, *brokers, topic.name);
    if (!found)
        return found.failure();
    if (found->empty())
        return topic_missing(topic.name);
    std::vector<std::string> names;
    for (const auto& [name, config] : *found)
        names.push_back(name);
    return put_topic(topic, names);
}

result<void> admin::delete_topic(const std::string& topic) {
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    auto found = find_topic(ask, *brokers, topic);
    if (!found)
        return found.failure();
    if (found->empty())
        return topic_missing(topic);
    if (auto deleted = ask.ask_brokers<actors::topic_deleted>(only(*brokers, *found), actors::delete_topic{topic}, asker::when_away::fail);
        !deleted)
        return deleted.failure();
    auto servers = ask.name_servers();
    if (!servers)
        return servers.failure();
    for (const auto& server : *servers) // one that is away has nothing to forget
        static_cast<void>(ask.ask<actors::route_forgotten>(server, actors::forget_route{topic}));
    return {};
}

result<std::vector<std::string>> admin::list_topics(bool with_system) {
    asker ask{via_};
    auto all = ask.ask_any_name_server<actors::all_topics>(actors::list_all_topics{});
    if (!all)
        return all.failure();
    std::set<std::string> system_names; // brokers and clusters have a topic of their own name
    auto cluster = ask.ask_any_name_server<actors::cluster_described>(actors::describe_cluster{});
    if (!cluster)
        return cluster.failure();
    for (const auto& [name, members] : cluster->info.clusters)
        system_names.insert({name, name + "_REPLY_TOPIC", "rmq_sys_REVIVE_LOG_" + name});
    for (const auto& [name, broker] : cluster->info.brokers)
        system_names.insert(name);
    std::vector<std::string> names;
    for (auto& name : all->names)
        if (with_system || (!is_system_topic(name) && !is_retry_topic(name) && !is_dead_letter_topic(name) && !system_names.contains(name)))
            names.push_back(std::move(name));
    std::sort(names.begin(), names.end());
    return names;
}

result<topic_description> admin::describe_topic(const std::string& topic) {
    if (auto legal = check_topic_name(topic); !legal)
        return legal.failure();
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    auto found = find_topic(ask, *brokers, topic);
    if (!found)
        return found.failure();
    if (found->empty())
        return topic_missing(topic);
    auto described = ask.ask_brokers<actors::topic_described>(only(*brokers, *found), actors::describe_topic{topic});
    if (!described)
        return described.failure();
    topic_description all;
    for (auto& [name, config] : *found)
        all.brokers.push_back({name, config});
    for (auto& [name, part] : *described)
        all.queues.merge(part.stats);
    return all;
}

// ---- groups ---------------------------------------------------------------------------------------------------------

namespace {

/// What a broker has of a group. Nothing: it does not have it.
result<std::optional<group_config>> config_at(asker& ask, const std::string& broker_name, const actors::broker_actor& broker,
                                              const std::string& group) {
    auto listed = ask.ask_again<actors::groups_listed>(broker, actors::list_groups{});
    if (!listed)
        return at_broker(broker_name, listed.failure());
    const auto found = listed->table.groups.find(group);
    if (found == listed->table.groups.end())
        return std::optional<group_config>{};
    return std::optional{std::move(found->second)};
}

/// The same, and nothing else is read. Of Troupe's brokers only: one of RocketMQ's makes a group that it is asked for so, if it makes groups by
/// itself.
result<std::optional<group_config>> find_config_at(asker& ask, const std::string& broker_name, const actors::broker_actor& broker,
                                                   const std::string& group) {
    const auto finder = role_of<actors::group_config_actor>(broker);
    auto found = ask.ask_again<actors::group_config_found>(finder, actors::find_group_config{group});
    if (found.code() == errc::group_not_found)
        return std::optional<group_config>{};
    if (!found)
        return at_broker(broker_name, found.failure());
    return std::optional{std::move(found->group)};
}

/// The same of a broker of either kind: RocketMQ's say of a question of Troupe's own that they do not know it.
result<std::optional<group_config>> any_config_at(asker& ask, const std::string& broker_name, const actors::broker_actor& broker,
                                                  const std::string& group) {
    const auto lags = ask.ask_again<actors::lags_listed>(role_of<actors::operator_actor>(broker), actors::list_lags{group});
    if (lags)
        return find_config_at(ask, broker_name, broker, group);
    if (lags.code() == errc::not_supported)
        return config_at(ask, broker_name, broker, group);
    return at_broker(broker_name, lags.failure());
}

error group_missing(const std::string& group) {
    return {errc::group_not_found, "no broker has a group " + group};
}

} // namespace

result<void> admin::put_group(const group_config& group, const std::vector<std::string>& broker_names) {
    if (auto legal = check_group_name(group.name); !legal)
        return legal;
    asker ask{via_};
    auto brokers = ask.brokers(broker_names);
    if (!brokers)
        return brokers.failure();
    auto put = ask.ask_brokers<actors::group_put>(*brokers, actors::put_group{group});
    return put ? result<void>{} : put.failure();
}

result<std::vector<group_on_broker>> admin::find_group(const std::string& group, const std::vector<std::string>& broker_names) {
    if (auto legal = check_group_name(group); !legal)
        return legal.failure();
    asker ask{via_};
    const auto brokers = ask.brokers(broker_names);
    if (!brokers)
        return brokers.failure();
    std::vector<group_on_broker> found;
    for (const auto& [name, broker] : *brokers) {
        auto config = any_config_at(ask, name, broker, group);
        if (!config)
            return config.failure();
        if (*config)
            found.push_back({name, std::move(**config)});
    }
    if (found.empty())
        return group_missing(group);
    return found;
}

result<void> admin::set_delivery_quota(const std::string& group, std::int64_t messages_per_second) {
    if (auto legal = check_group_name(group); !legal)
        return legal;
    asker ask{via_};
    const auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    bool known = false;
    for (const auto& [name, broker] : *brokers) {
        auto config = any_config_at(ask, name, broker, group);
        if (!config)
            return config.failure();
        if (!*config)
            continue;
        known = true;
        (*config)->deliver_messages = messages_per_second;
        if (const auto put = ask.ask_again<actors::group_put>(broker, actors::put_group{**config}); !put)
            return at_broker(name, put.failure());
    }
    return known ? result<void>{} : group_missing(group);
}

result<void> admin::delete_group(const std::string& group, bool with_offsets, const std::vector<std::string>& broker_names) {
    asker ask{via_};
    auto brokers = ask.brokers(broker_names);
    if (!brokers)
        return brokers.failure();
    auto deleted = ask.ask_brokers<actors::group_deleted>(*brokers, actors::delete_group{group, with_offsets}, asker::when_away::fail);
    return deleted ? result<void>{} : deleted.failure();
}

result<std::vector<std::string>> admin::list_groups(bool with_system) {
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    auto tables = ask.ask_brokers<actors::groups_listed>(*brokers, actors::list_groups{});
    if (!tables)
        return tables.failure();
    std::set<std::string> names;
    for (const auto& [broker, listed] : *tables)
        for (const auto& [name, config] : listed.table.groups)
            if (with_system || !is_system_group(name))
                names.insert(name);
    return std::vector<std::string>{names.begin(), names.end()};
}

result<std::vector<group_summary>> admin::summarize_groups(bool with_system) {
    const auto names = list_groups(with_system);
    if (!names)
        return names.failure();
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    group_summaries known;
    for (const auto& [name, broker] : *brokers)
        if (const auto added = add_lags(ask, name, broker, {}, known); !added)
            return added.failure();
    std::vector<group_summary> all;
    for (const auto& name : *names) {
        auto& summary = known[name];
        summary.name = name;
        all.push_back(std::move(summary));
    }
    return all;
}

result<group_description> admin::describe_group(const std::string& group, const std::string& topic) {
    if (auto legal = check_group_name(group); !legal)
        return legal.failure();
    asker ask{via_};
    auto brokers = ask.brokers();
    if (!brokers)
        return brokers.failure();
    group_description all;
    all.name = group;
    std::set<std::string> members;
    bool known = false;
    for (const auto& [name, broker] : *brokers) {
        auto progress = ask.ask_again<actors::group_described>(broker, actors::describe_group{group, topic});
        const bool absent = progress.code() == errc::group_not_found || progress.code() == errc::topic_not_found;
        if (!progress && !absent) {
            all.untold_progress.emplace(name, at_broker(name, progress.failure()));
            if (hints_at_lost_broker(progress.code()) || progress.code() == errc::timed_out) {
                all.untold.emplace(name, at_broker(name, progress.failure()));
                continue; // each other question would wait as long
            }
        }
        if (progress) {
            // A broker that does not know the group has no progress to tell, and says so without an error.
            known = known || !progress->stats.queues.empty();
            all.queues.merge(progress->stats.queues);
        }
        const auto watched = role_of<actors::operator_actor>(broker);
        auto listed = ask.ask_again<actors::members_listed>(watched, actors::list_members{group});
        const bool is_troupe = listed.ok(); // others do not know the question
        if (auto config = is_troupe ? find_config_at(ask, name, broker, group) : config_at(ask, name, broker, group); !config) {
            all.untold.emplace(name, config.failure());
        } else if (*config) {
            known = true;
            all.brokers.push_back({name, std::move(**config)});
        }
        if (listed) {
            known = known || !listed->members.empty();
            for (auto& member : listed->members) {
                if (members.insert(member.connection.client_id).second) {
                    all.member_details.push_back(std::move(member));
                } else if (!member.other_addresses.empty()) { // heartbeats reach the brokers one after the other: one knows it first
                    const auto& id = member.connection.client_id;
                    const auto first = std::find_if(all.member_details.begin(), all.member_details.end(),
                                                    [&id](const auto& one) { return one.connection.client_id == id; });
                    if (first != all.member_details.end() && first->other_addresses.empty())
                        *first = std::move(member);
                }
            }
        } else if (auto ids = ask.ask_again<actors::group_members>(broker, actors::list_group_members{group})) {
            known = true;
            members.insert(ids->client_ids.begin(), ids->client_ids.end());
        }
    }
    if (!known && !all.untold_progress.empty())
        return all.untold_progress.begin()->second;
    if (!known && !all.untold.empty())
        return all.untold.begin()->second;
    if (!known)
        return error{errc::group_not_found, "no broker knows a group " + group + (topic.empty() ? "" : " with offsets on topic " + topic)};
    all.members.assign(members.begin(), members.end());
    std::sort(all.member_details.begin(), all.member_details.end(),
              [](const auto& left, const auto& right) { return left.connection.client_id < right.connection.client_id; });
    all.differences = protocol::find_differences(group, all.member_details);
    group_summaries summary;
    for (const auto& [name, broker] : *brokers)
        if (!all.untold_progress.contains(name))
            if (const auto added = add_lags(ask, name, broker, group, summary); !added)
                all.untold_progress.emplace(name, added.failure());
    all.summary = summary[group];
    all.summary.name = group;
    return all;
}

// ---- cluster --------------------------------------------------------------------------------------------------------

result<protocol::cluster_info> admin::describe_cluster() {
    asker ask{via_};
    auto described = ask.ask_any_name_server<actors::cluster_described>(actors::describe_cluster{});
    if (!described)
        return described.failure();
    return std::move(described->info);
}

result<protocol::key_value_table> admin::describe_broker(const std::string& broker_name) {
    asker ask{via_};
    auto brokers = ask.brokers({broker_name});
    if (!brokers)
        return brokers.failure();
    auto described = ask.ask_again<actors::broker_described>(brokers->at(broker_name), actors::describe_broker{});
    if (!described)
        return described.failure();
    return std::move(described->values);
}

} // namespace troupe::client
