#include "testing/node.hpp"

#include "actors/broker/broker_node.hpp"
#include "actors/broker/registrar.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/name_server/name_server_node.hpp"
#include "actors/net/broker_listener.hpp"
#include "client/embedded.hpp"
#include "storage/file_system.hpp"
#include "testing/ports.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

namespace troupe::testing {

namespace {

constexpr std::chrono::milliseconds ready_limit{10'000};
constexpr std::chrono::milliseconds ready_poll{1};

struct node_config : caf::actor_system_config {
    node_config() {
        load<caf::io::middleman>();
        actors::register_types(*this);
        set("scheduler.policy", caf::atom("sharing"));
        set("scheduler.max-threads", std::size_t{2});
        set("scheduler.max-throughput", std::size_t{100});
    }
};

actors::net::listener_options listen_on(std::uint16_t port) {
    actors::net::listener_options options;
    options.port = port;
    return options;
}

} // namespace

/// Everything that one start makes and one stop ends.
class node::roles {
public:
    roles() : system_{config_} {}
    roles(const roles&) = delete;
    roles& operator=(const roles&) = delete;
    ~roles();

    result<void> start(const node_options& options, const std::filesystem::path& store, std::uint16_t name_server_port,
                       std::uint16_t broker_port);
    [[nodiscard]] caf::actor_system& system() { return system_; }
    [[nodiscard]] client::local_handles handles(const std::string& broker_name) const {
        return {{name_server_->name_server}, {{broker_name, broker_->broker()}}};
    }

private:
    result<void> start_broker(const node_options& options, const std::filesystem::path& store, std::uint16_t port);
    result<void> wait_until_ready(const std::string& broker_name);
    template <class Handle>
    void end(Handle& role);

    node_config config_;
    caf::actor_system system_;
    // Handles go before the system does.
    std::optional<actors::name_server_node> name_server_;
    std::unique_ptr<actors::broker_node> broker_;
    std::optional<actors::net::bound_listener> listener_;
    actors::registrar_actor registrar_;
};

template <class Handle>
void node::roles::end(Handle& role) {
    caf::scoped_actor self{system_};
    self->send_exit(role, caf::exit_reason::user_shutdown);
    self->wait_for(role);
    role = nullptr;
}

node::roles::~roles() {
    if (registrar_)
        end(registrar_);
    if (listener_)
        end(listener_->handle);
    if (broker_)
        broker_->stop();
    if (name_server_)
        actors::stop(system_, *name_server_);
}

result<void> node::roles::start(const node_options& options, const std::filesystem::path& store, std::uint16_t name_server_port,
                                std::uint16_t broker_port) {
    auto name_server = actors::spawn_name_server_node(system_, listen_on(name_server_port));
    if (!name_server)
        return name_server.failure();
    name_server_ = std::move(*name_server);
    if (auto started = start_broker(options, store, broker_port); !started)
        return started;
    return wait_until_ready(options.broker_name);
}

result<void> node::roles::start_broker(const node_options& options, const std::filesystem::path& store, std::uint16_t port) {
    actors::broker_options broker;
    broker.broker_name = options.broker_name;
    broker.auto_create_topics = options.auto_create_topics;
    broker.store_host.port = port; // its address is loopback
    broker.store.directory = store;
    broker.store.flush = options.flush_sync ? storage::flush_mode::sync : storage::flush_mode::async;
    broker.store.segment_bytes = options.segment_bytes;
    broker.store.disk_clean_ratio = broker.store.disk_full_ratio = 1; // a test must not fail because the machine's disk is nearly full
    broker.transactions.timeout = options.transaction_timeout;
    broker.transactions.interval = options.transaction_interval;
    broker.transactions.checks_max = options.transaction_checks_max;
    if (!options.delay_levels.empty())
        broker.delay_levels = options.delay_levels;
    auto started = actors::broker_node::start(system_, broker, storage::posix_file_system());
    if (!started)
        return started.failure();
    broker_ = std::move(*started);
    auto bound = actors::net::spawn_broker_listener(system_, listen_on(port), *broker_);
    if (!bound)
        return bound.failure();
    listener_ = std::move(*bound);
    actors::registrar_options registration;
    registration.broker_name = options.broker_name;
    registration.address = "127.0.0.1:" + std::to_string(port);
    registrar_ = actors::spawn_registrar(system_, registration, broker_->broker(), broker_->directory(), {name_server_->name_server});
    return {};
}

result<void> node::roles::wait_until_ready(const std::string& broker_name) {
    caf::scoped_actor self{system_};
    const auto end = std::chrono::steady_clock::now() + ready_limit;
    bool known = false;
    while (!known && std::chrono::steady_clock::now() < end) {
        self->request(name_server_->name_server, ready_limit, actors::describe_cluster{})
            .receive([&](const actors::cluster_described& cluster) { known = cluster.info.brokers.contains(broker_name); },
                     [](const caf::error&) {});
        if (!known)
            std::this_thread::sleep_for(ready_poll);
    }
    if (!known)
        return error{errc::timed_out,
                     "the name server does not know broker " + broker_name + " after " + std::to_string(ready_limit.count()) + " ms"};
    return {};
}

node::node(node_options options) : options_{std::move(options)} {}

node::~node() {
    stop();
}

result<void> node::start() {
    stop();
    if (broker_port_ == 0) {
        name_server_port_ = free_port();
        broker_port_ = free_port();
    }
    roles_ = std::make_unique<roles>();
    auto started = roles_->start(options_, directory_.path() / "store", name_server_port_, broker_port_);
    if (!started)
        roles_.reset();
    return started;
}

void node::stop() {
    roles_.reset();
}

result<client::connection> node::connect(client::client_options options) const {
    options.name_servers = name_server_address();
    return client::connection::open(std::move(options));
}

result<client::connection> node::connect_embedded(client::client_options options) const {
    if (!roles_)
        return error{errc::shutting_down, "the node is not running; start() it first"};
    return client::embed(roles_->system(), roles_->handles(options_.broker_name), std::move(options));
}

std::string node::name_server_address() const {
    return "127.0.0.1:" + std::to_string(name_server_port_);
}

std::string node::broker_address() const {
    return "127.0.0.1:" + std::to_string(broker_port_);
}

} // namespace troupe::testing
