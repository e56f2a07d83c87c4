#include "actors/net/proxy.hpp"

#include "actors/base/log.hpp"
#include "actors/messages/unknown_orders.hpp"
#include "actors/net/connection_buffer.hpp"
#include "actors/net/connector.hpp"
#include "actors/net/io_broker.hpp"
#include "actors/net/role_client.hpp"
#include "actors/net/scribe.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/stateful_actor.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace troupe::actors::net {

namespace {

/// The proxy to itself: look for overdue requests.
struct expire_tick {
    template <class Inspector>
    friend auto inspect(Inspector& f, expire_tick&) {
        return f();
    }
};

class proxy_state;
using proxy_broker = caf::stateful_actor<proxy_state, io_broker>;

class proxy_state : public link_transport {
public:
    static inline const char* name = "proxy";

    explicit proxy_state(proxy_broker* self) : self_{self} {}

    caf::behavior start(proxy_role role, std::string address, link_options options);

    void dial() override { spawn_connector(self_->system(), address_, options_.connect_timeout, caf::actor_cast<caf::actor>(self_)); }
    void write(std::string_view head, const payload& body) override;
    std::size_t unsent_bytes() override { return handle_ ? self_->wr_buf(*handle_).size() : 0; }
    void hang_up() override;
    time_point now() override { return self_->clock().now(); }
    void wake_in(std::chrono::milliseconds wait) override { self_->delayed_send(self_, wait, expire_tick{}); }

private:
    void dialed(const dial_ended& message);
    void receive(const caf::io::new_data_msg& message);
    void lost();

    proxy_broker* self_;
    std::string address_;
    link_options options_;
    std::unique_ptr<role_client> client_;
    std::optional<caf::io::connection_handle> handle_;
    connection_buffer in_;
};

void proxy_state::write(std::string_view head, const payload& body) {
    if (!handle_)
        return;
    auto& out = self_->wr_buf(*handle_);
    out.insert(out.end(), head.begin(), head.end());
    const auto view = body.view();
    out.insert(out.end(), view.begin(), view.end());
    // Only asks the multiplexer to write: requests that are in the mailbox already still join this write.
    self_->flush(*handle_);
}

void proxy_state::hang_up() {
    if (!handle_)
        return;
    self_->close(*handle_);
    handle_.reset();
}

void proxy_state::dialed(const dial_ended& message) {
    if (!message.socket)
        return client_->connection().dial_failed(message.failure);
    const int socket = message.socket->take();
    if (socket < 0)
        return;
    in_ = {};
    auto connection = make_scribe(self_->system().middleman().backend(), socket);
    handle_ = connection->hdl();
    self_->add_scribe(std::move(connection));
    self_->configure_read(*handle_, caf::io::receive_policy::at_most(in_.plan().bytes));
    client_->connection().connected();
}

void proxy_state::receive(const caf::io::new_data_msg& message) {
    if (!handle_ || message.handle != *handle_)
        return;
    in_.receive(message.buf);
    std::vector<payload> frames;
    auto taken = in_.take_frames(frames);
    auto received = client_->connection().receive(frames);
    if (!taken || !received) {
        const auto& failure = !taken ? taken.failure() : received.failure();
        write_log(log_level::warning, address_ + " sent what is no frame, its connection is closed: " + failure.text);
        hang_up();
        return lost();
    }
    if (!handle_)
        return;
    const auto plan = in_.plan();
    self_->configure_read(*handle_,
                          plan.exact ? caf::io::receive_policy::exactly(plan.bytes) : caf::io::receive_policy::at_most(plan.bytes));
}

void proxy_state::lost() {
    handle_.reset();
    client_->connection().disconnected();
}

caf::behavior proxy_state::start(proxy_role role, std::string address, link_options options) {
    address_ = std::move(address);
    options_ = options;
    client_ = std::make_unique<role_client>(self_, *this, address_, options_);
    self_->set_exit_handler([this](caf::exit_msg& message) {
        client_->connection().close();
        self_->quit(std::move(message.reason));
    });
    refuse_unknown_orders(*self_, "the proxy of " + address_);
    caf::message_handler wire{
        [this](const caf::io::new_data_msg& message) { receive(message); },
        [this](const caf::io::connection_closed_msg& message) {
            if (handle_ && message.handle == *handle_)
                lost();
        },
        [this](const dial_ended& message) { dialed(message); },
        [this](const expire_tick&) { client_->connection().expire(); },
    };
    auto messages = role == proxy_role::broker ? client_->broker_messages() : client_->name_server_messages();
    return wire.or_else(messages);
}

} // namespace

caf::actor spawn_proxy(caf::actor_system& system, proxy_role role, std::string address, link_options options) {
    return system.middleman().spawn_broker([role, address = std::move(address), options](proxy_broker* self) mutable {
        return self->state.start(role, std::move(address), options);
    });
}

} // namespace troupe::actors::net
