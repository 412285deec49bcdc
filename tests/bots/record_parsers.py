"""Records what parsers of a real IntelMQ make of the cases in record_parsers.json; the form is that of tests/oracle.

Usage: PYTHONHASHSEED=0 record_parsers.py OUT [ID…], OUT being a folder with an index.json (tests/oracle-own)."""

import base64
import importlib
import json
import logging
import pathlib
import platform
import shutil
import sys
import tempfile

import intelmq
from intelmq.lib import message
from intelmq.lib.bot import BotLibSettings

HERE = pathlib.Path(__file__).parent
REPORT = {"__type": "Report", "feed.name": "Test feed", "time.observation": "2026-01-16T06:00:00+00:00"}


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append((record.levelno, record.getMessage()))


def write(path, messages):
    lines = [m if isinstance(m, str) else m.to_json(with_type=True) for m in messages]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def flat(text):
    return message.MessageFactory.unserialize(text).to_json(with_type=True) if isinstance(text, (str, bytes)) else text


def encoded(case, given):
    """An input is its text, its bytes as Base64, or what it changes in the group's base, an object."""
    if isinstance(given, str):
        return given.encode("utf-8", "surrogatepass")
    if "base64" in given:
        return base64.b64decode(given["base64"])
    kept = {key: value for key, value in case["base"].items() if key not in given.get("without", [])}
    return json.dumps(kept | given.get("with", {}), ensure_ascii=False).encode("utf-8", "surrogatepass")


def step(bot, folder, number, case, given):
    report = dict(REPORT, **case.get("report", {}))
    name = f"input-{number}.{case['suffix']}"
    data = encoded(case, given)
    (folder / name).write_bytes(data)
    handler = Lines()
    bot.logger.addHandler(handler)
    error = None
    try:
        result = bot.process_message(dict(report, raw=base64.b64encode(data).decode()))
    except Exception as raised:
        error = {"message": str(raised), "type": type(raised).__name__}
        state = bot._Bot__destination_pipeline.state
        result = {queue: list(state[queue]) for queue in ("output", "error")}
    bot.logger.removeHandler(handler)
    events, failed = (list(map(flat, result.get(queue, []))) for queue in ("output", "error"))
    write(folder / f"expected-{number}.jsonl", events)
    if failed:
        write(folder / f"failed-{number}.jsonl", failed)
    told = {level: [line for found, line in handler.lines if found == level] for level in (logging.WARNING, logging.ERROR)}
    return {"errors": told[logging.ERROR], "events": len(events), "exception": error, "expected": f"expected-{number}.jsonl",
            "failed": f"failed-{number}.jsonl" if failed else None, "failed_count": len(failed), "input": name,
            "report": report, "warnings": told[logging.WARNING]}


def play(out, group, name, case):
    folder = out / group / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kind = importlib.import_module(case["module"]).BOT
    def make():
        bot = kind("oracle", settings=BotLibSettings | case.get("parameters", {}))
        bot.logger.handlers.clear()
        return bot

    try:
        bot = make()
    except ValueError as error:
        shutil.rmtree(folder)
        print(f"{group}/{name}: the bot does not start: {error}")
        return None
    steps = []
    for number, given in enumerate(case["inputs"], 1):
        steps.append(step(bot, folder, number, case, given))
        if steps[-1]["exception"]:
            # It would take the same message again.
            bot = make()
    told = {"id": f"{group}/{name}", "kind": group, "module": case["module"], "note": case.get("note", ""),
            "oracle": f"intelmq {intelmq.__version__}, python {platform.python_version()}, library mode, PYTHONHASHSEED=0",
            "parameters": case.get("parameters", {}), "schema": None, "steps": steps}
    (folder / "case.json").write_text(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return {"id": told["id"], "kind": group, "path": told["id"], "module": case["module"], "parameters": told["parameters"],
            "steps": len(steps), "events": sum(s["events"] for s in steps), "failed": sum(s["failed_count"] for s in steps),
            "exception": any(s["exception"] for s in steps)}


def main(out, wanted):
    index = json.loads((out / "index.json").read_text(encoding="utf-8"))
    for group, shared in json.loads((HERE / "record_parsers.json").read_text(encoding="utf-8")).items():
        for name, case in shared["cases"].items():
            whole = {**shared, **case}
            if wanted and f"{group}/{name}" not in wanted and group not in wanted:
                continue
            entry = play(out, group, name, whole)
            if entry is None:
                continue
            index["cases"] = [old for old in index["cases"] if old["id"] != entry["id"]] + [entry]
    (out / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


main(pathlib.Path(sys.argv[1]), sys.argv[2:])
