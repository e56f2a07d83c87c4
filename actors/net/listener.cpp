#include "actors/net/listener.hpp"

#include "actors/base/log.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/net/connection_buffer.hpp"
#include "actors/net/gateway.hpp"
#include "actors/net/io_broker.hpp"
#include "actors/net/request_coalescing.hpp"
#include "actors/net/socket.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/io/doorman.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <unordered_map>
#include <utility>

namespace troupe::actors::net {

namespace {

/// The listener to itself.
struct sweep_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, sweep_tick&) {
        return f();
    }
};
struct flush_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, flush_tick&) {
        return f();
    }
};
/// Comes in a later round of the multiplexer than what asked for it; see listener_state::later.
struct read_tick {
    std::uint64_t connection = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, read_tick& x) {
        return f(x.connection);
    }
};
struct stop_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, stop_tick&) {
        return f();
    }
};
struct door_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, door_tick&) {
        return f();
    }
};

constexpr std::chrono::seconds sweep_interval{1};
/// How long a stop waits for answers that are due.
constexpr std::chrono::seconds stop_patience{1};
/// Left free for files and outgoing connections: a process without descriptors cannot even refuse a connection, and the
/// multiplexer then spins on the port.
constexpr std::size_t descriptors_reserved = 128;

/// Between two sweeps: a peer must not be able to fill the log.
constexpr std::size_t drops_logged_max = 5;

class listener_state;
using listener_broker = caf::stateful_actor<listener_state, io_broker>;
using time_point = gateway_host::time_point;

struct connection {
    caf::io::connection_handle handle;
    connection_buffer in;
    bool halted = false;    ///< not read from, because its peer does not read or its requests have no room
    bool waking = false;    ///< a read_tick is on its way; only while halted
    bool written = false;   ///< listed in written_
    bool queued = false;    ///< CAF holds bytes that the socket has not taken
    std::size_t unsent = 0; ///< bytes written that the socket has not taken; CAF's wr_buf is only a part of them
    bool doomed = false;    ///< to be dropped at the end of this message
    std::size_t kept = 0;   ///< its part of kept_
    time_point last_seen;
    time_point frame_began;
};

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
    void accept(const caf::io::new_connection_msg& message);
    void receive(const caf::io::new_data_msg& message);
    void transferred(const caf::io::data_transferred_msg& message);
    void ended(caf::io::connection_handle handle);
    void closed(caf::io::connection_handle handle);
    void sweep();
    /// Hands on what this round has brought.
    void flush();

    /// Sends `tick` so that it is handled when CAF has applied every halt() of now. CAF collects changes of its epoll set
    /// until the end of a round; a trigger() in the round of a halt() cancels it there, but the socket still counts as
    /// removed afterwards, and no later trigger() brings it back.
    template <class Tick>
    void later(Tick tick);
    void pump(connection_id id, connection& each);
    bool handle_frames(connection_id id, connection& each);
    void read_by_plan(connection& each);
    void drop(connection_id id, std::string_view reason);
    connection* find(caf::io::connection_handle handle);
    void watch_others();
    void stop();
    void end(caf::error reason = caf::exit_reason::user_shutdown);
    /// Runs `work`; whatever it throws costs `id` only. Then sends what was written.
    template <class Work>
    void guarded(connection_id id, Work work);
    void send_written();
    /// Counts again what `id` keeps; call after whatever may have changed it.
    void count_kept(connection_id id);
    /// Drops the connections that keep most, until all together keep no more than the bound.
    void shed();
    void send_some(connection_id id, connection& each);
    void read_again(connection_id id, connection& each);

    listener_broker* self_;
    listener_options options_;
    gateway_roles roles_;
    std::unique_ptr<gateway> gateway_;
    std::unordered_map<connection_id, connection> connections_;
    std::unordered_map<caf::io::connection_handle, connection_id> ids_; ///< a handle is the socket's number: it comes again
    std::vector<connection_id> written_;
    std::vector<std::pair<connection_id, std::string>> doomed_;
    caf::io::accept_handle door_;
    bool door_halted_ = false;
    bool door_waking_ = false;
    bool stopping_ = false;
    std::size_t connections_max_ = 0;
    std::size_t kept_ = 0;    ///< bytes that all connections keep: unfinished frames, requests that wait, unsent answers
    std::size_t dropped_ = 0; ///< since the last sweep
    request_coalescing coalescing_{std::chrono::microseconds{0}};
};

