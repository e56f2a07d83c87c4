#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "client/admin.hpp"
#include "protocol/message_codec.hpp"
#include "protocol/property_edit.hpp"
#include "protocol/vocabulary/names.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace troupe::apps {

namespace {

constexpr std::int64_t count_max = 100'000;

struct dlq_arguments {
    std::string group;
    std::string id;
    std::int64_t from = -1;  ///< -1: the first that is there
    std::int64_t limit = 32; ///< of show
    std::int64_t resend_max = 0;
    bool all = false;
    bool sure = false;
};

/// Opens an admin after checking the name here: a bad name is reported even when no name server answers.
result<client::admin> open_admin(const command_context& context, const std::string& group) {
    if (const auto checked = group.empty() ? result<void>{} : check_group_name(group); !checked) {
        return checked.failure();
    }
    auto connection = connect(context);
    if (!connection) {
        return connection.failure();
    }
    return client::admin{std::move(*connection)};
}

exit_code list(const command_context& context, const dlq_arguments& arguments) {
    auto admin = open_admin(context, arguments.group);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto letters = admin->list_dead_letters(arguments.group);
    if (!letters) {
        return context.fail(letters.failure());
    }
    table rows{{{"group"}, {"broker"}, {"queue"}, {"messages"}, {"not_resent"}, {"first_offset"}, {"next_offset"}, {"oldest"}, {"newest"}}};
    for (const auto& one : *letters) {
        rows.add({one.group, one.queue.broker_name, std::int64_t{one.queue.queue}, one.next - one.first,
                  one.next - std::clamp(one.resent, one.first, one.next), one.first.value(), one.next.value(),
                  moment{one.first_stored.value()}, moment{one.last_stored.value()}});
    }
    rows.print(context.out, context.format, "There are no dead letters.");
    return exit_code::ok;
}

/// Of the queue that a dead letter was first in, as far as it says so; -1: it does not.
std::int64_t origin_queue(const client::received_message& letter) {
    const auto text = letter.property(protocol::property_name::origin_queue);
    std::int32_t number = 0;
    const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    return failure == std::errc{} && rest == text.data() + text.size() && number >= 0 ? number : -1;
}

/// The broker whose address is in the id that a dead letter had at first. Messages are given back to the broker that has them, but
/// a consumer that could not do so sends them anywhere. Empty: it does not say, or nobody has that address.
std::string origin_broker(const client::received_message& letter, const protocol::cluster_info& cluster) {
    const auto first = protocol::parse_offset_message_id(letter.property(protocol::property_name::origin_message_id));
    const auto here = protocol::parse_offset_message_id(letter.offset_message_id);
    if (!first) {
        return {};
    }
    if (here && here->first == first->first) {
        return letter.queue.broker_name; // brokers need not store under the address that clients dial
    }
    for (const auto& [name, broker] : cluster.brokers) {
        if (std::ranges::any_of(broker.addresses, [&first](const auto& each) { return each.second == to_string(first->first); })) {
            return name;
        }
    }
    return {};
}

void add_letter(table& rows, const client::received_message& letter, const protocol::cluster_info& cluster) {
    namespace name = protocol::property_name;
    const std::string_view body = letter.body.view();
    rows.add({letter.offset_message_id, letter.queue.broker_name, std::int64_t{letter.queue.queue}, letter.offset.value(),
              std::string{letter.property(name::retry_topic)}, origin_broker(letter, cluster), origin_queue(letter),
              std::string{letter.message_id()}, std::string{letter.property(name::origin_message_id)}, moment{letter.born.value()},
              moment{letter.stored.value()}, std::int64_t{letter.reconsume_times}, std::string{letter.tags()}, std::string{letter.keys()},
              std::string{is_utf8(body) ? "utf-8" : "base64"}, is_utf8(body) ? std::string{body} : to_base64(body)});
}

exit_code show(const command_context& context, const dlq_arguments& arguments) {
    auto admin = open_admin(context, arguments.group);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto queues = admin->list_dead_letters(arguments.group);
    if (!queues) {
        return context.fail(queues.failure());
    }
    const auto cluster = admin->describe_cluster();
    if (!cluster) {
        return context.fail(cluster.failure());
    }
    table rows{{{"id"},
                {"broker"},
                {"queue"},
                {"offset"},
                {"topic"},
                {"origin_broker"},
                {"origin_queue"},
                {"message_id"},
                {"origin_message_id"},
                {"born"},
                {"died"},
                {"tries"},
                {"tags"},
                {"keys"},
                {"body_encoding"},
                {"body"}}};
    bool has_more = false;
    for (const auto& each : *queues) {
        const auto left = static_cast<std::size_t>(arguments.limit) - rows.rows();
        const auto from = arguments.from < 0 ? each.first : queue_offset{arguments.from};
        if (from >= each.next) {
            continue;
        }
        const auto read = admin->read_queue(each.queue, from, left);
        if (!read) {
            return context.fail(read.failure());
        }
        for (const auto& letter : read->first) {
            add_letter(rows, letter, *cluster);
        }
        has_more = has_more || read->second < each.next;
    }
    rows.print(context.out, context.format, "Group " + arguments.group + " has no dead letters there.");
    if (has_more && context.format == output_format::table) {
        context.err << "troupe: these are the first; --limit shows more, --from begins at another offset\n";
    }
    return exit_code::ok;
}

exit_code report_resent(const command_context& context, const std::string& group, const std::vector<client::resent_letters>& queues) {
    table rows{{{"broker"}, {"queue"}, {"resent"}, {"next_offset"}, {"left"}}};
    std::int64_t resent = 0;
    std::int64_t left = 0;
    for (const auto& one : queues) {
        resent += static_cast<std::int64_t>(one.resent);
        left += std::max<std::int64_t>(0, one.end - one.next);
        rows.add({one.queue.broker_name, std::int64_t{one.queue.queue}, static_cast<std::int64_t>(one.resent), one.next.value(),
                  std::max<std::int64_t>(0, one.end - one.next)});
    }
    if (context.format == output_format::table) {
        context.out << "Group " << group << " gets " << resent << " dead letters again; " << left << " are left.\n";
        return exit_code::ok;
    }
    record shown;
    shown.add("group", group);
    shown.add("resent", resent);
    shown.add("left", left);
    shown.add("queues", std::move(rows));
    shown.print(context.out, context.format);
    return exit_code::ok;
}

exit_code resend_one(const command_context& context, const dlq_arguments& arguments) {
    auto admin = open_admin(context, arguments.group);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto letter = admin->resend_dead_letter(arguments.group, arguments.id);
    if (!letter) {
        return context.fail(letter.failure());
    }
    if (context.format == output_format::table) {
        context.out << "Group " << arguments.group << " gets message " << letter->message_id() << " again.\n";
        return exit_code::ok;
    }
    record shown;
    shown.add("group", arguments.group);
    shown.add("id", letter->offset_message_id);
    shown.add("message_id", std::string{letter->message_id()});
    shown.add("topic", std::string{letter->property(protocol::property_name::retry_topic)});
    shown.add("resent", std::int64_t{1});
    shown.print(context.out, context.format);
    return exit_code::ok;
}

exit_code resend(const command_context& context, const dlq_arguments& arguments) {
    if (arguments.all == !arguments.id.empty()) {
        return context.fail(exit_code::usage, "give either --id ID, for one message, or --all");
    }
    if (!arguments.all && arguments.resend_max != 0) {
        return context.fail(exit_code::usage, "--limit goes with --all");
    }
    if (!arguments.all) {
        return resend_one(context, arguments);
    }
    if (!arguments.sure) {
        return context.fail(exit_code::usage, "this gives group " + arguments.group +
                                                  " all dead letters again that were not put back yet (`troupe dlq list " +
                                                  arguments.group + "` counts them); add --yes to do it");
    }
    auto admin = open_admin(context, arguments.group);
    if (!admin) {
        return context.fail(admin.failure());
    }
    const auto max = arguments.resend_max == 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(arguments.resend_max);
    const auto resent = admin->resend_dead_letters(arguments.group, max);
    if (!resent) {
        return context.fail(resent.failure());
    }
    return report_resent(context, arguments.group, *resent);
}

using action = exit_code (*)(const command_context&, const dlq_arguments&);

CLI::App& add(CLI::App& dlq, command_context& context, const std::shared_ptr<dlq_arguments>& arguments, const char* name,
              const char* meaning, action run) {
    CLI::App* command = dlq.add_subcommand(name, meaning);
    add_client_options(*command, context);
    command->callback([&context, arguments, run] { context.chosen = [&context, arguments, run] { return run(context, *arguments); }; });
    return *command;
}

} // namespace

