// The program as a process: what only a process has (exit codes, signals, streams).
#include "testing/process_node.hpp"
#include "testing/temporary_directory.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <sys/wait.h>

using namespace troupe;

namespace {

struct ended {
    int code = 0;
    std::string output; ///< both streams
};

ended run(const std::string& arguments) {
    const char* binary = std::getenv("TROUPE_BINARY");
    REQUIRE_MESSAGE(binary != nullptr, "ctest sets TROUPE_BINARY");
    std::FILE* pipe = ::popen((std::string{binary} + " " + arguments + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    ended result;
    std::array<char, 4096> buffer{};
    for (std::size_t bytes = 0; (bytes = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        result.output.append(buffer.data(), bytes);
    }
    const int status = ::pclose(pipe);
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
}

} // namespace

TEST_CASE("the program returns the exit codes of its help") {
    CHECK(run("--version").code == 0);
    CHECK(run("topci").code == 2);
    CHECK(run("config check no/such.json").code == 3);
    CHECK(run("config explain no.such").code == 5);
    CHECK(run("topci").output == "troupe: unknown command \"topci\"; did you mean \"topic\"?\nTry \"troupe --help\".\n");
}

TEST_CASE("a first session: a topic is made, written, read, followed by a group, and gone again") {
    testing::temporary_directory directory;
    testing::process_node_options options;
    options.directory = directory.path() / "node";
    options.runs_name_server = true;
    options.runs_broker = true;
    testing::process_node node{options};
    REQUIRE(node.start().ok());
    const std::string at = " --name-server " + node.name_server_address();

    CHECK(run("topic create orders --queues 2" + at).output == "Created topic orders: 2 read queues, 2 write queues, permission rw.\n");
    CHECK(run("topic create orders" + at).code == 7);
    CHECK(run("topic list" + at).output == "TOPIC\norders\n");
    CHECK(run("send orders hello --queue broker-a:1" + at).code == 0);
    CHECK(run("send orders again --queue broker-a:1 --tag late" + at).code == 0);
    CHECK(run("consume orders --body-only" + at).output == "hello\nagain\n");
    CHECK(run("consume orders --body-only --from offset:1 --count 1" + at).output == "again\n");
    CHECK(run("consume orders --body-only --filter late" + at).output == "again\n");
    CHECK(run("consume orders --body-only --group billing --count 1" + at).output == "hello\n");
    CHECK(run("consume orders --body-only --group billing" + at).output == "again\n");
    CHECK(run("consume orders --body-only --group billing" + at).output.empty());
    CHECK(run("group list" + at).output == "GROUP\nbilling\n");
    CHECK(run("topic update orders --queues 3" + at).output == "Updated topic orders: 3 read queues, 3 write queues, permission rw.\n");
    CHECK(run("topic delete orders --yes" + at).output == "Deleted topic orders.\n");
    CHECK(run("topic show orders" + at).code == 5);
    CHECK(run("send nowhere hello" + at).code == 5);
    CHECK(node.stop().ok());
}

TEST_CASE("the self-test passes on a standalone node, twice, and finds its first run's messages") {
    testing::temporary_directory directory;
    testing::process_node_options options;
    options.directory = directory.path() / "node";
    options.runs_name_server = true;
    options.runs_broker = true;
    testing::process_node node{options};
    REQUIRE(node.start().ok());
    const std::string line =
        "selftest --file " TROUPE_SOURCE_DIRECTORY "/CMakeLists.txt -o json --name-server " + node.name_server_address();
    const auto first = run(line);
    CHECK_MESSAGE(first.code == 0, first.output);
    CHECK(first.output.find("\"found_from_earlier_runs\": 0,") != std::string::npos);
    REQUIRE(node.stop().ok());
    REQUIRE(node.start().ok());
    const auto second = run(line);
    CHECK_MESSAGE(second.code == 0, second.output);
    CHECK(second.output.find("\"found_from_earlier_runs\": 0,") == std::string::npos);
    REQUIRE(node.stop().ok());
    const auto verified = run("store verify " + node.store_directory().string());
    CHECK_MESSAGE(verified.code == 0, verified.output);
}