/// The process may have several ports, and roles tell connections apart by their number alone.
connection_id next_connection_id() {
    static std::atomic<std::uint64_t> last{0};
    return connection_id{last.fetch_add(1, std::memory_order_relaxed) + 1};
}

// ---- gateway_host ---------------------------------------------------------------------------------------------------

void listener_state::write(connection_id id, std::string_view head, const payload& body) {
    const auto found = connections_.find(id);
    if (found == connections_.end() || found->second.doomed)
        return;
    auto& each = found->second;
    auto& out = self_->wr_buf(each.handle);
    const auto bytes = head.size() + body.size();
    if (each.unsent > 0 && each.unsent + bytes > options_.unsent_bytes_max) {
        return fail(id, "its peer does not read");
    }
    out.insert(out.end(), head.begin(), head.end());
    const auto view = body.view();
    out.insert(out.end(), view.begin(), view.end());
    each.unsent += bytes;
    if (!std::exchange(each.written, true))
        written_.push_back(id);
}

void listener_state::fail(connection_id id, std::string_view reason) {
    const auto found = connections_.find(id);
    if (found != connections_.end() && !std::exchange(found->second.doomed, true))
        doomed_.emplace_back(id, reason); // not dropped here: the gateway is in the middle of something
}

std::size_t listener_state::unsent_bytes(connection_id id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? 0 : found->second.unsent;
}

void listener_state::send_written() {
    for (const auto id : std::exchange(written_, {})) {
        const auto found = connections_.find(id);
        if (found == connections_.end())
            continue;
        found->second.written = false;
        send_some(id, found->second);
        count_kept(id);
    }
    for (const auto& [id, reason] : std::exchange(doomed_, {}))
        drop(id, reason);
    shed();
}

void listener_state::count_kept(connection_id id) {
    const auto found = connections_.find(id);
    if (found == connections_.end())
        return;
    auto& each = found->second;
    const auto planned = each.in.plan().bytes;
    const auto read_buffer = planned > connection_buffer::small_read_bytes ? planned : 0; // CAF allocates all of it
    const auto now_kept = each.in.size() + read_buffer + each.unsent + gateway_->waiting_bytes(id);
    kept_ += now_kept - std::exchange(each.kept, now_kept);
}

void listener_state::shed() {
    while (kept_ > options_.kept_bytes_max && !connections_.empty()) {
        const auto largest = std::max_element(connections_.begin(), connections_.end(),
                                              [](const auto& left, const auto& right) { return left.second.kept < right.second.kept; });
        drop(largest->first, "the connections to this port keep more than network.kept_bytes_max together, and this one keeps most (" +
                                 std::to_string(largest->second.kept) + " bytes)");
    }
}

/// Most answers fit into the socket at once. Sending them here saves CAF's two changes of the epoll set and one more round
/// of its loop per answer, which is a third of all system calls; only what is left goes CAF's way.
void listener_state::send_some(connection_id id, connection& each) {
    auto& out = self_->wr_buf(each.handle);
    if (!each.queued) {
        const auto sent = send_now(static_cast<int>(each.handle.id()), {out.data(), out.size()});
        each.last_seen = now();
        if (sent == out.size()) {
            out.clear();
            each.unsent = 0;
            return gateway_->connection_drained(id);
        }
        out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(sent));
        each.queued = true;
        each.unsent = out.size();
    }
    self_->flush(each.handle);
}

template <class Work>
void listener_state::guarded(connection_id id, Work work) {
    try {
        work();
    } catch (const std::exception& problem) {
        drop(id, problem.what());
    }
    count_kept(id);
    send_written();
}

