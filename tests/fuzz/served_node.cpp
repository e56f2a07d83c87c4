#include "tests/fuzz/served_node.hpp"

#include "actors/base/log.hpp"
#include "actors/name_server/name_server.hpp"
#include "actors/net/broker_listener.hpp"
#include "protocol/request_code.hpp"
#include "protocol/vocabulary/limits.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace troupe::fuzz {

using namespace actors;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t read_bytes = net::connection_buffer::busy_read_bytes;
constexpr std::size_t write_high_water_bytes = 64u << 10;
constexpr std::size_t unsent_bytes_max = 1u << 20;

/// So small that a few frames reach every bound.
net::gateway_options narrow_gateway() {
    net::gateway_options options;
    options.requests_per_connection_max = 8;
    options.oneway_requests_pause = 4;
    options.in_flight_bytes_per_connection_max = 64u << 10;
    options.session_requests_max = 8;
    options.session_requests_at_once = 2;
    options.unsent_answer_bytes_max = 16u << 10;
    return options;
}

broker_options small_broker() {
    broker_options options;
    options.store.directory = "/store";
    options.store.segment_bytes = 1u << 20;
    options.store.disk_reserve_bytes = 0;
    options.store_host = {{127, 0, 0, 1}, false, 10911};
    options.hold_max = 3s;
    options.append_pending_bytes_max = 128u << 10;
    options.auto_create_topics = true;
    options.topics_max = options.groups_max = 40;
    return options;
}

} // namespace

served_node::served_node() {
    set_log_sink([](log_level, std::string_view) {}); // thousands of starts
    auto options = small_broker();
    options.now = world_.wall_clock();
    auto started = broker_node::start(world_.system(), std::move(options), files_);
    require(started.ok(), "a broker on an empty disk starts");
    node_ = std::move(*started);
    name_server_ = spawn_name_server(world_.system());
    actor_ = world_.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
        self_ = self;
        self->monitor(node_->broker());
        self->monitor(node_->log_writer());
        self->set_down_handler([this](const caf::down_msg& message) {
            require(ending_ || message.reason == caf::exit_reason::user_shutdown, "neither a role nor a session ends by itself");
        });
        return {
            [this](const records_appended& message) { gateway_->handle(message); },
            [this](const pull_answered& message) { gateway_->handle(message); },
            [this](const pop_answered& message) { gateway_->handle(message); },
            [this](const net::session_answered& message) { gateway_->handle(message); },
            [this](const net::client_question& message) -> caf::result<transaction_check_sent> {
                if (const auto sent = gateway_->handle(message); !sent)
                    return make_caf_error(sent.failure());
                return transaction_check_sent{};
            },
        };
    });
    gateway_ =
        std::make_unique<net::gateway>(*this, net::gateway_roles{net::entry_of(*node_), name_server_, name_server_}, narrow_gateway());
    settle();
}

