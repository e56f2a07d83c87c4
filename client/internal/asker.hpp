#pragma once

#include "actors/messages/type_ids.hpp"
#include "client/connection.hpp"
#include "client/internal/connection_core.hpp"
#include "client/internal/retry_policy.hpp"
#include "client/internal/roles.hpp"
#include "client/internal/while_away.hpp"

#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::client {

/// What failed at one broker, with its name.
inline error at_broker(const std::string& broker_name, const error& failure) {
    return {failure.code, "broker " + broker_name + ": " + failure.text};
}

/// A blocking caller's way to the cluster.
class asker {
public:
    explicit asker(const connection& via) : core_{via.core()}, timeout_{via.options().request_timeout}, self_{core_.system()} {}

    /// Sends one order and waits for its answer.
    template <class Answer, class Handle, class Order>
    result<Answer> ask(const Handle& role, Order order) {
        return ask_within<Answer>(timeout_, role, std::move(order));
    }

    template <class Answer, class Handle, class Order>
    result<Answer> ask_within(std::chrono::milliseconds timeout, const Handle& role, Order order) {
        std::optional<Answer> answer;
        error failure;
        self_->request(role, timeout, std::move(order))
            .receive([&](Answer& got) { answer = std::move(got); }, [&](caf::error& problem) { failure = actors::to_error(problem); });
        if (answer)
            return std::move(*answer);
        return failure;
    }

    /// As ask(), and asks again while the broker is away, as during its restart.
    template <class Answer, class Handle, class Order>
    result<Answer> ask_again(const Handle& broker, const Order& order) {
        return ask_while_away(timeout_, hints_at_lost_broker,
                              [&](std::chrono::milliseconds left) { return ask_within<Answer>(left, broker, order); });
    }

    result<std::vector<actors::name_server_actor>> name_servers() {
        auto listed = ask<name_servers_listed>(core_.hub(), list_name_servers{});
        if (!listed)
            return listed.failure();
        return std::move(listed->servers);
    }

    /// Asks name servers in turn until one answers.
    template <class Answer, class Order>
    result<Answer> ask_any_name_server(const Order& order) {
        auto servers = name_servers();
        if (!servers)
            return servers.failure();
        error last;
        for (const auto& server : *servers) {
            auto answer = ask<Answer>(server, order);
            if (answer || answer.code() == errc::topic_not_found)
                return answer;
            last = answer.failure();
        }
        return error{errc::no_name_server,
                     "none of " + std::to_string(servers->size()) + " name servers answers (" + to_string(last) + ")"};
    }

    result<actors::broker_actor> dial(const std::string& broker_name, const std::string& address) {
        auto dialed = ask<broker_dialed>(core_.hub(), dial_broker{broker_name, address});
        if (!dialed)
            return dialed.failure();
        return std::move(dialed->broker);
    }

    /// One broker: of a route that the client watches, else as the name servers say.
    result<actors::broker_actor> broker(const std::string& broker_name) {
        if (auto found = ask<broker_dialed>(core_.hub(), find_broker{broker_name}))
            return std::move(found->broker);
        auto found = brokers({broker_name});
        if (!found)
            return found.failure();
        return found->begin()->second;
    }

    /// Handles of all masters (or the lowest ids), by broker name; restricted to `names` if there are any.
    result<std::map<std::string, actors::broker_actor>> brokers(const std::vector<std::string>& names = {}) {
        auto cluster = ask_any_name_server<actors::cluster_described>(actors::describe_cluster{});
        if (!cluster)
            return cluster.failure();
        std::map<std::string, actors::broker_actor> handles;
        for (const auto& [name, broker] : cluster->info.brokers) {
            const bool wanted = names.empty() || std::find(names.begin(), names.end(), name) != names.end();
            if (!wanted || broker.addresses.empty())
                continue;
            auto dialed = dial(name, broker.addresses.begin()->second);
            if (!dialed)
                return dialed.failure();
            handles[name] = std::move(*dialed);
        }
        for (const auto& name : names)
            if (!handles.contains(name))
                return error{errc::not_found, "no name server knows a broker " + name};
        if (handles.empty())
            return error{errc::no_route, "no broker is registered with the name servers"};
        return handles;
    }

    /// The same order to every broker; the first failure ends it and names the broker. `repeat` for orders that do no harm twice.
    enum class when_away : std::uint8_t { repeat, fail };
    template <class Answer, class Order>
    result<std::map<std::string, Answer>> ask_brokers(const std::map<std::string, actors::broker_actor>& handles, const Order& order,
                                                      when_away policy = when_away::repeat) {
        std::map<std::string, Answer> answers;
        for (const auto& [name, broker] : handles) {
            auto answer = policy == when_away::repeat ? ask_again<Answer>(broker, order) : ask<Answer>(broker, order);
            if (!answer)
                return at_broker(name, answer.failure());
            answers.emplace(name, std::move(*answer));
        }
        return answers;
    }

    /// Until a name server shows the topic with `brokers` brokers. Not an error when it does not in time.
    void wait_for_route(const std::string& topic, const std::map<std::string, actors::broker_actor>& brokers) {
        const auto end = std::chrono::steady_clock::now() + timeout_;
        while (std::chrono::steady_clock::now() < end) {
            auto found = ask_any_name_server<actors::route_found>(actors::find_route{topic});
            if (found) {
                std::set<std::string> shown;
                for (const auto& queues : found->route.queues)
                    shown.insert(queues.broker_name);
                if (std::all_of(brokers.begin(), brokers.end(), [&](const auto& item) { return shown.contains(item.first); }))
                    return;
            }
            std::this_thread::sleep_for(route_poll_interval); // the caller's own thread; brokers register at once
        }
    }

private:
    static constexpr std::chrono::milliseconds route_poll_interval{20};

    connection_core& core_;
    std::chrono::milliseconds timeout_;
    caf::scoped_actor self_;
};

} // namespace troupe::client
