#pragma once

#include "protocol/vocabulary/errc.hpp"

#include <caf/error.hpp>
#include <caf/fwd.hpp>

/// The bridge between our errors and CAF's, and what a CAF configuration needs to know of us.
namespace troupe::actors {

/// Teaches `config` to print errors of category "troupe". Call before the actor system is made.
///
/// Message types are not registered with CAF on purpose: none of them crosses a process in CAF's own form (BASP ports
/// stay closed, proxies and gateways speak remoting frames). A message that CAF is asked to serialise all the same then
/// fails with a clear line on stderr, instead of losing the payloads that `inspect` leaves out.
void register_types(caf::actor_system_config& config);

/// An error of category "troupe" with the text as context; no error for errc::none.
caf::error make_caf_error(const error& failure);
caf::error make_caf_error(errc code, std::string text);

/// The way back. Errors of CAF itself become timed_out (request_timeout), shutting_down (the receiver has ended),
/// connection_lost (a peer is gone) or internal; each with what CAF says as its text.
error to_error(const caf::error& failure);

} // namespace troupe::actors
