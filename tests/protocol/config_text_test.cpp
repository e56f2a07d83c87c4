#include "protocol/config_text.hpp"

#include <doctest/doctest.h>

using namespace troupe;
using namespace troupe::protocol;

TEST_CASE("settings are lines of key=value, sorted by key, and come back") {
    const config_values values{{"brokerName", "broker-a"}, {"autoCreateTopicEnable", "false"}, {"empty", ""}};
    CHECK(encode_config_text(values) == "autoCreateTopicEnable=false\nbrokerName=broker-a\nempty=\n");
    CHECK(decode_config_text(encode_config_text(values)).value() == values);
    const config_values odd{{"a key", " b\\c\nd\te"}, {"k=:#!", "=:#! "}};
    CHECK(decode_config_text(encode_config_text(odd)).value() == odd);
    CHECK(encode_config_text({{"k", "\xc3\xa4"}}) == "k=??\n");
}

TEST_CASE("settings are read as Java's Properties reads them") {
    CHECK(decode_config_text("# comment\n! another\n\n  a = 1 \r\nb:2\nc 3\nd\na=4").value() ==
          config_values{{"a", "4"}, {"b", "2"}, {"c", "3"}, {"d", ""}});
    CHECK(decode_config_text("path=C\\:\\\\store\\n").value() == config_values{{"path", "C:\\store\n"}});
    CHECK(decode_config_text("").value().empty());
}

TEST_CASE("settings without a key, lines that go on, and too many lines are refused") {
    CHECK(decode_config_text("=1").code() == errc::protocol_error);
    CHECK(decode_config_text("a=1\n:2").failure().text.find("line 2") != std::string::npos);
    CHECK(decode_config_text("a=1\\\n2").code() == errc::protocol_error);
    CHECK(decode_config_text("a\\").code() == errc::protocol_error);
    CHECK(decode_config_text(std::string(config_lines_max, '\n')).ok());
    CHECK(decode_config_text(std::string(config_lines_max + 1, '\n')).code() == errc::protocol_error);
}
