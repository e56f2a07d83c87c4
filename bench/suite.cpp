#include "bench/suite.hpp"

#include "bench/page_cache.hpp"
#include "bench/suite_support.hpp"
#include "config/nearest.hpp"

#include <algorithm>

namespace troupe::bench {

namespace {

struct scenario {
    const char* name;
    std::vector<std::string> figures;
    const char* text;
    void (*run)(const suite_options&, report&);
};

const std::vector<scenario>& scenarios() {
    static const std::vector<scenario> all{
        {"lifecycle", {"P24", "P25", "stop"}, "start to ready, idle memory, clean stop", measure_lifecycle},
        {"log_writer", {"writer"}, "the log writer alone against bare writes and syncs", measure_log_writer},
        {"filter", {"filter"}, "SQL92 filters alone: evaluations over the properties of messages", measure_filter},
        {"sends",
         {"P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12", "P13", "P14", "P26", "P31", "P36"},
         "sends over loopback",
         measure_sends},
        {"matrix", {"matrix"}, "1, 8, 64 senders; 128 B, 1 KiB, 64 KiB; both flush modes", measure_send_matrix},
        {"latency", {"P15", "P16"}, "end to end at 10,000 messages/s", measure_latency},
        {"timers", {"P32"}, "timed messages: sends beside plain ones, and a million (or --timers) that wait", measure_timers},
        {"topics", {"P20"}, "10,000 topics of 8 queues, 2,000 held pulls", measure_topics},
        {"filtered", {"P33"}, "a million messages of which a filter wants one in a hundred", measure_filtered_pulls},
        {"groups", {"P34"}, "100 members share 1,000 queues: join, leave, die", measure_groups},
        {"members", {"P35"}, "1,000 members pop from 4 queues, against as many that pull from 1,000", measure_members},
        {"consume",
         {"tail", "P17", "P18", "P19", "P23"},
         "the tail, catch-up cached and cold, senders beside a cold reader, restart after kill -9",
         measure_consume},
    };
    return all;
}

} // namespace

bool suite_options::wants(std::initializer_list<std::string_view> ids) const {
    return figures.empty() ||
           std::any_of(ids.begin(), ids.end(), [this](std::string_view id) { return figures.contains(std::string{id}); });
}

result<std::set<std::string>> select_figures(const std::vector<std::string>& names) {
    std::set<std::string> selected;
    for (const std::string& name : names) {
        std::vector<std::string> known;
        std::size_t found = 0;
        for (const auto& each : scenarios()) {
            known.emplace_back(each.name);
            known.insert(known.end(), each.figures.begin(), each.figures.end());
            for (const std::string& id : each.figures) {
                if (name == each.name || name == id) {
                    selected.insert(id);
                    ++found;
                }
            }
        }
        if (found == 0) {
            const std::string meant = config::nearest(name, known);
            return error{errc::argument_illegal,
                         "there is no scenario or figure \"" + name + "\"" +
                             (meant.empty() ? "; `troupe bench suite --list` names them" : "; did you mean \"" + meant + "\"?")};
        }
    }
    return selected;
}

std::vector<suite_scenario> suite_scenarios() {
    std::vector<suite_scenario> all;
    for (const auto& each : scenarios()) {
        all.push_back({each.name, each.figures, each.text});
    }
    return all;
}

void run_suite(const suite_options& options, report& out) {
    for (const auto& each : scenarios()) {
        const bool wanted =
            std::any_of(each.figures.begin(), each.figures.end(), [&](const std::string& id) { return options.wants({id}); });
        if (wanted) {
            out.begin(each.name, each.text);
            prepare_page_cache(options, each.name, out);
            each.run(options, out);
        }
    }
    clear(options, page_cache_file);
}

} // namespace troupe::bench
