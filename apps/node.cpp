#include "apps/node.hpp"

#include "actors/base/log.hpp"
#include "actors/broker/broker_node.hpp"
#include "actors/broker/registrar.hpp"
#include "actors/messages/type_ids.hpp"
#include "actors/name_server/name_server_node.hpp"
#include "actors/net/broker_listener.hpp"
#include "actors/net/name_server_proxy.hpp"
#include "apps/addresses.hpp"
#include "apps/node_options.hpp"
#include "storage/file_system.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <sys/resource.h>
#include <thread>

namespace troupe::apps {

namespace {

/// Files of a store, its databases, and CAF's own.
constexpr std::size_t files_besides_connections = 2048;
constexpr std::chrono::milliseconds routed_limit{1000};

struct caf_config : caf::actor_system_config {
    explicit caf_config(const config::runtime_config& runtime) {
        load<caf::io::middleman>();
        actors::register_types(*this);
        set("scheduler.policy", runtime.policy == config::scheduler_policy::stealing ? caf::atom("stealing") : caf::atom("sharing"));
        set("scheduler.max-throughput", runtime.max_throughput);
        if (runtime.threads > 0) {
            set("scheduler.max-threads", runtime.threads);
        }
    }
};

} // namespace

class node::implementation {
public:
    explicit implementation(const config::node_config& config) : config_{config}, caf_config_{config.runtime}, system_{caf_config_} {}
    ~implementation() { stop(); }
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;

    result<void> start() {
        if (config_.runs_name_server) {
            if (const auto started = start_name_server(); !started) {
                return started;
            }
        }
        return config_.runs_broker ? start_broker() : result<void>{};
    }

    void on_end(const std::function<void(const error&)>& notice) {
        const auto tell = [stopping = stopping_, notice](const std::string& role, const error& reason) {
            if (!*stopping) {
                notice({errc::internal, "the " + role + " has ended: " + (reason.text.empty() ? "no reason given" : reason.text)});
            }
        };
        const auto watch = [&tell](const caf::actor& handle, const std::string& role) {
            handle->attach_functor([tell, role](const caf::error& reason) { tell(role, actors::to_error(reason)); });
        };
        if (name_server_) {
            watch(caf::actor_cast<caf::actor>(name_server_->name_server), "name server");
            watch(name_server_->listener.handle, "name server's port");
        }
        if (broker_) {
            broker_->on_end([tell](const error& reason) { tell("broker", reason); });
        }
        if (broker_listener_) {
            watch(broker_listener_->handle, "broker's port");
        }
        if (vip_listener_) {
            watch(vip_listener_->handle, "broker's VIP port");
        }
    }

    void stop() {
        *stopping_ = true;
        if (registrar_) {
            end(registrar_);
        }
        end_ports();
        if (broker_) {
            broker_->stop();
            broker_.reset();
        }
        for (auto& proxy : proxies_) {
            end(proxy);
        }
        proxies_.clear();
        if (name_server_) {
            actors::stop(system_, *name_server_);
            name_server_.reset();
        }
    }

    [[nodiscard]] const std::string& description() const { return description_; }

private:
    template <class Handle>
    void end(Handle& role) {
        caf::scoped_actor self{system_};
        self->send_exit(role, caf::exit_reason::user_shutdown);
        self->wait_for(role);
        role = nullptr;
    }

    /// Both at the same time: each waits a while for answers that are under way, and a stop has a deadline.
    void end_ports() {
        caf::scoped_actor self{system_};
        for (const auto* listener : {&vip_listener_, &broker_listener_}) {
            if (*listener) {
                self->send_exit((*listener)->handle, caf::exit_reason::user_shutdown);
            }
        }
        for (auto* listener : {&vip_listener_, &broker_listener_}) {
            if (*listener) {
                self->wait_for((*listener)->handle);
                listener->reset();
            }
        }
    }

    result<void> start_name_server() {
        const auto host = resolve(config_.name_server.host);
        if (!host) {
            return host.failure();
        }
        auto started = actors::spawn_name_server_node(system_, listener_options_of(config_, *host, config_.name_server.port),
                                                      name_server_options_of(config_));
        if (!started) {
            return started.failure();
        }
        name_server_ = std::move(*started);
        description_ = "name server " + join(*host, name_server_->listener.port);
        return {};
    }

