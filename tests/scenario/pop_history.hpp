#pragma once

#include "protocol/vocabulary/ids.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::scenario {

/// What one group did with messages that it popped, noted while it happens and judged afterwards by what docs/states/pop.md promises.
/// Times are of this machine's clock, which is the broker's, too.
///
/// Threads  safe from any.
class pop_history {
public:
    /// One message in one place: (topic, broker, queue number) as text, and its offset.
    struct place {
        std::string queue;
        std::int64_t offset = 0;
        friend auto operator<=>(const place&, const place&) = default;
    };
    /// One delivery of it, which its handle names.
    struct handle {
        place where;
        timestamp_ms popped;
        friend auto operator<=>(const handle&, const handle&) = default;
    };

    explicit pop_history(std::int32_t deliveries_max) : deliveries_max_{deliveries_max} {}

    void sending(const std::string& id);
    /// It was stored, and must be settled: by an acknowledgement, or among the dead letters. `attempts` over 1: there may be several of it.
    void stored(const std::string& id, int attempts);

    void delivered(const std::string& id, const handle& delivery, std::int32_t delivered_before, std::int64_t invisible_ms);
    /// An acknowledgement is on its way, and was answered with success.
    void acknowledging(const handle& delivery);
    void acknowledged(const handle& delivery, timestamp_ms answered);
    /// The same for a change of the invisible time, which gives the delivery another handle, `after`. Refused: the broker says that
    /// `delivery` is not the last one's handle, or that it is done.
    void changing(const handle& delivery, timestamp_ms asked, std::int64_t invisible_ms);
    void changed(const handle& delivery, timestamp_ms after, std::int64_t invisible_ms);
    void change_refused(const handle& delivery, timestamp_ms answered);
    /// A pop was not answered: what it took, if anything, is out, and nobody has it.
    void pop_unanswered();
    /// Around a kill. What is asked before and answered after it may have been asked twice.
    void broker_dies();
    void broker_died();
    void dead_letter(const std::string& id, timestamp_ms stored);

    /// Every stored message is settled. An acknowledgement without an answer settles, too, until its message comes again.
    [[nodiscard]] bool complete() const;
    [[nodiscard]] std::uint64_t acknowledgements() const; ///< answered ones

    /// What was merely worth counting, and what must not be.
    struct verdict {
        std::uint64_t deliveries = 0;
        std::uint64_t redeliveries = 0;       ///< each after its lease was over, and without an acknowledgement that counts
        std::uint64_t after_a_kill = 0;       ///< of these: the delivery before was made before a kill
        std::uint64_t kept_over_a_kill = 0;   ///< acknowledged for good after a kill, with a handle that was given out before it
        std::uint64_t settled_in_time = 0;    ///< acknowledged for good
        std::uint64_t without_an_answer = 0;  ///< acknowledgements
        std::uint64_t deliveries_unseen = 0;  ///< the broker counted them, and nobody has got them
        std::uint64_t pops_unanswered = 0;    ///< each explains as many unseen ones as a pop may take
        std::uint64_t dead = 0;               ///< messages among the dead letters
        std::uint64_t dead_letters_again = 0; ///< second letters of them
        std::vector<std::string> problems;
    };
    [[nodiscard]] verdict judge() const;

private:
    struct change {
        timestamp_ms asked;
        std::int64_t invisible_ms = 0;
        int round = 0; ///< of its asking
        bool answered = false;
    };
    struct delivery_notes {
        std::string id;
        timestamp_ms popped;  ///< of its first handle
        timestamp_ms current; ///< of its last handle
        timestamp_ms visible; ///< not again before
        std::int32_t before = 0;
        int round = 0;
        bool acknowledging = false;
        bool acknowledged = false;
        int acknowledged_round = 0;
        timestamp_ms answered;
        std::vector<change> changes; ///< those without an answer stay as they were asked

        [[nodiscard]] bool is_handle_sure() const;
        [[nodiscard]] bool is_settled() const; ///< acknowledged while no other delivery could be
    };
    struct letter {
        timestamp_ms stored;
        std::uint64_t count = 0;
    };
    using deliveries = std::vector<delivery_notes>;

    delivery_notes* find(const handle& delivery);
    void judge(const place& where, deliveries all, verdict& out) const;
    void judge_pair(const std::string& which, const delivery_notes& earlier, const delivery_notes& later, verdict& out) const;

    const std::int32_t deliveries_max_;
    mutable std::mutex mutex_;
    std::set<std::string> sent_;
    std::map<std::string, int> stored_; ///< with the attempts
    std::set<std::string> unsettled_;
    std::map<place, deliveries> places_;
    std::map<std::string, std::set<place>> places_of_;
    std::map<std::string, letter> dead_; ///< by id; the first one's time
    std::vector<std::string> problems_;  ///< seen at once
    std::uint64_t acknowledgements_ = 0;
    std::uint64_t pops_unanswered_ = 0;
    int round_ = 0; ///< rises around each kill
};

} // namespace troupe::scenario
