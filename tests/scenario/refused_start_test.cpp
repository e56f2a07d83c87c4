#include "client/client.hpp"
#include "testing/ports.hpp"
#include "testing/process_node.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/scenario/program.hpp"

#include <doctest/doctest.h>
#include <fstream>
#include <unistd.h>

using namespace troupe;

namespace {

testing::process_node_options standalone(const std::filesystem::path& directory) {
    testing::process_node_options options;
    options.directory = directory;
    options.runs_name_server = true;
    options.runs_broker = true;
    return options;
}

// docs/reference/cli.md
constexpr int failed = 1;
constexpr int configuration_wrong = 3;
constexpr int damaged = 6;
constexpr int conflict = 7;

/// Starts a node that must refuse with `code`, and returns what it said.
std::string refusal_of(testing::process_node& node, int code) {
    const auto begin = node.log_text().size();
    REQUIRE(node.launch().ok());
    const auto end = node.wait();
    REQUIRE(end.ok());
    CHECK(end->signal == 0);
    CHECK(end->exit_code == code);
    return node.log_text().substr(begin);
}

/// The arguments of a standalone node whose store is `store`.
std::vector<std::string> node_arguments(const std::filesystem::path& store) {
    return {"node",
            "--broker-store-directory",
            store.string(),
            "--broker-port",
            std::to_string(testing::free_port()),
            "--name-server-port",
            std::to_string(testing::free_port())};
}

/// A store with some messages in it, of a node that was stopped.
void fill(testing::process_node& node) {
    REQUIRE(node.start().ok());
    client::client_options options;
    options.name_servers = node.name_server_address();
    auto via = client::connection::open(options);
    REQUIRE(via.ok());
    topic_config topic;
    topic.name = "t";
    const auto put = client::admin{*via}.put_topic(topic);
    REQUIRE_MESSAGE(put.ok(), (put.ok() ? "" : to_string(put.failure())));
    auto producer = client::producer::open(*via, {});
    REQUIRE(producer.ok());
    for (int i = 0; i < 20; ++i) {
        client::message message;
        message.topic = "t";
        message.body = std::string(1000, 'x');
        REQUIRE(producer->send(std::move(message)).ok());
    }
    producer->close();
    REQUIRE(node.stop().ok());
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
    const auto said = refusal_of(second, conflict);
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
    const auto said = refusal_of(second, conflict);
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
    const auto said = refusal_of(node, damaged);
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

TEST_CASE("a store whose format file is damaged is refused by name, and works again when it is mended") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory.path() / "node")};
    fill(node);
    const auto format = node.store_directory() / "format";
    std::string good;
    std::getline(std::ifstream{format}, good, '\0');
    for (const std::string& bad : {std::string{}, good.substr(0, good.size() / 2), "no" + good}) {
        CAPTURE(bad);
        std::ofstream{format, std::ios::trunc} << bad;
        const auto said = refusal_of(node, damaged);
        CHECK_MESSAGE(contains(said, format.string()), said);
    }
    std::ofstream{format, std::ios::trunc} << good;
    CHECK(node.start().ok());
}

TEST_CASE("a segment that lost its end is refused by name, and what is left is served when that is asked for") {
    testing::temporary_directory directory;
    testing::process_node node{standalone(directory.path() / "node")};
    fill(node);
    const auto segment = node.store_directory() / "commitlog" / "00000000000000000000";
    std::filesystem::resize_file(segment, 10'000);
    const auto said = refusal_of(node, damaged);
    CHECK_MESSAGE(contains(said, segment.string() + ": the log ends before the checkpoint"), said);
    CHECK_MESSAGE(contains(said, "remove the index directory to go on with what is left"), said);
    std::filesystem::remove_all(node.store_directory() / "index");
    CHECK(node.start().ok());
}

TEST_CASE("a store below something that is no directory is refused with the path and the reason") {
    testing::temporary_directory directory;
    std::ofstream{directory.path() / "file"} << "no directory";
    scenario::program_options options;
    options.directory = directory.path();
    options.arguments = node_arguments(directory.path() / "file" / "store");
    scenario::program node{options};
    CHECK(node.wait().exit_code == failed);
    CHECK_MESSAGE(contains(node.output(), (directory.path() / "file").string()), node.output());
    CHECK_MESSAGE(contains(node.output(), "Not a directory"), node.output());
}

TEST_CASE("a store in a directory that may not be written is refused with the path and the reason") {
    testing::temporary_directory directory;
    const auto locked = directory.path() / "locked";
    std::filesystem::create_directory(locked);
    std::filesystem::permissions(directory.path(), std::filesystem::perms::owner_all | std::filesystem::perms::others_exec);
    std::filesystem::permissions(locked, std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    scenario::program_options options;
    options.directory = directory.path();
    options.arguments = node_arguments(locked / "store");
    constexpr uid_t nobody = 65534;
    if (::getuid() == 0) {
        options.user = nobody; // root may write anywhere
    }
    scenario::program node{options};
    const auto end = node.wait();
    if (end.exit_code == 127) {
        MESSAGE("not checked: the user nobody may not run the binary");
        return;
    }
    CHECK(end.signal == 0);
    CHECK(end.exit_code == 8);
    CHECK_MESSAGE(contains(node.output(), locked.string()), node.output());
    CHECK_MESSAGE(contains(node.output(), "Permission denied; let user"), node.output());
}

TEST_CASE("a store that cannot hold one segment is refused with the file and the reason") {
    testing::temporary_directory directory;
    scenario::program_options options;
    options.directory = directory.path();
    options.arguments = node_arguments(directory.path() / "store");
    options.file_bytes_max = 4u << 20;
    scenario::program node{options};
    CHECK(node.wait().exit_code == failed);
    CHECK_MESSAGE(contains(node.output(), (directory.path() / "store/commitlog").string()), node.output());
    CHECK_MESSAGE(contains(node.output(), "File too large"), node.output());
}

TEST_CASE("a configuration that is wrong or missing is refused with its own code") {
    testing::temporary_directory directory;
    const auto file = directory.path() / "node.json";
    scenario::program_options options;
    options.directory = directory.path();
    options.arguments = {"node", "--config", file.string()};
    {
        scenario::program node{options};
        CHECK(node.wait().exit_code == configuration_wrong);
        CHECK(node.output() == "troupe: " + file.string() + ": cannot be read: No such file or directory\n");
    }
    std::ofstream{file} << R"({"broker": {"prot": 1}})";
    scenario::program node{options};
    CHECK(node.wait().exit_code == configuration_wrong);
    CHECK_MESSAGE(contains(node.output(), file.string() + ":1:13: broker.prot: unknown key; did you mean \"port\"?\n"), node.output());
}
