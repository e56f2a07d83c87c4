#pragma once

#include "protocol/bodies.hpp"
#include "protocol/json_reader.hpp"
#include "protocol/json_writer.hpp"

#include <map>
#include <string>
#include <string_view>

/// Topics, groups and versions inside JSON bodies. Only the sources of bodies use this.
namespace troupe::protocol {

void write_version(json_writer& json, std::string_view name, const data_version& version);
data_version read_version(json_reader& json);

void write_text_map(json_writer& json, std::string_view name, const std::map<std::string, std::string>& map);
std::map<std::string, std::string> read_text_map(json_reader& json);
/// Of a topic; fails beyond limits::attributes_bytes_max, so that a small document does not become a large map.
std::map<std::string, std::string> read_attributes(json_reader& json);

void write_topic(json_writer& json, const topic_config& topic);
/// A topic as Java has it when a peer leaves everything out.
topic_config java_default_topic(std::string_view name);
/// Reads one member of a topic; passes over the name.
void read_topic_member(json_reader& json, std::string_view key, topic_config& topic);

/// Reads one member of a group. A retry policy that fastjson wrote as a reference to another one is left as it is, and the reference goes
/// to `retries_reference`.
void read_group_member(json_reader& json, std::string_view key, group_config& group, std::string& retries_reference);

} // namespace troupe::protocol