// ---- connections ----------------------------------------------------------------------------------------------------

connection* listener_state::find(caf::io::connection_handle handle) {
    const auto id = ids_.find(handle);
    return id == ids_.end() ? nullptr : &connections_.at(id->second);
}

void listener_state::accept(const caf::io::new_connection_msg& message) {
    const bool scarce = static_cast<std::size_t>(message.handle.id()) + descriptors_reserved / 2 > descriptors_max();
    if (connections_.size() >= connections_max_ || scarce) {
        reset_socket(static_cast<int>(message.handle.id()));
        self_->close(message.handle);
        if (scarce && !std::exchange(door_halted_, true)) {
            self_->halt(door_);
            write_log(log_level::warning, "listener: file descriptors are running out; no new connections for a second");
        }
        return;
    }
    const auto id = next_connection_id();
    auto& each = connections_[id];
    each.handle = message.handle;
    each.last_seen = now();
    ids_[message.handle] = id;
    self_->ack_writes(message.handle, true);
    const auto plan = each.in.plan();
    self_->configure_read(message.handle, caf::io::receive_policy::at_most(plan.bytes));
    auto peer = protocol::parse_host_address(self_->remote_addr(message.handle) + ":" + std::to_string(self_->remote_port(message.handle)));
    gateway_->connection_opened(id, peer ? *peer : protocol::host_address{});
}

void listener_state::receive(const caf::io::new_data_msg& message) {
    auto* each = find(message.handle);
    if (each == nullptr)
        return;
    each->last_seen = now();
    if (!each->in.is_inside_frame())
        each->frame_began = each->last_seen;
    const auto id = ids_.at(message.handle);
    guarded(id, [&] {
        each->in.receive(message.buf);
        if (!each->halted)
            pump(id, *each);
    });
}

/// Handles the frames that are complete, and decides how to read on. halt() alone is not enough: CAF may deliver up to
/// middleman.max-consecutive-reads more buffers after it. They are small then, and taken as they come: part of an exact
/// read would be forgotten when the connection is triggered again.
void listener_state::pump(connection_id id, connection& each) {
    const bool unread = each.unsent > options_.write_high_water_bytes;
    if (!unread && !handle_frames(id, each))
        return;
    if (!unread && !gateway_->wants_pause(id))
        return read_by_plan(each);
    each.halted = true;
    self_->halt(each.handle);
    self_->configure_read(each.handle, caf::io::receive_policy::at_most(connection_buffer::small_read_bytes));
}

/// False: the connection was dropped.
bool listener_state::handle_frames(connection_id id, connection& each) {
    std::vector<payload> frames;
    auto taken = each.in.take_frames(frames);
    if (!frames.empty())
        each.frame_began = each.last_seen;
    auto received = gateway_->receive(id, frames);
    if (taken && received)
        return true;
    drop(id, !taken ? taken.failure().text : received.failure().text);
    return false;
}

void listener_state::read_by_plan(connection& each) {
    const auto plan = each.in.plan();
    self_->configure_read(each.handle,
                          plan.exact ? caf::io::receive_policy::exactly(plan.bytes) : caf::io::receive_policy::at_most(plan.bytes));
}

void listener_state::transferred(const caf::io::data_transferred_msg& message) {
    auto* each = find(message.handle);
    if (each == nullptr)
        return;
    each->last_seen = now();
    each->queued = message.remaining > 0;
    each->unsent = message.remaining;
    if (message.remaining > options_.write_low_water_bytes)
        return;
    const auto id = ids_.at(message.handle);
    guarded(id, [&] {
        gateway_->connection_drained(id);
        resume(id);
    });
}

template <class Tick>
void listener_state::later(Tick tick) {
    self_->system().middleman().backend().post([self = caf::actor_cast<caf::actor>(self_), tick] { caf::anon_send(self, tick); });
}

