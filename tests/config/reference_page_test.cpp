#include "config/reference_page.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

using namespace troupe::config;

TEST_CASE("reference_page: docs/reference/config.md is what the option table says") {
    std::ifstream file{TROUPE_SOURCE_DIRECTORY "/docs/reference/config.md"};
    std::ostringstream text;
    text << file.rdbuf();
    INFO("run: troupe config explain --markdown > docs/reference/config.md");
    CHECK((text.str() == reference_page()));
}

TEST_CASE("reference_page: explaining an option names everything one needs to set it") {
    CHECK(explain(*find_option("broker.port")) == "broker.port\n"
                                                  "  TCP port to listen on; 0 takes any free one.\n"
                                                  "\n"
                                                  "  kind         whole number\n"
                                                  "  default      10911\n"
                                                  "  allowed      0 to 65535\n"
                                                  "  environment  TROUPE_BROKER_PORT\n"
                                                  "  flag         --broker-port\n");
}

TEST_CASE("reference_page: a dumped configuration loads again and gives the same values") {
    config_source source;
    source.file_name = "a.json";
    source.file_text = R"({"roles": ["broker"], "broker": {"name_servers": ["10.0.0.1:9876", "[::1]:9877"],
                           "store": {"directory": "a \"quoted\" \\ place", "disk_clean_ratio": 0.5}}, "log": {"level": "debug"}})";
    const auto first = load_config(source);
    REQUIRE(first.loaded);
    source.file_text = to_file(*first.loaded);
    CAPTURE(source.file_text);
    const auto second = load_config(source);
    REQUIRE(second.loaded);
    REQUIRE(first.loaded->settings.size() == second.loaded->settings.size());
    for (std::size_t i = 0; i < first.loaded->settings.size(); ++i) {
        CAPTURE(first.loaded->settings[i].what->key);
        CHECK(first.loaded->settings[i].value == second.loaded->settings[i].value);
        CHECK(second.loaded->settings[i].from == origin::file);
    }
}
