#include "testing/ports.hpp"
#include "testing/temporary_directory.hpp"
#include "tests/apps/run_command.hpp"

#include <doctest/doctest.h>

#include <fstream>

using namespace troupe;
using namespace troupe::apps;

namespace {

struct wrong_line {
    std::string line;
    int code;
    std::string message;
};

void check_all(const std::vector<wrong_line>& lines) {
    for (const wrong_line& each : lines) {
        CAPTURE(each.line);
        const auto result = run_command(each.line);
        CHECK(result.code == each.code);
        CHECK(result.err == each.message);
        CHECK(result.out.empty());
    }
}

std::string usage(const std::string& command, const std::string& complaint) {
    return command + ": " + complaint + "\nTry \"" + command + " --help\".\n";
}

} // namespace

TEST_CASE("mistyped commands name the nearest one, or all of them") {
    check_all({
        {"", 2,
         usage("troupe", "a command is missing; commands are node, config, topic, group, message, transaction, timer, dlq, send, consume, "
                         "cluster, doctor, store, "
                         "selftest, bench")},
        {"topci list", 2, usage("troupe", "unknown command \"topci\"; did you mean \"topic\"?")},
        {"brew", 2,
         usage("troupe",
               "unknown command \"brew\"; commands are node, config, topic, group, message, transaction, timer, dlq, send, consume, "
               "cluster, doctor, "
               "store, selftest, bench")},
        {"topic", 2, usage("troupe topic", "a command is missing; commands are create, list, show, update, delete")},
        {"topic crate orders", 2, usage("troupe topic", "unknown command \"crate\"; did you mean \"create\"?")},
        {"topic rename orders", 2, usage("troupe topic", "unknown command \"rename\"; commands are create, list, show, update, delete")},
        {"config chekc x.json", 2, usage("troupe config", "unknown command \"chekc\"; did you mean \"check\"?")},
        {"group", 2, usage("troupe group", "a command is missing; commands are list, create, update, delete, reset, show")},
        {"store repair x", 2, usage("troupe store", "unknown command \"repair\"; commands are verify, stat, new-metadata")},
    });
}

TEST_CASE("mistyped options name the nearest one") {
    check_all({
        {"--verison", 2, usage("troupe", "unknown option \"--verison\"; did you mean \"--version\"?")},
        {"topic list --name-servr a:1", 2, usage("troupe topic list", "unknown option \"--name-servr\"; did you mean \"--name-server\"?")},
        {"topic create orders --queue=4", 2, usage("troupe topic create", "unknown option \"--queue\"; did you mean \"--queues\"?")},
        {"consume orders --folow", 2, usage("troupe consume", "unknown option \"--folow\"; did you mean \"--follow\"?")},
        {"node --broker-prot 1", 2, usage("troupe node", "unknown option \"--broker-prot\"; did you mean \"--broker-port\"?")},
        {"send orders hello --banana", 2, usage("troupe send", "unknown option \"--banana\"")},
        {"topic show orders more", 2, usage("troupe topic show", "unexpected argument \"more\"")},
    });
}

