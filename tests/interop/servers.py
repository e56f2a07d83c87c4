"""The servers under test: Troupe's name server and broker, Apache RocketMQ's, or one of each.

On loopback only, at free ports, with a store that is deleted in the end.
"""
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import clients
import remoting

APACHE_VERSION = "5.3.3"


def free_ports(count, spread=1):
    """COUNT port numbers of which each SPREAD below it are free, too. Apache's broker also takes the ports port-2 and port+1."""
    ports, held = [], []
    while len(ports) < count:
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                for other in range(port - spread, port + spread + 1):
                    if other != port:
                        stack.enter_context(socket.socket()).bind(("127.0.0.1", other))
            except OSError:
                continue
            if all(abs(port - other) > 2 * spread for other in held):
                ports.append(port)
                held.append(port)
    return ports


def wait_until(what, condition, seconds, process=None, log=None):
    deadline = time.monotonic() + seconds
    problem = None
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            tail = Path(log).read_text(errors="replace")[-2000:] if log else ""
            raise RuntimeError(f"{what}: the process ended with code {process.returncode}\n{tail}")
        try:
            if condition():
                return
        except (OSError, remoting.Refused) as error:
            problem = error
        time.sleep(0.05)
    raise RuntimeError(f"{what}: not in {seconds} s ({problem})")


def end(processes):
    """The last first, by a signal and then by force."""
    for process in reversed(processes):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Server:
    """A name server and a broker, each of one make. `name` and `version` are for the page, `troupe` is Troupe's program, and
    `everyone` the clients by name, for scenarios of several."""

    everyone = {}

    def __init__(self, name_server_make, broker_make, work, troupe, cache):
        self.troupe = troupe
        self.broker_make = broker_make
        self.directory = Path(tempfile.mkdtemp(prefix="server-", dir=work))
        self.turn = threading.Lock()  # of scenarios that must be alone
        self._processes = []
        makes = {name_server_make, broker_make}
        version = subprocess.run([troupe, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
        versions = {"Troupe": version, "Apache RocketMQ": APACHE_VERSION}
        self.name = makes.pop() if len(makes) == 1 else f"{broker_make} registered with {name_server_make}"
        self.version = "" if makes else versions[self.name]
        if "Apache RocketMQ" in (name_server_make, broker_make):
            self._class_path = clients.fetch_apache(cache, APACHE_VERSION)
            (self.directory / "conf").mkdir()
        name_port, broker_port = free_ports(2, spread=2)
        self.observer = remoting.Observer(f"127.0.0.1:{name_port}", f"127.0.0.1:{broker_port}")
        try:
            if name_server_make == "Troupe":
                self._start_troupe("name_server", "name_server", {
                    "host": "127.0.0.1", "port": name_port, "kv_config_path": str(self._store("interop") / "kvConfig.json"),
                }, self._name_server_answers)
            else:
                self._start_apache("name_server", "org.apache.rocketmq.namesrv.NamesrvStartup", [f"listenPort={name_port}"],
                                   self._name_server_answers)
            self._start_broker("DefaultCluster", "interop", self.observer)
        except RuntimeError:
            self.stop()
            raise

    @contextlib.contextmanager
    def more_brokers(self, names):
        """One more broker of the same make for each name, in a cluster of their own, beside the first one; yields their observers by name.

        For scenarios that are alone.
        """
        first = len(self._processes)
        ports = free_ports(len(names), spread=2)
        observers = {name: remoting.Observer(self.observer.name_server, f"127.0.0.1:{port}") for name, port in zip(names, ports)}
        try:
            for name, observer in observers.items():
                self._start_broker("MoreBrokers", name, observer)
            yield observers
        finally:
            more = self._processes[first:]
            del self._processes[first:]
            end(more)
            for name in names:
                shutil.rmtree(self._store(name), ignore_errors=True)

    def stop(self):
        end(self._processes)
        shutil.rmtree(self._store("interop"), ignore_errors=True)

    def _store(self, broker):
        return self.directory / ("store" if broker == "interop" else f"store-{broker}")

    def alive(self):
        return all(process.poll() is None for process in self._processes)

    def _start(self, name, command, ready):
        log = self.directory / f"{name}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                                       env={**os.environ, "ROCKETMQ_HOME": str(self.directory)})
        self._processes.append(process)
        wait_until(f"the {name} starts", ready, 120, process, log)

    def _name_server_answers(self):
        remoting.Connection(self.observer.name_server).close()
        return True

    def _start_broker(self, cluster, name, observer):
        start = self._start_troupe_broker if self.broker_make == "Troupe" else self._start_apache_broker
        start(cluster, name, observer)

    def _start_troupe(self, name, role, options, ready):
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps({"roles": [role], role: options}))
        self._start(name, [self.troupe, "node", "--config", str(path)], ready)

    def _start_troupe_broker(self, cluster, name, observer):
        self._start_troupe(f"broker-{name}", "broker", {
            "cluster": cluster, "name": name, "host": "127.0.0.1", "port": int(observer.broker.split(":")[1]),
            "name_servers": [observer.name_server],
            # As Apache's: a full disk of the machine that runs the tests is none of their business.
            "transaction": {"timeout": "1s", "check_interval": "2s"},
            "store": {"directory": str(self._store(name)), "flush": "async", "disk_clean_ratio": 0.999, "disk_full_ratio": 1},
        }, observer.broker_is_registered)

    def _start_apache(self, name, main, lines, ready):
        config = self.directory / "conf" / f"{name}.properties"
        config.write_text("\n".join([*lines, ""]))
        home = self.directory / f"home-{name}"
        home.mkdir(exist_ok=True)
        self._start(name, ["java", "-Xms256m", "-Xmx512m", "-XX:MaxDirectMemorySize=512m", *clients.JAVA_OPENS, f"-Duser.home={home}",
                           "-cp", self._class_path, main, "-c", str(config)], ready)

    def _start_apache_broker(self, cluster, name, observer):
        port, store = int(observer.broker.split(":")[1]), self._store(name)
        self._start_apache(f"broker-{name}", "org.apache.rocketmq.broker.BrokerStartup", [
            f"brokerClusterName={cluster}", f"brokerName={name}", "brokerId=0", "brokerIP1=127.0.0.1",
            f"listenPort={port}", f"haListenPort={port + 1}", f"namesrvAddr={observer.name_server}",
            f"storePathRootDir={store}", f"storePathCommitLog={store / 'commitlog'}",
            # As Troupe: topics are made by an administrator.
            "autoCreateTopicEnable=false", "enablePropertyFilter=true",
            "mappedFileSizeCommitLog=67108864", "diskMaxUsedSpaceRatio=99", "enableControllerMode=false",
            "transactionTimeOut=1000", "transactionCheckInterval=2000", "timerWheelEnable=true", "recallMessageEnable=true",
            "traceTopicEnable=true",
        ], observer.broker_is_registered)


SERVERS = {
    "troupe": functools.partial(Server, "Troupe", "Troupe"),
    "apache": functools.partial(Server, "Apache RocketMQ", "Apache RocketMQ"),
    "apache-broker": functools.partial(Server, "Troupe", "Apache RocketMQ"),
    "apache-name-server": functools.partial(Server, "Apache RocketMQ", "Troupe"),
}
