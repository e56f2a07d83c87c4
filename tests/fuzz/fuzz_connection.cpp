// Clients that do anything to their connections: the bytes are steps of a script, see script::step. What must hold is in
// served_node.hpp.
#include "actors/wire/wire.hpp"
#include "protocol/admin_bodies.hpp"
#include "protocol/consumer_bodies.hpp"
#include "protocol/pop_bodies.hpp"
#include "protocol/request_code.hpp"
#include "protocol/response_code.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/served_node.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace {

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using fuzz::served_node;
using protocol::remoting_command;

/// Header fields of many requests at once: each decoder takes what it knows, and finds it.
void set_common_fields(remoting_command& command) {
    constexpr std::pair<const char*, const char*> fields[] = {
        {"topic", "orders"},
        {"group", "readers"},
        {"consumerGroup", "readers"},
        {"producerGroup", "writers"},
        {"groupName", "readers"},
        {"queueId", "0"},
        {"queueOffset", "0"},
        {"commitOffset", "1"},
        {"offset", "0"},
        {"timestamp", "1"},
        {"key", "k"},
        {"maxNum", "4"},
        {"beginTimestamp", "0"},
        {"endTimestamp", "9"},
        {"index", "0"},
        {"count", "4"},
        {"clientID", "client-1"},
        {"clientId", "client-1"},
        {"jstackEnable", "false"},
        {"srcGroup", "readers"},
        {"destGroup", "other"},
        {"msgId", "00"},
        {"maxMsgNums", "4"},
        {"sysFlag", "0"},
        {"suspendTimeoutMillis", "0"},
        {"subVersion", "0"},
        {"defaultTopic", "TBW102"},
        {"readQueueNums", "2"},
        {"writeQueueNums", "2"},
        {"perm", "6"},
        {"topicFilterType", "SINGLE_TAG"},
        {"statsName", "TOPIC_PUT_NUMS"},
        {"statsKey", "orders"},
        {"isOrder", "false"},
        {"order", "false"},
        {"delayLevel", "1"},
        {"maxReconsumeTimes", "16"},
        {"originMsgId", "id"},
        {"originTopic", "orders"},
        {"namespace", "space"},
        {"value", "v"},
        {"clusterName", "DefaultCluster"},
        {"cluster", "DefaultCluster"},
        {"brokerName", "other"},
        {"brokerAddr", "10.0.0.1:10911"},
        {"brokerId", "0"},
        {"tranStateTableOffset", "0"},
        {"commitLogOffset", "64"},
        {"commitOrRollback", "8"},
        {"fromTransactionCheck", "true"},
        {"after", "0"},
        {"maxTransactions", "4"},
        {"recallHandle", "djEgb3JkZXJzIGJyb2tlci1hIDk5OTk5OTk5OTk5OTkgSw=="},
        {"uniqueKey", "K"},
        {"fromDue", "0"},
        {"fromPosition", "0"},
        {"invisibleTime", "1000"},
        {"pollTime", "500"},
        {"bornTime", "0"},
        {"initMode", "0"},
        {"extraInfo", "0 1 60000 0 0 broker-a 0 0"},
    };
    for (const auto& [name, value] : fields)
        command.fields.set(name, value);
}

protocol::heartbeat_data heartbeat() {
    protocol::heartbeat_data data;
    data.client_id = "client-1";
    data.producer_groups = {"writers"};
    protocol::consumer_data consumer;
    consumer.group = "readers";
    consumer.subscriptions.push_back({"orders", "a || b", "TAG", 7});
    data.consumers.push_back(consumer);
    return data;
}

