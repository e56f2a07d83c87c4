#include "apps/commands/client_support.hpp"
#include "apps/commands/commands.hpp"
#include "apps/commands/delivery_check.hpp"
#include "client/admin.hpp"
#include "client/producer.hpp"
#include "client/push_consumer.hpp"
#include "protocol/vocabulary/names.hpp"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <ostream>
#include <semaphore>
#include <unistd.h>

namespace troupe::apps {

namespace {

/// Properties of a message that say which run sent it, and as what.
constexpr const char* run_property = "SELFTEST_RUN";
constexpr const char* number_property = "SELFTEST_NUMBER";
constexpr std::ptrdiff_t in_flight_max = 256;
constexpr std::chrono::seconds delivery_limit{30};

struct selftest_arguments {
    std::string file;
    std::string topic = "selftest";
    std::string group = "selftest";
    std::int32_t queues = 4;
};

/// Lines of a file with their line ends: an empty line is a message, too.
result<std::vector<std::string>> read_lines(const std::string& name) {
    std::ifstream file{name, std::ios::binary};
    if (!file) {
        const int reason = errno;
        return error{reason == ENOENT ? errc::not_found : errc::io, name + ": cannot be read: " + std::strerror(reason)};
    }
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(std::move(line) + "\n");
    }
    if (lines.empty()) {
        return error{errc::not_found, name + ": has no line to send"};
    }
    return lines;
}

/// One run: sends every line, and checks what comes back.
class selftest {
public:
    selftest(const command_context& context, const selftest_arguments& arguments, client::connection connection,
             std::vector<std::string> lines)
        : context_{context},
          arguments_{arguments},
          connection_{std::move(connection)},
          admin_{connection_},
          lines_{std::move(lines)},
          run_{std::to_string(now().value()) + "-" + std::to_string(::getpid())},
          check_{lines_} {}

    exit_code run() {
        if (const auto prepared = prepare_topic(); !prepared) {
            return context_.fail(prepared.failure());
        }
        auto consumer = open_consumer();
        if (!consumer) {
            return context_.fail(consumer.failure());
        }
        const auto begin = std::chrono::steady_clock::now();
        if (const auto sent = send_all(); !sent) {
            return context_.fail(sent.failure());
        }
        sent_seconds_ = seconds_since(begin);
        {
            std::unique_lock lock{mutex_};
            all_delivered_.wait_for(lock, delivery_limit, [this] { return check_.complete(); });
        }
        delivered_seconds_ = seconds_since(begin);
        consumer->stop(); // commits: the next run starts behind this one
        if (const auto counted = count_stored(); !counted) {
            return context_.fail(counted.failure());
        }
        return report();
    }

private:
    static double seconds_since(std::chrono::steady_clock::time_point begin) {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }

    /// The topic may be there from an earlier run; its messages are counted and left alone.
    result<void> prepare_topic() {
        topic_config topic;
        topic.name = arguments_.topic;
        topic.read_queues = topic.write_queues = arguments_.queues;
        const auto created = admin_.create_topic(topic);
        if (!created && created.code() != errc::already_exists) {
            return created;
        }
        const auto described = admin_.describe_topic(arguments_.topic);
        if (!described) {
            return described.failure();
        }
        for (const auto& [queue, stats] : described->queues) {
            found_before_ += stats.max_offset - stats.min_offset;
            ends_before_ += stats.max_offset;
        }
        queues_ = described->queues.size();
        return {};
    }

    /// A second copy that arrives after the last message was waited for shows in the queues' ends.
    result<void> count_stored() {
        const auto described = admin_.describe_topic(arguments_.topic);
        if (!described) {
            return described.failure();
        }
        std::int64_t ends = 0;
        for (const auto& [queue, stats] : described->queues) {
            ends += stats.max_offset;
        }
        const std::lock_guard lock{mutex_};
        check_.stored(ends - ends_before_);
        return {};
    }

    result<client::push_consumer> open_consumer() {
        client::push_consumer_options options;
        options.group = arguments_.group;
        options.from = client::consume_from::first_offset;
        options.ordered = true;
        auto consumer = client::push_consumer::open(connection_, std::move(options), [this](const client::received_message& message) {
            take(message);
            return client::consume_outcome::done;
        });
        if (!consumer) {
            return consumer;
        }
        if (const auto subscribed = consumer->subscribe(arguments_.topic); !subscribed) {
            return subscribed.failure();
        }
        if (const auto started = consumer->start(); !started) {
            return started.failure();
        }
        return consumer;
    }

    void take(const client::received_message& message) {
        const auto arrived = std::chrono::steady_clock::now();
        if (message.property(run_property) != run_) {
            return; // left over from an earlier run
        }
        const std::string_view text = message.property(number_property);
        std::size_t number = lines_.size();
        std::from_chars(text.data(), text.data() + text.size(), number);
        const std::string queue = message.queue.broker_name + ":" + std::to_string(message.queue.queue);
        const std::lock_guard lock{mutex_};
        check_.delivered(number, queue, message.offset.value(), message.body.view());
        if (number < lines_.size()) {
            end_to_end_.add(std::chrono::duration<double, std::milli>(arrived - sent_at_[number]).count());
        }
        if (check_.complete()) {
            all_delivered_.notify_one();
        }
    }

