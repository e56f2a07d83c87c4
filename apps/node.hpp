#pragma once

#include "config/node_config.hpp"
#include "protocol/vocabulary/result.hpp"

#include <functional>
#include <memory>
#include <string>

namespace troupe::apps {

/// All roles of one process, put together from its configuration.
///
/// Owns     the actor system and everything in it.
/// Threads  start, stop and the destructor from one thread, which is none of an actor's. Signals that a stop_signal is to
///          see must be blocked before start().
/// Always   a start() that fails leaves no port open, no lock held and no thread running.
class node {
public:
    /// Opens the name server's port first, then recovers the store, then opens the broker's port and registers it. Fails with
    /// address_in_use, locked, corrupt, format_unknown, io, disk_full, argument_illegal (a host that does not resolve).
    static result<std::unique_ptr<node>> start(const config::node_config& config);
    ~node(); ///< stop()
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    /// `notice` is called, at least once, when a role ends before stop() told it to; the text says which and why. Nothing works as it
    /// should from then on: stop(), and start again. Called on the thread of an actor; must not wait.
    void on_end(std::function<void(const error&)> notice);

    /// In order: leaves the routes, closes the ports, answers what is under way, writes what is left, closes the store.
    void stop();

    /// "name server 127.0.0.1:9876; broker broker-a 127.0.0.1:10911, store data (flush sync)".
    [[nodiscard]] const std::string& description() const;

private:
    class implementation;
    explicit node(std::unique_ptr<implementation> made);
    std::unique_ptr<implementation> implementation_;
};

/// Raises the limit of open files to what `connections_max` connections need, as far as the system allows. Returns the
/// number of files that may be open now.
std::size_t raise_open_files_limit(std::size_t connections_max);

} // namespace troupe::apps