void listener_state::resume(connection_id id) {
    const auto found = connections_.find(id);
    if (found != connections_.end() && found->second.halted && !std::exchange(found->second.waking, true))
        later(read_tick{id.value()});
}

/// Goes on with a connection that was halted, if there is no reason left to wait. Whatever waits was received before, so it
/// is handled before CAF is told to read: this must not halt what it has just triggered.
void listener_state::read_again(connection_id id, connection& each) {
    if (each.unsent > options_.write_high_water_bytes)
        return;
    if (const auto went_on = gateway_->go_on(id); !went_on)
        return drop(id, went_on.failure().text);
    if (gateway_->wants_pause(id) || !handle_frames(id, each) || gateway_->wants_pause(id))
        return;
    each.halted = false;
    each.frame_began = now();
    read_by_plan(each);
    self_->trigger(each.handle);
}

/// The peer has closed. What it had sent before that is still taken.
void listener_state::ended(caf::io::connection_handle handle) {
    auto* each = find(handle);
    if (each == nullptr)
        return;
    if (each->halted) {
        const auto id = ids_.at(handle);
        guarded(id, [&] { handle_frames(id, *each); });
    }
    closed(handle);
}

void listener_state::closed(caf::io::connection_handle handle) {
    const auto id = ids_.find(handle);
    if (id == ids_.end())
        return;
    const auto found = connections_.find(id->second);
    kept_ -= found->second.kept;
    connections_.erase(found);
    gateway_->connection_closed(id->second);
    ids_.erase(id);
}

void listener_state::drop(connection_id id, std::string_view reason) {
    const auto found = connections_.find(id);
    if (found == connections_.end())
        return;
    const auto handle = found->second.handle;
    if (++dropped_ <= drops_logged_max)
        write_log(log_level::info, "listener: dropped the connection of " + self_->remote_addr(handle) + ":" +
                                       std::to_string(self_->remote_port(handle)) + ": " + std::string{reason});
    self_->wr_buf(handle).clear();
    reset_socket(static_cast<int>(handle.id()));
    self_->close(handle);
    closed(handle);
}

void listener_state::sweep() {
    self_->delayed_send(self_, sweep_interval, sweep_tick{});
    if (door_halted_ && !std::exchange(door_waking_, true))
        later(door_tick{});
    if (dropped_ > drops_logged_max)
        write_log(log_level::info, "listener: dropped " + std::to_string(dropped_ - drops_logged_max) + " more connections");
    dropped_ = 0;
    const auto time = now();
    std::vector<std::pair<connection_id, std::string_view>> dead;
    for (const auto& [id, each] : connections_) {
        if (each.last_seen + options_.idle_timeout < time)
            dead.emplace_back(id, "nothing was sent or read for too long");
        else if (!each.halted && each.in.is_inside_frame() && each.frame_began + options_.half_frame_timeout < time)
            dead.emplace_back(id, "a frame began and did not end");
    }
    for (const auto& [id, reason] : dead)
        drop(id, reason);
    gateway_->expire();
    send_written();
}

/// The rest holds up everything that the multiplexer does, for network.rest_max_us at most: docs/decisions/0016.
void listener_state::flush() {
    const auto rest = coalescing_.rest_after(gateway_->flush(), now());
    if (rest > rest.zero())
        std::this_thread::sleep_for(rest);
}

// ---- actor ----------------------------------------------------------------------------------------------------------

void listener_state::watch_others() {
    if (roles_.broker) {
        self_->monitor(roles_.broker->broker);
        self_->monitor(roles_.broker->log_writer);
    }
    self_->set_down_handler([this](const caf::down_msg& message) {
        const bool is_role =
            roles_.broker && (message.source == roles_.broker->broker.address() || message.source == roles_.broker->log_writer.address());
        if (is_role)
            gateway_->broker_ended();
        else if (message.reason != caf::exit_reason::user_shutdown) // how sessions end with their connection
            if (const auto id = gateway_->connection_of(message.source))
                drop(*id, "its session has ended: " + to_string(message.reason));
        send_written();
    });
}

