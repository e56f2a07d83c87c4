#pragma once

#include "actors/net/connection_table.hpp"
#include "actors/net/gateway.hpp"
#include "actors/net/io_broker.hpp"
#include "actors/net/listener.hpp"
#include "actors/net/request_coalescing.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/io/accept_handle.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// The inside of the listener, whose parts are in several sources: listener.cpp (the door, time, the actor), listener_reads.cpp (bytes in,
/// and when to wait with them), listener_writes.cpp (bytes out, and who has to go). Only they include this.
namespace troupe::actors::net {

// The listener to itself.
struct sweep_tick {};
struct flush_tick {};
/// Comes in a later round of the multiplexer than what asked for it; see listener_state::later.
struct read_tick {
    connection_id connection;
};
struct door_tick {}; ///< likewise
struct stop_tick {};

} // namespace troupe::actors::net

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::sweep_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::flush_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::read_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::door_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::net::stop_tick)

namespace troupe::actors::net {

class listener_state;
using listener_broker = caf::stateful_actor<listener_state, io_broker>;

class listener_state : public gateway_host {
public:
    static inline const char* name = "listener";

    explicit listener_state(listener_broker* self) : self_{self} {}

    caf::behavior start(listener_options options, gateway_roles roles, gateway_options gateway_options, caf::io::doorman_ptr door);

    void write(connection_id id, std::string_view head, const payload& body) override;
    std::size_t unsent_bytes(connection_id id) override;
    time_point now() override { return self_->clock().now(); }
    void resume(connection_id id) override;
    void fail(connection_id id, std::string_view reason) override;
    void watch(const session_actor& session) override { self_->monitor(session); }
    void wake() override { self_->send(self_, flush_tick{}); }
    gateway_actor handle() override { return caf::actor_cast<gateway_actor>(self_); }
    caf::actor_system& system() override { return self_->system(); }

private:
    // the door, time, the actor (listener.cpp)
    void accept(const caf::io::new_connection_msg& message);
    void sweep();
    /// Hands on what this round has brought.
    void flush();
    void watch_others();
    void stop();
    void end(caf::error reason = caf::exit_reason::user_shutdown);
    /// Sends `tick` so that it is handled when CAF has applied every halt() of now. CAF collects changes of its epoll set
    /// until the end of a round; a trigger() in the round of a halt() cancels it there, but the socket still counts as
    /// removed afterwards, and no later trigger() brings it back.
    template <class Tick>
    void later(Tick tick) {
        self_->system().middleman().backend().post([self = caf::actor_cast<caf::actor>(self_), tick] { caf::anon_send(self, tick); });
    }
    /// Runs `work`; whatever it throws costs `id` only. Then sends what was written.
    template <class Work>
    void guarded(connection_id id, Work work) {
        try {
            work();
        } catch (const std::exception& problem) {
            drop(id, problem.what());
        }
        count_kept(id);
        send_written();
    }

    // bytes in (listener_reads.cpp)
    void receive(const caf::io::new_data_msg& message);
    void pump(connection_id id, port_connection& each);
    bool handle_frames(connection_id id, port_connection& each);
    void read_by_plan(port_connection& each);
    void handle(const read_tick& tick);
    void read_again(connection_id id, port_connection& each);
    void ended(caf::io::connection_handle handle);

    // bytes out, and who has to go (listener_writes.cpp)
    void send_written();
    void send_some(connection_id id, port_connection& each);
    void transferred(const caf::io::data_transferred_msg& message);
    void count_kept(connection_id id) { connections_.count_kept(id, gateway_->waiting_bytes(id)); }
    void drop(connection_id id, std::string_view reason);
    /// Says once a sweep how many drops were not logged one by one.
    void log_more_drops();
    void closed(connection_id id);

    listener_broker* self_;
    listener_options options_;
    gateway_roles roles_;
    std::unique_ptr<gateway> gateway_;
    connection_table connections_{{}}; ///< without limits until start()
    std::vector<connection_id> written_;
    std::vector<std::pair<connection_id, std::string>> doomed_;
    caf::io::accept_handle door_;
    bool door_halted_ = false;
    bool door_waking_ = false;
    bool stopping_ = false;
    std::size_t dropped_ = 0; ///< since the last sweep
    request_coalescing coalescing_{std::chrono::microseconds{0}};
};

} // namespace troupe::actors::net
