#include "apps/addresses.hpp"
#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "apps/commands/config_flags.hpp"
#include "client/admin.hpp"
#include "storage/file_system.hpp"

#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace troupe::apps {

namespace {

enum class verdict : std::uint8_t { good, doubtful, bad };

/// What was looked at, one row each.
class findings {
public:
    void add(std::string check, verdict found, std::string detail) {
        static constexpr std::array<const char*, 3> names{"ok", "warning", "FAILS"};
        bad_ = bad_ || found == verdict::bad;
        rows_.add({std::move(check), std::string{names.at(static_cast<std::size_t>(found))}, std::move(detail)});
    }
    [[nodiscard]] bool any_bad() const { return bad_; }
    void print(const command_context& context) const { rows_.print(context.out, context.format); }

private:
    table rows_{{{"check"}, {"state"}, {"detail"}}};
    bool bad_ = false;
};

bool is_loopback(const std::string& address) {
    return address.starts_with("127.") || address.starts_with("[::1]") || address.starts_with("localhost:");
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) {
        all += (all.empty() ? "" : ", ") + text;
    }
    return all.empty() ? "none" : all;
}

// ---- this machine, before a node starts on it --------------------------------------------------------------------------

void check_open_files(const config::node_config& config, findings& found) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const bool enough = limit.rlim_max >= config.network.connections_max;
    found.add("open files", enough ? verdict::good : verdict::doubtful,
              "at most " + std::to_string(limit.rlim_max) + ", network.connections_max is " +
                  std::to_string(config.network.connections_max) + (enough ? "" : "; raise `ulimit -n`"));
}

void check_store(const config::store_config& store, findings& found) {
    std::error_code failure;
    std::filesystem::path place = std::filesystem::absolute(store.directory, failure);
    while (!std::filesystem::exists(place, failure) && place.has_parent_path() && place != place.parent_path()) {
        place = place.parent_path();
    }
    if (!std::filesystem::is_directory(place, failure)) {
        return found.add("store", verdict::bad, place.string() + " is no directory; set broker.store.directory to another place");
    }
    if (::access(place.c_str(), W_OK | X_OK) != 0) {
        return found.add("store", verdict::bad, place.string() + " may not be written by this user; change its owner or permissions");
    }
    const auto space = storage::posix_file_system()->space(place);
    if (!space || space->total_bytes == 0) {
        return found.add("store", verdict::doubtful, place.string() + ": the system does not say how full the disk is");
    }
    const double used = space->used_ratio();
    const auto percent = std::to_string(static_cast<int>(used * 100)) + " % of the disk of " + place.string() + " is used";
    if (used >= store.disk_full_ratio) {
        return found.add("store", verdict::bad, percent + ": sends would be refused (broker.store.disk_full_ratio); make room");
    }
    found.add("store", used >= store.disk_clean_ratio ? verdict::doubtful : verdict::good,
              percent + (used >= store.disk_clean_ratio ? ": old segments are removed early (broker.store.disk_clean_ratio)" : ""));
}

/// What a client would be told to dial.
void check_advertised(const config::broker_config& broker, findings& found) {
    const std::string port = ":" + std::to_string(broker.port);
    if (!broker.advertised_address.empty()) {
        const auto numeric = numeric_address(broker.advertised_address);
        return found.add("advertised address", numeric ? verdict::good : verdict::bad,
                         "clients are told " + broker.advertised_address + (numeric ? "" : ": " + numeric.failure().text));
    }
    if (is_wildcard(broker.host)) {
        const auto hosts = interface_hosts();
        const auto chosen = outbound_host(broker.host == "::");
        return found.add("advertised address", hosts.size() > 2 ? verdict::doubtful : verdict::good,
                         "clients are told " + chosen + port + ", by the default route; this machine has " + joined(hosts) +
                             ". In a container, or if another is right, set broker.advertised_address");
    }
    const auto host = resolve(broker.host);
    if (!host) {
        return found.add("advertised address", verdict::bad, host.failure().text);
    }
    const bool loopback = is_loopback(*host + ":");
    found.add("advertised address", loopback ? verdict::doubtful : verdict::good,
              "clients are told " + *host + port + (loopback ? ": only those on this machine can dial that" : ""));
}

