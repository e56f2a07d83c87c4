"""What was measured, put together: medians over rounds, ratios of pairs, and the tables that people read."""
from statistics import median

# Name of a figure, its heading, decimals, and whether a pair's ratio is Troupe's over Apache's or the other way round.
COLUMNS = {
    "rate": ("messages/s", 0, "troupe/apache"),
    "average_ms": ("average ms", 2, "apache/troupe"),
    "p50_ms": ("p50 ms", 2, "apache/troupe"),
    "p99_ms": ("p99 ms", 2, "apache/troupe"),
    "p999_ms": ("p99.9 ms", 2, "apache/troupe"),
    "max_ms": ("worst ms", 1, "apache/troupe"),
    "broker_cpu_us": ("broker CPU us/message", 1, "apache/troupe"),
    "client_cpu_us": ("client CPU us/message", 1, "apache/troupe"),
    "failed": ("failed", 0, None),
    "resident_mib": ("resident MiB", 0, "apache/troupe"),
    "private_mib": ("private MiB", 0, "apache/troupe"),
    "start_s": ("start s", 2, "apache/troupe"),
}


def ratio(figure, apache, troupe):
    """How many times better Troupe is; None where that has no meaning."""
    direction = COLUMNS[figure][2]
    better, worse = (troupe, apache) if direction == "troupe/apache" else (apache, troupe)
    return better / worse if direction and worse else None


def summarise(rounds):
    """[{"apache": {figure: value}, "troupe": ...}, ...] to {figure: {"apache", "troupe", "times_better", "pairs"}}, all medians."""
    summary = {}
    for figure in COLUMNS:
        pairs = [(one["apache"][figure], one["troupe"][figure]) for one in rounds if figure in one["apache"]]
        if not pairs:
            continue
        ratios = [value for value in (ratio(figure, *pair) for pair in pairs) if value is not None]
        summary[figure] = {"apache": median(pair[0] for pair in pairs), "troupe": median(pair[1] for pair in pairs),
                           "times_better": median(ratios) if ratios else None, "pairs": len(pairs)}
    return summary


def shown(value, decimals):
    return f"{value:,.{decimals}f}"


def cell(figure, values):
    _, decimals, _ = COLUMNS[figure]
    text = f"{shown(values['apache'], decimals)} / {shown(values['troupe'], decimals)}"
    return text if values["times_better"] is None else f"{text} ({values['times_better']:.2f}x)"


def table(summaries, figures):
    """Markdown: a row per scenario, a column per figure that any of them has; "Apache / Troupe (times better)"."""
    figures = [figure for figure in figures if any(figure in summary for summary in summaries.values())]
    lines = ["| scenario | " + " | ".join(COLUMNS[figure][0] for figure in figures) + " |", "| --- |" + " --- |" * len(figures)]
    for scenario, summary in summaries.items():
        cells = [cell(figure, summary[figure]) if figure in summary else "" for figure in figures]
        lines.append(f"| {scenario} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def goals(summaries):
    """The goals of the comparison: (what, measured, wanted, met)."""
    found = []

    def add(what, value, wanted, met):
        found.append({"goal": what, "measured": value, "wanted": wanted, "met": met})

    def figure(scenario, name, key):
        return summaries.get(scenario, {}).get(name, {}).get(key)

    main = "async, 64 threads, 1024 B"
    if (cpu := figure(main, "broker_cpu_us", "troupe")) is not None:
        add(f"broker CPU per message ({main})", f"{cpu:.1f} us", "at most 7 us", cpu <= 7)
        times = figure(main, "rate", "times_better")
        add(f"throughput ({main})", f"{times:.2f} times Apache's", "at least 1.3 times", times >= 1.3)
    for load in ("async, generator, 64 senders, 1024 B", "async, generator, 64 senders, 1024 B, 10000 messages/s"):
        if (times := figure(load, "max_ms", "times_better")) is not None:
            add(f"worst latency ({load})", f"1/{times:.1f} of Apache's", "at most 1/10", times >= 10)
    if (times := figure("async, memory after the loads", "resident_mib", "times_better")) is not None:
        add("resident memory after the loads (async)", f"1/{times:.1f} of Apache's", "at most 1/10", times >= 10)
    synced, asynced = figure("sync, 64 threads, 1024 B", "rate", "troupe"), figure(main, "rate", "apache")
    if synced is not None and asynced is not None:
        add("Troupe with sync flush to Apache with async flush (64 threads, 1024 B)", f"{synced / asynced:.2f} times",
            "at least 1 times", synced >= asynced)
    return found


def goal_table(rows):
    lines = ["| goal | measured | wanted | met |", "| --- | --- | --- | --- |"]
    return "\n".join(lines + [f"| {row['goal']} | {row['measured']} | {row['wanted']} | {'yes' if row['met'] else 'no'} |"
                              for row in rows])
