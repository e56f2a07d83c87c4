#pragma once

#include "apps/command_line.hpp"

/// One function per noun; each is defined in the file of its name and adds its commands to the command line.
namespace troupe::apps {

void add_node_command(CLI::App& app, command_context& context);
void add_config_commands(CLI::App& app, command_context& context);
void add_topic_commands(CLI::App& app, command_context& context);
void add_group_commands(CLI::App& app, command_context& context);
void add_message_commands(CLI::App& app, command_context& context);
void add_transaction_commands(CLI::App& app, command_context& context);
void add_timer_commands(CLI::App& app, command_context& context);
void add_dlq_commands(CLI::App& app, command_context& context);
void add_send_command(CLI::App& app, command_context& context);
void add_consume_command(CLI::App& app, command_context& context);
void add_cluster_command(CLI::App& app, command_context& context);
void add_doctor_command(CLI::App& app, command_context& context);
void add_store_commands(CLI::App& app, command_context& context);
void add_selftest_command(CLI::App& app, command_context& context);
void add_bench_commands(CLI::App& app, command_context& context);

} // namespace troupe::apps