// ---- what runs ---------------------------------------------------------------------------------------------------------

std::int64_t elapsed_ms(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin).count();
}

/// One name server on its own: a client picks any of them, so each must know the same.
void check_name_server(const command_context& context, const std::string& address, std::set<std::string>& brokers, findings& found) {
    const std::string check = "name server " + address;
    const auto begin = std::chrono::steady_clock::now();
    auto alone = connect(context, address);
    if (!alone) {
        return found.add(check, verdict::bad, alone.failure().text);
    }
    client::admin admin{*alone};
    const auto cluster = admin.describe_cluster();
    if (!cluster) {
        return found.add(check, verdict::bad, cluster.failure().text);
    }
    std::set<std::string> known;
    for (const auto& [name, broker] : cluster->brokers) {
        known.insert(name);
    }
    const bool first = brokers.empty();
    const bool differs = !first && known != brokers;
    brokers.insert(known.begin(), known.end());
    found.add(check, differs || known.empty() ? verdict::doubtful : verdict::good,
              "answers in " + std::to_string(elapsed_ms(begin)) + " ms, knows brokers " + joined({known.begin(), known.end()}) +
                  (differs ? "; the others know more or less: let every broker register with every name server" : ""));
}

/// Each broker, by the address that its clients are told.
void check_brokers(const command_context& context, findings& found) {
    auto connection = connect(context);
    if (!connection) {
        return;
    }
    client::admin admin{*connection};
    const auto cluster = admin.describe_cluster();
    if (!cluster) {
        return;
    }
    for (const auto& [name, broker] : cluster->brokers) {
        const auto master = broker.addresses.find(0);
        const std::string address = master == broker.addresses.end() ? "no master" : master->second;
        const auto begin = std::chrono::steady_clock::now();
        const auto values = admin.describe_broker(name);
        const std::string check = "broker " + name;
        if (!values) {
            found.add(check, verdict::bad,
                      "clients are told " + address + ", which cannot be reached from here (" + values.failure().text +
                          "); set broker.advertised_address to an address that clients can dial");
            continue;
        }
        const auto state = values->find("storeState");
        const bool open = state == values->end() || state->second == "open";
        found.add(check, !open || is_loopback(address) ? verdict::doubtful : verdict::good,
                  "clients are told " + address + ", answers in " + std::to_string(elapsed_ms(begin)) + " ms" +
                      (open ? "" : ", its store is " + state->second) +
                      (is_loopback(address) ? "; only clients on this machine can dial that" : ""));
    }
}

exit_code run(const command_context& context, const config_arguments& arguments) {
    findings found;
    if (!arguments.file.empty()) {
        const auto loaded = load(arguments, context);
        if (!loaded) {
            return exit_code::config;
        }
        found.add("configuration", verdict::good, arguments.file);
        check_open_files(loaded->config, found);
        if (loaded->config.runs_broker) {
            check_store(loaded->config.broker.store, found);
            check_advertised(loaded->config.broker, found);
        }
    } else {
        std::set<std::string> brokers;
        const auto addresses = name_server_addresses(context);
        if (addresses.empty()) {
            found.add("name servers", verdict::bad, "none is given; name them with --name-server");
        }
        for (const auto& address : addresses) {
            check_name_server(context, address, brokers, found);
        }
        check_brokers(context, found);
    }
    found.print(context);
    return found.any_bad() ? exit_code::failed : exit_code::ok;
}

} // namespace

void add_doctor_command(CLI::App& app, command_context& context) {
    const auto arguments = std::make_shared<config_arguments>();
    CLI::App* command =
        app.add_subcommand("doctor", "Say what clients are told to dial, whether it can be reached, and what else is in the way");
    add_client_options(*command, context);
    command
        ->add_option("-c,--config", arguments->file,
                     "Look at this machine for a node with this configuration, instead of at a running cluster")
        ->type_name("FILE");
    set_examples(*command,
                 "troupe doctor\ntroupe doctor --name-server 10.0.0.1:9876;10.0.0.2:9876\ntroupe doctor --config config/standalone.json");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return run(context, *arguments); }; });
}

} // namespace troupe::apps
