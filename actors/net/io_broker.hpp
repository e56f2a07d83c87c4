#pragma once

#include <caf/io/broker.hpp>

namespace troupe::actors::net {

/// CAF's I/O broker, ended as other actors are: its mailbox closes, what is in it is answered with an error or let go, and
/// so is everything that comes later.
///
/// CAF 0.17.6 leaves the mailbox of an I/O broker open. What comes after the end is then never answered, and a message of
/// the broker to itself (a timer's) holds the broker, and with it every role in its mailbox, for ever: the actor system
/// waits for the threads of such roles when the process stops, and never gets them.
class io_broker : public caf::io::broker {
public:
    using caf::io::broker::broker;

protected:
    bool cleanup(caf::error&& reason, caf::execution_unit* host) override;
};

} // namespace troupe::actors::net
