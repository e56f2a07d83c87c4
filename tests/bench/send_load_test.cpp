#include "bench/load_generator.hpp"
#include "bench/raw_limits.hpp"
#include "testing/node.hpp"
#include "testing/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace troupe;
using namespace troupe::bench;

namespace {

/// Takes connections and never answers.
class silent_broker {
public:
    silent_broker() : socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
        REQUIRE(::listen(socket_, 16) == 0);
        REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
        port_ = ntohs(address.sin_port);
    }
    ~silent_broker() { ::close(socket_); }
    silent_broker(const silent_broker&) = delete;
    silent_broker& operator=(const silent_broker&) = delete;

    [[nodiscard]] protocol::host_address address() const { return *protocol::parse_host_address("127.0.0.1:" + std::to_string(port_)); }

private:
    int socket_;
    std::uint16_t port_ = 0;
};

} // namespace

TEST_CASE("send_load: what an open loop owed and got no answer for counts as late") {
    const silent_broker broker;
    send_load load;
    load.broker = broker.address();
    load.topic = "t";
    load.senders = 2;
    load.window = 4;
    load.rate = 1000;
    load.warm_up = std::chrono::milliseconds{0};
    load.measure = std::chrono::milliseconds{400};
    const auto report = run_send_load(load);
    REQUIRE(report.ok());
    CHECK(report->messages == 0);
    CHECK(report->overdue >= 390);
    CHECK(report->overdue <= 401);
    CHECK(report->latency.count() == report->overdue);
    CHECK(report->latency.max() >= 399'000'000);
    CHECK(report->latency.percentile(0.5) > 150'000'000);
}

TEST_CASE("send_load: a one-way load keeps to its rate, and counts what the queues hold") {
    testing::node node;
    REQUIRE(node.start().ok());
    const auto broker = protocol::parse_host_address(node.broker_address());
    REQUIRE(broker.ok());
    REQUIRE(run_create_topics(*broker, "oneway", 1, 2, 1).ok());
    send_load load;
    load.broker = *broker;
    load.topic = "oneway0";
    load.queues = 2;
    load.senders = 2;
    load.oneway = true;
    load.rate = 500;
    load.measure = std::chrono::milliseconds{1000};
    const auto report = run_send_load(load);
    REQUIRE_MESSAGE(report.ok(), (report.ok() ? "" : to_string(report.failure())));
    CHECK(report->messages + report->overdue >= 490);
    CHECK(report->messages <= 501);
}

TEST_CASE("raw_limits: dropping the page cache leaves nothing of the files in it, and reading brings them back") {
    const testing::temporary_directory directory;
    std::ofstream{directory.path() / "00000000000000000000"} << std::string(8u << 20, 'x');
    std::ofstream{directory.path() / "no-segment"} << std::string(1u << 20, 'x');
    REQUIRE(drop_page_cache(directory.path()).ok());
    CHECK(*cached_fraction(directory.path()) == 0);
    REQUIRE(raw_sequential_reads(directory.path(), 1u << 20).ok());
    CHECK(*cached_fraction(directory.path()) == 1);
}
