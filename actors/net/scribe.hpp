#pragma once

#include <caf/io/doorman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <caf/io/scribe.hpp>

/// Connections and ports for CAF's multiplexer as its own are, but for one thing: a read that does not fill its buffer is the last one until
/// the multiplexer names the socket again. CAF's own streams read until the system says that nothing is there, which is one system call in
/// three of a connection that waits for each answer before it sends again. Nothing is missed: what comes in between makes the socket
/// readable, and the multiplexer asks for that (its epoll is level-triggered).
namespace troupe::actors::net {

/// For a connected socket that does not block; the scribe owns it.
caf::io::scribe_ptr make_scribe(caf::io::network::multiplexer& backend, int socket);
/// For a listening socket; the doorman owns it, and its connections are such scribes.
caf::io::doorman_ptr make_doorman(caf::io::network::multiplexer& backend, int socket);

} // namespace troupe::actors::net
