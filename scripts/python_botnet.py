"""The botnet of a playbook with Python IntelMQ: its bots as processes on a Redis, the simulated services beside them, and what steps do.

Not a program: `compare-with-intelmq` imports it. The bots are those of `intelmq-lab export`; the services are the lab's own.
"""
import base64
import json
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from python_intelmq import as_somebody, environment, wait_for

HERE = pathlib.Path(__file__).resolve().parent
# What an exported configuration says where a lab has a simulated service.
AUTHORITIES, PORT = "/etc/ssl/certs/ca-certificates.crt", 443
# Parameters of ours that are constants in IntelMQ or in a library that it uses.
CONSTANTS = {
    "intelmq.bots.collectors.shadowserver.collector_reports_api": {
        "url": "intelmq.bots.collectors.shadowserver.collector_reports_api:APIROOT",
        "download_url": "intelmq.bots.collectors.shadowserver.collector_reports_api:DLROOT",
    },
    "intelmq.bots.collectors.shodan.collector_stream": {"url": "shodan.stream:Stream.base_url"},
    "intelmq.bots.collectors.shodan.collector_alert": {"url": "shodan.stream:Stream.base_url"},
}
# A botnet that does nothing: beside it the services run.
IDLE = {"nothing": {"module": "intelmq.bots.outputs.file.output", "group": "Output", "enabled": False,
                    "parameters": {"file": "/dev/null"}}}
# How long a collector may take for its first round; one that takes longer follows a stream.
STREAM = 2
MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000}


