#include "client/internal/while_away.hpp"

#include "protocol/vocabulary/result.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <vector>

using namespace troupe;
using namespace troupe::client;
using namespace std::chrono_literals;

namespace {

/// Answers in turn; errc::none is success. The last one stays.
struct answers {
    std::deque<errc> left;
    std::vector<milliseconds> times;

    result<int> operator()(milliseconds time) {
        times.push_back(time);
        const auto code = left.front();
        if (left.size() > 1)
            left.pop_front();
        return code == errc::none ? result<int>{7} : error{code, "the test wants it"};
    }
};

} // namespace

TEST_CASE("ask_while_away: a broker that comes back in time is not noticed") {
    answers all{{errc::connection_lost, errc::connect_failed, errc::none}, {}};
    CHECK(*ask_while_away(30s, hints_at_lost_broker, std::ref(all)) == 7);
    REQUIRE(all.times.size() == 3);
    CHECK(all.times.front() <= 30s);
    CHECK(all.times.back() < all.times.front()); // one time for all attempts
}

TEST_CASE("ask_while_away: whatever else fails is told at once") {
    answers all{{errc::topic_not_found}, {}};
    CHECK(ask_while_away(30s, hints_at_lost_broker, std::ref(all)).code() == errc::topic_not_found);
    CHECK(all.times.size() == 1);
}

TEST_CASE("ask_while_away: gives up with the last failure when the time is over") {
    answers all{{errc::connect_failed}, {}};
    CHECK(ask_while_away(120ms, hints_at_lost_broker, std::ref(all)).code() == errc::connect_failed);
    CHECK(all.times.size() >= 2);
    CHECK(all.times.size() <= 3);
    answers none{{errc::connect_failed}, {}};
    CHECK(ask_while_away(0ms, hints_at_lost_broker, std::ref(none)).code() == errc::connect_failed);
    CHECK(none.times == std::vector<milliseconds>{1ms});
}
