#pragma once

#include "protocol/connection_bodies.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"

#include <string_view>

/// One client as a part of a JSON body, for the sources of bodies.
namespace troupe::protocol {

/// Its id and language; where it is and its version stand elsewhere in each body.
void write_connection_members(json_writer& json, const client_connection& connection);
/// True when `key` was one of a connection's members, whose value has been read then.
bool read_connection_member(json_reader& json, std::string_view key, client_connection& connection);

} // namespace troupe::protocol