class Services:
    """The simulated services of a playbook, without its botnet."""

    def __init__(self, program, playbook, folder):
        self.folder, self.process, self.endpoints = folder, None, {}
        subprocess.run([program, "render", playbook, "--out", folder], check=True, stdout=subprocess.DEVNULL)
        manifest = folder / "services/services.json"
        if not manifest.exists():
            return
        entries = json.loads(manifest.read_text())
        for entry in entries["services"]:
            entry["port"] = 0
        manifest.write_text(json.dumps(entries))
        for name in ["log", "out", "state"]:
            (folder / name).mkdir(exist_ok=True)
        runtime = folder / "etc/runtime.yaml"
        runtime.write_text(json.dumps(IDLE))
        with open(folder / "stderr", "w") as stderr:
            self.process = subprocess.Popen(
                [program, "botnet", "run", runtime, "--lab", folder, "--state", folder / "state", "--log", folder / "log"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
        wait_for("the services", lambda: (folder / "api.json").exists() or self.process.poll() is not None)
        for service in ask(folder, "GET", "/v1/services"):
            host, port = service["url"].rsplit("/", 1)[1].split(":")
            self.endpoints[service["id"]] = {"url": service["url"], "host": host, "port": int(port), "ca": str(folder / "services/ca.pem")}

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


def ask(lab, method, path, body=None):
    """Asks the control service of a lab's folder; a body is sent as it is or as JSON."""
    api = json.loads((lab / "api.json").read_text())
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    headers = {"Authorization": f"Bearer {api['token']}", "Content-Type": kind}
    request = urllib.request.Request(api["url"] + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {error.read().decode()}")


class Botnet:
    """The bots of one playbook while its steps are done."""

    def __init__(self, folder, venv, redis_port, services, content):
        """`content` reads a file that a playbook names."""
        self.folder, self.venv, self.port, self.services, self.content = folder, venv, redis_port, services, content
        self.runtime, self.constants, self.processes, self.not_played = {}, {}, {}, []
        self.inbox, self.rests = folder / "var/lib/bots/lab/in", folder / "rests"
        self.rests.mkdir()

    # --- bots -----------------------------------------------------------------------------------------------------------

    def configure(self, wanted, ids, constants):
        """Takes bots over from an exported runtime file, and starts anew those that run.

        `constants` are the values of what is a constant with Python, by bot and place.
        """
        running = {bot for bot in ids if self.runs(bot)}
        new = {bot for bot in ids if bot not in self.runtime}
        self.end(running)
        for bot in ids:
            self.runtime.pop(bot, None)
            if bot in wanted:
                self.runtime[bot] = wanted[bot] if bot == "global" else self.filled(wanted[bot])
        self.constants |= constants
        (self.folder / "etc/runtime.yaml").write_text(json.dumps(self.runtime, indent=1))
        self.start({bot for bot in running | new if self.runtime.get(bot, {}).get("enabled")})

    def filled(self, entry):
        """Puts the services in the place of what an exported configuration says instead of them."""
        met = set()

        def fill(value):
            if isinstance(value, dict):
                return {key: fill(item) for key, item in value.items()}
            if isinstance(value, list):
                return [fill(item) for item in value]
            if not isinstance(value, str):
                return value
            for name, endpoint in self.services.endpoints.items():
                met.update([name] if value == f"{name}.example" else [])
                value = value.replace(f"https://{name}.example", endpoint["url"]).replace(f"{name}.example", endpoint["host"])
                value = value.replace(AUTHORITIES, endpoint["ca"])
            return value
        parameters = fill(entry["parameters"])
        for name in met:
            port = self.services.endpoints[name]["port"]
            parameters |= {key: port for key, value in parameters.items() if value in (PORT, str(PORT))}
        return {**entry, "parameters": parameters}

    def runs(self, bot):
        return bot in self.processes and self.processes[bot].poll() is None

    def start(self, bots):
        """Starts bots, and waits until each has begun its work or ended, and collectors have done their first round."""
        began = {}
        for bot in sorted(bots):
            if self.runs(bot) or bot == "global":
                continue
            (self.rests / bot).write_text("")
            constants = json.dumps(self.constants.get(bot, {}))
            command = [self.venv / "bin/python", HERE / "python_bot.py", self.runtime[bot]["module"], bot, self.rests / bot, constants]
            began[bot] = self.initialized(bot)
            with open(self.folder / f"{bot}.stderr", "a") as stderr:
                self.processes[bot] = subprocess.Popen([*as_somebody(), *command], env=environment(self.venv, self.folder, self.port), stderr=stderr,
                                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

        collectors = [bot for bot in began if self.runtime[bot]["group"] == "Collector"]
        late = lambda bots: [bot for bot in bots if self.initialized(bot) <= began[bot] and self.runs(bot)]  # noqa: E731
        wait_for("bots to start", lambda: not late(began), more=lambda: "".join(map(self.said, late(began))))
        # Those that follow a stream never rest.
        deadline = time.monotonic() + STREAM
        while time.monotonic() < deadline and any(self.runs(bot) and not self.rested(bot) for bot in collectors):
            time.sleep(0.02)

    def said(self, bot):
        """Returns the end of what a bot wrote, to be shown."""
        texts = [path.read_text() for path in [self.folder / "var/log" / f"{bot}.log", self.folder / f"{bot}.stderr"] if path.exists()]
        return "".join(f"\n  {bot}: {line}" for text in texts for line in text.splitlines()[-20:])

    def initialized(self, bot):
        log = self.folder / "var/log" / f"{bot}.log"
        return log.read_text().count("Bot initialization completed.") if log.exists() else 0

    def end(self, bots):
        bots = [self.processes[bot] for bot in bots if self.runs(bot)]
        for bot in bots:
            bot.send_signal(signal.SIGTERM)
        for bot in bots:
            bot.wait()

    def collect(self):
        """Ends the rest of every collector, and waits until each rests again."""
        resting = {bot: self.rested(bot) for bot, entry in self.runtime.items() if entry.get("group") == "Collector" and self.runs(bot)}
        resting = {bot: count for bot, count in resting.items() if count}
        for bot in resting:
            self.processes[bot].send_signal(signal.SIGUSR1)
        wait_for("a round of the collectors", lambda: all(self.rested(bot) > count or not self.runs(bot) for bot, count in resting.items()))

    def rested(self, bot):
        """Returns how often a bot has begun to rest since its start."""
        return (self.rests / bot).stat().st_size

    # --- actions --------------------------------------------------------------------------------------------------------

    def act(self, verb, what):
        """Does one action of a step but `configure`; notes what cannot be done."""
        if verb == "seed":
            self.seed(what)
        elif verb == "start":
            self.start({what})
        elif verb == "stop":
            self.end({what})
        elif verb == "reload":
            self.processes[what].send_signal(signal.SIGHUP)
        elif verb == "inject":
            message = json.dumps({"__type": "Event", **what["message"]})
            self.send(what["queue"], [message] * what.get("times", 1))
        elif verb == "requeue":
            self.requeue(what)
        elif verb == "request":
            self.request(what)
            self.collect()
        elif verb == "fault":
            self.fault(what)
            self.collect()
        else:
            self.not_played.append(f"{verb}: there is nothing that plays it with Python")

    def seed(self, seed):
        name = seed.get("as") or re.split("[/:]", seed["file"])[-1]
        content = self.content(seed["file"])
        if "service" in seed:
            ask(self.services.folder, "PUT", f"/v1/services/{seed['service']}/files/{name}", content)
        else:
            path = self.inbox / name
            path.parent.mkdir(parents=True, exist_ok=True)
            hidden = path.parent / ".next"
            hidden.write_bytes(content)
            hidden.rename(path)
        self.collect()

    def send(self, queue, messages):
        for message in messages:
            self.redis("LPUSH", queue, message)

    def redis(self, *arguments):
        run = subprocess.run(["redis-cli", "-p", str(self.port), "-n", "2", *arguments], stdout=subprocess.PIPE, text=True, check=True)
        return run.stdout

    def requeue(self, what):
        """Puts dumped messages back, repaired, as one does with IntelMQ's own tool."""
        path = self.folder / "var/log" / f"{what['bot']}.dump"
        entries = json.loads(path.read_text()) if path.exists() else {}
        for key, entry in list(entries.items()):
            message = entry["message"]
            message = json.loads(message) if isinstance(message, str) else message
            row = base64.b64decode(message["raw"]).decode() if "raw" in message else json.dumps(message)
            if what.get("contains", "") not in row and what.get("contains", "") not in "".join(entry["traceback"]):
                continue
            for replace in what.get("replace", []):
                row = row.replace(replace["text"], replace["with"])
            message = {**message, "raw": base64.b64encode(row.encode()).decode()} if "raw" in message else json.loads(row)
            self.send(what.get("queue") or entry["source_queue"], [json.dumps(message)])
            del entries[key]
        if path.exists():
            path.write_text(json.dumps(entries))

    def request(self, what):
        def fill(text):
            values = {f"service.{name}.{key}": str(value) for name, endpoint in self.services.endpoints.items() for key, value in endpoint.items()}
            return re.sub(r"\{\{\s*([\w.]+)\s*\}\}", lambda found: values.get(found[1]) or f"SECRET-{found[1].removeprefix('secret.')}", text)
        headers = {name: fill(value) for name, value in what.get("headers", {}).items()}
        body = fill(what["body"]).encode() if "body" in what else None
        if "json" in what:
            body, headers["Content-Type"] = fill(json.dumps(what["json"])).encode(), "application/json"
        request = urllib.request.Request(fill(what["url"]), body, headers, method=what.get("method", "GET"))
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError:
            pass  # Whether the answer is the right one is judged in our own lab.

    def fault(self, what):
        path = f"/v1/services/{what['service']}/faults"
        if what.get("clear"):
            ask(self.services.folder, "DELETE", path)
            return
        def milliseconds(period):
            number, unit = re.fullmatch(r"(\d+)(ms|s|m)", period).groups()
            return int(number) * MILLISECONDS[unit]
        name = next(key for key in what if key not in ("service", "times", "path", "retry_after"))
        wait = milliseconds(what["retry_after"]) // 1000 if "retry_after" in what else None
        trouble = {"status": [what.get("status"), wait], "slow": milliseconds(what["slow"]) if "slow" in what else None}
        value = what[name] if name not in trouble else trouble[name]
        fault = {"trouble": name if value is True else {name: value}, "times": what.get("times"), "path": what.get("path")}
        ask(self.services.folder, "POST", path, fault)

    # --- what is to be seen ---------------------------------------------------------------------------------------------

    def queues(self):
        """Returns how many messages wait in each queue, those in hand included."""
        script = ("local all = {} for _, key in ipairs(redis.call('KEYS', '*-queue*')) do "
                  "all[#all + 1] = key all[#all + 1] = redis.call('LLEN', key) end return cjson.encode(all)")
        told = json.loads(self.redis("EVAL", script, "0") or "[]") or []
        depths = {}
        for name, depth in zip(told[::2], told[1::2]):
            name = name.removesuffix("-internal")
            depths[name] = depths.get(name, 0) + depth
        return {name: depth for name, depth in depths.items() if depth}

    def busy(self):
        """Tells whether a bot that runs has messages before it or in hand."""
        return any(self.runs(name.removesuffix("-queue")) for name in self.queues())
