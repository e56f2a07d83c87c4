"""Troupe's own client for C++, by the same scenarios as RocketMQ's clients. Its driver is built with Troupe's program."""
from pathlib import Path

import clients


class Cxx(clients.Client):
    """`program` is Troupe's program; the driver lies in the same build."""
    name = "cxx-troupe"
    can = {"send-sync", "send-async", "send-oneway", "send-batch", "send-selector", "send-properties", "send-compressed", "send-at-limit",
           "send-over-limit", "send-unknown-topic", "push-clustering", "push-late", "push-broadcasting", "push-orderly", "push-tags", "push-retry",
           "push-dead-letter", "push-sql", "delayed", "timed", "recall", "transaction", "request-reply", "lite-assign", "lite-subscribe", "query-key",
           "query-id", "mixed", "timed-forms", "push-timestamp", "push-circle", "orderly-retry", "orderly-members", "orderly-poison",
           "transaction-check", "pop-consume", "pop-consume-orderly", "compressed-lz4", "compressed-zstd", "subscriptions", "allocate-hash",
           "allocate-nearby", "allocate-config", "allocate-rooms-nearby", "allocate-rooms", "reset-running", "reset-members",
           "reset-members-cli", "quota-send", "quota-deliver"}

    def __init__(self, cache, program="build/release/apps/troupe"):
        super().__init__(cache)
        self.driver = Path(program).resolve().parents[1] / "tests" / "interop" / "cxx" / "interop_cxx_driver"

    def prepare(self):
        if not self.driver.exists():
            raise clients.Missing(f"{self.driver} is not built; build interop_cxx_driver")

    def command(self, home, *words):
        return [str(self.driver), *words]


def everyone(cache, *program):
    """RocketMQ's clients, and this one."""
    return [*clients.all_clients(cache), Cxx(cache, *program)]
