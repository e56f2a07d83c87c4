#pragma once

#include "actors/net/gateway_options.hpp"
#include "actors/net/session.hpp"
#include "protocol/remoting_command.hpp"

#include <caf/actor_addr.hpp>

#include <cstdint>
#include <deque>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace troupe::actors::net {

/// What a gateway needs of the actor that carries its bytes: a listener, or the end of a simulated wire.
class gateway_host {
public:
    using time_point = std::chrono::steady_clock::time_point;

    virtual ~gateway_host() = default;
    /// Sends, at the latest when the current message has been handled. Nothing happens if the connection is gone.
    virtual void write(connection_id connection, std::string_view head, const payload& body) = 0;
    /// Bytes written and not yet taken by the network.
    [[nodiscard]] virtual std::size_t unsent_bytes(connection_id connection) = 0;
    [[nodiscard]] virtual time_point now() = 0;
    /// Calls gateway::flush soon, after other input that is waiting: sends of several connections become one append.
    virtual void wake() = 0;
    /// gateway::wants_pause was true, and what it waited for has happened: call gateway::go_on, in this message or soon.
    virtual void resume(connection_id connection) = 0;
    /// Something that concerns this connection only went wrong: drop it, at the latest when the current message has been handled.
    virtual void fail(connection_id connection, std::string_view reason) = 0;
    /// Drop the connection of gateway::connection_of when `session` ends by itself: it owes answers that never come. A host
    /// without memory to run out of ignores it.
    virtual void watch(const session_actor&) {}
    [[nodiscard]] virtual gateway_actor handle() = 0;
    [[nodiscard]] virtual caf::actor_system& system() = 0;
};

/// The server's end of remoting: frames in, messages to the roles, their answers out as frames. A plain class, so that the
/// hot requests (send, pull, pop) cross no actor between the socket's thread and the roles.
///
/// In     frames; records_appended, pull_answered, pop_answered, session_answered, client_question
/// Out    append_records, end_ticketed, pull_ticketed, pull_abandoned, pop_ticketed, pops_abandoned; every other request goes to the session of its connection, and so does
///        what a client answers to a request of the session
/// State  one entry per outstanding request, bounded per connection; one append that is being collected
/// Always 1. Every request that is not one-way is answered exactly once: by a role, or after its deadline by the gateway.
///        2. Beyond a bound the answer is busy, at once.
///        3. Answers go to the connection that asked or, if it has ended, nowhere.
///        4. A one-way request that is legal is never thrown away for lack of room: it, and what came behind it on its
///           connection, waits here, and wants_pause says so.
class gateway {
public:
    gateway(gateway_host& host, gateway_roles roles, gateway_options options);

    void connection_opened(connection_id connection, const protocol::host_address& peer);
    /// All frames of one read. Fails with protocol_error when one cannot be decoded: the host closes the connection.
    /// Frames behind one that has to wait are kept until go_on.
    result<void> receive(connection_id connection, std::span<const payload> frames);
    /// The peer has read most of what was unsent.
    void connection_drained(connection_id connection);
    /// Hands on the one-way requests that still wait here, abandons what the connection waits for, and ends its session.
    void connection_closed(connection_id connection);
    /// One-way requests cannot be answered busy. When there is no room for one, its connection should not be read from until
    /// gateway_host::resume: the sender's socket fills up, and it slows down instead of losing messages.
    [[nodiscard]] bool wants_pause(connection_id connection) const;
    /// Handles the frames that had to wait, as far as there is room now; then wants_pause may be true again. Fails as receive.
    result<void> go_on(connection_id connection);

    /// Bytes of requests of this connection that wait here: for its session, or for room for a one-way send.
    [[nodiscard]] std::size_t waiting_bytes(connection_id connection) const;

    /// Whose session this is, if its connection is still there.
    [[nodiscard]] std::optional<connection_id> connection_of(const caf::actor_addr& session) const;

    void handle(const records_appended& message);
    void handle(const pull_answered& message);
    void handle(const pop_answered& message);
    void handle(const session_answered& message);
    /// Whether the question is on its way. Fails as described there: what nobody reads must not pile up until the connection is dropped.
    result<void> handle(const client_question& message);
    /// The broker or its log writer has ended: what waits there has failed.
    void broker_ended();
    /// Refuses new requests as shutting_down; one-way sends, which nobody can refuse, are still taken.
    void stop() { stopping_ = true; }
    /// No answer is due but those of held pulls and pops.
    [[nodiscard]] bool is_idle() const;
    /// Hands the collected append to the log writer, and ends of transactions to their role. How many requests these were.
    std::size_t flush();
    /// Answers what is overdue. Call about once a second.
    void expire();

