#include "bench/suite.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include <sstream>

using namespace troupe;
using namespace troupe::bench;

TEST_CASE("suite: scenarios and figures are chosen by name") {
    CHECK(select_figures({})->empty());
    CHECK(*select_figures({"P4"}) == std::set<std::string>{"P4"});
    CHECK(*select_figures({"latency", "P4"}) == std::set<std::string>{"P4", "P15", "P16"});
    for (const auto& each : suite_scenarios()) {
        CAPTURE(each.name);
        REQUIRE_FALSE(each.figures.empty());
        CHECK(*select_figures({each.name}) == std::set<std::string>(each.figures.begin(), each.figures.end()));
        for (const std::string& id : each.figures) {
            CHECK(select_figures({id})->contains(id));
        }
    }
}

TEST_CASE("suite: a name that is none is refused with the nearest one") {
    CHECK(select_figures({"sends", "latncy"}).failure() ==
          error{errc::argument_illegal, "there is no scenario or figure \"latncy\"; did you mean \"latency\"?"});
    CHECK(select_figures({"bananas"}).failure() ==
          error{errc::argument_illegal, "there is no scenario or figure \"bananas\"; `troupe bench suite --list` names them"});
    CHECK(select_figures({""}).code() == errc::argument_illegal);
}

TEST_CASE("suite: without a choice everything is wanted, with one only that") {
    suite_options options;
    CHECK(options.wants({"P4"}));
    options.figures = {"P5"};
    CHECK(options.wants({"P4", "P5"}));
    CHECK_FALSE(options.wants({"P4"}));
}

TEST_CASE("report: a figure is met, missed, or without a target neither") {
    std::ostringstream progress;
    report all{progress};
    all.add({"P2", "rate", 10, "msg/s", 9, goal::at_least, {}});
    all.add({"P2", "time", 10, "us", 9, goal::at_most, {}});
    all.add({"P2", "seen", 10, "us", std::nullopt, goal::at_most, {}});
    all.add_ratio("P2", "the raw limit", 3, 4);
    const auto json = nlohmann::json::parse(all.to_json());
    REQUIRE(json["figures"].size() == 4);
    CHECK(json["figures"][0]["met"] == true);
    CHECK(json["figures"][1]["met"] == false);
    CHECK(json["figures"][2]["met"].is_null());
    CHECK(json["figures"][3]["value"] == 0.75);
    CHECK(json["figures"][3]["details"]["raw"] == 4);
    CHECK(all.missed() == 1);
    all.failed("P3", "no disk");
    CHECK(all.missed() == 2);
    CHECK(progress.str().find("P3 FAILED no disk\n") != std::string::npos);
    CHECK(nlohmann::json::parse(all.to_json())["failures"][0]["why"] == "no disk");
}
