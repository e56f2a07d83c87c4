#pragma once

#include "client/connection.hpp"
#include "client/internal/hub.hpp"
#include "client/internal/pop_membership.hpp"
#include "client/internal/retry_policy.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace troupe::client {

/// The actor system of a connection that has its own.
struct own_system;

/// What copies of a connection share.
class connection_core {
public:
    /// Its own actor system, with proxies for what `options.name_servers` leads to.
    static std::shared_ptr<connection_core> make_remote(client_options options, std::vector<std::string> name_servers);
    /// In somebody's actor system.
    static std::shared_ptr<connection_core> make_local(caf::actor_system& system, hub_endpoints endpoints, client_options options);
    ~connection_core();
    connection_core(const connection_core&) = delete;
    connection_core& operator=(const connection_core&) = delete;

    [[nodiscard]] caf::actor_system& system() const { return *system_; }
    [[nodiscard]] const hub_actor& hub() const { return hub_; }
    [[nodiscard]] const client_options& options() const { return options_; }
    void close();
    /// One of each kind per group: a push consumer, or all pop consumers together, because members of a group are told apart by client id, and the connection has one;
    /// a transactional producer and a requester, whose claims begin with words of their own. False: taken.
    bool claim_group(const std::string& group);
    void release_group(const std::string& group);
    [[nodiscard]] pop_memberships& pops() { return pops_; }

private:
    explicit connection_core(client_options options);

    client_options options_;
    std::unique_ptr<own_system> own_;
    caf::actor_system* system_ = nullptr;
    hub_actor hub_;
    std::mutex claiming_;
    std::set<std::string> claimed_groups_;
    pop_memberships pops_;
};

/// Waits for an actor's answer from a thread that may block. An actor that ended breaks the promise: shutting_down.
template <class T>
result<T> wait_for(std::future<result<T>>& answer, std::chrono::milliseconds timeout, const char* what) {
    if (answer.wait_for(bounded(timeout)) != std::future_status::ready)
        return error{errc::timed_out, std::string{what} + " took longer than " + std::to_string(timeout.count()) + " ms"};
    try {
        return answer.get();
    } catch (const std::future_error&) {
        return error{errc::shutting_down, std::string{what} + ": the client was closed"};
    }
}

} // namespace troupe::client
