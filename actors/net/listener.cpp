#include "actors/net/listener.hpp"

#include "actors/base/log.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/net/listener_state.hpp"
#include "actors/net/scribe.hpp"
#include "actors/net/socket.hpp"

#include <caf/actor_system.hpp>

#include <atomic>
#include <thread>

namespace troupe::actors::net {

namespace {

constexpr std::chrono::seconds sweep_interval{1};
/// How long a stop waits for answers that are due.
constexpr std::chrono::seconds stop_patience{1};

/// The process may have several ports, and roles tell connections apart by their number alone.
connection_id next_connection_id() {
    static std::atomic<std::uint64_t> last{0};
    return connection_id{last.fetch_add(1, std::memory_order_relaxed) + 1};
}

} // namespace

// ---- the door -------------------------------------------------------------------------------------------------------

void listener_state::accept(const caf::io::new_connection_msg& message) {
    const auto verdict = connections_.look_at(message.handle, descriptors_max());
    if (verdict != connection_table::verdict::welcome) {
        reset_socket(static_cast<int>(message.handle.id()));
        self_->close(message.handle);
        if (verdict == connection_table::verdict::scarce && !std::exchange(door_halted_, true)) {
            self_->halt(door_);
            write_log(log_level::warning, "listener: file descriptors are running out; no new connections for a second");
        }
        return;
    }
    const auto id = next_connection_id();
    auto& each = connections_.add(id, message.handle, now());
    self_->ack_writes(message.handle, true);
    read_by_plan(each);
    auto peer = protocol::parse_host_address(self_->remote_addr(message.handle) + ":" + std::to_string(self_->remote_port(message.handle)));
    gateway_->connection_opened(id, peer ? *peer : protocol::host_address{});
}

// ---- time -----------------------------------------------------------------------------------------------------------

void listener_state::sweep() {
    self_->delayed_send(self_, sweep_interval, sweep_tick{});
    if (door_halted_ && !std::exchange(door_waking_, true))
        later(door_tick{});
    log_more_drops();
    for (const auto& [id, reason] : connections_.overdue(now()))
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

// ---- the actor ------------------------------------------------------------------------------------------------------

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
    for (const auto id : connections_.all())
        gateway_->connection_closed(id);
    gateway_->flush();
    self_->quit(std::move(reason));
}

caf::behavior listener_state::start(listener_options options, gateway_roles roles, gateway_options gateway_options,
                                    caf::io::doorman_ptr door) {
    options_ = std::move(options);
    coalescing_ = request_coalescing{options_.rest_max};
    roles_ = std::move(roles);
    gateway_ = std::make_unique<gateway>(*this, roles_, gateway_options);
    connections_ = connection_table{{connection_table::connections_beside(options_.connections_max, descriptors_max()),
                                     options_.idle_timeout, options_.half_frame_timeout, options_.kept_bytes_max}};
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
        [this](const read_tick& tick) { handle(tick); },
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
                if (const auto id = connections_.id_of(message.handle))
                    closed(*id);
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

result<bound_listener> spawn_listener(caf::actor_system& system, listener_options options, gateway_roles roles, gateway_options gateway) {
    auto socket = open_listening_socket(options.host, options.port);
    if (!socket)
        return socket.failure();
    bound_listener bound;
    bound.port = local_port(*socket);
    auto door = make_doorman(system.middleman().backend(), *socket);
    bound.handle = system.middleman().spawn_broker(
        [options = std::move(options), roles = std::move(roles), gateway, door = std::move(door)](listener_broker* self) mutable {
            return self->state.start(std::move(options), std::move(roles), gateway, std::move(door));
        });
    return bound;
}

} // namespace troupe::actors::net
