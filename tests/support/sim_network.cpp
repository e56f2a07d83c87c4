#include "tests/support/sim_network.hpp"

#include "actors/messages/type_ids.hpp"
#include "actors/net/gateway.hpp"
#include "actors/net/role_client.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <vector>

namespace troupe::test_support {

namespace {

using namespace actors;
using net::connection_id;

// ---- what the ends of a wire hear -----------------------------------------------------------------------------------

struct wire_opened {
    std::uint64_t connection = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, wire_opened& x) {
        return f(x.connection);
    }
};
struct wire_refused {
    template <class Inspector>
    friend auto inspect(Inspector& f, wire_refused&) {
        return f();
    }
};
struct wire_frame {
    std::uint64_t connection = 0;
    std::string bytes;
    template <class Inspector>
    friend auto inspect(Inspector& f, wire_frame& x) {
        return f(x.connection, x.bytes);
    }
};
struct wire_closed {
    std::uint64_t connection = 0;
    template <class Inspector>
    friend auto inspect(Inspector& f, wire_closed& x) {
        return f(x.connection);
    }
};
struct end_tick {
    bool flush = false;
    template <class Inspector>
    friend auto inspect(Inspector& f, end_tick& x) {
        return f(x.flush);
    }
};

// ---- the server's end -----------------------------------------------------------------------------------------------

class server_end;
using server_actor = caf::stateful_actor<server_end>;

/// Stands for a listener: the same gateway, without sockets.
class server_end : public net::gateway_host {
public:
    static inline const char* name = "sim_server";

    explicit server_end(server_actor* self) : self_{self} {}

    void write(connection_id id, std::string_view head, const payload& body) override {
        network_->send(id.value(), false, std::string{head} + std::string{body.view()});
    }
    std::size_t unsent_bytes(connection_id) override { return 0; }
    time_point now() override { return self_->clock().now(); }
    void wake() override { self_->send(self_, end_tick{true}); }
    void resume(connection_id id) override {
        if (!gateway_->go_on(id))
            network_->hang_up(id.value());
    }
    void fail(connection_id id, std::string_view) override { network_->hang_up(id.value()); }
    net::gateway_actor handle() override { return caf::actor_cast<net::gateway_actor>(self_); }
    caf::actor_system& system() override { return self_->system(); }

    caf::behavior start(sim_network* network, net::gateway_roles roles) {
        network_ = network;
        if (roles.broker) {
            self_->monitor(roles.broker->broker);
            self_->monitor(roles.broker->log_writer);
            self_->set_down_handler([this](const caf::down_msg&) { gateway_->broker_ended(); });
        }
        gateway_ = std::make_unique<net::gateway>(*this, std::move(roles), net::gateway_options{});
        self_->delayed_send(self_, std::chrono::seconds{1}, end_tick{});
        return {
            [this](const wire_opened& message) { gateway_->connection_opened(connection_id{message.connection}, {}); },
            [this](const wire_frame& message) {
                const payload frame{message.bytes};
                if (!gateway_->receive(connection_id{message.connection}, {&frame, 1}))
                    network_->hang_up(message.connection);
            },
            [this](const wire_closed& message) { gateway_->connection_closed(connection_id{message.connection}); },
            [this](const end_tick& tick) {
                if (tick.flush) {
                    gateway_->flush();
                    return;
                }
                gateway_->expire();
                self_->delayed_send(self_, std::chrono::seconds{1}, end_tick{});
            },
            [this](const records_appended& message) { gateway_->handle(message); },
            [this](const pull_answered& message) { gateway_->handle(message); },
            [this](const pop_answered& message) { gateway_->handle(message); },
            [this](const net::session_answered& message) { gateway_->handle(message); },
            [this](const net::client_question& message) -> caf::result<transaction_check_sent> {
                if (const auto sent = gateway_->handle(message); !sent)
                    return make_caf_error(sent.failure());
                return transaction_check_sent{};
            },
        };
    }

private:
    server_actor* self_;
    sim_network* network_ = nullptr;
    std::unique_ptr<net::gateway> gateway_;
};

// ---- the client's end -----------------------------------------------------------------------------------------------

class client_end;
using client_actor = caf::stateful_actor<client_end>;

/// Stands for a proxy: the same link and role interface, without sockets.
class client_end : public net::link_transport {
public:
    static inline const char* name = "sim_proxy";

    explicit client_end(client_actor* self) : self_{self} {}

    void dial() override { network_->dial(node_, address_, caf::actor_cast<caf::actor>(self_), options_.connect_timeout); }
    void write(std::string_view head, const payload& body) override {
        network_->send(connection_, true, std::string{head} + std::string{body.view()});
    }
    std::size_t unsent_bytes() override { return 0; }
    void hang_up() override { network_->hang_up(std::exchange(connection_, 0)); }
    time_point now() override { return self_->clock().now(); }
    void wake_in(std::chrono::milliseconds wait) override { self_->delayed_send(self_, wait, end_tick{}); }

