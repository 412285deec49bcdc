"""Runs one bot of Python IntelMQ as a lab runs its own: a rest ends when somebody sends USR1, and constants may be said.

  python_bot.py MODULE BOT RESTS CONSTANTS

RESTS is a file that grows by a byte with each rest. CONSTANTS is a JSON object: `MODULE:NAME` or `MODULE:CLASS.NAME`, and the value.
What a library's thread receives waits until the bot has begun its work: IntelMQ loses what comes while its queues are connected.
"""
import functools
import importlib
import json
import signal
import sys
import threading
import time

import intelmq.lib.bot


class Clock:
    """The time as the bot sees it: a rest that somebody ended has passed."""

    def __init__(self, rests):
        self.rests, self.ahead, self.woken = rests, 0.0, threading.Event()

    def time(self):
        return time.time() + self.ahead

    def sleep(self, seconds):
        if seconds <= 0:
            return
        with open(self.rests, "a") as rests:
            rests.write(".")
        began = time.monotonic()
        if self.woken.wait(seconds):
            self.woken.clear()
            self.ahead += max(0.0, seconds - (time.monotonic() - began))

    def __getattr__(self, name):
        return getattr(time, name)


def hold_back(bot):
    """Lets other threads send only once the bot has begun its work."""
    begun, process, send = threading.Event(), bot.process, bot.send_message

    def first_process(self):
        begun.set()
        return process(self)

    def send_then(self, *messages, **options):
        if threading.current_thread() is not threading.main_thread():
            begun.wait(10)
        return send(self, *messages, **options)
    bot.process, bot.send_message = first_process, send_then


def main():
    module, bot, rests, constants = sys.argv[1:]
    clock = Clock(rests)
    signal.signal(signal.SIGUSR1, lambda *_: clock.woken.set())
    intelmq.lib.bot.time = clock
    for place, value in json.loads(constants).items():
        where, _, names = place.partition(":")
        *owners, name = names.split(".")
        setattr(functools.reduce(getattr, owners, importlib.import_module(where)), name, value)
    sys.argv = [module, bot]
    kind = importlib.import_module(module).BOT
    hold_back(kind)
    kind.run()


if __name__ == "__main__":
    main()
