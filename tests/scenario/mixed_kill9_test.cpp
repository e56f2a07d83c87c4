#include "client/client.hpp"
#include "testing/process_node.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/scenario/arguments.hpp"
#include "tests/scenario/load.hpp"
#include "tests/scenario/pop_history.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::client;

namespace {

using clock_type = std::chrono::system_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds patience{120};
constexpr int ordered_keys = 3;
constexpr std::int32_t redeliveries = 2;
constexpr std::uint64_t least_wanted = 10; ///< messages of each kind, or the test has shown nothing of it
constexpr int poppers = 2;
constexpr std::int32_t popped_at_once = 16;
constexpr milliseconds invisible{3'000}; // much longer than a restart takes, so that handles and leases go over kills
constexpr milliseconds held_for{1'000};
const std::vector<std::string> topics{"ordered", "delayed", "timed", "transactions", "failing", "filtered", "popped"};

timestamp_ms now_ms() {
    return timestamp_ms{std::chrono::duration_cast<milliseconds>(clock_type::now().time_since_epoch()).count()};
}

/// What a test sent of one kind of message, and what it got. Ids are "<sender>-<number>". Safe from any thread.
class ledger {
public:
    explicit ledger(std::string kind) : kind_{std::move(kind)} {}

    /// It may not come sooner than so long from now, as brokers count: in whole milliseconds.
    void sending(const std::string& id, milliseconds delay = {}) {
        const std::lock_guard lock{mutex_};
        sent_[id] = std::chrono::floor<milliseconds>(clock_type::now()) + delay;
    }
    /// From here on it must come at least once; or, unless it came before, never.
    void must_come(const std::string& id) {
        const std::lock_guard lock{mutex_};
        if (wanted_.insert(id).second && !seen_.contains(id))
            missing_.insert(id);
    }
    void must_not_come(const std::string& id) {
        const std::lock_guard lock{mutex_};
        forbidden_.insert(id);
        if (seen_.contains(id))
            problems_.push_back(kind_ + ": " + id + " came, and must not");
    }
    void came(const std::string& id) {
        const auto now = clock_type::now();
        const std::lock_guard lock{mutex_};
        ++deliveries_;
        missing_.erase(id);
        const auto at = sent_.find(id);
        if (at == sent_.end())
            problems_.push_back(kind_ + ": nobody sent " + id);
        else if (now < at->second)
            problems_.push_back(kind_ + ": " + id + " came " +
                                std::to_string(std::chrono::duration_cast<milliseconds>(at->second - now).count()) + " ms early");
        if (forbidden_.contains(id))
            problems_.push_back(kind_ + ": " + id + " came, and must not");
        const auto dash = id.find('-');
        const auto number = std::stoll(id.substr(dash + 1));
        if (!seen_.insert(id).second)
            return;
        const auto [last, is_first] = last_.emplace(id.substr(0, dash), number);
        if (!is_first && number < last->second)
            ++out_of_order_;
        last->second = std::max<long long>(last->second, number);
    }

    [[nodiscard]] bool complete() const {
        const std::lock_guard lock{mutex_};
        return missing_.empty();
    }
    [[nodiscard]] std::uint64_t wanted() const {
        const std::lock_guard lock{mutex_};
        return wanted_.size();
    }
    [[nodiscard]] std::uint64_t forbidden() const {
        const std::lock_guard lock{mutex_};
        return forbidden_.size();
    }
    /// First deliveries behind one of a later message of the same sender.
    [[nodiscard]] std::uint64_t out_of_order() const {
        const std::lock_guard lock{mutex_};
        return out_of_order_;
    }
    void check() const {
        const std::lock_guard lock{mutex_};
        CHECK_MESSAGE(missing_.empty(),
                      kind_ << ": " << missing_.size() << " are missing, the first is " << (missing_.empty() ? "" : *missing_.begin()));
        CHECK_MESSAGE(problems_.empty(), (problems_.empty() ? "" : problems_.front()) << " (" << problems_.size() << " problems)");
        CHECK(wanted_.size() >= least_wanted);
        MESSAGE(kind_ << ": " << wanted_.size() << " of " << sent_.size() << " must come, " << forbidden_.size() << " must not, "
                      << deliveries_ << " deliveries");
    }

private:
    const std::string kind_;
    mutable std::mutex mutex_;
    std::map<std::string, clock_type::time_point> sent_; ///< with the moment before which none may come
    std::set<std::string> wanted_;
    std::set<std::string> forbidden_;
    std::set<std::string> seen_;
    std::set<std::string> missing_;
    std::map<std::string, long long> last_;
    std::vector<std::string> problems_;
    std::uint64_t deliveries_ = 0;
    std::uint64_t out_of_order_ = 0;
};

/// Threads that do one thing again and again until they are told to stop.
class workers {
public:
    workers() = default;
    workers(const workers&) = delete;
    workers& operator=(const workers&) = delete;
    ~workers() { stop(); }

    void add(std::function<void(int)> work) {
        threads_.emplace_back([this, work = std::move(work)] {
            for (int i = 0; !stopping_; ++i)
                work(i);
        });
    }
    void stop() {
        stopping_ = true;
        for (auto& each : threads_)
            each.join();
        threads_.clear();
    }

private:
    std::atomic<bool> stopping_{false};
    std::vector<std::thread> threads_;
};

std::string id_of(const received_message& m) {
    return std::string{m.body.view()};
}
long long number_of(const std::string& id) {
    return std::stoll(id.substr(id.find('-') + 1));
}

message make(const std::string& topic, const std::string& id) {
    message m;
    m.topic = topic;
    m.body = id;
    return m;
}

producer_options patient() {
    producer_options options;
    options.group = "mixed-producers";
    options.send_timeout = milliseconds{10'000};
    options.retries_max = 20;
    return options;
}

transaction_outcome decision_of(const std::string& id) {
    return number_of(id) % 3 == 0 ? transaction_outcome::roll_back : transaction_outcome::commit;
}

/// A node, everything that is sent to it, and everybody who reads from it.
class mixture {
public:
    explicit mixture(const connection& via) : via_{via}, producer_{must(producer::open(via, patient()))} {
        for (const auto& topic : topics) {
            topic_config config;
            config.name = topic;
            config.read_queues = config.write_queues = 4;
            REQUIRE(scenario::eventually(patience, [&] { return admin{via}.put_topic(config).ok(); }));
        }
        open_transactions();
        read();
        pop();
        send();
    }

    /// What was acknowledged so far, of all kinds.
    /// Whether a popped message is out that is to be acknowledged later.
    [[nodiscard]] bool is_holding() const { return held_ > 0; }
    [[nodiscard]] bool has_enough() const {
        return std::all_of(ledgers_.begin(), ledgers_.end(), [](const auto* kind) { return kind->wanted() >= least_wanted; });
    }
    [[nodiscard]] std::uint64_t progress() const {
        std::uint64_t all = 0;
        for (const auto* each : ledgers_)
            all += each->wanted() + each->forbidden();
        return all + pops_.acknowledgements();
    }
    void broker_dies() { pops_.broker_dies(); }
    void broker_died() { pops_.broker_died(); }
    void stop_sending() { senders_.stop(); }
    [[nodiscard]] bool complete() const {
        return pops_.complete() && std::all_of(ledgers_.begin(), ledgers_.end(), [](const ledger* each) { return each->complete(); });
    }
    void check() {
        for (auto& consumer : consumers_)
            consumer.stop();
        popping_.stop();
        for (const auto* each : ledgers_)
            each->check();
        CHECK(ordered_.out_of_order() == 0);
        CHECK(recalled_.forbidden() > 0);
        CHECK(transactions_.forbidden() > 0);
        check_pops();
    }
    /// Dead letters have no subscriber: they are looked for in their topic.
    void look_for_dead_letters() {
        pull_consumer_options options;
        options.group = "undertaker";
        auto reader = must(pull_consumer::open(via_, options));
        const auto assigned = [&] {
            auto queues = reader.queues("%DLQ%failing");
            const auto popped = reader.queues("%DLQ%popping");
            if (!queues || !popped)
                return false;
            queues->insert(queues->end(), popped->begin(), popped->end());
            return reader.assign(*queues, seek_target::first()).ok();
        };
        REQUIRE(scenario::eventually(patience, assigned));
        scenario::eventually(patience, [&] {
            for (const auto& m : reader.poll(milliseconds{100})) {
                if (m.queue.topic == "%DLQ%popping")
                    pops_.dead_letter(id_of(m), m.stored);
                else
                    dead_.came(id_of(m));
            }
            return dead_.complete() && pops_.complete();
        });
    }

private:
    template <class T>
    static T must(result<T> made) {
        REQUIRE_MESSAGE(made.ok(), (made.ok() ? "" : to_string(made.failure())));
        return std::move(made).value();
    }

    void open_transactions() {
        transaction_producer_options options;
        options.sending = patient();
        options.sending.group = "mixed-transactions";
        options.topics = {"transactions"};
        transaction_producer_.emplace(must(transaction_producer::open(
            via_, [](const received_message& half) { return decision_of(id_of(half)); }, options)));
    }

    void read() {
        subscribe("ordered", {}, true, [this](const received_message& m) {
            ordered_.came(id_of(m));
            return consume_outcome::done;
        });
        subscribe("delayed", {}, false, [this](const received_message& m) {
            delayed_.came(id_of(m));
            return consume_outcome::done;
        });
        subscribe("timed", {}, false, [this](const received_message& m) {
            (id_of(m).starts_with("recalled") ? recalled_ : timed_).came(id_of(m));
            return consume_outcome::done;
        });
        subscribe("transactions", {}, false, [this](const received_message& m) {
            transactions_.came(id_of(m));
            return consume_outcome::done;
        });
        subscribe("failing", {}, false, [this](const received_message& m) {
            const auto id = id_of(m);
            if (id.starts_with("dead"))
                return consume_outcome::retry_later;
            if (m.reconsume_times == 0)
                return consume_outcome::retry_later;
            failing_.came(id);
            return consume_outcome::done;
        });
        subscribe("filtered", message_selector::sql92("number > 6 AND colour IN ('red', 'blue')"), false,
                  [this](const received_message& m) {
                      filtered_.came(id_of(m));
                      return consume_outcome::done;
                  });
    }

    void pop() {
        group_config group;
        group.name = "popping";
        group.retry_max = redeliveries;
        REQUIRE(scenario::eventually(patience, [&] { return admin{via_}.put_group(group).ok(); }));
        pop_options options;
        options.group = group.name;
        options.topic = "popped";
        options.messages_max = popped_at_once;
        options.invisible = invisible;
        for (int each = 0; each < poppers; ++each)
            popping_.add([this, one = popper{must(pop_consumer::open(via_, options)), {}}](int) mutable { pop_once(one); });
    }

    /// One thread's consumer, and what it is still working at.
    struct popper {
        pop_consumer consumer;
        std::vector<popped_message> held;
    };

    /// What becomes of a message is in its name: "popped" ones are done at once, "held" ones shortly before their time is over, "lapsed"
    /// ones when it was over once, "nacked" ones when they were given back once; of "buried" ones nobody is ever done.
    void pop_once(popper& by) {
        const auto before = by.held.size();
        std::vector<popped_message> popped;
        scenario::eventually(milliseconds{200}, [&] {
            auto some = by.consumer.pop(milliseconds{200});
            if (some.ok()) {
                popped = *std::move(some);
                return true;
            }
            if (some.code() == errc::connection_lost || some.code() == errc::timed_out)
                pops_.pop_unanswered();
            return false;
        });
        for (const auto& one : popped)
            pops_.delivered(id_of(one.message), handle_of(one), one.message.reconsume_times, invisible.count());
        const auto is_held_enough = [now = now_ms()](const popped_message& one) {
            return one.popped.value() + held_for.count() <= now.value();
        };
        const auto rest = std::stable_partition(by.held.begin(), by.held.end(), is_held_enough);
        std::vector<popped_message> done{by.held.begin(), rest};
        by.held.erase(by.held.begin(), rest);
        for (auto& one : popped) {
            const auto id = id_of(one.message);
            const bool is_first = one.message.reconsume_times == 0;
            if (id.starts_with("popped") || (!id.starts_with("buried") && !is_first))
                done.push_back(one);
            else if (id.starts_with("held"))
                by.held.push_back(one);
            else if (id.starts_with("nacked") || (id.starts_with("buried") && number_of(id) % 2 == 0))
                give_back(by.consumer, one, milliseconds{number_of(id) % 3 * 700});
        }
        acknowledge(by, done);
        held_ += static_cast<int>(by.held.size()) - static_cast<int>(before);
    }

    void acknowledge(popper& by, const std::vector<popped_message>& done) {
        for (const auto& one : done)
            pops_.acknowledging(handle_of(one));
        const bool is_done = !done.empty() && by.consumer.acknowledge(done).ok();
        for (const auto& one : done) {
            if (is_done)
                pops_.acknowledged(handle_of(one), now_ms());
            else if (id_of(one.message).starts_with("held") && one.popped.value() + invisible.count() > now_ms().value())
                by.held.push_back(one); // once more as long as its time lasts: these are to be done when the broker is back
        }
    }

    void give_back(pop_consumer& consumer, popped_message& one, milliseconds pause) {
        const auto before = handle_of(one);
        pops_.changing(before, now_ms(), pause.count());
        const auto changed = consumer.change_invisible_time(one, pause);
        if (changed.ok())
            pops_.changed(before, one.popped, pause.count());
        else if (changed.code() == errc::operation_illegal || changed.code() == errc::message_illegal)
            pops_.change_refused(before, now_ms());
    }

    static scenario::pop_history::handle handle_of(const popped_message& one) {
        return {{scenario::to_text(one.message.queue), one.message.offset.value()}, one.popped};
    }

    void check_pops() const {
        const auto all = pops_.judge();
        CHECK_MESSAGE(all.problems.empty(),
                      "pops: " << (all.problems.empty() ? "" : all.problems.front()) << " (" << all.problems.size() << " problems)");
        CHECK(all.after_a_kill > 0);
        CHECK(all.kept_over_a_kill > 0);
        CHECK(all.dead > 0);
        CHECK(all.settled_in_time > 10);
        CHECK(all.deliveries_unseen <= all.pops_unanswered * popped_at_once);
        MESSAGE("pops: " << all.deliveries << " deliveries, " << all.redeliveries << " of them again, " << all.after_a_kill
                         << " of these after a kill; " << all.deliveries_unseen << " unseen, of " << all.pops_unanswered
                         << " pops without an answer; " << all.settled_in_time << " acknowledged in time, " << all.kept_over_a_kill
                         << " of these with a handle from before a kill, " << all.without_an_answer << " without an answer; " << all.dead
                         << " dead letters, " << all.dead_letters_again << " once more");
    }

    void subscribe(const std::string& name, const message_selector& wanted, bool ordered, push_consumer::handler handle) {
        push_consumer_options options;
        options.group = name;
        options.from = consume_from::first_offset;
        options.ordered = ordered;
        options.redeliveries_max = redeliveries;
        options.commit_interval = milliseconds{300};
        options.handler_threads = 2;
        consumers_.push_back(must(push_consumer::open(via_, options, std::move(handle))));
        REQUIRE(consumers_.back().subscribe(name, wanted).ok());
        REQUIRE(consumers_.back().start().ok());
    }

    void send() {
        for (int key = 0; key < ordered_keys; ++key)
            senders_.add([this, key](int i) {
                const auto id = std::to_string(key) + "-" + std::to_string(i);
                ordered_.sending(id);
                if (producer_.send(make("ordered", id), queue_choice::by_key(std::to_string(key))).ok())
                    ordered_.must_come(id);
            });
        senders_.add([this](int i) { send_delayed("delayed-" + std::to_string(i), i % 3 + 1); });
        senders_.add([this](int i) { send_timed("timed-" + std::to_string(i), milliseconds{(i * 37) % 3'000 + 1}); });
        senders_.add([this](int i) { send_recalled("recalled-" + std::to_string(i)); });
        senders_.add([this](int i) { send_transaction("transaction-" + std::to_string(i)); });
        senders_.add([this](int i) { send_failing((i % 4 == 0 ? "dead-" : "failing-") + std::to_string(i)); });
        senders_.add([this](int i) { send_batch(i * 10); });
        senders_.add([this](int i) {
            constexpr std::array kinds{"popped-", "held-", "popped-", "lapsed-", "nacked-", "popped-", "held-", "buried-"};
            send_popped(kinds.at(static_cast<std::size_t>(i) % kinds.size()) + std::to_string(i));
        });
    }

    void send_delayed(const std::string& id, std::int32_t level) {
        auto m = make("delayed", id);
        m.delay_level = level;
        delayed_.sending(id, milliseconds{100 * level});
        if (producer_.send(m).ok())
            delayed_.must_come(id);
    }

    void send_timed(const std::string& id, milliseconds delay) {
        auto m = make("timed", id);
        m.deliver_after = delay;
        timed_.sending(id, delay);
        if (producer_.send(m).ok())
            timed_.must_come(id);
    }

    void send_recalled(const std::string& id) {
        auto m = make("timed", id);
        m.deliver_after = milliseconds{4'000};
        recalled_.sending(id, milliseconds{4'000});
        const auto sent = producer_.send(m);
        if (!sent)
            return;
        if (number_of(id) % 2 == 0 && sent->attempts == 1 && producer_.recall("timed", sent->recall_handle).ok())
            recalled_.must_not_come(id); // a repeated send may have left a second one, which has a handle of its own
        else if (number_of(id) % 2 == 1)
            recalled_.must_come(id);
    }

    void send_transaction(const std::string& id) {
        transactions_.sending(id);
        if (decision_of(id) == transaction_outcome::roll_back)
            transactions_.must_not_come(id);
        const bool says_nothing = number_of(id) % 5 == 0; // the broker has to ask
        const auto sent = transaction_producer_->send(
            make("transactions", id), [&](const send_receipt&) { return says_nothing ? transaction_outcome::unknown : decision_of(id); });
        if (sent.ok() && decision_of(id) == transaction_outcome::commit)
            transactions_.must_come(id);
    }

    void send_failing(const std::string& id) {
        auto& kind = id.starts_with("dead") ? dead_ : failing_;
        kind.sending(id);
        if (producer_.send(make("failing", id)).ok())
            kind.must_come(id);
    }

    void send_popped(const std::string& id) {
        pops_.sending(id);
        if (const auto sent = producer_.send(make("popped", id)); sent.ok())
            pops_.stored(id, sent->attempts);
    }

    void send_batch(int first) {
        std::vector<message> batch;
        for (int i = first; i < first + 10; ++i) {
            auto m = make("filtered", "filtered-" + std::to_string(i));
            m.properties["number"] = std::to_string(i % 10);
            m.properties["colour"] = i % 2 == 0 ? "red" : "green";
            filtered_.sending(m.body);
            batch.push_back(std::move(m));
        }
        const bool stored = producer_.send_batch(batch).ok();
        for (int i = first; i < first + 10; ++i) {
            const auto id = "filtered-" + std::to_string(i);
            if (i % 10 <= 6 || i % 2 != 0)
                filtered_.must_not_come(id);
            else if (stored)
                filtered_.must_come(id);
        }
    }

    connection via_;
    ledger ordered_{"ordered"};
    ledger delayed_{"delayed"};
    ledger timed_{"timed"};
    ledger recalled_{"recalled"};
    ledger transactions_{"transactions"};
    ledger failing_{"failing"};
    ledger dead_{"dead letters"};
    ledger filtered_{"filtered"};
    std::vector<const ledger*> ledgers_{&ordered_, &delayed_, &timed_, &recalled_, &transactions_, &failing_, &dead_, &filtered_};
    scenario::pop_history pops_{redeliveries + 1};
    producer producer_;
    std::optional<transaction_producer> transaction_producer_;
    std::vector<push_consumer> consumers_;
    std::atomic<int> held_{0}; ///< messages that poppers keep for a while
    workers popping_;
    workers senders_;
};

} // namespace

// Goal: a broker that is killed under all kinds of messages at once keeps what each kind promises: acknowledged ones come; delayed and
//       timed ones never early; recalled and rolled-back ones never; failed ones again, then to the dead letters; order stays; a filter
//       lets nothing else through; popped ones come again when their time is over, never earlier, never after they were acknowledged, and
//       so often as their group allows.
// How:  a real node is killed with SIGKILL after a random number of acknowledgements, and started again on the same store.
TEST_CASE("a node that is killed under every kind of message keeps what each kind promises") {
    const auto& told = scenario::given();
    const int rounds = std::max(2, told.rounds / 4);
    std::mt19937_64 random{told.seed};
    testing::temporary_directory directory{"troupe-mixed-kill9"};
    testing::process_node_options options;
    options.directory = directory.path();
    options.runs_name_server = options.runs_broker = true;
    options.more_broker_json =
        R"("delay_levels": "100ms 200ms 300ms 400ms 500ms", "transaction": {"timeout": "1s", "check_interval": "1s"})";
    options.more_store_json = R"("segment_size": "8MiB", "checkpoint_size": "1MiB")";
    testing::process_node node{options};
    const auto started = node.start();
    REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : to_string(started.failure())));
    client_options connecting;
    connecting.name_servers = node.name_server_address();
    connecting.route_refresh = milliseconds{500};
    auto via = connection::open(connecting);
    REQUIRE(via.ok());
    mixture all{*via};
    for (int round = 0; round < rounds; ++round) {
        const auto until = all.progress() + 100 + random() % 1'000;
        const bool flowing = scenario::eventually(patience, [&] { return all.progress() >= until && all.is_holding(); });
        if (!flowing)
            node.print_log();
        REQUIRE_MESSAGE(flowing, "round " << round << ": no progress");
        all.broker_dies();
        node.kill();
        all.broker_died();
        const auto again = node.start();
        REQUIRE_MESSAGE(again.ok(), (again.ok() ? "" : to_string(again.failure())));
    }
    CHECK(scenario::eventually(patience, [&] { return all.has_enough(); }));
    all.stop_sending();
    all.look_for_dead_letters();
    if (!scenario::eventually(patience, [&] { return all.complete(); }))
        node.print_log();
    all.check();
}
