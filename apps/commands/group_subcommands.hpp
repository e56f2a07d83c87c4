#pragma once

#include "apps/command_line.hpp"
#include "client/admin.hpp"
#include "protocol/vocabulary/result.hpp"

#include <string>
#include <utility>
#include <vector>

/// The parts of `troupe group`, and what they share: orders that go to one broker after the other, of which some may fail.
namespace troupe::apps {

/// create, update, delete.
void add_group_config_commands(CLI::App& group, command_context& context);
/// reset.
void add_group_reset_command(CLI::App& group, command_context& context);

/// Opens an admin after checking the name here: a bad name is reported even when no name server answers.
result<client::admin> open_group_admin(const command_context& context, const std::string& group);

/// The brokers that the command line names, or all that name servers know, sorted. Fails with not_found for one that they do not know.
result<std::vector<std::string>> brokers_to_ask(client::admin& admin, const std::vector<std::string>& named);

/// Each setting of a group with its value, and the brokers that have it so; a mark where they do not agree.
table settings_of(const std::vector<client::group_on_broker>& brokers);

/// What went wrong at single brokers, while the others did what they were told.
class broker_failures {
public:
    explicit broker_failures(std::string group) : group_{std::move(group)} {}

    /// Nothing is changed there.
    void before_order(const error& failure);
    /// Nothing is changed there either, unless the answer is what is missing.
    void of_order(const error& failure);

    [[nodiscard]] bool empty() const { return failures_.empty(); }
    /// A line for each. The exit code is that of the first; ok when there is none.
    exit_code report(const command_context& context) const;

private:
    std::string group_;
    std::vector<error> failures_;
};

} // namespace troupe::apps