    result<void> send_all() {
        client::producer_options options;
        options.group = arguments_.group;
        options.send_timeout = context_.timeout;
        auto producer = client::producer::open(connection_, options);
        if (!producer) {
            return producer.failure();
        }
        std::counting_semaphore<in_flight_max> room{in_flight_max};
        {
            const std::lock_guard lock{mutex_};
            sent_at_.resize(lines_.size());
        }
        for (std::size_t number = 0; number < lines_.size(); ++number) {
            client::message message;
            message.topic = arguments_.topic;
            message.body = lines_[number];
            message.properties = {{run_property, run_}, {number_property, std::to_string(number)}};
            room.acquire();
            const auto begun = std::chrono::steady_clock::now();
            {
                const std::lock_guard lock{mutex_};
                sent_at_[number] = begun;
            }
            producer->send_async(std::move(message), [this, &room, begun](const result<client::send_receipt>& outcome) {
                acknowledge(outcome, begun);
                room.release();
            });
        }
        for (std::ptrdiff_t i = 0; i < in_flight_max; ++i) {
            room.acquire(); // every send is answered
        }
        producer->close();
        const std::lock_guard lock{mutex_};
        return failure_.code == errc::none ? result<void>{} : failure_;
    }

    void acknowledge(const result<client::send_receipt>& outcome, std::chrono::steady_clock::time_point begun) {
        const std::lock_guard lock{mutex_};
        if (!outcome) {
            failure_ = outcome.failure();
            return;
        }
        retried_ += outcome->attempts > 1 ? 1 : 0;
        acknowledged_.add(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count());
    }

    exit_code report() {
        const std::lock_guard lock{mutex_};
        const auto verdict = check_.verdict();
        double bytes = 0;
        for (const std::string& line : lines_) {
            bytes += static_cast<double>(line.size());
        }
        const auto messages = static_cast<double>(lines_.size());
        record shown;
        shown.add("file", arguments_.file);
        shown.add("topic", arguments_.topic + " (" + std::to_string(queues_) + " queues)");
        shown.add("found_from_earlier_runs", found_before_);
        shown.add("messages", static_cast<std::int64_t>(lines_.size()));
        shown.add("bytes", static_cast<std::int64_t>(bytes));
        shown.add("sent_per_second", messages / sent_seconds_);
        shown.add("delivered_per_second", messages / delivered_seconds_);
        shown.add("acknowledged_ms_p50", acknowledged_.percentile(50));
        shown.add("acknowledged_ms_p99", acknowledged_.percentile(99));
        shown.add("end_to_end_ms_p50", end_to_end_.percentile(50));
        shown.add("end_to_end_ms_p99", end_to_end_.percentile(99));
        shown.add("sends_retried", retried_);
        shown.add("exactly_once", verdict.lost == 0 && verdict.duplicated == 0 && verdict.altered == 0);
        shown.add("in_order_per_queue", verdict.out_of_order == 0);
        shown.add("data_in", store_places());
        shown.print(context_.out, context_.format);
        return verdict.good() ? exit_code::ok : context_.fail(exit_code::failed, "the proof failed: " + to_string(verdict));
    }

    /// Where each broker of the topic keeps its data, as far as it says so.
    std::vector<std::string> store_places() {
        std::vector<std::string> places;
        const auto described = admin_.describe_topic(arguments_.topic);
        for (const auto& broker : described ? described->brokers : std::vector<client::topic_on_broker>{}) {
            const auto values = admin_.describe_broker(broker.broker_name);
            const auto found = values ? values->find("storeDirectory") : protocol::key_value_table::const_iterator{};
            places.push_back(values && found != values->end() ? found->second : "the store of " + broker.broker_name);
        }
        return places;
    }

    const command_context& context_;
    const selftest_arguments& arguments_;
    client::connection connection_;
    client::admin admin_;
    std::vector<std::string> lines_;
    std::string run_;
    std::int64_t found_before_ = 0;
    std::int64_t ends_before_ = 0; ///< sum of the queues' next offsets
    std::size_t queues_ = 0;
    double sent_seconds_ = 0;
    double delivered_seconds_ = 0;

    std::mutex mutex_; ///< guards everything below: callbacks and handlers run on other threads
    std::condition_variable all_delivered_;
    delivery_check check_;
    latencies acknowledged_;
    latencies end_to_end_;
    std::vector<std::chrono::steady_clock::time_point> sent_at_;
    std::int64_t retried_ = 0;
    error failure_;
};

exit_code run(const command_context& context, const selftest_arguments& arguments) {
    if (const auto checked = check_topic_name(arguments.topic); !checked) {
        return context.fail(checked.failure());
    }
    auto lines = read_lines(arguments.file);
    if (!lines) {
        return context.fail(lines.failure());
    }
    auto connection = connect(context);
    if (!connection) {
        return context.fail(connection.failure());
    }
    return selftest{context, arguments, *connection, std::move(*lines)}.run();
}

} // namespace

void add_selftest_command(CLI::App& app, command_context& context) {
    const auto arguments = std::make_shared<selftest_arguments>();
    CLI::App* command = app.add_subcommand("selftest", "Send every line of a file, read all back in a group, and check the result");
    add_client_options(*command, context);
    command->add_option("--file", arguments->file, "Text to send, one message per line")->required()->type_name("FILE");
    command->add_option("--topic", arguments->topic, "Topic; made when missing, kept afterwards")
        ->capture_default_str()
        ->type_name("TOPIC");
    command->add_option("--queues", arguments->queues, "Queues of the topic when it is made")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str()
        ->type_name("N");
    set_examples(*command, "troupe selftest --file README.md\ntroupe selftest --file README.md --name-server 10.0.0.1:9876 -o json");
    command->callback([&context, arguments] { context.chosen = [&context, arguments] { return run(context, *arguments); }; });
}

} // namespace troupe::apps
