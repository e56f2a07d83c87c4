#include "client/internal/route_question.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::client;

namespace {

const error missing{errc::topic_not_found, "no such topic"};
const error lost{errc::connection_lost, "the connection was lost"};
const error silent{errc::timed_out, "no answer"};
const error odd{errc::internal, "something is wrong here"};

} // namespace

TEST_CASE("route_question: each name server is asked once, beginning with the one whose turn it is") {
    route_question question{"t"};
    CHECK(question.asked_for() == "t");
    CHECK(question.next_server(4, 3) == 1u);
    CHECK(question.passed_over() == 0);
    CHECK(question.next_server(4, 3) == 2u);
    CHECK(question.passed_over() == 1);
    CHECK(question.next_server(4, 3) == 0u);
    CHECK(question.passed_over() == 2);
    CHECK_FALSE(question.next_server(4, 3));
    CHECK(question.passed_over() == 2);
    CHECK_FALSE(route_question{"t"}.next_server(0, 0));
}

TEST_CASE("route_question: a topic that those who answer do not know is unknown, whoever else is silent") {
    for (const auto& answers :
         {std::vector{missing}, std::vector{missing, lost}, std::vector{silent, missing}, std::vector{odd, missing}}) {
        route_question question{"t"};
        CHECK_FALSE(question.is_unknown());
        for (const auto& each : answers)
            question.refused(each);
        CHECK(question.is_unknown());
        CHECK(question.failure(2).code == errc::topic_not_found);
        CHECK(question.failure(2).text == "no name server knows topic t; create it first");
    }
}

TEST_CASE("route_question: what a name server says last counts, and when none says anything, what went wrong first") {
    route_question answered{"t"};
    answered.refused(missing);
    answered.refused(odd);
    CHECK_FALSE(answered.is_unknown());
    CHECK(answered.failure(2).code == errc::internal);
    CHECK(answered.failure(2).text == odd.text);
    route_question unanswered{"t"};
    unanswered.refused(lost);
    unanswered.refused(silent);
    CHECK_FALSE(unanswered.is_unknown());
    CHECK(unanswered.failure(2).code == errc::no_name_server);
    CHECK(unanswered.failure(2).text.find("none of 2 name servers answers") == 0);
    CHECK(unanswered.failure(2).text.find(lost.text) != std::string::npos);
    CHECK(route_question{"t"}.failure(0).code == errc::no_name_server);
}

TEST_CASE("route_question: by the template all are asked anew, for another topic and in the name of this one") {
    route_question question{"t"};
    question.next_server(0, 1);
    question.refused(missing);
    auto other = question.by_template();
    CHECK(other.topic() == "t");
    CHECK(other.asked_for() == "TBW102");
    CHECK(other.is_by_template());
    CHECK_FALSE(question.is_by_template());
    CHECK_FALSE(other.is_unknown());
    CHECK(other.next_server(0, 1) == 0u);
}
