#include "testing/process_node.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/scenario/arguments.hpp"
#include "tests/scenario/load.hpp"
#include "tests/scenario/reread.hpp"

#include <doctest/doctest.h>
#include <random>

using namespace troupe;

namespace {

constexpr int threads = 8;
constexpr std::chrono::seconds patience{60};

client::connection connect_to(const testing::process_node& node) {
    client::client_options options;
    options.name_servers = node.name_server_address();
    options.route_refresh = std::chrono::milliseconds{500};
    auto made = client::connection::open(options);
    REQUIRE_MESSAGE(made.ok(), (made.ok() ? "" : to_string(made.failure())));
    return *made;
}

testing::process_node_options standalone(const std::filesystem::path& directory) {
    testing::process_node_options options;
    options.directory = directory;
    options.runs_name_server = true;
    options.runs_broker = true;
    options.more_store_json = R"("segment_size": "8MiB", "checkpoint_size": "1MiB")";
    return options;
}

void create_topic(const client::connection& via, const std::string& name, std::int32_t queues) {
    topic_config topic;
    topic.name = name;
    topic.read_queues = topic.write_queues = queues;
    const bool created = scenario::eventually(patience, [&] { return client::admin{via}.put_topic(topic).ok(); });
    REQUIRE(created);
}

} // namespace

// Goal: what was acknowledged survives the death of the process at any instant, in order, and so do committed offsets.
// How:  a real node under load of eight senders and a reader is killed with SIGKILL after a random number of
//       acknowledgements, and started again on the same store; in the end everything is read from the beginning.
TEST_CASE("a node that is killed again and again under load loses nothing that it acknowledged") {
    const auto& told = scenario::given();
    std::mt19937_64 random{told.seed};
    testing::temporary_directory directory{"troupe-kill9"};
    testing::process_node node{standalone(directory.path())};
    const auto started = node.start();
    REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : to_string(started.failure())));
    auto via = connect_to(node);
    create_topic(via, "kill9", 4);

    testing::history notes;
    testing::history reread;
    std::map<client::message_queue, std::int64_t> committed;
    {
        scenario::senders senders{via, "kill9", threads, notes, reread};
        scenario::reader reader{via, "kill9", "kill9-readers", notes};
        for (int round = 0; round < told.rounds; ++round) {
            const auto until = senders.acknowledged() + 50 + random() % 1500;
            const bool flowing = scenario::eventually(patience, [&] { return senders.acknowledged() >= until; });
            if (!flowing) {
                node.print_log();
            }
            REQUIRE_MESSAGE(flowing, "round " << round << ": no progress after " << senders.acknowledged() << " messages");
            node.kill();
            const auto again = node.start();
            REQUIRE_MESSAGE(again.ok(), (again.ok() ? "" : to_string(again.failure())));
        }
        senders.stop();
        CHECK_MESSAGE(senders.out_of_order().empty(), (senders.out_of_order().empty() ? "" : senders.out_of_order().front()));
        const bool drained = scenario::eventually(patience, [&] { return notes.complete(); });
        if (!drained) {
            node.print_log();
        }
        CHECK(drained);
        reader.stop();
        committed = reader.committed();
        MESSAGE(senders.acknowledged() << " acknowledged, " << senders.failed() << " failed");
    }
    const auto verdict = testing::check(notes);
    CHECK_MESSAGE(verdict.good(), to_string(verdict));
    MESSAGE(to_string(verdict));
    scenario::check_everything_again(via, "kill9", reread);
    CHECK_FALSE(committed.empty());
    client::pull_consumer_options options;
    options.group = "kill9-readers";
    auto consumer = client::pull_consumer::open(via, options);
    REQUIRE(consumer.ok());
    for (const auto& [queue, offset] : committed) {
        const auto now = consumer->committed(queue);
        REQUIRE(now.ok());
        CHECK(now->value() >= offset);
    }
}