TEST_CASE("missing and impossible values say what is expected") {
    check_all({
        {"topic create", 2, usage("troupe topic create", "TOPIC is required")},
        {"topic create orders --queues", 2, usage("troupe topic create", "--queues: 1 required N:INT in [1 - 1024] missing")},
        {"topic create orders --queues 0", 2, usage("troupe topic create", "--queues: Value 0 not in range 1 to 1024")},
        {"topic create orders --queues 1025", 2, usage("troupe topic create", "--queues: Value 1025 not in range 1 to 1024")},
        {"topic create orders --perm x", 2, usage("troupe topic create", "--perm: \"x\" is none of rw, r, w")},
        {"topic list -o yaml", 2, usage("troupe topic list", "--output: \"yaml\" is none of table, json")},
        {"topic list --timeout 3", 2,
         usage("troupe topic list", "--timeout: \"3\" has no unit; write one of ms, s, m, h, d behind the number")},
        {"topic list --timeout soon", 2,
         usage("troupe topic list", "--timeout: \"soon\" is no duration; write a whole number and a unit, like \"500ms\"")},
        {"config check", 2, usage("troupe config check", "FILE is required")},
        {"selftest", 2, usage("troupe selftest", "--file is required")},
        {"send", 2, usage("troupe send", "TOPIC is required")},
        {"store verify", 2, usage("troupe store verify", "DIRECTORY is required")},
        {"send orders hello --lines x", 2, usage("troupe send", "BODY excludes --lines")},
        {"bench send --topic t --oneway --window 4", 2, usage("troupe bench send", "--window excludes --oneway")},
        {"group create", 2, usage("troupe group create", "GROUP is required")},
        {"group create billing --retry-queue-nums 1025", 2,
         usage("troupe group create", "--retry-queue-nums: \"1025\" is no whole number from 0 to 1024")},
        {"group update billing --retry-max-times -2", 2,
         usage("troupe group update", "--retry-max-times: \"-2\" is no whole number from -1 on")},
        {"group update billing --consume-enable maybe", 2,
         usage("troupe group update", "--consume-enable: \"maybe\" is none of true, false")},
        {"group update billing --group-retry-policy fixed:5s", 2,
         usage("troupe group update", "--group-retry-policy: \"fixed:5s\" is none of levels, customized:DELAY,..., exponential, "
                                      "exponential:FIRST,LONGEST,TIMES")},
        {"group update billing --retry-max-time 5", 2,
         usage("troupe group update", "unknown option \"--retry-max-time\"; did you mean \"--retry-max-times\"?")},
        {"group reset billing orders --to first --queue broker-a:0 --broker broker-a", 2,
         usage("troupe group reset", "--queue excludes --broker")},
        {"message find -t orders -k k --count 65", 2, usage("troupe message find", "--count: Value 65 not in range 1 to 64")},
        {"bench suite --only P4,latncy", 2, "troupe: there is no scenario or figure \"latncy\"; did you mean \"latency\"?\n"},
    });
}

TEST_CASE("bad names and arguments are refused before any name server is asked") {
    check_all({
        {"topic delete orders", 2, "troupe: deleting orders makes its messages unreachable; add --yes to do it\n"},
        {"topic update orders", 2,
         "troupe: nothing to change; give --queues, --read-queues, --write-queues, --perm, --send-rate, --send-bytes, --keep or "
         "--keep-bytes\n"},
        {"group update billing", 2,
         "troupe: nothing to change; name a setting, like --retry-max-times 5: `troupe group update --help` lists them\n"},
        {"group delete billing", 2, "troupe: deleting group billing loses its settings; add --yes to do it\n"},
        {"group delete billing --clean-offsets", 2,
         "troupe: deleting group billing loses its settings and where it is in its topics; add --yes to do it\n"},
        {"message find -t orders -k k --since 2026-11-22T11 --until 2026-11-22T10", 2,
         "troupe: --until 2026-11-22T10 (2026-11-22T10:00:00.000Z) is before --since 2026-11-22T11 (2026-11-22T11:00:00.000Z), so that "
         "nothing lies between; exchange the two\n"},
        {"message find -t orders -k k --until noon", 2,
         "troupe: --until: \"noon\" is no time; write 2026-11-22T10:00:00Z, milliseconds since 1970, or -15m for 15 minutes ago\n"},
        {"consume orders --body-only -o json", 2,
         "troupe: --body-only prints bodies as they are, which is no JSON; leave out one of --body-only and -o json\n"},
        {"consume orders --from frist", 2, "troupe: \"frist\" is none of first, last, time:T, offset:N; did you mean \"first\"?\n"},
        {"consume orders --from time:noon", 2,
         "troupe: \"noon\" is no time; write 2026-11-22T10:00:00Z, milliseconds since 1970, or -15m for 15 minutes ago\n"},
        {"send orders hello --queue 3", 2, "troupe: \"3\" is no queue; write BROKER:NUMBER, like broker-a:0\n"},
        {"send orders hello --property colour", 2, "troupe: \"colour\" is no property; write NAME=VALUE\n"},
        {"send orders --file no/such/file", 5, "troupe: no/such/file: cannot be read: No such file or directory\n"},
        {"send orders --lines no/such/file", 5, "troupe: no/such/file: cannot be read: No such file or directory\n"},
        {"selftest --file no/such/file", 5, "troupe: no/such/file: cannot be read: No such file or directory\n"},
        {"config explain broker.prot", 5, "troupe: there is no option \"broker.prot\"; did you mean \"broker.port\"?\n"},
        {"config explain weather", 5, "troupe: there is no option \"weather\"\n"},
        {"config check no/such.json", 3, "troupe: no/such.json: cannot be read: No such file or directory\n"},
        {"config dump /", 3, "troupe: /: is a directory, not a configuration file\n"},
        {"node --config no/such.json", 3, "troupe: no/such.json: cannot be read: No such file or directory\n"},
        {"node --roles broker", 3,
         "configuration: broker.name_servers: is empty, and this process runs no name server; list at least one \"host:port\", or add "
         "\"name_server\" to roles\ntroupe: 1 mistake in the configuration; `troupe config explain KEY` helps\n"},
    });
}

