#pragma once

#include "actors/group/queue_lock_table.hpp"
#include "actors/messages/message_back.hpp"
#include "actors/messages/roles.hpp"
#include "actors/messages/type_ids.hpp"
#include "client/message.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// A world in virtual time for the client's actors: one thread, a name server and brokers in memory, faults by a word.
namespace troupe::test {

/// Actor system on CAF's test coordinator.
class world {
public:
    world();
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    /// Runs whatever can run, without letting time pass.
    void run();
    /// Lets `span` pass, timer by timer.
    void run_for(std::chrono::milliseconds span);
    /// Lets time pass until `reached` holds; false after `limit`.
    bool run_until(const std::function<bool()>& reached, std::chrono::milliseconds limit = std::chrono::seconds{60});

    [[nodiscard]] caf::actor_clock::time_point now();
    /// Messages that actors have sent for later.
    [[nodiscard]] std::size_t timers();
    [[nodiscard]] caf::actor_system& system() { return *system_; }

private:
    bool run_to_next_timer(caf::actor_clock::time_point end);

    struct config : caf::actor_system_config {
        config();
    };
    config config_;
    std::unique_ptr<caf::actor_system> system_;
    caf::scheduler::test_coordinator* coordinator_;
};

/// What a fake broker keeps, and how it misbehaves. Tests look and change between runs.
struct fake_broker {
    std::string broker_name;
    std::map<topic_queue, std::vector<std::string>> logs; ///< placed records; log position: 1000 x offset + number of the queue
    std::map<topic_queue, std::int64_t> first_offset;     ///< what retention has left
    std::map<progress_key, queue_offset> offsets;
    std::map<topic_queue, queue_offset> sent_to; ///< where an operator has sent a group: the next pull is told, once
    std::map<std::string, std::map<std::string, actors::client_session_actor>> groups; ///< by group and client id
    std::vector<actors::send_messages> sends;
    std::vector<std::pair<progress_key, queue_offset>> commits; ///< in order of arrival
    std::vector<actors::send_message_back> given_back;          ///< in order of arrival, refused ones too
    actors::queue_lock_table locks{{}};                         ///< the real one: a crash forgets them
    std::uint64_t pulls = 0;
    std::uint64_t heartbeats = 0;

    std::deque<errc> fail_sends; ///< the next sends end like this; connection_lost and timed_out after storing
    std::deque<errc> fail_pulls;
    std::deque<errc> fail_commits;
    std::deque<errc> fail_member_lists;
    std::deque<errc> fail_give_backs;
    bool silent_give_backs = false; ///< until serve_held finds it false
    std::set<std::string> deaf_to;  ///< client ids whose heartbeats and questions for locks do not get through
    bool down = false;              ///< connect_failed for everything
    bool silent = false;            ///< no send is answered
    bool silent_commits = false;    ///< until serve_held finds it false: then the newest are stored first, as RocketMQ's may be

    /// Fails what is held (when the world runs) and forgets members, as a process that is killed.
    std::function<void()> crash;
    /// The client's connection has ended (when the world runs): its groups hear of it.
    std::function<void(const std::string& client_id)> lose_client;
    /// Stores one message as if somebody had sent it.
    void store(const topic_queue& queue, const std::string& body, const std::string& tags = {}, std::int32_t sys_flag = 0);
    /// Likewise with properties of the caller's own.
    void store_with(const topic_queue& queue, const std::string& body, const std::string& properties);
    /// Held pulls get what is there, when the world runs; messages that were given back are taken, and so are commits.
    std::function<void()> serve_held;
    [[nodiscard]] std::vector<std::string> bodies(const topic_queue& queue) const;
};

/// One name server and some brokers; every broker has every topic.
struct fake_cluster {
    fake_cluster(world& all, const std::vector<std::string>& broker_names);
    fake_cluster(const fake_cluster&) = delete;
    fake_cluster& operator=(const fake_cluster&) = delete;
    /// Ends the brokers: a promise that a silent one keeps holds its client, which holds the broker.
    ~fake_cluster();

    void add_topic(const std::string& topic, int queues_per_broker);
    /// The name server stops or starts to show the broker.
    void show(const std::string& broker_name, bool shown);

    std::map<std::string, std::shared_ptr<fake_broker>> brokers;
    std::map<std::string, actors::broker_actor> handles;
    actors::name_server_actor name_server;

    struct routes {
        std::map<std::string, int> topics; ///< queues per broker
        std::set<std::string> shown;
        std::set<std::pair<std::string, std::string>> hidden; ///< topic and broker: a route without it
        bool down = false;
        std::uint64_t asked = 0;
    };
    std::shared_ptr<routes> known = std::make_shared<routes>();

private:
    world& all_;
};

} // namespace troupe::test
