"""How an operation ends: quietly, or with Failed."""
import time

MAKES = ("Troupe", "Apache RocketMQ")  # of brokers


class Failed(Exception):
    """An assertion that does not hold, or an error of the client, in words for the page."""


def require(holds, text):
    if not holds:
        raise Failed(text)


def until(text, condition, seconds=20):
    """Waits for what a server or a client does a moment later. A text that is a function says how far it came."""
    deadline = time.monotonic() + seconds
    while True:
        problem = ""
        try:
            if condition():
                return
        except (OSError, RuntimeError) as error:
            problem = f" ({error})"
        require(time.monotonic() < deadline, f"not in {seconds} s: {text() if callable(text) else text}{problem}")
        time.sleep(0.05)
