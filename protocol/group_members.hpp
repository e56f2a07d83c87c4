#pragma once

#include "protocol/bodies.hpp"
#include "protocol/connection_bodies.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Members of a consumer group one by one, and where they do not subscribe to the same. RocketMQ's tools are shown one subscription per
/// group (code 203), whichever member spoke last; this body is Troupe's own.
namespace troupe::protocol {

/// A member as its last heartbeat describes it.
struct described_member {
    client_connection connection;
    consume_type type = consume_type::passively;
    message_model model = message_model::clustering;
    consume_from from = consume_from::last_offset;
    bool is_told = true; ///< false: it has not said yet what it subscribes to
    std::vector<subscription_data> subscriptions;
    /// Where other processes of the group use its client id at the same time: they read what it reads. Empty: nobody does.
    std::vector<std::string> other_addresses;
    friend bool operator==(const described_member&, const described_member&) = default;
    template <class Inspector>
    friend auto inspect(Inspector& f, described_member& x) {
        return f(x.connection, x.type, x.model, x.from, x.is_told, x.subscriptions, x.other_addresses);
    }
};
std::string encode_group_members(const std::vector<described_member>& members);
/// Fails with protocol_error.
result<std::vector<described_member>> decode_group_members(std::string_view json);

/// A client id, for a line of a log: shortened, and without what would end the line.
[[nodiscard]] std::string shown_client_id(std::string_view client_id);

/// What members of a group must have in common and do not.
struct group_difference {
    std::string what;                                     ///< "topic orders", "message model", ...
    std::map<std::string, std::vector<std::string>> said; ///< at least two; which clients say so, in the order of the members
    friend bool operator==(const group_difference&, const group_difference&) = default;
};
/// Empty when the members of `group` agree. Members that have not told are left out, and so are versions, the order of tags, and the
/// group's own retry topic, which clients add themselves.
[[nodiscard]] std::vector<group_difference> find_differences(std::string_view group, const std::vector<described_member>& members);
/// Two members of `group` agree if and only if these texts are equal. Not for people.
[[nodiscard]] std::string stance_of(std::string_view group, const described_member& member);
/// The differences in one line, for a log: at most `differences_max` of them, each with a few clients by name.
[[nodiscard]] std::string describe_differences(const std::vector<group_difference>& differences, std::size_t differences_max = 4);

} // namespace troupe::protocol
