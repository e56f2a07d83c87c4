#include "client/requester.hpp"

#include "client/internal/connection_core.hpp"
#include "client/internal/reply_agent.hpp"
#include "client/internal/unique_key.hpp"
#include "protocol/properties.hpp"
#include "protocol/property_edit.hpp"

#include <caf/send.hpp>

#include <atomic>
#include <future>
#include <utility>

namespace troupe::client {

namespace {

namespace name = protocol::property_name;

/// Among the groups that the connection's consumers claim; no group has a space in its name.
std::string claim_of(const std::string& group) {
    return "requests of " + group;
}

std::string fresh_id() {
    static unique_key_generator ids;
    return ids.next(wall_clock_ms());
}

} // namespace

class requester::state {
public:
    state(connection via, producer sender, const requester_options& options)
        : via_{std::move(via)},
          group_{options.sending.group},
          requests_max_{options.requests_max},
          sender_{std::move(sender)},
          agent_{spawn_reply_agent(via_.core().system(), via_.core().hub(), group_, options.topics)} {}
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() { close(); }

    void request(message m, milliseconds timeout, completion done, const queue_choice& choice);
    void close();

private:
    connection via_; // keeps the actor system alive
    std::string group_;
    std::size_t requests_max_;
    producer sender_;
    reply_agent_actor agent_;
    std::shared_ptr<std::atomic<std::size_t>> waiting_ = std::make_shared<std::atomic<std::size_t>>(0);
    std::atomic<bool> closed_{false};
};

void requester::state::request(message m, milliseconds timeout, completion done, const queue_choice& choice) {
    timeout = bounded(timeout);
    const auto before = waiting_->fetch_add(1, std::memory_order_relaxed);
    const auto who = std::make_shared<awaited_reply>(std::move(done), waiting_);
    if (closed_)
        return; // and its end says so
    if (before >= requests_max_)
        return who->tell(error{errc::busy, std::to_string(before) + " requests wait for their replies, which is the bound"});
    if (timeout <= milliseconds{0})
        return who->tell(error{errc::argument_illegal, "a request needs a timeout above 0"});
    for (const auto reserved : {name::correlation_id, name::reply_to_client, name::time_to_live, name::message_type})
        if (m.properties.contains(std::string{reserved}))
            return who->tell(error{errc::property_illegal, "property name " + std::string{reserved} + " is reserved in requests"});
    const auto id = fresh_id();
    m.properties.emplace(name::correlation_id, id);
    m.properties.emplace(name::reply_to_client, via_.client_id());
    m.properties.emplace(name::time_to_live, std::to_string(timeout.count()));
    caf::anon_send(agent_, await_reply{id, timeout, who});
    sender_.send_within(
        timeout, std::move(m),
        [agent = agent_, id](const result<send_receipt>& sent) {
            if (!sent)
                caf::anon_send(agent, request_failed{id, sent.failure()});
        },
        choice);
}

void requester::state::close() {
    if (closed_.exchange(true))
        return;
    sender_.close();
    caf::anon_send_exit(agent_, caf::exit_reason::user_shutdown);
    via_.core().release_group(claim_of(group_));
}

requester::requester(std::shared_ptr<state> s) : state_{std::move(s)} {}
requester::requester(requester&&) noexcept = default;
requester& requester::operator=(requester&&) noexcept = default;
requester::~requester() = default;

result<requester> requester::open(const connection& via, requester_options options) {
    if (options.requests_max == 0)
        return error{errc::argument_illegal, "requests_max must be above 0"};
    options.sending.full = when_full::refuse;  // a request ends at its time, and does not wait for room before that begins
    options.sending.coalesce_messages_max = 1; // brokers add CLUSTER, which names the topic of the replies, to no message of a batch
    auto sender = producer::open(via, options.sending);
    if (!sender)
        return sender.failure();
    if (!via.core().claim_group(claim_of(options.sending.group)))
        return error{errc::already_exists, "the connection has a requester of group " + options.sending.group + " already"};
    return requester{std::make_shared<state>(via, std::move(*sender), options)};
}

result<received_message> requester::request(message m, milliseconds timeout, const queue_choice& choice) {
    auto promise = std::make_shared<std::promise<result<received_message>>>();
    auto answer = promise->get_future();
    state_->request(
        std::move(m), timeout, [promise](result<received_message> outcome) { promise->set_value(std::move(outcome)); }, choice);
    return answer.get(); // the agent tells each by its deadline
}

void requester::request_async(message m, milliseconds timeout, completion done, const queue_choice& choice) {
    state_->request(std::move(m), timeout, std::move(done), choice);
}

void requester::close() {
    state_->close();
}

} // namespace troupe::client
