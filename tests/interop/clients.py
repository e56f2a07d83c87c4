"""The clients under test, unmodified from their registries, and the small program (driver) that runs scenarios with each."""
import contextlib
import fcntl
import functools
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import matrix
import mqadmin
import mqadmin_commands
from scenarios import SCENARIOS

HERE = Path(__file__).resolve().parent
# Client and server reach into the JDK of Java 17.
JAVA_OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "sun.nio.ch", "java.lang")]


class Missing(Exception):
    """A client that this machine cannot run, with the reason; the others go on."""


def run_logged(command, log, **options):
    """Runs a preparing command; its output is in LOG, and the end of it in the error."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=1800, check=False,
                              close_fds=False, **options).returncode
    if code != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed; the log is {log}\n{log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def alone(cache):
    """Nobody else prepares a client in CACHE meanwhile: two runs at once would write the same files. Ends with the process and
    the commands it runs, whatever ends it: they inherit the file that is locked."""
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "wb") as lock:
        os.set_inheritable(lock.fileno(), True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another run prepares clients in {cache}; this one goes on behind it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def maven(folder, goal, log, **properties):
    run_logged(["mvn", "-q", "-B", "-f", str(HERE / folder / "pom.xml"), *(f"-D{name.replace('_', '.')}={value}"
                for name, value in properties.items()), goal], log)


def fetch_apache(cache, version):
    """The class path of Apache's own name server and broker."""
    directory = cache / f"apache-{version}"
    print(f"fetching Apache RocketMQ {version}", flush=True)
    with alone(cache):
        maven("apache", "package", cache / "apache.log", server_version=version, out=directory)
    return f"{directory}/lib/*"


class Client:
    """`name` is language and version; `can` are the scenarios that it has operations for, None for all but those of `cannot`."""
    can = None
    cannot = ()
    is_tool = False

    def __init__(self, cache):
        self.directory = cache / self.name
        self._preparing = threading.Lock()
        self._is_ready = False

    def ready(self):
        """Prepares it, once."""
        with self._preparing:
            if not self._is_ready:
                with alone(self.directory.parent):
                    self.prepare()
                self._is_ready = True

    def operations(self):
        return [scenario for scenario in SCENARIOS
                if scenario.name not in self.cannot and (self.can is None or scenario.name in self.can)]

    @contextlib.contextmanager
    def session(self, server):
        """Yields what runs one operation: a function of the operation and a number for its names."""
        yield functools.partial(matrix.run_scenario, self, server)

    def environment(self, home):
        return {**os.environ, "HOME": str(home)}


# What every client of one language does in the same way is tried with two versions; of the others, what is most used.
CORE = {"send-sync", "send-async", "send-batch", "send-properties", "send-compressed", "compressed-lz4", "compressed-zstd", "push-clustering",
        "push-late", "push-broadcasting", "push-orderly", "push-tags", "push-retry", "push-dead-letter", "pop", "pop-orderly", "lite-assign",
        "lite-subscribe", "query-key", "query-id", "mixed", "delayed", "timed", "recall", "transaction", "transaction-check", "push-sql",
        "allocate-hash", "subscriptions", "reset-running"}


class Java(Client):
    def __init__(self, cache, version, can=None, cannot=()):
        self.version = version
        self.name = f"java-{version}"
        self.can = can
        self.cannot = cannot
        super().__init__(cache)

    def prepare(self):
        # Some sources are of what version 4 does not have.
        absent = "none" if self.version.startswith("5.") else "interop/OrderedPop.java"
        maven("java", "compile", self.directory.parent / f"{self.name}.log", client_version=self.version, out=self.directory, absent=absent)

    def java(self, home):
        return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", *JAVA_OPENS,
                f"-Duser.home={home}", f"-Drocketmq.client.logRoot={home}/logs",
                f"-Drocketmq.client.localOffsetStoreDir={home}/offsets", f"-Drocketmq.home.dir={home}",
                "-cp", f"{self.directory}/classes:{self.directory}/lib/*"]

    def command(self, home, *words):
        return [*self.java(home), "interop.Driver", *words]


class Mqadmin(Java):
    """The admin tool of the same version: its commands are the operations."""
    is_tool = True

    def __init__(self, cache, version):
        super().__init__(cache, version)
        # Made of the same jars as the client.
        self.name = f"mqadmin-{version}"

    def operations(self):
        return mqadmin_commands.COMMANDS

    def session(self, server):
        return mqadmin.session(self, server)


class Go(Client):
    version = "2.1.2"
    name = f"go-{version}"
    can = {"send-sync", "send-async", "send-oneway", "send-batch", "send-selector", "send-properties", "send-compressed", "send-at-limit",
           "send-over-limit", "send-unknown-topic", "delayed", "push-clustering", "push-late", "push-broadcasting", "push-orderly",
           "push-tags", "push-retry", "push-dead-letter", "request-reply", "shared-group"}

    def prepare(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        run_logged(["go", "build", "-o", str(self.directory / "driver"), "."], self.directory.parent / f"{self.name}.log",
                   cwd=HERE / "go")

    def command(self, home, *words):
        return [str(self.directory / "driver"), *words]


class Node(Client):
    version = "3.12.0"
    name = f"node-ali-ons-{version}"
    can = {"send-sync", "send-properties", "send-compressed", "delayed", "push-clustering", "push-late", "push-broadcasting", "push-tags",
           "push-retry"}

    def prepare(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "node" / "package.json", self.directory)
        run_logged(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], self.directory.parent / f"{self.name}.log",
                   cwd=self.directory)

    def command(self, home, *words):
        return ["node", str(HERE / "node" / "driver.js"), *words]

    def environment(self, home):
        return {**super().environment(home), "NODE_PATH": str(self.directory / "node_modules")}


class Rust(Client):
    """Where a Rust new enough is: Debian's is not."""
    version = "1.0.0"
    name = f"rust-{version}"
    needs = (1, 95)
    can = {"send-sync", "send-batch", "send-selector", "send-properties", "send-compressed", "send-unknown-topic", "delayed", "push-late",
           "push-broadcasting", "push-orderly", "push-tags", "push-retry"}

    def prepare(self):
        text = ""
        if shutil.which("cargo") and shutil.which("rustc"):
            text = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout
        found = re.search(r"rustc (\d+)\.(\d+)", text)
        if not found or tuple(map(int, found.groups())) < self.needs:
            raise Missing(f"needs Rust {'.'.join(map(str, self.needs))} or later")
        package = self.directory / "package"
        shutil.copytree(HERE / "rust", package, dirs_exist_ok=True)
        run_logged(["cargo", "build", "--target-dir", str(self.directory)], self.directory.parent / f"{self.name}.log", cwd=package)

    def command(self, home, *words):
        return [str(self.directory / "debug" / "interop-driver"), *words]


def all_clients(cache):
    of_others = {"shared-group", "pop-consume", "pop-consume-orderly"}
    not_in_4 = {"timed", "timed-forms", "recall", "pop", "pop-orderly"}
    return [Java(cache, "5.5.0", can=CORE), Java(cache, "5.4.0", can=CORE), Java(cache, "5.3.3", cannot=of_others),
            Java(cache, "4.9.8", cannot=of_others | not_in_4), Go(cache), Node(cache), Rust(cache), Mqadmin(cache, "5.3.3"),
            Mqadmin(cache, "4.9.8")]
