#include "tests/interop/cxx/report.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <thread>

namespace interop {

namespace {

constexpr std::size_t body_shown_max = 200;

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, 4.2.2).
constexpr std::array<std::uint32_t, 64> round_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// One block of 64 bytes into the hash (FIPS 180-4, 6.2.2).
void hash_block(std::array<std::uint32_t, 8>& hash, const unsigned char* block) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t t = 0; t < 16; ++t)
        for (std::size_t i = 0; i < 4; ++i)
            w[t] = w[t] << 8 | block[4 * t + i];
    for (std::size_t t = 16; t < 64; ++t) {
        const auto s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
        const auto s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    auto v = hash;
    for (std::size_t t = 0; t < 64; ++t) {
        const auto sum1 = std::rotr(v[4], 6) ^ std::rotr(v[4], 11) ^ std::rotr(v[4], 25);
        const auto first = v[7] + sum1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + round_constants[t] + w[t];
        const auto sum0 = std::rotr(v[0], 2) ^ std::rotr(v[0], 13) ^ std::rotr(v[0], 22);
        const auto second = sum0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        v = {first + second, v[0], v[1], v[2], v[3] + first, v[4], v[5], v[6]};
    }
    for (std::size_t i = 0; i < hash.size(); ++i)
        hash[i] += v[i];
}

std::string sha256(std::string_view text) {
    std::string padded{text};
    padded += static_cast<char>(0x80);
    padded.append((64 + 56 - padded.size() % 64) % 64, '\0');
    for (int shift = 56; shift >= 0; shift -= 8)
        padded += static_cast<char>(static_cast<std::uint64_t>(text.size()) * 8 >> shift & 0xff);
    std::array<std::uint32_t, 8> hash{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    for (std::size_t at = 0; at < padded.size(); at += 64)
        hash_block(hash, reinterpret_cast<const unsigned char*>(padded.data()) + at);
    std::string hex;
    for (const auto word : hash) {
        std::array<char, 9> digits{};
        std::snprintf(digits.data(), digits.size(), "%08x", word);
        hex += digits.data();
    }
    return hex;
}

} // namespace

std::string shown(std::string_view body) {
    return body.size() <= body_shown_max ? std::string{body} : "sha256:" + sha256(body) + ":" + std::to_string(body.size());
}

bool reached(std::chrono::milliseconds within, const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + within;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return true;
}

void require(bool holds, const std::string& what) {
    if (!holds)
        throw std::runtime_error{"not reached in time: " + what};
}

// ---- the report -----------------------------------------------------------------------------------------------------

void report::sent(const std::string& body, const client::send_receipt& receipt) {
    const std::lock_guard lock{mutex_};
    sent_.push_back({{"body", body},
                     {"status", "SEND_OK"},
                     {"id", receipt.message_id},
                     {"offset_id", receipt.offset_message_id},
                     {"queue", receipt.queue.queue},
                     {"offset", receipt.offset.value()}});
}

void report::received(const std::string& member, const client::received_message& message) {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    const std::lock_guard lock{mutex_};
    received_.push_back({{"member", member},
                         {"id", message.message_id()},
                         {"topic", message.queue.topic},
                         {"queue", message.queue.queue},
                         {"offset", message.offset.value()},
                         {"body", shown(message.body.view())},
                         {"retries", message.reconsume_times},
                         {"born_at", message.born.value()},
                         {"at", now.count()},
                         {"properties", message.properties()}});
}

void report::fact(const std::string& name, nlohmann::json value) {
    const std::lock_guard lock{mutex_};
    facts_[name] = std::move(value);
}

std::size_t report::received_count() const {
    const std::lock_guard lock{mutex_};
    return received_.size();
}

std::string report::json() const {
    const std::lock_guard lock{mutex_};
    auto all = facts_;
    all["sent"] = sent_;
    all["received"] = received_;
    return all.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

// ---- what scenarios share -------------------------------------------------------------------------------------------

client::connection driver::connect() const {
    client::client_options options;
    options.name_servers = name_server;
    return must(client::connection::open(std::move(options)));
}

client::producer driver::make_producer() const {
    client::producer_options options;
    options.group = group + "-producer";
    options.retries_max = 0;
    options.send_timeout = std::chrono::seconds{15};
    return must(client::producer::open(connect(), std::move(options)));
}

client::message driver::make_message(const std::string& body) const {
    client::message m;
    m.topic = topic;
    m.body = body;
    return m;
}

void driver::send_over(client::producer& producer, const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) {
        const auto body = prefix + std::to_string(i);
        const auto number = static_cast<std::size_t>(i);
        const auto choice =
            client::queue_choice::by([number](std::span<const client::message_queue> queues) { return number % queues.size(); });
        report.sent(body, must(producer.send(make_message(body), choice)));
    }
}

void driver::expect(std::size_t count) {
    if (!reached(patience, [&] { return report.received_count() >= count; })) {
        report.fact("error", "received " + std::to_string(report.received_count()) + " of " + std::to_string(count));
        return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
}

std::shared_ptr<client::push_consumer> driver::make_consumer(const std::string& member, client::push_consumer_options options,
                                                             const client::message_selector& expression,
                                                             std::function<bool(const client::received_message&)> taken) {
    options.group = group;
    if (options.from != client::consume_from::timestamp)
        options.from = client::consume_from::first_offset;
    const auto consumer = std::make_shared<client::push_consumer>(
        must(client::push_consumer::open(connect(), std::move(options), [this, member, taken](const client::received_message& message) {
            report.received(member, message);
            return !taken || taken(message) ? client::consume_outcome::done : client::consume_outcome::retry_later;
        })));
    must(consumer->subscribe(topic, expression));
    must(consumer->start());
    consumers.push_back(consumer);
    return consumer;
}

void driver::push_all(std::size_t count) {
    make_consumer("reader", {});
    expect(count);
}

} // namespace interop
