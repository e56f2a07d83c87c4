#include "actors/net/scribe.hpp"

#include <caf/io/abstract_broker.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/io/network/doorman_impl.hpp>
#include <caf/io/network/stream.hpp>
#include <caf/make_counted.hpp>
#include <caf/policy/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors::net {

namespace {

using caf::io::network::default_multiplexer;
using caf::io::network::rw_state;

/// CAF's stream, with such reads.
class stream final : public caf::io::network::stream {
public:
    using caf::io::network::stream::stream;

    void handle_event(caf::io::network::operation operation) override {
        reads_.emptied = false;
        handle_event_impl(operation, reads_);
    }

private:
    /// What CAF calls a policy: how a stream reads and writes.
    struct reads : caf::policy::tcp {
        bool emptied = false; ///< the socket had less than was asked for

        rw_state read_some(std::size_t& count, caf::io::network::native_socket socket, void* to, std::size_t size) {
            if (emptied)
                return rw_state::indeterminate; // ends the stream's loop
            const auto state = tcp::read_some(count, socket, to, size);
            emptied = state == rw_state::success && count < size;
            return state;
        }
    };
    reads reads_;
};

class tcp_scribe final : public caf::io::scribe {
public:
    tcp_scribe(default_multiplexer& backend, int socket)
        : scribe{caf::io::network::conn_hdl_from_socket(socket)}, stream_{backend, socket} {}

    void configure_read(caf::io::receive_policy::config config) override {
        stream_.configure_read(config);
        if (!std::exchange(launched_, true))
            stream_.start(this);
    }
    void ack_writes(bool enable) override { stream_.ack_writes(enable); }
    std::vector<char>& wr_buf() override { return stream_.wr_buf(); }
    std::vector<char>& rd_buf() override { return stream_.rd_buf(); }
    void graceful_shutdown() override {
        stream_.graceful_shutdown();
        detach(&stream_.backend(), false);
    }
    void flush() override { stream_.flush(this); }
    [[nodiscard]] std::string addr() const override {
        const auto address = caf::io::network::remote_addr_of_fd(stream_.fd());
        return address ? *address : std::string{};
    }
    [[nodiscard]] std::uint16_t port() const override {
        const auto port = caf::io::network::remote_port_of_fd(stream_.fd());
        return port ? *port : std::uint16_t{0};
    }
    void add_to_loop() override { stream_.activate(this); }
    void remove_from_loop() override { stream_.passivate(); }

private:
    bool launched_ = false;
    stream stream_;
};

/// CAF's doorman, whose connections are such scribes.
class tcp_doorman final : public caf::io::network::doorman_impl {
public:
    using caf::io::network::doorman_impl::doorman_impl;

    bool new_connection() override {
        if (detached()) // closed in this round of the multiplexer, which still had a connection for it
            return false;
        auto& backend = acceptor_.backend();
        auto connection = make_scribe(backend, acceptor_.accepted_socket());
        const auto handle = connection->hdl();
        parent()->add_scribe(std::move(connection));
        return doorman::new_connection(&backend, handle);
    }
};

/// CAF's only other multiplexer is for tests without sockets.
default_multiplexer& with_sockets(caf::io::network::multiplexer& backend) {
    return dynamic_cast<default_multiplexer&>(backend);
}

} // namespace

caf::io::scribe_ptr make_scribe(caf::io::network::multiplexer& backend, int socket) {
    return caf::make_counted<tcp_scribe>(with_sockets(backend), socket);
}

caf::io::doorman_ptr make_doorman(caf::io::network::multiplexer& backend, int socket) {
    return caf::make_counted<tcp_doorman>(with_sockets(backend), socket);
}

} // namespace troupe::actors::net
