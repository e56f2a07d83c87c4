#include "actors/group/shared_client_ids.hpp"
#include "tests/support/random_seed.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

using numbers = std::vector<session_number>;
using all_news = std::vector<shared_client_ids::news>;

/// One member, told of the way the groups tell: only when another session speaks than the last.
struct one_id {
    void beat(session_number session, std::chrono::seconds at) {
        if (last != 0 && last != session)
            ids.moved("g", "c", last, heard, session, clock_time{at});
        last = session;
        heard = clock_time{at};
    }
    [[nodiscard]] numbers users() const { return ids.sessions("g", "c"); }

    shared_client_ids ids{120s};
    session_number last = 0;
    clock_time heard;
};

} // namespace

TEST_CASE("shared client ids: two connections that take turns are found with the third time that one comes back, and told once") {
    one_id member;
    member.beat(1, 0s);
    member.beat(2, 10s);
    member.beat(1, 30s);
    member.beat(2, 40s);
    CHECK(member.users().empty());
    CHECK(member.ids.count() == 0);
    CHECK(member.ids.take_news(10).empty());
    member.beat(1, 60s);
    CHECK(member.users() == numbers{1, 2});
    CHECK(member.ids.count() == 1);
    CHECK(member.ids.take_news(10) == all_news{{"g", "c", {1, 2}}});
    for (int minute = 1; minute < 10; ++minute) {
        member.beat(2, 10s + minute * 60s);
        member.beat(1, 30s + minute * 60s);
    }
    CHECK(member.ids.count() == 1);
    CHECK(member.ids.take_news(10).empty());
    CHECK(member.ids.sessions("g", "d").empty());
    CHECK(member.ids.sessions("h", "c").empty());
}

TEST_CASE("shared client ids: who connects anew, however often and however late the old connection ends, shares nothing") {
    one_id member;
    SUBCASE("the old ones end after a while") {
        for (session_number session = 1; session < 200; ++session) {
            member.beat(session, session * 1s);
            if (session > 60)
                member.ids.session_lost(session - 60);
        }
    }
    SUBCASE("the old ones end without a word") {
        for (session_number session = 1; session < 200; ++session) {
            member.beat(session, session * 40s);
            member.ids.expire(clock_time{session * 40s});
        }
    }
    SUBCASE("the last heartbeat of the old connection is overtaken by the first of the new one") {
        for (session_number session = 1; session < 200; ++session) {
            member.beat(session + 1, session * 30s);
            member.beat(session, session * 30s);
            member.beat(session + 1, session * 30s + 1s);
        }
    }
    CHECK(member.ids.count() == 0);
    CHECK(member.ids.take_news(10).empty());
}

TEST_CASE("shared client ids: it ends when one of the two ends, leaves or falls silent, and is told again when it begins again") {
    one_id member;
    const auto share = [&member](session_number other, std::chrono::seconds from) {
        for (int turn = 0; turn < 3; ++turn) {
            member.beat(1, from + turn * 30s);
            member.beat(other, from + turn * 30s + 5s);
        }
    };
    share(2, 0s);
    CHECK(member.ids.take_news(10).size() == 1);
    SUBCASE("its connection ends") {
        member.ids.session_lost(2);
    }
    SUBCASE("the member leaves") {
        member.ids.left("g", "c");
    }
    SUBCASE("it falls silent") {
        member.beat(1, 90s);
        member.ids.expire(clock_time{184s}); // it was heard at 65 s
        CHECK(member.ids.count() == 1);
        member.ids.expire(clock_time{185s});
    }
    CHECK(member.ids.count() == 0);
    CHECK(member.users().empty());
    share(3, 300s);
    CHECK(member.ids.count() == 1);
    CHECK(member.ids.take_news(10) == all_news{{"g", "c", {1, 3}}});
}

TEST_CASE("shared client ids: what ended before it was told is not told, and what is too much for once follows") {
    shared_client_ids ids{120s};
    const auto share = [&ids](const std::string& client) {
        for (int turn = 0; turn < 3; ++turn) {
            ids.moved("g", client, 1, clock_time{0s}, 2, clock_time{0s});
            ids.moved("g", client, 2, clock_time{0s}, 1, clock_time{0s});
        }
    };
    for (const auto* client : {"a", "b", "c", "d"})
        share(client);
    ids.left("g", "b");
    CHECK(ids.count() == 3);
    CHECK(ids.take_news(2) == all_news{{"g", "a", {1, 2}}, {"g", "c", {1, 2}}});
    CHECK(ids.take_news(2) == all_news{{"g", "d", {1, 2}}});
    CHECK(ids.take_news(2).empty());
}

TEST_CASE("shared client ids: however many have one id it is found, and clients without a connection are left out") {
    one_id member;
    for (int turn = 0; turn < 3; ++turn)
        for (session_number session = 1; session <= 10; ++session)
            member.beat(session, turn * 30s + session * 1s);
    CHECK(member.users() == numbers{1, 2, 3, 4, 5, 6, 7, 8});
    CHECK(member.ids.count() == 1);

    shared_client_ids ids{120s};
    for (int turn = 0; turn < 10; ++turn) {
        ids.moved("g", "c", 0, clock_time{0s}, 2, clock_time{0s});
        ids.moved("g", "c", 2, clock_time{0s}, 0, clock_time{0s});
    }
    CHECK(ids.count() == 0);
}

// Goal: whatever happens, the count is of what can be asked for, and a client id is shared only by connections that are there.
TEST_CASE("shared client ids: the count is right after anything") {
    const auto seed = test_support::random_seed("shared_client_ids_test", 7);
    std::mt19937_64 random{seed};
    const auto below = [&random](std::uint64_t bound) { return random() % bound; };
    shared_client_ids ids{20s};
    std::set<session_number> ended;
    session_number newest = 4;
    for (int step = 0; step < 3'000; ++step) {
        const clock_time now{step * 1s};
        const auto client = std::to_string(below(3));
        const auto living = [&] {
            auto session = newest - below(4);
            return ended.contains(session) ? newest : session;
        };
        if (below(20) == 0) {
            const auto gone = newest - below(4);
            ended.insert(gone);
            ended.insert(newest);
            ids.session_lost(gone);
            ids.session_lost(newest++);
        } else if (below(40) == 0) {
            ids.left("g", client);
        } else if (const auto from = living(), to = living(); from != to) {
            ids.moved("g", client, from, now - 1s, to, now);
        }
        ids.expire(now);
        std::size_t shared = 0;
        for (const auto* one : {"0", "1", "2"}) {
            const auto users = ids.sessions("g", one);
            shared += users.empty() ? 0u : 1u;
            CHECK((users.empty() || users.size() >= 2));
            for (const auto user : users)
                CHECK_FALSE(ended.contains(user));
        }
        CHECK(ids.count() == shared);
        for (const auto& told : ids.take_news(1))
            CHECK(told.sessions == ids.sessions(told.group, told.client_id));
    }
}
