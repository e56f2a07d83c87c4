#include "testing/process_node.hpp"
#include "testing/temporary_directory.hpp"

#include <doctest/doctest.h>
#include <fstream>

using namespace troupe;

namespace {

testing::process_node_options standalone(const std::filesystem::path& directory) {
    testing::process_node_options options;
    options.directory = directory;
    options.runs_name_server = true;
    options.runs_broker = true;
    return options;
}

/// Starts a node that must refuse, and returns what it said.
std::string refusal_of(testing::process_node& node) {
    REQUIRE(node.launch().ok());
    const auto end = node.wait();
    REQUIRE(end.ok());
    CHECK(end->signal == 0);
    CHECK(end->exit_code > 0);
    return node.log_text();
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a second node on the same store is refused, and the first works on") {
    testing::temporary_directory directory;
    testing::process_node first{standalone(directory.path() / "node")};
    REQUIRE(first.start().ok());
    auto options = standalone(directory.path() / "second");
    std::filesystem::create_directory_symlink(first.store_directory(), options.directory.parent_path() / "link");
    std::filesystem::create_directories(options.directory);
    std::filesystem::create_directory_symlink(first.store_directory(), options.directory / "store");
    testing::process_node second{options};
    const auto said = refusal_of(second);
    CHECK_MESSAGE(contains(said, "lock"), said);
    CHECK(first.running());
    CHECK(first.stop().ok());
}

TEST_CASE("a port that is taken is named, and the node does not start") {
    testing::temporary_directory directory;
    testing::process_node first{standalone(directory.path() / "first")};
    REQUIRE(first.start().ok());
    auto options = standalone(directory.path() / "second");
    options.broker_port = first.options().broker_port;
    testing::process_node second{options};
    const auto said = refusal_of(second);
    CHECK_MESSAGE(contains(said, std::to_string(options.broker_port)), said);
    CHECK(first.running());
}

TEST_CASE("a directory that holds something else is refused, and nothing in it changes") {
    testing::temporary_directory directory;
    auto options = standalone(directory.path() / "node");
    const auto stranger = directory.path() / "node" / "store" / "photos.txt";
    std::filesystem::create_directories(stranger.parent_path());
    std::ofstream{stranger} << "not a store";
    testing::process_node node{options};
    const auto said = refusal_of(node);
    CHECK_MESSAGE(contains(said, "store"), said);
    CHECK(std::filesystem::exists(stranger));
    CHECK(std::distance(std::filesystem::directory_iterator{stranger.parent_path()}, {}) == 1);
}

TEST_CASE("SIGTERM ends a node within five seconds with exit code 0, and the next start finds the store clean") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory.path() / "node")};
    REQUIRE(node.start().ok());
    const auto end = node.stop(std::chrono::milliseconds{5000});
    REQUIRE(end.ok());
    CHECK(end->exit_code == 0);
    CHECK(node.start().ok());
}
