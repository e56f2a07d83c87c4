#include "apps/node.hpp"

#include "actors/broker_node.hpp"
#include "actors/log.hpp"
#include "actors/name_server_node.hpp"
#include "actors/net/broker_listener.hpp"
#include "actors/net/name_server_proxy.hpp"
#include "actors/registrar.hpp"
#include "actors/type_ids.hpp"
#include "apps/node_options.hpp"
#include "storage/file_system.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <chrono>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

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

/// The numeric form of a host name; a numeric address is returned as it is.
result<std::string> resolve(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int failure = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); failure != 0) {
        return error{errc::argument_illegal, "the host " + host + " does not resolve: " + ::gai_strerror(failure)};
    }
    std::array<char, NI_MAXHOST> text{};
    const int failure =
        ::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), static_cast<socklen_t>(text.size()), nullptr, 0, NI_NUMERICHOST);
    ::freeaddrinfo(found);
    if (failure != 0) {
        return error{errc::argument_illegal, "the host " + host + " does not resolve: " + ::gai_strerror(failure)};
    }
    return std::string{text.data()};
}

/// A port that nobody listens on. The broker's address is part of what it stores, so it is needed before the port is opened.
result<std::uint16_t> free_port(const std::string& host) {
    const bool ipv6 = host.find(':') != std::string::npos;
    const int probe = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in6 address6{};
    sockaddr_in address4{};
    address6.sin6_family = AF_INET6;
    address4.sin_family = AF_INET;
    auto* address = ipv6 ? reinterpret_cast<sockaddr*>(&address6) : reinterpret_cast<sockaddr*>(&address4);
    socklen_t bytes = ipv6 ? sizeof(address6) : sizeof(address4);
    const bool good = probe >= 0 && ::bind(probe, address, bytes) == 0 && ::getsockname(probe, address, &bytes) == 0;
    if (probe >= 0) {
        ::close(probe);
    }
    if (!good) {
        return error{errc::io, "the system gave no free port"};
    }
    return ntohs(ipv6 ? address6.sin6_port : address4.sin_port);
}

std::string join(const std::string& host, std::uint16_t port) {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

/// The advertised address in numbers: it becomes part of every record.
result<protocol::host_address> numeric_address(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    if (host.starts_with('[')) {
        host = host.substr(1, host.size() - 2);
    }
    const auto numeric = resolve(host);
    if (!numeric) {
        return numeric.failure();
    }
    return protocol::parse_host_address((numeric->find(':') == std::string::npos ? *numeric : "[" + *numeric + "]") +
                                        address.substr(colon));
}

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
    }

    void stop() {
        *stopping_ = true;
        if (registrar_) {
            end(registrar_);
        }
        if (broker_listener_) {
            end(broker_listener_->handle);
            broker_listener_.reset();
        }
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
        const std::string advertised = config_.broker.advertised_address.empty() ? join(*host, *port) : config_.broker.advertised_address;
        const auto address = numeric_address(advertised);
        if (!address) {
            return address.failure();
        }
        auto started = actors::broker_node::start(system_, broker_options_of(config_, *address), storage::posix_file_system());
        if (!started) {
            return started.failure();
        }
        broker_ = std::move(*started);
        auto bound = actors::net::spawn_broker_listener(system_, listener_options_of(config_, *host, *port), *broker_, {},
                                                        gateway_options_of(config_));
        if (!bound) {
            return bound.failure();
        }
        broker_listener_ = std::move(*bound);
        register_broker(advertised);
        wait_until_routed();
        description_ += (description_.empty() ? "" : "; ") + ("broker " + config_.broker.name) + " " + advertised + ", store " +
                        config_.broker.store.directory + " (flush " +
                        (config_.broker.store.flush == config::flush_policy::sync ? "sync" : "async") + ")";
        return {};
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
