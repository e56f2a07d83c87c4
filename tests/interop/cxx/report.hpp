#pragma once

#include "client/client.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What the driver's scenarios share. A scenario says what went wrong with an exception; the runner decides what it means.
namespace interop {

namespace client = troupe::client;

/// Short bodies as text, long ones as `sha256:HEX:LENGTH`; the runner does the same with what is stored.
std::string shown(std::string_view body);

/// What a scenario saw, printed as one line of JSON. Safe for use from handler threads.
class report {
public:
    void sent(const std::string& body, const client::send_receipt& receipt);
    void received(const std::string& member, const client::received_message& message);
    void fact(const std::string& name, nlohmann::json value);
    [[nodiscard]] std::size_t received_count() const;
    [[nodiscard]] std::string json() const;

private:
    mutable std::mutex mutex_;
    nlohmann::json sent_ = nlohmann::json::array();
    nlohmann::json received_ = nlohmann::json::array();
    nlohmann::json facts_ = nlohmann::json::object();
};

/// One run: where, and what is open until its end.
struct driver {
    std::string name_server;
    std::string topic;
    std::string group;
    std::vector<std::string> words; ///< what else the scenario is told
    class report report;
    std::vector<std::shared_ptr<client::push_consumer>> consumers; ///< stopped in the end, the last first

    /// Each member of a group needs one of its own.
    [[nodiscard]] client::connection connect() const;
    [[nodiscard]] client::producer make_producer() const;
    [[nodiscard]] client::message make_message(const std::string& body) const;
    /// Sends prefix0, prefix1, ... to the topic's queues in turn.
    void send_over(client::producer& producer, const std::string& prefix, int count);
    /// Waits for so many messages, and a moment longer: what comes twice would come now.
    void expect(std::size_t count);
    /// Reads the whole topic back; a part of the sending scenarios.
    void push_all(std::size_t count);
    /// `taken` says whether a message was handled; none: each is.
    std::shared_ptr<client::push_consumer> make_consumer(const std::string& member, client::push_consumer_options options,
                                                         const client::message_selector& expression = "*",
                                                         std::function<bool(const client::received_message&)> taken = {});
};

/// Throws what a call failed with.
template <class Value>
Value must(troupe::result<Value> outcome) {
    if (!outcome)
        throw std::runtime_error{to_string(outcome.failure())};
    return std::move(*outcome);
}
inline void must(const troupe::result<void>& outcome) {
    if (!outcome)
        throw std::runtime_error{to_string(outcome.failure())};
}

inline constexpr std::size_t queue_count = 4; ///< of every topic
inline constexpr std::chrono::seconds patience{40};

bool reached(std::chrono::milliseconds within, const std::function<bool()>& condition);
void require(bool holds, const std::string& what);

/// False: no scenario of that name is there.
bool run_sending(const std::string& scenario, driver& all);
bool run_receiving(const std::string& scenario, driver& all);
bool run_sharing(const std::string& scenario, driver& all);

} // namespace interop
