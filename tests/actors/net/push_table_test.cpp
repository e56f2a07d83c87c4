#include "actors/net/push_table.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace troupe;
using namespace troupe::actors::net;
using namespace std::chrono_literals;

namespace {

using time_point = push_table::time_point;

/// The outcome of one push; a second one is a failure.
struct outcome {
    std::optional<errc> code;
    std::string remark;

    push_table::continuation keep() {
        return [this](const result<protocol::remoting_command>& answer) {
            REQUIRE_FALSE(code);
            code = answer.code();
            if (answer)
                remark = answer->remark;
        };
    }
};

protocol::remoting_command answer_to(std::int32_t opaque, std::string remark = {}) {
    protocol::remoting_command command;
    command.opaque = opaque;
    command.flag = protocol::command_flag::response;
    command.remark = std::move(remark);
    return command;
}

} // namespace

TEST_CASE("push_table: each answer goes to the push with its number, once, in any order") {
    push_table pushes{10, 1'000};
    outcome first;
    outcome second;
    const auto one = pushes.add(1, time_point{10s}, first.keep());
    const auto two = pushes.add(1, time_point{10s}, second.keep());
    REQUIRE(one);
    REQUIRE(two);
    CHECK(*one != *two);
    CHECK(pushes.answered(answer_to(*two, "for two")));
    CHECK(second.remark == "for two");
    CHECK_FALSE(first.code);
    CHECK_FALSE(pushes.answered(answer_to(*two)));
    CHECK_FALSE(pushes.answered(answer_to(4711)));
    CHECK(pushes.answered(answer_to(*one, "for one")));
    CHECK(first.remark == "for one");
    CHECK(pushes.size() == 0);
}

TEST_CASE("push_table: a push is over at its deadline, and an answer after that changes nothing") {
    push_table pushes{10, 1'000};
    outcome early;
    outcome late;
    const auto first = pushes.add(1, time_point{10s}, early.keep());
    REQUIRE(pushes.add(1, time_point{20s}, late.keep()));
    pushes.expire(time_point{9'999ms});
    CHECK_FALSE(early.code);
    pushes.expire(time_point{10s});
    CHECK(early.code == errc::timed_out);
    CHECK_FALSE(late.code);
    CHECK_FALSE(pushes.answered(answer_to(*first)));
}

TEST_CASE("push_table: the end of the connection is an outcome, and so is a frame that cannot be sent") {
    push_table pushes{10, 1'000};
    outcome first;
    outcome second;
    const auto unsent = pushes.add(1, time_point{10s}, first.keep());
    REQUIRE(pushes.add(1, time_point{10s}, second.keep()));
    pushes.fail(*unsent, {errc::argument_illegal, "too large"});
    CHECK(first.code == errc::argument_illegal);
    pushes.fail_all({errc::connection_lost, "gone"});
    CHECK(second.code == errc::connection_lost);
    CHECK(pushes.size() == 0);
}

TEST_CASE("push_table: beyond its number or its bytes a push is busy, and one alone may be of any size") {
    push_table pushes{2, 100};
    outcome all[4];
    const auto large = pushes.add(5'000, time_point{10s}, all[0].keep());
    REQUIRE(large);
    CHECK(pushes.add(1, time_point{10s}, all[1].keep()).code() == errc::busy);
    CHECK_FALSE(all[1].code);
    REQUIRE(pushes.answered(answer_to(*large)));
    REQUIRE(pushes.add(50, time_point{10s}, all[1].keep()));
    REQUIRE(pushes.add(50, time_point{10s}, all[2].keep()));
    CHECK(pushes.add(0, time_point{10s}, all[3].keep()).code() == errc::busy);
    pushes.expire(time_point{10s});
    CHECK(pushes.add(100, time_point{10s}, all[3].keep()).ok());
    pushes.fail_all({errc::connection_lost, "gone"});
}
