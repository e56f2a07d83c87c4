#pragma once

#include "actors/broker/broker_node.hpp"
#include "actors/net/connection_buffer.hpp"
#include "actors/net/gateway.hpp"
#include "tests/actors/virtual_system.hpp"
#include "tests/support/fault_file_system.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::fuzz {

/// A broker and a name server behind one gateway, in virtual time, with clients that may do anything to their connections.
/// Does to the gateway what a listener does, without sockets, and ends the process (`require`) as soon as something that
/// must hold does not:
///
///   1. A two-way request whose last byte was sent is answered exactly once, unless its connection ends before.
///   2. Nothing else is answered: no one-way request, no answer, no opaque number that nobody sent.
///   3. Only what cannot be decoded, or a peer that does not read, costs a connection; no session ends by itself.
///   4. What a connection keeps is bounded, and when everything is answered nothing is left.
class served_node : public actors::net::gateway_host {
public:
    using connection_id = actors::net::connection_id;

    served_node();
    ~served_node() override;

    connection_id open();
    /// The peer's bytes, as one piece. Nothing happens if its connection has ended.
    void send(connection_id connection, std::string_view bytes);
    /// While the peer does not read, answers pile up.
    void set_reading(connection_id connection, bool reads);
    void close(connection_id connection);
    /// The number of a request to the client that it has not been told of before.
    std::optional<std::int32_t> oldest_push(connection_id connection);
    [[nodiscard]] bool is_open(connection_id connection) const;
    void advance(std::chrono::milliseconds by);
    /// Every peer reads, every deadline passes: then the books must be even.
    void finish();

    // ---- gateway_host ----------------------------------------------------------------------------------------------

    void write(connection_id connection, std::string_view head, const payload& body) override;
    std::size_t unsent_bytes(connection_id connection) override;
    time_point now() override { return world_.scheduler().clock().now(); }
    void wake() override { flush_ = true; }
    void resume(connection_id connection) override { resumed_.push_back(connection); }
    void fail(connection_id connection, std::string_view reason) override;
    void watch(const actors::net::session_actor& session) override;
    actors::net::gateway_actor handle() override { return caf::actor_cast<actors::net::gateway_actor>(actor_); }
    caf::actor_system& system() override { return world_.system(); }

private:
    struct peer {
        // The listener's side.
        actors::net::connection_buffer in;
        bool halted = false;
        std::size_t unsent = 0;
        // The peer's side.
        bool reads = true;
        std::string socket; ///< sent and not yet read by the listener
        // The books.
        std::string stream; ///< sent, and no whole frame yet
        bool broken = false;
        std::map<std::int32_t, std::int64_t> owed; ///< answers to the peer, by opaque
        std::deque<std::int32_t> pushes;           ///< requests to the peer
    };

    peer* find(connection_id id);
    void note_sent(peer& each, std::string_view bytes);
    void deliver(connection_id id);
    /// False: the connection has ended.
    bool pump(connection_id id);
    bool handle_frames(connection_id id, peer& each);
    void read_again(connection_id id);
    void drop_failed();
    void settle();
    void stop_broker();

    test_support::virtual_system world_;
    std::shared_ptr<test_support::fault_file_system> files_ = test_support::fault_file_system::make(1);
    std::unique_ptr<actors::broker_node> node_;
    actors::local_name_server_actor name_server_;
    caf::actor actor_;
    caf::event_based_actor* self_ = nullptr; ///< of it
    std::unique_ptr<actors::net::gateway> gateway_;
    std::map<connection_id, peer> connections_;
    std::vector<connection_id> resumed_;
    std::vector<connection_id> failed_;
    bool flush_ = false;
    bool ending_ = false;
    std::uint64_t opened_ = 0;
    std::chrono::milliseconds since_expire_{0};
};

} // namespace troupe::fuzz