    caf::behavior start(sim_network* network, const std::string& node, const std::string& address, net::link_options options, bool broker) {
        network_ = network;
        node_ = node;
        address_ = address;
        options_ = options;
        client_ = std::make_unique<net::role_client>(self_, *this, address_, options_);
        caf::message_handler wire{
            [this](const wire_opened& message) {
                connection_ = message.connection;
                client_->connection().connected();
            },
            [this](const wire_refused&) {
                client_->connection().dial_failed({errc::connect_failed, "cannot connect to " + address_});
            },
            [this](const wire_frame& message) {
                const payload frame{message.bytes};
                if (message.connection != connection_ || client_->connection().receive({&frame, 1}))
                    return;
                hang_up();
                client_->connection().disconnected();
            },
            [this](const wire_closed& message) {
                if (message.connection != connection_)
                    return;
                connection_ = 0;
                client_->connection().disconnected();
            },
            [this](const end_tick&) { client_->connection().expire(); },
        };
        auto messages = broker ? client_->broker_messages() : client_->name_server_messages();
        return wire.or_else(messages);
    }

private:
    client_actor* self_;
    sim_network* network_ = nullptr;
    std::string node_;
    std::string address_;
    net::link_options options_;
    std::unique_ptr<net::role_client> client_;
    std::uint64_t connection_ = 0;
};

caf::actor spawn_client_end(sim_network& network, const std::string& node, const std::string& address, net::link_options options,
                            bool broker) {
    return network.world().system().spawn([&network, node, address, options, broker](client_actor* self) {
        return self->state.start(&network, node, address, options, broker);
    });
}

std::pair<std::string, std::string> ordered(const std::string& node, const std::string& other) {
    return node < other ? std::pair{node, other} : std::pair{other, node};
}

} // namespace

// ---- nodes ----------------------------------------------------------------------------------------------------------

caf::actor sim_network::listen(const std::string& node, const std::string& address, net::gateway_roles roles) {
    auto handle = world_.system().spawn([this, roles = std::move(roles)](server_actor* self) { return self->state.start(this, roles); });
    servers_[address] = {node, handle};
    return handle;
}

void sim_network::unlisten(const std::string& address) {
    servers_.erase(address);
    break_where([&](const connection& each) { return each.address == address; });
}

void sim_network::break_connections(const std::string& node) {
    break_where([&](const connection& each) { return each.client_node == node || each.server_node == node; });
}

void sim_network::cut(const std::string& node, const std::string& other, bool is_cut) {
    if (!is_cut) {
        cuts_.erase(ordered(node, other));
        return;
    }
    cuts_.insert(ordered(node, other));
    break_where([&](const connection& each) { return ordered(each.client_node, each.server_node) == ordered(node, other); });
}

bool sim_network::is_cut(const std::string& node, const std::string& other) const {
    return cuts_.contains(ordered(node, other));
}

broker_actor sim_network::broker_proxy(const std::string& node, const std::string& address, net::link_options options) {
    return caf::actor_cast<broker_actor>(spawn_client_end(*this, node, address, options, true));
}

name_server_actor sim_network::name_server_proxy(const std::string& node, const std::string& address, net::link_options options) {
    return caf::actor_cast<name_server_actor>(spawn_client_end(*this, node, address, options, false));
}

// ---- wires ----------------------------------------------------------------------------------------------------------

void sim_network::dial(const std::string& node, const std::string& address, const caf::actor& client, std::chrono::milliseconds timeout) {
    const auto found = servers_.find(address);
    if (found == servers_.end()) {
        caf::delayed_anon_send(client, delay(), wire_refused{});
        return;
    }
    if (is_cut(node, found->second.node)) {
        caf::delayed_anon_send(client, timeout, wire_refused{});
        return;
    }
    const auto id = ++last_connection_;
    auto& each = connections_[id];
    each.client_node = node;
    each.server_node = found->second.node;
    each.address = address;
    each.client = client;
    each.server = found->second.handle;
    deliver(each, true, wire_opened{id});
    deliver(each, false, wire_opened{id});
}

template <class Message>
void sim_network::deliver(connection& each, bool to_server, Message message) {
    auto& last = to_server ? each.last_to_server : each.last_to_client;
    const auto now = world_.now();
    last = std::max(last, now + delay()); // bytes do not overtake bytes
    caf::delayed_anon_send(to_server ? each.server : each.client, std::chrono::duration_cast<std::chrono::nanoseconds>(last - now),
                           std::move(message));
}

void sim_network::send(std::uint64_t id, bool to_server, std::string bytes) {
    ++sent_;
    const auto found = connections_.find(id);
    if (found == connections_.end() || world_.chance(wire_.frame_loss)) {
        ++lost_;
        return;
    }
    if (world_.chance(wire_.connection_loss)) {
        ++lost_;
        return hang_up(id);
    }
    deliver(found->second, to_server, wire_frame{id, std::move(bytes)});
}

void sim_network::hang_up(std::uint64_t id) {
    const auto found = connections_.find(id);
    if (found == connections_.end())
        return;
    auto each = std::move(found->second);
    connections_.erase(found);
    deliver(each, true, wire_closed{id});
    deliver(each, false, wire_closed{id});
}

template <class Condition>
void sim_network::break_where(Condition condition) {
    std::vector<std::uint64_t> broken;
    for (const auto& [id, each] : connections_)
        if (condition(each))
            broken.push_back(id);
    for (const auto id : broken)
        hang_up(id);
}

} // namespace troupe::test_support