std::string body_for(std::int32_t code) {
    namespace request = protocol::request_code;
    switch (code) {
    case request::send_message:
    case request::send_message_v2: return "a body";
    case request::heart_beat: return protocol::encode_heartbeat(heartbeat());
    case request::lock_batch_mq:
    case request::unlock_batch_mq: return protocol::encode_queue_lock_request({"readers", "client-1", false, {{"orders", "broker-a", 0}}});
    case request::check_client_config: return protocol::encode_client_config_check({"client-1", "readers", "", {"orders", "a", "TAG", 1}});
    case request::batch_ack_message:
        return protocol::encode_batch_ack_request(
            {"broker-a", {{"readers", "orders", 0, queue_offset{0}, queue_id{0}, 0, timestamp_ms{1}, 60'000, {queue_offset{0}}}}});
    case request::query_assignment: return protocol::encode_assignment_request({"orders", "readers", "client-1", "AVG", false});
    case request::set_message_request_mode: return protocol::encode_message_request_mode({"orders", "readers", "POP", 0});
    default: return {};
    }
}

remoting_command request_with_common_fields(std::int32_t code) {
    remoting_command command;
    command.code = code;
    set_common_fields(command);
    command.body = payload{body_for(code)};
    return command;
}

/// The first requests of make_requests, by which seeds name them; every request that is served follows.
enum class usual : std::uint8_t {
    send = 0,
    pull = 1,
    held_pull = 2,
    large_send = 3,
    send_to_new_topic = 4,
    put_topic = 5,
    commit = 6,
    unregister = 7,
    register_broker = 8,
    broker_heartbeat = 9,
    route = 10,
    heartbeat = 11,
    members = 12,
    running_info = 13,
    unknown = 14
};

std::vector<remoting_command> make_requests() {
    pull_messages pull;
    pull.group = "readers";
    pull.topic = "orders";
    pull.has_expression = true;
    pull.expression = "*";
    pull.expression_type = "TAG";
    auto held = pull;
    held.hold_ms = 2'000;
    held.offset = queue_offset{1};
    send_messages send;
    send.topic = "orders";
    send.producer_group = "writers";
    send.body = payload{std::string{"a body"}};
    auto large = send;
    large.body = payload{std::string(40'000, 'x')};
    auto elsewhere = send;
    elsewhere.topic = "new";
    topic_config topic;
    topic.name = "orders";
    topic.read_queues = topic.write_queues = 2;
    register_broker registration{"DefaultCluster", "other", broker_id{0}, "10.0.0.1:10911", 0, {}, {}};
    registration.topics.topics["orders"] = topic;
    std::vector<remoting_command> all{
        net::encode_request(send),
        net::encode_request(pull),
        net::encode_request(held),
        net::encode_request(large),
        net::encode_request(elsewhere),
        net::encode_request(put_topic{topic}),
        net::encode_request(commit_offset{{"readers", {"orders", queue_id{0}}}, queue_offset{1}}),
        net::encode_request(unregister_client{"client-1", "writers", "readers"}),
        net::encode_request(registration),
        net::encode_request(broker_heartbeat{"DefaultCluster", "other", "10.0.0.1:10911"}),
        net::encode_request(find_route{"orders"}),
        net::encode_request(client_heartbeat{heartbeat(), {}}),
        net::encode_request(list_group_members{"readers"}),
        request_with_common_fields(protocol::request_code::get_consumer_running_info),
        request_with_common_fields(4711),
    };
    auto codes = net::served_requests();
    namespace request = protocol::request_code;
    codes.insert(codes.end(), {request::pull_message, request::lite_pull_message, request::pop_message, request::peek_message,
                               request::notification, request::polling_info});
    for (const auto code : codes)
        all.push_back(request_with_common_fields(code));
    auto delayed = send;
    delayed.properties = "DELAY\x01"
                         "1\x02TAGS\x01a\x02";
    all.push_back(net::encode_request(delayed));
    auto timed = send;
    timed.properties = "TIMER_DELAY_SEC\x01"
                       "1\x02UNIQ_KEY\x01K\x02";
    all.push_back(net::encode_request(timed));
    auto retried = delayed;
    retried.topic = "%RETRY%readers";
    retried.reconsume_times = 1;
    all.push_back(net::encode_request(retried));
    auto half = send;
    half.properties = "TRAN_MSG\x01true\x02";
    all.push_back(net::encode_request(half));
    return all;
}

class script {
public:
    explicit script(std::string_view bytes) : bytes_{bytes} {
        for (auto& each : clients_)
            each = node_.open();
        auto first = requests().at(static_cast<std::size_t>(usual::put_topic));
        first.opaque = next_opaque_++;
        node_.send(clients_[0], protocol::encode_frame(first));
        node_.advance(500ms);
    }

    void run() {
        for (std::size_t steps = 0; !bytes_.empty() && steps < steps_max; ++steps)
            step();
        node_.finish();
        check_serves();
    }

private:
    static constexpr std::size_t steps_max = 120;

    static const std::vector<remoting_command>& requests() {
        static const auto all = make_requests();
        return all;
    }

    std::uint8_t take() {
        if (bytes_.empty())
            return 0;
        const auto byte = static_cast<std::uint8_t>(bytes_.front());
        bytes_.remove_prefix(1);
        return byte;
    }
    std::size_t take_two() {
        const std::size_t high = take();
        return high * 256 + take();
    }
    std::string take_text() {
        const std::size_t wanted = take() % 32;
        const auto size = std::min(wanted, bytes_.size());
        std::string text{bytes_.substr(0, size)};
        bytes_.remove_prefix(size);
        return text;
    }

    remoting_command request() {
        const auto choice = take();
        auto command = requests()[choice % requests().size()];
        command.opaque = next_opaque_++;
        command.codec = choice >= 128 ? protocol::header_codec::binary : protocol::header_codec::json;
        return command;
    }

    /// One header field becomes something else: a number at an edge, or text of the script.
    void spoil_field(remoting_command& command) {
        constexpr const char* values[] = {"",
                                          "-1",
                                          "0",
                                          "2147483647",
                                          "-2147483648",
                                          "2147483648",
                                          "9223372036854775807",
                                          "-9223372036854775808",
                                          "true",
                                          "orders",
                                          "%RETRY%readers",
                                          "TBW102",
                                          "1e9",
                                          " 1",
                                          "null"};
        if (command.fields.size() == 0)
            return;
        const auto field = std::next(command.fields.begin(), static_cast<std::ptrdiff_t>(take() % command.fields.size()));
        const std::string name = field->first;
        const auto value = take();
        command.fields.set(name, value < 200 ? std::string{values[value % std::size(values)]} : take_text());
    }

    void step() {
        auto& client = clients_[take() % clients_.size()];
        if (!node_.is_open(client))
            client = node_.open();
        const auto frame = [](const remoting_command& command) { return protocol::encode_frame(command); };
        auto command = remoting_command{};
        switch (take() % 17) {
        case 0:
        case 1: return node_.send(client, frame(request()));
        case 2: { // one way
            command = request();
            command.flag = protocol::command_flag::oneway;
            return node_.send(client, frame(command));
        }
        case 3: { // an opaque number that is used already
            command = request();
            command.opaque = take() % 8;
            return node_.send(client, frame(command));
        }
        case 4:
        case 5: {
            command = request();
            spoil_field(command);
            return node_.send(client, frame(command));
        }
        case 6: { // a byte of the frame
            auto bytes = frame(request());
            bytes[take_two() % bytes.size()] ^= static_cast<char>(take());
            return node_.send(client, bytes);
        }
        case 7: { // half a frame; whatever comes next is taken for its rest
            const auto bytes = frame(request());
            return node_.send(client, std::string_view{bytes}.substr(0, take_two() % bytes.size()));
        }
        case 8: { // one byte at a time
            const auto bytes = frame(request());
            for (const char byte : std::string_view{bytes}.substr(0, 1'000))
                node_.send(client, {&byte, 1});
            return node_.send(client, std::string_view{bytes}.substr(std::min<std::size_t>(bytes.size(), 1'000)));
        }
        case 9: { // an answer, or a flag that means nothing
            command = request();
            command.flag = take();
            return node_.send(client, frame(command));
        }
        case 10: return node_.set_reading(client, take() % 2 == 0);
        case 11: return node_.advance(take() * 10ms);
        case 12: return node_.close(client);
        case 13: return node_.send(client, take_text());
        case 14: { // more at once than there is room for
            command = request();
            command.flag = take() % 2 == 0 ? protocol::command_flag::oneway : 0;
            std::string bytes;
            for (int count = take() % 32; count > 0; --count) {
                command.opaque = next_opaque_++;
                bytes += frame(command);
            }
            return node_.send(client, bytes);
        }
        case 15: { // the body
            command = request();
            auto body = std::string{command.body.view()};
            body.resize(std::min<std::size_t>(take(), body.size()));
            command.body = payload{body + take_text()};
            return node_.send(client, frame(command));
        }
        default: { // the answer to what the server asked of this client
            command.opaque = node_.oldest_push(client).value_or(0);
            command.flag = protocol::command_flag::response;
            command.code = take() % 4;
            command.body = payload{take_text()};
            return node_.send(client, frame(command));
        }
        }
    }

    /// A client that behaves is served whatever the others did.
    void check_serves() {
        const auto good = node_.open();
        remoting_command command;
        command.code = protocol::request_code::get_broker_runtime_info;
        command.opaque = 1;
        node_.send(good, protocol::encode_frame(command));
        fuzz::require(node_.is_open(good), "a client that behaves is served");
        node_.finish();
    }

    std::string_view bytes_;
    served_node node_;
    std::array<served_node::connection_id, 3> clients_;
    std::int32_t next_opaque_ = 1;
};

} // namespace

FUZZ_TARGET(bytes) {
    script{bytes}.run();
}