    result<void> start_broker() {
        const auto host = resolve(config_.broker.host);
        if (!host) {
            return host.failure();
        }
        const auto port = config_.broker.port != 0 ? result<std::uint16_t>{config_.broker.port} : free_port(*host);
        if (!port) {
            return port.failure();
        }
        const std::string advertised = advertised_address(*host, *port);
        const auto address = numeric_address(advertised);
        if (!address) {
            return address.failure();
        }
        auto started = actors::broker_node::start(system_, broker_options_of(config_, *address), storage::posix_file_system());
        if (!started) {
            return started.failure();
        }
        broker_ = std::move(*started);
        auto bound =
            actors::net::spawn_broker_listener(system_, listener_options_of(config_, *host, *port), *broker_, gateway_options_of(config_));
        if (!bound) {
            return bound.failure();
        }
        broker_listener_ = std::move(*bound);
        open_vip_port(*host, *port);
        register_broker(advertised);
        wait_until_routed();
        description_ += (description_.empty() ? "" : "; ") + ("broker " + config_.broker.name) + " " + advertised + ", store " +
                        config_.broker.store.directory + " (flush " +
                        (config_.broker.store.flush == config::flush_policy::sync ? "sync" : "async") + ")";
        return {};
    }

    /// What clients are told to dial.
    [[nodiscard]] std::string advertised_address(const std::string& host, std::uint16_t port) const {
        if (!config_.broker.advertised_address.empty()) {
            return config_.broker.advertised_address;
        }
        return join(is_wildcard(host) ? outbound_host(host == "::") : host, port);
    }

    /// Clients with the "VIP channel" on dial two below the port that routes name, and nobody can tell them another. Most have it
    /// off, so a broker whose VIP port is taken works all the same.
    void open_vip_port(const std::string& host, std::uint16_t port) {
        constexpr std::uint16_t below = 2;
        if (!config_.broker.vip_port || config_.broker.port == 0 || port <= below) {
            return;
        }
        const auto vip = static_cast<std::uint16_t>(port - below);
        auto bound =
            actors::net::spawn_broker_listener(system_, listener_options_of(config_, host, vip), *broker_, gateway_options_of(config_));
        if (!bound) {
            actors::write_log(actors::log_level::warning,
                              "broker: the VIP port is not open, clients with their VIP channel on cannot connect (" +
                                  bound.failure().text + "); free it, or set broker.vip_port to false");
            return;
        }
        vip_listener_ = std::move(*bound);
    }

    void register_broker(const std::string& address) {
        std::vector<actors::name_server_actor> name_servers;
        if (config_.broker.name_servers.empty()) {
            name_servers.push_back(name_server_->name_server);
        }
        actors::net::link_options link;
        link.request_timeout = config_.broker.request_timeout;
        for (const std::string& each : config_.broker.name_servers) {
            proxies_.push_back(actors::net::spawn_name_server_proxy(system_, each, link));
            name_servers.push_back(proxies_.back());
        }
        registrar_ = actors::spawn_registrar(system_, registrar_options_of(config_, address), broker_->broker(), broker_->directory(),
                                             std::move(name_servers));
    }

    /// With a name server in this process, ready means that it knows the broker. Others may start later: no waiting for them.
    void wait_until_routed() {
        if (!name_server_) {
            return;
        }
        caf::scoped_actor self{system_};
        const auto end = std::chrono::steady_clock::now() + routed_limit;
        for (bool known = false; !known && std::chrono::steady_clock::now() < end;) {
            self->request(name_server_->name_server, routed_limit, actors::describe_cluster{})
                .receive([&](const actors::cluster_described& cluster) { known = cluster.info.brokers.contains(config_.broker.name); },
                         [](const caf::error&) {});
            if (!known) {
                std::this_thread::sleep_for(std::chrono::milliseconds{1});
            }
        }
    }

    config::node_config config_;
    caf_config caf_config_;
    caf::actor_system system_;
    // Handles go before the system does: stop() has ended what they name.
    std::optional<actors::name_server_node> name_server_;
    std::unique_ptr<actors::broker_node> broker_;
    std::optional<actors::net::bound_listener> broker_listener_;
    std::optional<actors::net::bound_listener> vip_listener_;
    std::vector<actors::name_server_actor> proxies_;
    actors::registrar_actor registrar_;
    std::string description_;
    /// Shared with what on_end attached to the roles: that may outlive this.
    std::shared_ptr<std::atomic<bool>> stopping_ = std::make_shared<std::atomic<bool>>(false);
};

result<std::unique_ptr<node>> node::start(const config::node_config& config) {
    auto made = std::make_unique<implementation>(config);
    if (const auto started = made->start(); !started) {
        return started.failure();
    }
    return std::unique_ptr<node>{new node{std::move(made)}};
}

node::node(std::unique_ptr<implementation> made) : implementation_{std::move(made)} {}
node::~node() = default;

void node::on_end(std::function<void(const error&)> notice) {
    implementation_->on_end(notice);
}

void node::stop() {
    implementation_->stop();
}

const std::string& node::description() const {
    return implementation_->description();
}

std::size_t raise_open_files_limit(std::size_t connections_max) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    const rlim_t wanted = connections_max + files_besides_connections;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = std::min(wanted, limit.rlim_max);
        ::setrlimit(RLIMIT_NOFILE, &limit);
        ::getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

} // namespace troupe::apps
