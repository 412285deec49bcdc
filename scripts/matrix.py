"""One row of the matrix of playbooks: how many events came out of each on a broker, and a digest of them."""
import hashlib
import json
import re
import time

from lab_server import run

NOW = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
PORT = re.compile(r"(127\.0\.0\.1|localhost|agent):\d+")
# The lab's folder in containers.
INSIDE = "/var/lib/intelmq-lab"


def digest(lines, folder, began):
    """Returns a short digest of events, whatever their order."""
    def tidy(line):
        event = {key: value for key, value in json.loads(line).items() if key != "time.observation"}
        text = PORT.sub("127.0.0.1:LAB", json.dumps(event, sort_keys=True).replace(folder, "LAB").replace(INSIDE, "LAB"))
        return NOW.sub(lambda found: "NOW" if found[0][:19] >= began else found[0], text)
    return hashlib.sha256("\n".join(sorted(map(tidy, lines))).encode()).hexdigest()[:12]


def check(program, broker, state, *options):
    """Checks every playbook on a broker, with more options if some are given; returns events and digest of each playbook, and how long it took with the labs' removal."""
    began, start = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()), time.monotonic()
    try:
        run(program, state, "check", "--all", "--keep", "--broker", broker, *options)
        took, found = time.monotonic() - start, {}
        for lab in json.loads(run(program, state, "status", "--json"))["labs"]:
            lines = run(program, state, "events", "--json", "--lab", lab["name"]).splitlines()
            found[lab["playbook"]] = (len(lines), digest(lines, lab["folder"], began))
        start = time.monotonic()
        run(program, state, "down", "--all")
        return found, took + time.monotonic() - start
    finally:
        run(program, state, "down", "--all", must=False)
