#include "tests/apps/run_command.hpp"

#include "config/reference_page.hpp"
#include "testing/temporary_directory.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fstream>

using namespace troupe;
using namespace troupe::apps;

namespace {

std::string write(const testing::temporary_directory& directory, const std::string& text) {
    const auto path = directory.path() / "node.json";
    std::ofstream{path} << text;
    return path.string();
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("troupe --version prints name and number") {
    const auto result = run_command("--version");
    CHECK(result.code == 0);
    CHECK(result.out.starts_with("troupe "));
    CHECK(result.out.find_first_of("0123456789") != std::string::npos);
}

TEST_CASE("troupe --help shows examples and every exit code") {
    const auto result = run_command("--help");
    CHECK(result.code == 0);
    CHECK(contains(result.out, "Examples:"));
    CHECK(contains(result.out, exit_code_help().data()));
    CHECK(result.err.empty());
}

TEST_CASE("every command has a help with examples") {
    for (const std::string command :
         {"node",         "config check", "config explain", "config dump",  "topic create",       "topic list",    "topic show",
          "topic update", "topic delete", "group list",     "group show",   "message show",       "message find",  "send",
          "consume",      "cluster",      "store verify",   "store stat",   "selftest",           "bench send",    "bench consume",
          "bench suite",  "timer list",   "timer show",     "timer cancel", "transaction resume", "message trace", "group update",
          "dlq list",     "dlq show",     "dlq resend",     "group reset",  "group create",       "group delete",  "store new-metadata"}) {
        CAPTURE(command);
        const auto result = run_command(command + " --help");
        CHECK(result.code == 0);
        CHECK(contains(result.out, "Examples:"));
        CHECK(contains(result.out, "troupe " + command));
    }
}

TEST_CASE("troupe config check says that a good file is good") {
    const auto result = run_command("config check " TROUPE_SOURCE_DIRECTORY "/config/standalone.json");
    CHECK(result.code == 0);
    CHECK(result.out == TROUPE_SOURCE_DIRECTORY "/config/standalone.json is good.\n");
    CHECK(result.err.empty());
}

TEST_CASE("troupe config check prints all mistakes of a bad file and returns 3") {
    const testing::temporary_directory directory;
    const std::string file = write(directory, "{\"roles\": [\"brokr\"],\n \"broker\": {\"prot\": 1}}");
    const auto result = run_command("config check " + file + " --broker-port many");
    CHECK(result.code == 3);
    CHECK(result.out.empty());
    CHECK(result.err == file + ":1:12: roles: \"brokr\" is none of name_server, broker; did you mean \"broker\"?\n" + file +
                            ":2:13: broker.prot: unknown key; did you mean \"port\"?\n"
                            "--broker-port: broker.port: expected a whole number, got \"many\"\n"
                            "troupe: 3 mistakes in the configuration; `troupe config explain KEY` helps\n");
}

TEST_CASE("troupe config dump shows each value and its origin") {
    const testing::temporary_directory directory;
    const std::string file = write(directory, "{\"broker\": {\"name\": \"b-7\"}}");
    const auto result = run_command("config dump " + file + " --broker-port 10999 -o json");
    CHECK(result.code == 0);
    const auto json = nlohmann::json::parse(result.out);
    CHECK(json.size() == config::option_table().size());
    for (const auto& row : json) {
        if (row["key"] == "broker.name") {
            CHECK(row["value"] == "b-7");
            CHECK(row["origin"] == "file");
            CHECK(row["place"] == file + ":1:21");
        } else if (row["key"] == "broker.port") {
            CHECK(row["value"] == "10999");
            CHECK(row["origin"] == "flag");
            CHECK(row["place"] == "--broker-port");
        } else {
            CHECK(row["origin"] == "default");
        }
    }
}

TEST_CASE("troupe config dump --as-file prints a file that config check accepts") {
    const testing::temporary_directory directory;
    const auto dumped = run_command("config dump --as-file --broker-name b-8");
    CHECK(dumped.code == 0);
    CHECK(contains(dumped.out, "\"name\": \"b-8\",  // flag --broker-name\n"));
    CHECK(run_command("config check " + write(directory, dumped.out)).code == 0);
}

TEST_CASE("troupe config explain explains one option, a section, or lists all") {
    CHECK(run_command("config explain broker.port").out == config::explain(*config::find_option("broker.port")));
    const auto section = run_command("config explain broker.pull");
    CHECK(section.code == 0);
    CHECK(contains(section.out, "broker.pull.hold_max"));
    CHECK_FALSE(contains(section.out, "broker.port"));
    const auto all = run_command("config explain -o json");
    CHECK(nlohmann::json::parse(all.out).size() == config::option_table().size());
    CHECK(run_command("config explain --markdown").out == config::reference_page());
}
