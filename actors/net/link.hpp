#pragma once

#include "actors/net/link_change.hpp"
#include "actors/net/link_options.hpp"
#include "protocol/remoting_command.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace troupe::actors::net {

/// What a link needs of the actor that carries its bytes: a proxy on a socket, or the end of a simulated wire.
class link_transport {
public:
    using time_point = std::chrono::steady_clock::time_point;

    virtual ~link_transport() = default;
    /// Begins to connect; ends in link::connected or link::dial_failed.
    virtual void dial() = 0;
    /// Sends, at the latest when the current message has been handled. Only while connected.
    virtual void write(std::string_view head, const payload& body) = 0;
    [[nodiscard]] virtual std::size_t unsent_bytes() = 0;
    /// Closes the connection; link::disconnected does not follow.
    virtual void hang_up() = 0;
    [[nodiscard]] virtual time_point now() = 0;
    /// Calls link::expire after `wait`, once.
    virtual void wake_in(std::chrono::milliseconds wait) = 0;
};

/// The client's end of remoting: requests out, answers matched by their opaque number. A plain class, hosted by the actor
/// that owns the connection, so that a request crosses one actor on its way to the socket.
///
/// State  disconnected, dialing or connected; one entry per outstanding request, bounded
/// Always 1. Every request is completed exactly once: by its answer, or by timed_out, connection_lost, connect_failed, busy
///        or shutting_down.
///        2. A lost connection fails everything outstanding at once; the next request dials again.
///        3. A peer that is silent from a request until its deadline has passed, and at least for options.request_timeout, is
///        given up: its connection is closed as if it had been lost.
///        4. After a failed dial, requests fail at once until the back-off is over; after a connection that ended before the peer sent
///        anything, too, counted from its begin. The back-off doubles until the peer sends a frame.
class link {
public:
    using completion = std::function<void(result<protocol::remoting_command>)>;
    using push_handler = std::function<void(const protocol::remoting_command&)>;

    /// `address` only names the peer in errors. `on_push` gets requests of the server.
    link(link_transport& transport, std::string address, link_options options, push_handler on_push);
    link(const link&) = delete;
    link& operator=(const link&) = delete;

    /// `command` lacks opaque and codec. Fails with argument_illegal if it fits into no frame. `done` may be called before this returns.
    void request(protocol::remoting_command command, std::chrono::milliseconds timeout, completion done);

    /// The answer to a request of the server; not sent when the connection has ended, or when it fits into no frame.
    void answer(const protocol::remoting_command& asked, protocol::remoting_command response);

    /// Called when a connection has ended, and when another one has begun after that.
    void on_change(std::function<void(link_change)> tell) { on_change_ = std::move(tell); }

    void connected();
    void dial_failed(const error& failure);
    /// The peer closed the connection, or the network did.
    void disconnected();
    /// Complete frames, in order. Fails with protocol_error: the transport then hangs up and calls disconnected.
    result<void> receive(std::span<const payload> frames);
    void expire();
    /// Fails everything with shutting_down; nothing is sent any more.
    void close();

    /// Rises with every connection; 0 while there is none.
    [[nodiscard]] std::uint64_t connection_number() const { return state_ == link_state::connected ? connection_number_ : 0; }
    [[nodiscard]] std::size_t outstanding() const { return pending_.size(); }
    [[nodiscard]] const link_options& options() const { return options_; }
    [[nodiscard]] link_transport::time_point now() const { return transport_.now(); }

private:
    enum class link_state : std::uint8_t { disconnected, dialing, connected, closed };
    struct pending {
        completion done;
        link_transport::time_point deadline;
        link_transport::time_point sent; ///< asked, while dialing
        std::string head;                ///< with `body`, the frame to be sent; both only while dialing
        payload body;
    };

    [[nodiscard]] error refusal() const;
    void fail_all(const error& failure);
    void put_off_next_dial();
    /// Closes the connection of a peer that has been silent for too long.
    void give_up_silent(link_transport::time_point now);

    link_transport& transport_;
    std::string address_;
    link_options options_;
    push_handler on_push_;
    std::function<void(link_change)> on_change_;
    link_state state_ = link_state::disconnected;
    std::uint64_t connection_number_ = 0;
    std::int32_t last_opaque_ = 0;
    std::map<std::int32_t, pending> pending_; ///< by opaque
    std::size_t waiting_bytes_ = 0;           ///< of bodies that wait for the dial
    bool awake_ = false;                      ///< wake_in was called and has not come
    std::chrono::milliseconds retry_;
    link_transport::time_point next_dial_{};
    bool heard_ = false; ///< the peer has sent a frame on this connection
    link_transport::time_point connected_at_{};
    link_transport::time_point last_received_{};
    std::optional<link_transport::time_point> silent_since_; ///< since then a request has waited, is overdue, and nothing came
    error dial_failure_;
};

} // namespace troupe::actors::net
