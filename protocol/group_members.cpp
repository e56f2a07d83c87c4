#include "protocol/group_members.hpp"

#include "protocol/client_body_codec.hpp"
#include "protocol/connection_codec.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace troupe::protocol {

namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_retry_topic_of(std::string_view group, std::string_view topic) {
    constexpr std::string_view prefix = "%RETRY%";
    return topic.starts_with(prefix) && topic.substr(prefix.size()) == group;
}

bool is_by_tags(const subscription_data& subscription) {
    return subscription.expression_type.empty() || subscription.expression_type == "TAG";
}

/// Equal for expressions that choose the same, as far as that can be seen from their words.
std::string settled_expression(const subscription_data& subscription) {
    auto rest = trimmed(subscription.expression);
    if (!is_by_tags(subscription))
        return subscription.expression_type + " " + std::string{rest};
    std::set<std::string_view> tags;
    while (!rest.empty()) {
        const auto bars = std::min(rest.find("||"), rest.size());
        if (const auto tag = trimmed(rest.substr(0, bars)); !tag.empty())
            tags.insert(tag);
        rest.remove_prefix(std::min(bars + 2, rest.size()));
    }
    if (tags.empty())
        return "*";
    std::string text;
    for (const auto tag : tags)
        text.append(text.empty() ? "" : " || ").append(tag);
    return text;
}

std::map<std::string, std::string> settled_subscriptions(std::string_view group, const described_member& member) {
    std::map<std::string, std::string> settled;
    for (const auto& subscription : member.subscriptions)
        if (!is_retry_topic_of(group, subscription.topic))
            settled.insert_or_assign(subscription.topic, settled_expression(subscription));
    return settled;
}

void write_member(json_writer& json, const described_member& member) {
    json.begin_object();
    json.text_member("clientAddr", member.connection.address);
    write_connection_members(json, member.connection);
    json.number_member("version", member.connection.version);
    json.text_member("consumeFromWhere", enum_name(consume_from_names, member.from));
    json.text_member("consumeType", enum_name(consume_type_names, member.type));
    json.text_member("messageModel", enum_name(message_model_names, member.model));
    json.boolean_member("isTold", member.is_told);
    write_array(json, "subscriptions", member.subscriptions,
                [&json](const subscription_data& subscription) { write_subscription(json, subscription); });
    if (!member.other_addresses.empty())
        write_array(json, "otherAddrs", member.other_addresses, [&json](const std::string& address) { json.text(address); });
    json.end_object();
}

described_member read_member(json_reader& json) {
    described_member member;
    json.object([&](std::string_view key) {
        if (key == "clientAddr")
            member.connection.address = json.text();
        else if (key == "consumeFromWhere")
            member.from = read_consume_from(json);
        else if (key == "consumeType")
            member.type = read_enum(json, consume_type_names, consume_type::passively);
        else if (key == "messageModel")
            member.model = read_enum(json, message_model_names, message_model::clustering);
        else if (key == "isTold")
            member.is_told = json.boolean();
        else if (key == "subscriptions")
            json.array([&] { member.subscriptions.push_back(read_subscription(json)); });
        else if (key == "otherAddrs")
            json.array([&] { member.other_addresses.push_back(json.text()); });
        else if (!read_connection_member(json, key, member.connection))
            json.skip_member(key);
    });
    return member;
}

/// Every member's word on one thing; a difference when there is more than one.
class ballot {
public:
    explicit ballot(std::string what) { difference_.what = std::move(what); }
    void add(const described_member& member, std::string said) { difference_.said[std::move(said)].push_back(member.connection.client_id); }
    void count(std::vector<group_difference>& differences) {
        if (difference_.said.size() > 1)
            differences.push_back(std::move(difference_));
    }

private:
    group_difference difference_;
};

std::string shortened(std::string_view text) {
    constexpr std::size_t shown_bytes_max = 80;
    std::string shown{text.substr(0, shown_bytes_max)};
    // What a client sends must not look like a line of its own.
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, '?');
    return shown + (text.size() > shown_bytes_max ? "..." : "");
}

std::string shortened(const std::vector<std::string>& clients) {
    constexpr std::size_t shown_clients_max = 3;
    std::string text;
    for (std::size_t i = 0; i < std::min(clients.size(), shown_clients_max); ++i)
        text.append(i == 0 ? "" : ", ").append(shortened(clients[i]));
    if (clients.size() > shown_clients_max)
        text += " and " + std::to_string(clients.size() - shown_clients_max) + " more";
    return text;
}

} // namespace

std::string encode_group_members(const std::vector<described_member>& members) {
    std::string out;
    json_writer json{out};
    json.begin_object();
    write_array(json, "members", members, [&json](const described_member& member) { write_member(json, member); });
    json.end_object();
    return out;
}

result<std::vector<described_member>> decode_group_members(std::string_view json) {
    return decode_document<std::vector<described_member>>(
        json, "members of a group", [](json_reader& reader, std::string_view key, std::vector<described_member>& members) {
            if (key == "members")
                reader.array([&] { members.push_back(read_member(reader)); });
            else
                reader.skip_member(key);
        });
}

std::vector<group_difference> find_differences(std::string_view group, const std::vector<described_member>& members) {
    ballot types{"consume type"};
    ballot models{"message model"};
    ballot origins{"consume from"};
    std::set<std::string> topics;
    std::vector<std::pair<const described_member*, std::map<std::string, std::string>>> told;
    for (const auto& member : members) {
        if (!member.is_told)
            continue;
        types.add(member, std::string{enum_name(consume_type_names, member.type)});
        models.add(member, std::string{enum_name(message_model_names, member.model)});
        origins.add(member, std::string{enum_name(consume_from_names, member.from)});
        told.emplace_back(&member, settled_subscriptions(group, member));
        for (const auto& [topic, expression] : told.back().second)
            topics.insert(topic);
    }
    std::vector<group_difference> differences;
    for (const auto& topic : topics) {
        ballot words{"topic " + topic};
        for (const auto& [member, settled] : told) {
            const auto subscribed = settled.find(topic);
            words.add(*member, subscribed == settled.end() ? "not subscribed" : subscribed->second);
        }
        words.count(differences);
    }
    types.count(differences);
    models.count(differences);
    origins.count(differences);
    return differences;
}

std::string shown_client_id(std::string_view client_id) {
    return shortened(client_id);
}

std::string stance_of(std::string_view group, const described_member& member) {
    std::string stance;
    for (const auto ordinal : {static_cast<int>(member.type), static_cast<int>(member.model), static_cast<int>(member.from)})
        stance += std::to_string(ordinal) + "\n";
    for (const auto& [topic, expression] : settled_subscriptions(group, member)) // an expression may hold anything: lengths tell
        stance += topic + "\n" + std::to_string(expression.size()) + "\n" + expression;
    return stance;
}

std::string describe_differences(const std::vector<group_difference>& differences, std::size_t differences_max) {
    std::string text;
    for (std::size_t i = 0; i < std::min(differences.size(), differences_max); ++i) {
        text += (i == 0 ? "" : "; ") + differences[i].what + ": ";
        bool first = true;
        for (const auto& [said, clients] : differences[i].said) {
            text += (first ? "" : ", ") + shortened(said) + " (" + shortened(clients) + ")";
            first = false;
        }
    }
    if (differences.size() > differences_max)
        text += "; and " + std::to_string(differences.size() - differences_max) + " more";
    return text;
}

} // namespace troupe::protocol