TEST_CASE("illegal topic and group names are refused with exit code 8") {
    for (const std::string line : {"topic create or$ders", "topic show or$ders", "send or$ders hello", "consume or$ders"}) {
        CAPTURE(line);
        const auto result = run_command(line);
        CHECK(result.code == 8);
        CHECK(result.err.find("or$ders") != std::string::npos);
    }
    CHECK(run_command("group show bil$ling").code == 8);
    CHECK(run_command("group create bil$ling").code == 8);
    CHECK(run_command("group update bil$ling --retry-max-times 1").code == 8);
    CHECK(run_command("group delete bil$ling --yes").code == 8);
    CHECK(run_command("group reset bil$ling orders --to first").code == 8);
    CHECK(run_command("consume orders --group bil$ling").code == 8);
    CHECK(run_command("topic create " + std::string(128, 'a')).code == 8);
}

TEST_CASE("an SQL92 condition that does not compile is refused with its column before any name server is asked") {
    const auto result = run_command("consume orders --sql price>");
    CHECK(result.code == 8);
    CHECK(result.err == "troupe: --sql: column 7: expected a property, a number, a text in single quotes, TRUE or FALSE, found the end\n");
    CHECK(run_command("consume orders --sql _").code == 8);
    CHECK(run_command("consume orders --sql price>5 --filter late").code == 2);
}

TEST_CASE("a store that is none is an error, and nothing is made") {
    const testing::temporary_directory directory;
    const std::string missing = (directory.path() / "missing").string();
    for (const std::string command : {"store verify ", "store stat ", "store new-metadata "}) {
        const auto result = run_command(command + missing);
        CHECK(result.code == 5);
        CHECK(result.err.find(missing) != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(missing));
    }
}

TEST_CASE("no name server at the address is exit code 4, in about the time that was given") {
    const std::string address = "127.0.0.1:" + std::to_string(testing::free_port());
    for (const std::string command :
         {"topic list", "topic show orders", "topic create orders", "group list", "cluster", "send orders hello", "consume orders"}) {
        CAPTURE(command);
        const auto result = run_command(command + " --timeout 300ms --name-server " + address);
        CHECK(result.code == 4);
        CHECK(result.err.starts_with("troupe: "));
    }
}

TEST_CASE("a malformed name server address is a usage error that names it") {
    const auto result = run_command("topic list --name-server nowhere");
    CHECK(result.code == 2);
    CHECK(result.err.find("nowhere") != std::string::npos);
}
