"""Servers of brokers for scripts: that of a lab, which `intelmq-lab up` starts and `down` ends.

Not a program: other scripts import it.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys

BROKERS = ["embedded", "redis", "rabbitmq", "kafka"]
# The shortest way to a lab with a server.
PLAYBOOK = "shodan"
# The exit code of a target that cannot do what it shall.
TARGET_FAILED = 5


def skip_without_server(done):
    """Ends the script as skipped, aloud, if a command says that this machine has no server of its broker."""
    if done.returncode == TARGET_FAILED and "cannot start the broker" in done.stderr:
        print(f"SKIPPED: {done.stderr}", file=sys.stderr)
        sys.exit(77)


def run(program, state, *words, must=True):
    """Runs a command of the program with labs in a folder of their own; returns what it prints."""
    done = subprocess.run([program, *words], env={**os.environ, "XDG_STATE_HOME": str(state)}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    skip_without_server(done)
    if must and done.returncode:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Lab:
    """A lab in a folder of its own."""

    def __init__(self, program, state, playbook, broker, step=1):
        self.program, self.state = program, state
        self.folder = pathlib.Path(state) / "intelmq-lab/labs/own"
        self.run("up", playbook, "--to", str(step), "--broker", broker)

    def run(self, *words, must=True):
        """Runs a command on the lab; returns what it prints."""
        return run(self.program, self.state, *words, "--lab", "own", must=must)

    def pid(self, name):
        """Returns the process of the lab's `supervisor` or `broker`."""
        return json.loads((self.folder / f"{name}.json").read_text())["pid"]


@contextlib.contextmanager
def lab(program, state, playbook, broker, step=1):
    """Brings a lab up to a step, and removes it in the end."""
    brought = None
    try:
        brought = Lab(program, state, playbook, broker, step)
        yield brought
    finally:
        if brought:
            brought.run("down", must=False)


@contextlib.contextmanager
def server(program, state, broker):
    """Gives the process and the address of a server; names there have a part of their own."""
    with lab(program, state, PLAYBOOK, broker) as brought:
        url = (brought.folder / "broker/url").read_text().strip()
        yield brought.pid("broker"), f"{url}{'&' if '?' in url else '?'}prefix=own."