served_node::~served_node() {
    ending_ = true;
    for (const auto& entry : connections_)
        gateway_->connection_closed(entry.first);
    settle();
    stop_broker();
    caf::anon_send_exit(name_server_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
    world_.run();
    set_log_sink({});
}

void served_node::stop_broker() {
    for (const auto& role : node_->finish_order()) {
        caf::anon_send(role, actors::finish{});
        world_.advance(3s, 500ms);
    }
}

// ---- the peers ------------------------------------------------------------------------------------------------------

served_node::connection_id served_node::open() {
    const connection_id id{++opened_};
    connections_[id];
    gateway_->connection_opened(id, *protocol::parse_host_address("10.0.0.9:4711"));
    return id;
}

std::optional<std::int32_t> served_node::oldest_push(connection_id connection) {
    auto* each = find(connection);
    if (each == nullptr || each->pushes.empty())
        return std::nullopt;
    const auto opaque = each->pushes.front();
    each->pushes.pop_front();
    return opaque;
}

bool served_node::is_open(connection_id connection) const {
    return connections_.contains(connection);
}

served_node::peer* served_node::find(connection_id id) {
    const auto found = connections_.find(id);
    return found == connections_.end() ? nullptr : &found->second;
}

void served_node::send(connection_id connection, std::string_view bytes) {
    auto* each = find(connection);
    if (each == nullptr)
        return;
    note_sent(*each, bytes);
    each->socket += bytes;
    deliver(connection);
    settle();
}

void served_node::set_reading(connection_id connection, bool reads) {
    auto* each = find(connection);
    if (each == nullptr)
        return;
    each->reads = reads;
    if (!reads)
        return;
    each->unsent = 0;
    gateway_->connection_drained(connection);
    if (each->halted)
        resume(connection);
    settle();
}

void served_node::close(connection_id connection) {
    if (connections_.erase(connection) > 0)
        gateway_->connection_closed(connection);
    settle();
}

void served_node::advance(std::chrono::milliseconds by) {
    constexpr auto step = 100ms;
    for (; by > 0ms; by -= step) {
        world_.scheduler().advance_time(step);
        since_expire_ += step;
        if (since_expire_ >= 1s) {
            since_expire_ = 0ms;
            gateway_->expire();
        }
        settle();
    }
}

void served_node::finish() {
    std::vector<connection_id> all;
    for (const auto& entry : connections_)
        all.push_back(entry.first);
    for (int round = 0; round < 3; ++round) { // what waited for its peer to read may take as long as any request
        for (const auto id : all)
            set_reading(id, true);
        advance(12s);
    }
    for (const auto& [id, each] : connections_) {
        require(!each.halted && each.socket.empty(), "no connection is paused for ever");
        require(!each.broken, "a stream that cannot be decoded costs its connection");
        for (const auto& [opaque, count] : each.owed)
            require(count == 0, "every two-way request is answered");
    }
    require(gateway_->outstanding() == 0 && gateway_->is_idle(), "nothing is left of requests that were answered");
    require(node_->append_admission()->under_way() == 0, "every byte that was let in for an append is given back");
    require(node_->lookup_admission()->under_way() == 0, "every lookup that was let in is given back");
    require(node_->timer_admission()->under_way() == 0, "every order to the timers that was let in is given back");
    for (const auto id : all)
        close(id);
    advance(1s);
    require(node_->metrics()->pulls_held == 0, "no pull outlives its connection");
}

// ---- the books ------------------------------------------------------------------------------------------------------

void served_node::note_sent(peer& each, std::string_view bytes) {
    each.stream += bytes;
    while (!each.broken) {
        const auto size = protocol::frame_size(each.stream);
        each.broken = !size.ok();
        if (each.broken || !size->has_value() || **size > each.stream.size())
            return;
        const auto command = protocol::decode_frame(payload{each.stream.substr(0, **size)});
        each.broken = !command.ok();
        if (each.broken)
            return;
        each.stream.erase(0, **size);
        if (!command->is_response() && !command->is_oneway())
            ++each.owed[command->opaque];
    }
}

void served_node::write(connection_id connection, std::string_view head, const payload& body) {
    auto* each = find(connection);
    if (each == nullptr || std::find(failed_.begin(), failed_.end(), connection) != failed_.end())
        return;
    const auto bytes = head.size() + body.size();
    if (each->unsent > 0 && each->unsent + bytes > unsent_bytes_max)
        return fail(connection, "its peer does not read");
    if (!each->reads)
        each->unsent += bytes;
    const auto command = protocol::decode_frame(payload{std::string{head} + std::string{body.view()}});
    require(command.ok(), "what is sent to a client can be decoded");
    if (!command->is_response()) {
        const bool wants_none = command->code == protocol::request_code::notify_consumer_ids_changed ||
                                command->code == protocol::request_code::check_transaction_state;
        require(command->is_oneway() == wants_none,
                "of what is sent to a client only the notice and the question about a transaction want no answer");
        if (!command->is_oneway())
            each->pushes.push_back(command->opaque);
        return;
    }
    const auto owed = each->owed.find(command->opaque);
    require(owed != each->owed.end() && owed->second > 0, "nothing is answered that was not asked, and nothing twice");
    --owed->second;
}

std::size_t served_node::unsent_bytes(connection_id connection) {
    const auto* each = find(connection);
    return each == nullptr ? 0 : each->unsent;
}

void served_node::watch(const net::session_actor& session) {
    self_->monitor(session);
}

// ---- what a listener does -------------------------------------------------------------------------------------------

void served_node::fail(connection_id connection, std::string_view) {
    const auto* each = find(connection);
    if (each == nullptr)
        return;
    require(each->unsent > 0, "the host is asked to drop a connection only when its peer does not read");
    failed_.push_back(connection);
}

void served_node::deliver(connection_id id) {
    for (auto* each = find(id); each != nullptr && !each->halted && !each->socket.empty(); each = find(id)) {
        const auto bytes = std::min(each->socket.size(), read_bytes);
        each->in.receive({each->socket.data(), bytes});
        each->socket.erase(0, bytes);
        require(each->in.size() <= limits::frame_bytes_max + read_bytes, "at most one unfinished frame and one read are kept");
        if (!pump(id))
            return;
    }
}

bool served_node::pump(connection_id id) {
    auto& each = *find(id);
    const bool unread = each.unsent > write_high_water_bytes;
    if (!unread && !handle_frames(id, each))
        return false;
    each.halted = unread || gateway_->wants_pause(id);
    return true;
}

bool served_node::handle_frames(connection_id id, peer& each) {
    std::vector<payload> frames;
    const auto taken = each.in.take_frames(frames);
    const auto received = gateway_->receive(id, frames);
    if (taken && received)
        return true;
    require(each.broken, "a connection whose bytes can be decoded is not dropped");
    connections_.erase(id);
    gateway_->connection_closed(id);
    return false;
}

void served_node::read_again(connection_id id) {
    auto* each = find(id);
    if (each == nullptr || !each->halted || each->unsent > write_high_water_bytes)
        return;
    if (!gateway_->go_on(id)) {
        require(each->broken, "frames that waited are not refused later");
        connections_.erase(id);
        gateway_->connection_closed(id);
        return;
    }
    if (gateway_->wants_pause(id) || !handle_frames(id, *each) || gateway_->wants_pause(id))
        return;
    each->halted = false;
    deliver(id);
}

void served_node::drop_failed() {
    for (const auto id : std::exchange(failed_, {}))
        if (connections_.erase(id) > 0)
            gateway_->connection_closed(id);
}

void served_node::settle() {
    const auto options = narrow_gateway();
    do {
        if (std::exchange(flush_, false))
            gateway_->flush();
        world_.run();
        drop_failed();
        for (const auto id : std::exchange(resumed_, {}))
            read_again(id);
        require(gateway_->outstanding() <= opened_ * (options.requests_per_connection_max + options.oneway_requests_pause),
                "requests under way are bounded");
    } while (flush_ || !resumed_.empty() || !failed_.empty());
}

} // namespace troupe::fuzz