void listener_state::stop() {
    if (std::exchange(stopping_, true))
        return;
    self_->close(door_);
    gateway_->stop();
    gateway_->flush();
    if (gateway_->is_idle())
        return end();
    self_->delayed_send(self_, stop_patience, stop_tick{});
}

/// CAF still sends what is in its buffers after the end of its broker.
void listener_state::end(caf::error reason) {
    for (const auto& entry : connections_)
        gateway_->connection_closed(entry.first);
    gateway_->flush();
    self_->quit(std::move(reason));
}

caf::behavior listener_state::start(listener_options options, gateway_roles roles, gateway_options gateway_options,
                                    caf::io::doorman_ptr door) {
    options_ = std::move(options);
    coalescing_ = request_coalescing{options_.rest_max};
    roles_ = std::move(roles);
    gateway_ = std::make_unique<gateway>(*this, roles_, gateway_options);
    const auto openable = descriptors_max();
    connections_max_ =
        std::min(options_.connections_max, openable > 2 * descriptors_reserved ? openable - descriptors_reserved : openable / 2);
    door_ = door->hdl();
    self_->add_doorman(std::move(door));
    watch_others();
    self_->delayed_send(self_, sweep_interval, sweep_tick{});
    self_->set_exit_handler([this](caf::exit_msg& message) {
        if (message.reason == caf::exit_reason::user_shutdown)
            return stop();
        end(std::move(message.reason));
    });
    const auto answered = [this](const auto& message) {
        gateway_->handle(message);
        send_written();
        if (stopping_ && gateway_->is_idle())
            end();
    };
    return {
        [this](const caf::io::new_data_msg& message) { receive(message); },
        [this](const caf::io::data_transferred_msg& message) { transferred(message); },
        [answered](const records_appended& message) { answered(message); },
        [answered](const pull_answered& message) { answered(message); },
        [answered](const pop_answered& message) { answered(message); },
        [answered](const session_answered& message) { answered(message); },
        [this](const client_question& message) -> caf::result<transaction_check_sent> {
            const auto sent = gateway_->handle(message);
            send_written();
            if (!sent)
                return make_caf_error(sent.failure());
            return transaction_check_sent{};
        },
        [this](const flush_tick&) { flush(); },
        [this](const read_tick& tick) {
            const connection_id id{tick.connection};
            const auto found = connections_.find(id);
            if (found == connections_.end() || !std::exchange(found->second.waking, false))
                return;
            guarded(id, [&] { read_again(id, found->second); });
        },
        [this](const door_tick&) {
            door_halted_ = door_waking_ = false;
            self_->trigger(door_);
        },
        [this](const stop_tick&) { end(); },
        [this](const caf::io::new_connection_msg& message) {
            try {
                accept(message);
            } catch (const std::exception& problem) {
                write_log(log_level::warning, "listener: a connection could not be accepted: " + std::string{problem.what()});
                self_->close(message.handle);
                closed(message.handle);
            }
        },
        [this](const caf::io::connection_closed_msg& message) { ended(message.handle); },
        [this](const caf::io::acceptor_closed_msg&) {
            write_log(log_level::error, "listener: the port was closed by the system");
            self_->quit(make_caf_error(errc::io, "the port was closed by the system; start the process again"));
        },
        [this](const sweep_tick&) { sweep(); },
    };
}

} // namespace

result<bound_listener> spawn_listener(caf::actor_system& system, listener_options options, gateway_roles roles, gateway_options gateway) {
    auto socket = open_listening_socket(options.host, options.port);
    if (!socket)
        return socket.failure();
    bound_listener bound;
    bound.port = local_port(*socket);
    auto door = system.middleman().backend().new_doorman(*socket);
    bound.handle = system.middleman().spawn_broker(
        [options = std::move(options), roles = std::move(roles), gateway, door = std::move(door)](listener_broker* self) mutable {
            return self->state.start(std::move(options), std::move(roles), gateway, std::move(door));
        });
    return bound;
}

} // namespace troupe::actors::net