void add_dlq_commands(CLI::App& app, command_context& context) {
    CLI::App* dlq = app.add_subcommand("dlq", "List, show and resend dead letters: messages that a group could not handle");
    dlq->require_subcommand(1);
    const auto arguments = std::make_shared<dlq_arguments>();

    CLI::App& list_command = add(*dlq, context, arguments, "list", "List the groups that have dead letters, and how many", list);
    list_command.add_option("GROUP", arguments->group, "Only this group");
    set_examples(list_command, "troupe dlq list\ntroupe dlq list billing -o json");

    CLI::App& show_command =
        add(*dlq, context, arguments, "show", "Show the dead letters of a group and where they came from, the oldest first", show);
    show_command.add_option("GROUP", arguments->group, "Name of the group")->required();
    show_command.add_option("-l,--limit", arguments->limit, "At most so many")
        ->check(CLI::Range(std::int64_t{1}, count_max))
        ->capture_default_str();
    show_command.add_option("--from", arguments->from, "Begin at this offset of each queue; without it, at the first that is there")
        ->check(CLI::NonNegativeNumber)
        ->type_name("OFFSET");
    set_examples(show_command, "troupe dlq show billing\ntroupe dlq show billing --from 100 --limit 10 -o json");

    CLI::App& resend_command = add(*dlq, context, arguments, "resend",
                                   "Give dead letters to their group again: no other group gets them, and their tries begin anew", resend);
    resend_command.add_option("GROUP", arguments->group, "Name of the group")->required();
    resend_command.add_option("--id", arguments->id, "One message: what `troupe dlq show` calls its id or message id")->type_name("ID");
    resend_command.add_flag("--all", arguments->all, "All that were not resent by --all before");
    resend_command.add_option("-l,--limit", arguments->resend_max, "With --all: at most so many")
        ->check(CLI::Range(std::int64_t{1}, std::numeric_limits<std::int64_t>::max()))
        ->type_name("N");
    resend_command.add_flag("-y,--yes", arguments->sure, "Really resend all");
    set_examples(resend_command, "troupe dlq resend billing --id 7F00000100002A9F0000000000000040\n"
                                 "troupe dlq resend billing --all --limit 100 --yes");
}

} // namespace troupe::apps
