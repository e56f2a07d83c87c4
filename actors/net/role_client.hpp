#pragma once

#include "actors/messages/roles.hpp"
#include "actors/net/client_question.hpp"
#include "actors/net/link.hpp"
#include "actors/net/send_turns.hpp"
#include "actors/wire/remote_requests.hpp"

#include <caf/actor_addr.hpp>
#include <caf/fwd.hpp>
#include <caf/message_handler.hpp>
#include <caf/response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe::actors::net {

struct connection_changed;

/// The interface of a remote role, served by whatever actor carries a link's bytes: each message becomes a request, and
/// its answer the response. What proxies on sockets and on simulated wires have in common.
class role_client {
public:
    /// `self` hosts the link and outlives this.
    role_client(caf::local_actor* self, link_transport& transport, std::string address, link_options options);

    /// Handlers for everything that is asked of a broker, or of a name server: a table of remote_requests.hpp.
    caf::message_handler broker_messages();
    caf::message_handler name_server_messages();

    [[nodiscard]] net::link& connection() { return link_; }

private:
    template <class... Rows>
    caf::message_handler handlers(remote_requests<Rows...> rows);
    template <class Order, class Answer>
    auto handler(remote_request<Order, Answer> row);

    /// Promises are untyped: with typed ones all of this took a fifth longer to compile.
    using answer_reader = result<caf::message> (*)(const protocol::remoting_command& answer);
    /// Sends a request; its answer, read by `read`, is the response. There is `patience` beside the link's time for a request.
    caf::response_promise pass_on(protocol::remoting_command command, answer_reader read, std::chrono::milliseconds patience = {});

    /// Passes it on.
    template <class Order, class Answer>
    caf::response_promise serve(remote_request<Order, Answer> row, const Order& order);
    // Orders that take more than that.
    caf::response_promise serve(remote_request<send_messages, messages_stored> row, const send_messages& order);
    caf::response_promise serve(remote_request<pull_messages, messages_pulled> row, const pull_messages& order);
    caf::response_promise serve(remote_request<pop_messages, messages_popped> row, const pop_messages& order);
    caf::response_promise serve(remote_request<client_heartbeat, heartbeat_accepted> row, const client_heartbeat& order);
    caf::response_promise serve(remote_request<register_broker, broker_registered> row, const register_broker& order);
    caf::response_promise serve(remote_request<broker_heartbeat, broker_registered> row, const broker_heartbeat& order);

    void begin_sends();
    void begin(send_turns::send next);
    void remember(const client_session_actor& session);
    /// A session is kept by its address, so that nothing here holds it, and its type is lost with that: the hub of a client takes all that
    /// is sent here, and another session lets fall what it does not take.
    template <class Session, class News>
    void tell_sessions(const News& news) const;
    void receive_reply(const protocol::remoting_command& command);
    void receive_push(const protocol::remoting_command& command);
    void receive_offsets(const protocol::remoting_command& command);
    void ask_sessions(const protocol::remoting_command& command);
    void question_ended(const question_answered& event);

    struct open_question {
        protocol::remoting_command asked; ///< without fields and body
        std::uint64_t connection = 0;     ///< number of the one that it came over
    };
    caf::local_actor* self_;
    net::link link_;
    send_turns turns_;
    bool beginning_ = false;                ///< begin_sends is running: a send that fails at once must not begin the next from inside
    std::vector<caf::actor_addr> sessions_; ///< of the clients in this process that sent a heartbeat through here
    std::map<std::uint64_t, open_question> questions_;
    std::uint64_t last_question_ = 0;
    std::uint64_t registered_on_ = 0; ///< number of the connection that carried the last registration
    bool knows_heartbeats_ = true;    ///< whether the name server that answered it does
};

} // namespace troupe::actors::net
