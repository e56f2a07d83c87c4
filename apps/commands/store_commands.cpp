#include "apps/commands/commands.hpp"
#include "storage/file_system.hpp"
#include "storage/missing_metadata.hpp"
#include "storage/verify.hpp"

#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

namespace troupe::apps {

namespace {

table segments_of(const storage::store_verification& found) {
    table rows{{{"file"}, {"first_position"}, {"bytes"}, {"records"}, {"first_stored"}, {"last_stored"}}};
    for (const auto& segment : found.segments) {
        rows.add({segment.file.filename().string(), segment.base.value(), static_cast<std::int64_t>(segment.file_bytes),
                  static_cast<std::int64_t>(segment.records), moment{segment.first_stored.value()}, moment{segment.last_stored.value()}});
    }
    return rows;
}

record summary_of(const storage::store_verification& found, const std::string& directory) {
    record shown;
    shown.add("store", directory);
    shown.add("sound", found.is_sound());
    shown.add("log_begin", found.log_min.value());
    shown.add("log_end", found.log_end.value());
    shown.add("records", static_cast<std::int64_t>(found.records));
    shown.add("batches", static_cast<std::int64_t>(found.batches));
    shown.add("queues", static_cast<std::int64_t>(found.queues));
    shown.add("problems", static_cast<std::int64_t>(found.problem_count));
    shown.add("torn_tail", found.torn_tail);
    return shown;
}

exit_code verify(const command_context& context, const std::string& directory) {
    const auto found = storage::verify_store(*storage::posix_file_system(), directory);
    if (!found) {
        return context.fail(found.failure());
    }
    record shown = summary_of(*found, directory);
    if (!found->problems.empty()) {
        table problems{{{"problem"}}};
        for (const std::string& problem : found->problems) {
            problems.add({problem});
        }
        shown.add("found", std::move(problems));
    }
    shown.print(context.out, context.format);
    return found->is_sound() ? exit_code::ok : exit_code::damaged;
}

exit_code stat(const command_context& context, const std::string& directory) {
    const auto found = storage::verify_store(*storage::posix_file_system(), directory);
    if (!found) {
        return context.fail(found.failure());
    }
    record shown = summary_of(*found, directory);
    shown.add("segments", segments_of(*found));
    shown.print(context.out, context.format);
    return exit_code::ok;
}

exit_code make_metadata(const command_context& context, const std::string& directory) {
    if (const auto made = storage::make_empty_metadata(storage::posix_file_system(), directory); !made) {
        return context.fail(made.failure());
    }
    if (context.format == output_format::table) {
        context.out << "Made " << directory << "/metadata, with nothing in it. Start the broker, and make its topics again: their messages "
                    << "are still there. Groups begin where they would begin as new ones.\n";
        return exit_code::ok;
    }
    record shown;
    shown.add("store", directory);
    shown.print(context.out, context.format);
    return exit_code::ok;
}

void add(CLI::App& store, command_context& context, const char* name, const char* meaning, const std::string& example,
         exit_code (*run)(const command_context&, const std::string&)) {
    const auto directory = std::make_shared<std::string>();
    CLI::App* command = store.add_subcommand(name, meaning);
    add_output_option(*command, context);
    command->add_option("DIRECTORY", *directory, "Store of a broker that does not run (broker.store.directory)")->required();
    set_examples(*command, example);
    command->callback([&context, directory, run] { context.chosen = [&context, directory, run] { return run(context, *directory); }; });
}

} // namespace

void add_store_commands(CLI::App& app, command_context& context) {
    CLI::App* store = app.add_subcommand("store", "Look at a store while its broker does not run, or begin its metadata anew");
    store->require_subcommand(1);
    add(*store, context, "verify", "Read every byte of the log and report damage; changes nothing. Exit code 6 when there is some",
        "troupe store verify data/standalone", verify);
    add(*store, context, "stat", "Show the segments of the log and what they hold; changes nothing",
        "troupe store stat data/standalone -o json", stat);
    add(*store, context, "new-metadata",
        "Make a metadata directory that holds no topic, group or offset, for a store that has lost its own and of which there is no copy",
        "troupe store new-metadata data/standalone", make_metadata);
}

} // namespace troupe::apps
