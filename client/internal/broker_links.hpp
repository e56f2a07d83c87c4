#pragma once

#include "actors/messages/roles.hpp"
#include "client/internal/retry_policy.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::client {

/// One broker as this client uses it.
struct broker_link {
    std::string broker_name;
    std::string address;
    actors::broker_actor handle;
    bool beating = false;               ///< a heartbeat is unanswered
    std::optional<std::uint64_t> knows; ///< version of our groups that the broker has accepted, as long as it has not forgotten
    time_point beat_due;
};

/// The brokers that a client's routes name, and when each of them is told in a heartbeat which groups the client has.
///
/// Threads  not synchronised.
/// Always   one heartbeat at a time to a broker; after one that failed the next comes a retry later, not sooner.
/// Size     as many as the routes name.
class broker_links {
public:
    broker_links(milliseconds interval, milliseconds retry) : interval_{interval}, retry_{retry} {}

    static std::string key_of(const std::string& broker_name, const std::string& address) { return broker_name + " " + address; }

    [[nodiscard]] const std::map<std::string, broker_link>& all() const { return links_; }
    /// Of several with that name, any.
    [[nodiscard]] const broker_link* find(const std::string& broker_name) const;
    [[nodiscard]] const broker_link* find(const std::string& broker_name, const std::string& address) const;
    /// Is told at once.
    void add(const std::string& broker_name, const std::string& address, actors::broker_actor handle, time_point now);
    void keep_only(const std::set<std::string>& keys);

    /// Which of the client's groups there are has changed, and brokers are told otherwise.
    void changed() { ++version_; }
    /// The same, and all are told at once.
    void changed_for_all(time_point now);
    [[nodiscard]] std::uint64_t version() const { return version_; }

    /// The broker may have forgotten us: its connection was lost, and a heartbeat makes another. Not as fast as a full broker
    /// closes connections.
    void lost(const std::string& broker_name, time_point now);
    void disconnected(const std::string& address, time_point now);
    /// There is another connection, over which it is told at once.
    void reconnected(const std::string& address, time_point now);

    /// Whom to tell now; each until accepted() or refused() is called for it.
    std::vector<std::pair<std::string, actors::broker_actor>> take_due(time_point now);
    /// When to tell somebody next; nothing: never, or when an answer has come.
    [[nodiscard]] std::optional<time_point> next_due() const;
    /// Both do nothing when the broker has left the routes. True: it did not know this version yet.
    bool accepted(const std::string& key, std::uint64_t version, time_point now);
    void refused(const std::string& key, time_point now);

private:
    void forgotten(broker_link& link, time_point latest);

    milliseconds interval_;
    milliseconds retry_;
    std::map<std::string, broker_link> links_; ///< by key_of
    std::uint64_t version_ = 0;
};

} // namespace troupe::client