    [[nodiscard]] std::size_t outstanding() const { return pending_.size(); }

private:
    enum class pending_kind : std::uint8_t { send, pull, pop, end };
    /// Its answer may take as long as the client says.
    static bool may_wait(pending_kind kind) { return kind == pending_kind::pull || kind == pending_kind::pop; }
    /// Nobody waits for its answer, so it is never refused for lack of room, but has to wait for it, unless its connection has ended. Counted
    /// apart from the others.
    static bool is_oneway_write(pending_kind kind, bool oneway) { return oneway && !may_wait(kind); }
    struct pending {
        pending_kind kind = pending_kind::send;
        connection_id connection;
        std::int32_t opaque = 0;
        protocol::header_codec codec = protocol::header_codec::json;
        bool oneway = false;
        gateway_host::time_point deadline;
        std::size_t bytes = 0; ///< of the encoded records
        send_receipt receipt;
        std::string group; ///< of a pull or pop
        topic_queue queue; ///< likewise
    };
    struct connection_state {
        /// Of which of the two counts below a request is one.
        std::size_t& count_of(pending_kind kind, bool oneway) { return is_oneway_write(kind, oneway) ? oneway_requests : requests; }

        protocol::host_address peer;
        std::size_t requests = 0;                       ///< sends and pulls under way, without one-way sends
        std::size_t oneway_requests = 0;                ///< one-way sends under way
        std::size_t in_flight_bytes = 0;                ///< of both kinds of sends
        std::vector<payload> delayed;                   ///< frames from the first one-way request on that found no room
        gateway_host::time_point quota_until;           ///< the first of them waits for its topic's quota
        bool ended = false;                             ///< its last frames are handled: nothing can wait any more
        std::deque<protocol::remoting_command> waiting; ///< for the session
        std::size_t waiting_bytes = 0;                  ///< that they keep: a header may be as large as a body
        std::size_t session_requests = 0;               ///< that the session has
        std::size_t pushes = 0;                         ///< requests to the client without an answer yet: nobody else may answer
        std::unordered_set<std::uint64_t> pulls;
        std::unordered_set<std::uint64_t> pops;
        session_actor session;
    };

    // connections and frames (gateway.cpp)
    result<void> receive_frames(connection_id connection, connection_state& state, std::span<const payload> frames);
    /// What is not left to the session; nothing: all else, and what this process does not serve.
    [[nodiscard]] std::optional<pending_kind> kind_of(std::int32_t request) const;
    /// Refuses what cannot be taken whatever it says, and hands on the rest. False: it is one-way and there is no room for it now.
    bool receive_command(connection_id connection, connection_state& state, protocol::remoting_command command);
    [[nodiscard]] bool has_oneway_room(pending_kind kind, const connection_state& state) const;
    /// The bytes under way leave room for more one-way sends. Half of each bound, so that sends that can be refused are not
    /// crowded out.
    [[nodiscard]] bool has_byte_room(const connection_state& state) const;
    /// Enough of what a waiting connection has under way is done. Later than necessary, so that a pause is worth its cost.
    [[nodiscard]] bool may_go_on(const connection_state& state) const;
    void resume_waiting();

    // sends and decisions (gateway_sends.cpp); receive_send: false as receive_command
    bool receive_send(connection_id connection, connection_state& state, protocol::remoting_command& command);
    void receive_end(connection_id connection, connection_state& state, const protocol::remoting_command& command);

    // pulls and pops (gateway_waits.cpp)
    void receive_pull(connection_id connection, connection_state& state, const protocol::remoting_command& command);
    void receive_pop(connection_id connection, connection_state& state, const protocol::remoting_command& command);
    void abandon_waiting(const connection_state& state);

    // sessions (gateway_sessions.cpp)
    bool pass_to_session(connection_id connection, connection_state& state, protocol::remoting_command command);
    void receive_answer(connection_state& state, protocol::remoting_command answer);
    /// Gives the session what waits, as far as its bounds and the peer's reading allow.
    void feed_session(connection_id connection, connection_state& state);

    // answers (gateway.cpp)
    pending make_pending(pending_kind kind, connection_id connection, const protocol::remoting_command& command) const;
    void refuse(connection_id connection, const protocol::remoting_command& command, const error& failure);
    void answer(const pending& request, protocol::remoting_command response);
    [[nodiscard]] static error too_many_requests(std::size_t requests_max);
    /// Runs `work`; whatever it throws costs `connection` only.
    template <class Work>
    void guarded(connection_id connection, Work work) {
        try {
            work();
        } catch (const std::exception& problem) {
            host_.fail(connection, problem.what());
        }
    }
    /// Forgets the request and lowers its connection's counts; false if the ticket is not known (any more).
    bool take(std::uint64_t ticket, pending& request);

    gateway_host& host_;
    gateway_roles roles_;
    gateway_options options_;
    std::optional<send_encoder> encoder_;
    std::shared_ptr<const topic_snapshot> topics_; ///< of the read that is being handled
    bool broker_gone_ = false;
    bool stopping_ = false;
    std::uint64_t next_ticket_ = 1;
    std::unordered_map<std::uint64_t, pending> pending_;
    std::unordered_map<connection_id, connection_state> connections_;
    std::vector<connection_id> waiting_; ///< connections with delayed frames that were not resumed yet
    append_records collected_;
    end_ticketed ends_; ///< decisions of the read that is being handled, and of others that came with it
};

} // namespace troupe::actors::net
