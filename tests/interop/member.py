"""A driver that is one member of a group, beside others: it says what it consumes and owns, and leaves when its input ends."""
import subprocess
import threading

from outcome import require, until


class Member:
    """`words` follow the usual ones on its command line. Lines that it prints: `READY`, `GOT body`, `OWNS broker:0,broker:1` (queues)."""

    def __init__(self, client, server, home, scenario, topic, group, *words):
        name = "-".join([client.name, *words[:1]])
        home = home / name
        home.mkdir()
        self.is_ready = False
        self._bodies = []
        self._owned = None
        self._output = []
        self._log = open(home / "errors.log", "wb")
        self._process = subprocess.Popen(client.command(home, scenario, server.observer.name_server, topic, group, *words),
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, cwd=home,
                                         env=client.environment(home), start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            word, _, rest = line.decode(errors="replace").rstrip("\n").partition(" ")
            if word == "GOT":
                self._bodies.append(rest)
            elif word == "OWNS":
                self._owned = [queue for queue in rest.split(",") if queue]
            elif word == "READY":
                self.is_ready = True
            else:
                self._output.append(f"{word} {rest}")

    def bodies(self):
        return list(self._bodies)

    def queues(self):
        """Those that it owns, as "broker:number"; None before it said it."""
        return self._owned

    def owned(self):
        """Their numbers, likewise."""
        return None if self._owned is None else [int(queue.rsplit(":", 1)[1]) for queue in self._owned]

    def wait_until_ready(self, seconds):
        until("the driver is ready", lambda: self.is_ready or self._process.poll() is not None, seconds)
        require(self.is_ready, f"the driver ended: {self.output()[-300:]}")

    def leave(self):
        if self._process.poll() is None:
            self._process.stdin.close()
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(10)
        self._log.close()

    def output(self):
        """Its other lines; whole when it has left."""
        return "\n".join(self._output)
