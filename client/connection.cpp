#include "client/connection.hpp"

#include "actors/messages/type_ids.hpp"
#include "actors/net/broker_proxy.hpp"
#include "actors/net/name_server_proxy.hpp"
#include "client/embedded.hpp"
#include "client/internal/connection_core.hpp"
#include "client/internal/unique_key.hpp"

#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <charconv>
#include <utility>

namespace troupe::client {

namespace {

/// Answers that a client has given up on are of no use: its own deadlines are shorter.
constexpr std::chrono::milliseconds link_timeout{60'000};

struct own_config : caf::actor_system_config {
    explicit own_config(std::size_t threads) {
        load<caf::io::middleman>();
        actors::register_types(*this);
        set("scheduler.policy", caf::atom("sharing"));
        set("scheduler.max-threads", threads);
        set("scheduler.max-throughput", std::size_t{100});
        set("logger.verbosity", caf::atom("quiet"));
        set("middleman.workers", std::size_t{0});
    }
};

result<void> check_address(std::string_view text) {
    const error wrong{errc::argument_illegal, "name server \"" + std::string{text} + "\" is not of the form host:port"};
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0)
        return wrong;
    unsigned port = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
    if (parsed.ec != std::errc{} || parsed.ptr != end || port == 0 || port > 65'535)
        return wrong;
    return {};
}

result<std::vector<std::string>> split_name_servers(std::string_view all) {
    std::vector<std::string> servers;
    while (!all.empty()) {
        const auto end = std::min(all.find(';'), all.size());
        const auto one = all.substr(0, end);
        all.remove_prefix(std::min(end + 1, all.size()));
        if (one.empty())
            continue;
        if (auto good = check_address(one); !good)
            return good.failure();
        servers.emplace_back(one);
    }
    if (servers.empty())
        return error{errc::argument_illegal, "name_servers is empty; give \"host:port\", several separated by ';'"};
    return servers;
}

client_options complete(client_options options) {
    if (options.client_id.empty())
        options.client_id = generate_client_id(options.instance_name);
    return options;
}

} // namespace

struct own_system {
    explicit own_system(std::size_t threads) : config{threads}, system{config} {}
    own_config config;
    caf::actor_system system;
};

connection_core::connection_core(client_options options) : options_{complete(std::move(options))} {}

std::shared_ptr<connection_core> connection_core::make_remote(client_options options, std::vector<std::string> name_servers) {
    std::shared_ptr<connection_core> core{new connection_core{std::move(options)}};
    core->own_ = std::make_unique<own_system>(std::max<std::size_t>(core->options_.threads, 1));
    core->system_ = &core->own_->system;
    auto& system = *core->system_;
    actors::net::link_options links;
    links.request_timeout = link_timeout;
    hub_endpoints endpoints;
    endpoints.owned = true;
    for (auto& address : name_servers)
        endpoints.name_servers.push_back(actors::net::spawn_name_server_proxy(system, std::move(address), links));
    endpoints.dial = [&system, links](const std::string&, const std::string& address) {
        return actors::net::spawn_broker_proxy(system, address, links);
    };
    core->hub_ = spawn_hub(system, std::move(endpoints), core->options_);
    return core;
}

std::shared_ptr<connection_core> connection_core::make_local(caf::actor_system& system, hub_endpoints endpoints, client_options options) {
    std::shared_ptr<connection_core> core{new connection_core{std::move(options)}};
    core->system_ = &system;
    core->hub_ = spawn_hub(system, std::move(endpoints), core->options_);
    return core;
}

connection_core::~connection_core() {
    close();
    hub_ = nullptr;
}

void connection_core::close() {
    if (hub_)
        caf::anon_send_exit(hub_, caf::exit_reason::user_shutdown);
}

bool connection_core::claim_group(const std::string& group) {
    const std::lock_guard lock{claiming_};
    return claimed_groups_.insert(group).second;
}

void connection_core::release_group(const std::string& group) {
    const std::lock_guard lock{claiming_};
    claimed_groups_.erase(group);
}

connection::connection(std::shared_ptr<connection_core> core) : core_{std::move(core)} {}

result<connection> connection::open(client_options options) {
    auto servers = split_name_servers(options.name_servers);
    if (!servers)
        return servers.failure();
    return connection{connection_core::make_remote(std::move(options), std::move(*servers))};
}

const client_options& connection::options() const {
    return core_->options();
}

const std::string& connection::client_id() const {
    return core_->options().client_id;
}

void connection::close() {
    core_->close();
}

result<connection> embed(caf::actor_system& system, local_handles handles, client_options options) {
    if (handles.name_servers.empty())
        return error{errc::argument_illegal, "an embedded client needs at least one name server handle"};
    hub_endpoints endpoints;
    endpoints.name_servers = std::move(handles.name_servers);
    endpoints.dial = [brokers = std::move(handles.brokers)](const std::string& broker_name, const std::string&) {
        const auto at = brokers.find(broker_name);
        return at != brokers.end() ? at->second : actors::broker_actor{};
    };
    return connection{connection_core::make_local(system, std::move(endpoints), std::move(options))};
}

} // namespace troupe::client
