"""Records what outputs of IntelMQ 3.5.0 hand to the world for single events, for the tests of src/bots/outputs.

Usage, with a Python that has intelmq, requests and stomp.py 8.1.0: record_outputs.py NAME > NAME.jsonl

A row: params, message, and what came of it, or error (Python's exception). What came of it is `written` (the texts of the files that
appeared), `asked` (requests to a web server: method, path, content-type, authorization, x-key, body) or `sent` (bodies of SEND frames).
"""

import contextlib
import copy
import http.server
import importlib
import json
import logging
import os
import pathlib
import sys
import tempfile
import threading

ROOT = pathlib.Path(tempfile.mkdtemp())
(ROOT / "etc").mkdir()
(ROOT / "etc/runtime.yaml").write_text("{}")  # The REST output reads it.
os.environ["INTELMQ_ROOT_DIR"] = str(ROOT)
from intelmq.lib.bot import BotLibSettings  # noqa: E402

logging.disable(logging.CRITICAL)
EVENT = {"source.ip": "192.0.2.1", "raw": "w6QKYQ==", "output": '{"b": 1, "a": "ä"}', "extra.x": {"k": [1, None], "b": "ü\n"}, "extra.y": "ü & é",
         "extra.l": ["a", 1], "source.port": 80, "time.source": "2020-03-01T10:11:12.5+00:00", "time.observation": "2021-01-02T03:04:05+00:00",
         "feed.accuracy": 100.0, "classification.type": "test", "source.tor_node": True}
FEW = {"source.ip": "192.0.2.1"}
EXPORT = [{}, {"keep_raw_field": True}, {"hierarchical_output": True}, {"message_with_type": True}, {"message_jsondict_as_string": True},
          {"single_key": "raw"}, {"single_key": "output"}, {"single_key": "source.ip"}, {"single_key": "source.port"}, {"single_key": "extra.y"},
          {"single_key": "source.fqdn"}]


def record(module, params, messages, seen, prepare=lambda bot: None):
    """Runs each message through a bot of its own; `seen` returns what came of it, by name."""
    for message in messages:
        row, bot = {"params": params, "message": message}, False
        try:
            bot = importlib.import_module(module).BOT("x", settings=BotLibSettings | {"logging_level": "CRITICAL", **seen(None), **params})
            prepare(bot)
            bot.process_message(copy.deepcopy(message))
            row |= seen(bot)
        except BaseException as error:
            seen(bot)
            row["error"] = f"{type(error).__name__}: {error}".split(" for url")[0]
        print(json.dumps(row, separators=(",", ":")), file=out)


def files():
    folder = pathlib.Path(tempfile.mkdtemp())

    def seen(bot):
        if bot is None:
            return {"dir": str(folder / "dir"), "tmp": str(folder / "tmp")}
        found = sorted((folder / "dir").iterdir())
        texts = [path.read_bytes().decode() for path in found]
        [path.unlink() for path in found]
        return {"written": texts}

    for params in EXPORT:
        record("intelmq.bots.outputs.files.output", params, [EVENT, FEW], seen)


@contextlib.contextmanager
def server():
    """A web server that remembers what it is asked, and answers with the status that the path says."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            headers = {name: self.headers[name] for name in ("content-type", "authorization", "x-key") if self.headers[name]}
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            asked.append({"method": "POST", "path": self.path, **headers, "body": body})
            self.send_response(int(self.path.rsplit("/", 1)[1]))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}", asked
    web.shutdown()


def restapi():
    token = {"auth_token_name": "X-Key", "auth_token": "secret"}
    with server() as (url, asked):
        for path, params in [("/a/200", {}), ("/a/201", {"hierarchical_output": True}), ("/a/200", {"use_json": False}),
                             ("/a/204", {**token, "auth_type": "http_header"}), ("/a/200", {**token, "auth_type": "http_basic_auth"}),
                             ("/a/200", token), ("/a/200", {"auth_type": "http_header", "auth_token": "secret"}),
                             ("/a/200", {**token, "auth_type": "http_header", "http_header": {"X-Key": "other", "Content-Type": "text/plain"}}),
                             ("/a/200", {**token, "auth_type": "http_basic_auth", "http_username": "u", "http_password": "p"}),
                             ("/a/400", {}), ("/a/401", {}), ("/a/500", {})]:
            def seen(bot):
                found, asked[:] = list(asked), []
                return {"host": url + path, "http_header": {}} if bot is None else {"asked": found}
            record("intelmq.bots.outputs.restapi.output", {"path": path, **params}, [EVENT, FEW] if path.endswith("200") else [FEW], seen)


def stomp():
    from stomp.utils import Frame, convert_frame
    sent = []

    class Connection:
        """Writes frames as stomp.py does, to nobody."""

        def send(self, destination, body):
            assert body is not None, "'body' is required"
            sent.append(b"".join(convert_frame(Frame("SEND", {"destination": destination}, body))).split(b"\n\n", 1)[1].rstrip(b"\0").decode())

        def disconnect(self):
            pass

    def seen(bot):
        found, sent[:] = list(sent), []
        return {"auth_by_ssl_client_certificate": False, "ssl_ca_certificate": ""} if bot is None else {"sent": found}

    module = importlib.import_module("intelmq.bots.outputs.stomp.output")
    module.BOT.connect = lambda bot: None
    for params in EXPORT:
        record("intelmq.bots.outputs.stomp.output", params, [EVENT, FEW], seen, lambda bot: setattr(bot, "_conn", Connection()))


if __name__ == "__main__":
    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    {"files": files, "restapi": restapi, "stomp": stomp}[sys.argv[1]]()
    out.flush()
    os._exit(0)
