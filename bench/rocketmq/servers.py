"""The brokers that are compared: Troupe, and Apache RocketMQ from Maven Central. On loopback and free ports, each with an empty store."""
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

CLUSTER = "DefaultCluster"
QUEUES = 8
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# RocketMQ's scripts ask for 8 GiB of heap for the broker and 4 GiB for the name server. The collector's settings are the scripts',
# but without touching the whole heap at the start, which would only count against it here.
BROKER_JVM = ["-server", "-Xms2g", "-Xmx2g", "-XX:+UseG1GC", "-XX:G1HeapRegionSize=16m", "-XX:G1ReservePercent=25",
              "-XX:InitiatingHeapOccupancyPercent=30", "-XX:SoftRefLRUPolicyMSPerMB=0", "-XX:-OmitStackTraceInFastThrow",
              "-XX:MaxDirectMemorySize=2g"]
NAME_SERVER_JVM = ["-server", "-Xms256m", "-Xmx256m"]
# What RocketMQ's own scripts and Netty need of a JDK since 9.
JAVA_OPENS = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "sun.nio.ch", "java.lang")] + [
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED"]


def free_port(spread=2):
    """A port that is free, as are SPREAD on each side of it: Apache's broker takes the one 2 below for clients that ask for it."""
    while True:
        sockets = [socket.socket() for _ in range(2 * spread + 1)]
        try:
            sockets[0].bind(("127.0.0.1", 0))
            port = sockets[0].getsockname()[1]
            others = [port + distance for distance in range(-spread, spread + 1) if distance]
            for each, other in zip(sockets[1:], others):
                each.bind(("127.0.0.1", other))
            return port
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()


def cpu_seconds(pid):
    """User and system time of a process with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident_mib(pid):
    """Resident memory: "all" with mapped files, and "private", which no file backs."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {"all": int(lines["VmRSS"].split()[0]) / 1024, "private": int(lines["RssAnon"].split()[0]) / 1024}


class Server:
    """Processes of one broker and its name server. `pid` is the broker's, whose time and memory are measured."""

    def __init__(self, directory, troupe):
        self.directory = Path(directory)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.name_server = f"127.0.0.1:{free_port()}"
        self.broker = f"127.0.0.1:{free_port()}"
        self._troupe = troupe
        self._processes = []

    @property
    def pid(self):
        return self._processes[-1].pid

    def _start(self, name, command, **options):
        log = self.directory / f"{name}.log"
        with open(log, "wb") as out:
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                                    start_new_session=True, **options))

    def _wait(self, what, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if self._processes[-1].poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.name}: {what}: not in {seconds} s; its logs are in {self.directory}")
            time.sleep(0.1)

    def _run_cli(self, *arguments):
        return subprocess.run([self._troupe, *arguments, "--name-server", self.name_server], capture_output=True, check=False)

    def _listens(self, address):
        host, port = address.split(":")
        try:
            socket.create_connection((host, int(port)), 1).close()
            return True
        except OSError:
            return False

    def create_topic(self, topic):
        """Both brokers are told by the same program, over the wire."""
        self._wait(f"the topic {topic} is created",
                   lambda: self._run_cli("topic", "create", topic, "--queues", str(QUEUES)).returncode in (0, 7))
        self._wait(f"the topic {topic} has a route", lambda: self._run_cli("topic", "show", topic).returncode == 0)

    def stop(self):
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.directory / "store", ignore_errors=True)


class Troupe(Server):
    """One process with both roles and the defaults of its configuration."""
    name = "Troupe"

    def start(self, flush):
        begin = time.monotonic()
        (name_host, name_port), (host, port) = self.name_server.split(":"), self.broker.split(":")
        self._start("node", [self._troupe, "node", "--name-server-host", name_host, "--name-server-port", name_port,
                             "--broker-host", host, "--broker-port", port, "--broker-store-directory", str(self.directory / "store"),
                             "--broker-store-flush", flush])
        self._wait("start", lambda: "ready in" in (self.directory / "node.log").read_text(errors="replace"))
        return time.monotonic() - begin


class Apache(Server):
    """Name server and broker as their start scripts run them, with the defaults of their configuration but for addresses."""
    name = "Apache RocketMQ"

    def __init__(self, directory, troupe, jars):
        super().__init__(directory, troupe)
        self._jars = jars

    def start(self, flush):
        begin = time.monotonic()
        environment = {**os.environ, "ROCKETMQ_HOME": str(self.directory)}
        java = [*JAVA_OPENS, f"-Duser.home={self.directory}", "-cp", f"{self._jars}/*"]
        name_port, port = self.name_server.split(":")[1], self.broker.split(":")[1]
        name_config, broker_config = self.directory / "name_server.properties", self.directory / "broker.properties"
        name_config.write_text(f"listenPort={name_port}\n")
        store = self.directory / "store"
        broker_config.write_text("\n".join([
            f"brokerClusterName={CLUSTER}", "brokerName=broker-a", "brokerId=0", "brokerIP1=127.0.0.1", f"listenPort={port}",
            f"haListenPort={int(port) + 1}", f"namesrvAddr={self.name_server}", f"storePathRootDir={store}",
            f"storePathCommitLog={store / 'commitlog'}", f"flushDiskType={flush.upper()}_FLUSH", ""]))
        self._start("name_server", ["java", *NAME_SERVER_JVM, *java, "org.apache.rocketmq.namesrv.NamesrvStartup", "-c",
                                    str(name_config)], env=environment)
        self._wait("the name server starts", lambda: self._listens(self.name_server))
        self._start("broker", ["java", *BROKER_JVM, *java, "org.apache.rocketmq.broker.BrokerStartup", "-c", str(broker_config)],
                    env=environment)
        self._wait("the broker starts", lambda: self._listens(self.broker))
        return time.monotonic() - begin
