#pragma once

#include "actors/net/gateway_options.hpp"
#include "actors/net/link_options.hpp"
#include "tests/support/sim_world.hpp"

#include <caf/actor.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace troupe::test_support {

/// What a wire between two nodes does to frames.
struct sim_wire {
    std::chrono::milliseconds delay_min{0};
    std::chrono::milliseconds delay_max{3};
    double frame_loss = 0;      ///< a frame vanishes: its request meets its deadline
    double connection_loss = 0; ///< a frame takes its connection along
};

/// A network of nodes in a sim_world. Real remoting frames travel between real gateways and real proxies' links; only the
/// sockets are made up. Bytes of one connection arrive in order, as TCP has it.
class sim_network {
public:
    explicit sim_network(sim_world& world) : world_{world} {}

    void set_wire(sim_wire wire) { wire_ = wire; }
    /// Cuts or mends every path between two nodes. While cut, frames vanish and dials fail; connections break when it is cut.
    void cut(const std::string& node, const std::string& other, bool is_cut);
    void mend_all() { cuts_.clear(); }

    /// Serves `roles` at `address` on `node`, as a listener would.
    caf::actor listen(const std::string& node, const std::string& address, actors::net::gateway_roles roles);
    /// The process behind `address` is gone: its connections break, dials fail.
    void unlisten(const std::string& address);
    /// Every connection that `node` made breaks.
    void break_connections(const std::string& node);

    actors::broker_actor broker_proxy(const std::string& node, const std::string& address, actors::net::link_options options = {});
    actors::name_server_actor name_server_proxy(const std::string& node, const std::string& address,
                                                actors::net::link_options options = {});

    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

    // ---- for the ends of the wires ---------------------------------------------------------------------------------

    sim_world& world() { return world_; }
    void dial(const std::string& node, const std::string& address, const caf::actor& client, std::chrono::milliseconds timeout);
    void send(std::uint64_t id, bool to_server, std::string bytes);
    void hang_up(std::uint64_t id);

private:
    struct server {
        std::string node;
        caf::actor handle;
    };
    struct connection {
        std::string client_node;
        std::string server_node;
        std::string address;
        caf::actor client;
        caf::actor server;
        caf::actor_clock::time_point last_to_client;
        caf::actor_clock::time_point last_to_server;
    };

    [[nodiscard]] bool is_cut(const std::string& node, const std::string& other) const;
    std::chrono::milliseconds delay() { return std::chrono::milliseconds{world_.pick(wire_.delay_min.count(), wire_.delay_max.count())}; }
    template <class Message>
    void deliver(connection& each, bool to_server, Message message);
    template <class Condition>
    void break_where(Condition condition);

    sim_world& world_;
    sim_wire wire_;
    std::map<std::string, server> servers_; ///< by address
    std::map<std::uint64_t, connection> connections_;
    std::set<std::pair<std::string, std::string>> cuts_;
    std::uint64_t last_connection_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t lost_ = 0;
};

} // namespace troupe::test_support
