"""Records the mails that IntelMQ's own outputs send, for src/bots/outputs/mail. Usage: record_mails.py > mails.jsonl

The `subject` is what a reader sees, a part's `text` what it holds decoded; a case that raised has `error` and no mail.
"""

import email
import email.policy
import importlib
import json
import logging
import os
import socket
import sys
import threading

from intelmq.lib.bot import BotLibSettings
from intelmq.lib.message import Event

socket.getfqdn = lambda *name: "localhost"  # asking for the name takes seconds where there is none
logging.disable(logging.CRITICAL)
EVENT = {
    "source.ip": "192.0.2.15", "source.asn": 64500, "classification.type": "vulnerable-system",
    "source.abuse_contact": "abuse@example.com", "extra.tag": "telnet", "extra.list": [1, "a", None, True],
    "extra.map": {"k": 1.5, "u": "ü"}, "extra.json": "{\"a\": [1, 2], \"b\": \"x\"}", "feed.name": "Lab – ü", "feed.accuracy": 100.0,
    "time.source": "2026-01-15T03:10:12+00:00", "extra.no": False, "extra.two_lines": "a\nb", "extra.html": "<b>&\"'</b>", "raw": "YSxi",
    "extra.quoted": "a;\"b\"", "extra.big": 12345678901234567890,
}
got = []


def serve(listener):
    while True:
        connection, _ = listener.accept()
        stream = connection.makefile("rwb")
        say = lambda text: (stream.write(text + b"\r\n"), stream.flush())
        say(b"220 sink ESMTP")
        mail = {"to": []}
        while line := stream.readline():
            word = line.rstrip().upper()
            if word.startswith(b"EHLO"):
                say(b"250-sink\r\n250-SMTPUTF8\r\n250 8BITMIME")
            elif word == b"DATA":
                say(b"354 go")
                data = b""
                while (line := stream.readline()) != b".\r\n":
                    data += line[1:] if line.startswith(b"..") else line
                got.append((mail, data))
                mail = {"to": []}
                say(b"250 queued")
            elif word == b"QUIT":
                say(b"221 bye")
                break
            else:
                address = line.decode().partition(":")[2].partition(">")[0].strip(" <")
                if word.startswith(b"MAIL"):
                    mail["from"] = address
                elif word.startswith(b"RCPT"):
                    mail["to"].append(address)
                say(b"250 ok")
        connection.close()


def picture(mail, data):
    message = email.message_from_bytes(data, policy=email.policy.default)
    parts = []
    for part in message.iter_parts():
        parts.append({
            "type": part.get_content_type(), "disposition": part.get_content_disposition(), "filename": part.get_filename(),
            "text": part.get_payload(decode=True).decode().replace("\r\n", "\n"),
        })
    headers = {name: str(message[name]) for name in ("subject", "from", "to")}
    return {"envelope": mail, **headers, "type": message.get_content_type(), "parts": parts}


def case(kind, event=EVENT, **params):
    settings = {"smtp_port": port, "starttls": False, "mail_from": "cert@example.org", **params}
    row = {"kind": kind, "params": {k: v for k, v in settings.items() if k != "smtp_port"}}
    if event is not EVENT:
        row["event"] = event
    got.clear()
    try:
        module = importlib.import_module(f"intelmq.bots.outputs.{kind}.output")
        bot = module.BOT("lab", settings=BotLibSettings | settings)
        message = Event()
        for key, value in event.items():
            message.add(key, value, sanitize=key != "raw")
        bot.process_message(message)
    except Exception as error:
        row["error"] = type(error).__name__
    row["mails"] = [picture(*mail) for mail in got]
    print(json.dumps(row), flush=True)


listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
threading.Thread(target=serve, args=(listener,), daemon=True).start()

ONE = {"mail_to": "one@example.com"}
case("templated_smtp", **ONE)
case("templated_smtp", mail_to="one@example.com, two@example.com", subject="{{ event['source.ip'] }} – {{ event['extra.map'] }}")
for body in [
    "plain", "ends\n", "", "\n\n", "a\r\nb", ".dot\n..dots\n", "ä" * 500, "{{ event['extra.list'] }} {{ event['extra.no'] }} {{ event['extra.big'] }}",
    "{{ event['feed.accuracy'] }} {{ none }} {{ true }} {{ 1 / 4 }} {{ 4 / 2 }} {{ 7 // 2 }} {{ [1.0, 'x'] }} {{ {'a': none} }}",
    "{{ event['no.such'] }}|{{ event.get('no.such') }}|{{ event.get('no.such', 'x') }}|{{ event.get('source.ip') }}|{{ nothing }}",
    "{{ from_json(event['extra.json']).a[1] }} {{ from_json(event['extra.json'])['b'] }} {{ from_json('{\"x\": null}') }}",
    "{{ from_json('no json') }}", "{{ event['extra.html'] }} {{ event['extra.html'] | e }} {{ event['extra.html'] | upper }}",
    "{% for key in event %}{{ key }},{% endfor %}", "{% for key, value in event.items() %}{{ key }}={{ value }};{% endfor %}",
    "{% for key in event.keys() | sort %}{{ key }} {% endfor %}|{{ event.values() | list | length }}",
    "{% if 'source.ip' in event %}yes{% endif %}{% if 'no.such' in event %}no{% endif %}", "{{ event | length }}",
    "{{ 'a,b'.split(',') }} {{ 'Ab'.lower() }} {{ 'Ab'.upper() }} {{ ' x '.strip() }} {{ 'x'.startswith('x') }} {{ 'abc'.replace('b', 'x') }}",
    "{{ ', '.join(['a', 'b']) }} {{ 'a b'.title() }} {{ '%s-%s' | format(1, 'x') }} {{ '%05.1f' % 2.25 }} {{ 'a' ~ 1 }}",
    "{% set x = event['source.asn'] + 1 %}{{ x }} {{ x is defined }} {{ y is defined }} {{ event['no.such'] or 'else' }}",
    "{% macro m(a, b='c') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m('x', b=2) }}", "{# note #}a{%- if true %} b {%- endif %} c",
    "{{ event['time.source'][:10] }} {{ event['source.ip'] | default('x') }} {{ event['no.such'] | default('x') }} {{ 5 | string }}",
    "{{ event.feed }}", "{{ nothing.more }}", "{{ 1 / 0 }}", "{{ event['extra.list'] | join('-') }} {{ event['extra.list'] | tojson }}",
    "{{ event['extra.map'].k }} {{ event['extra.map']['u'] }} {{ event['extra.map'] | tojson }} {{ event['extra.map'] | length }}",
    "{% raw %}{{ x }}{% endraw %} {{ '\\n' }}| {{ \"tab\\t\" }}|", "{{ range(3) | list }} {{ loop }} {% for i in range(2) %}{{ loop.index }}{% endfor %}",
    "{{ event['source.asn'] | int * 2 }} {{ '7' | int }} {{ 3.7 | round }} {{ 3.7 | int }} {{ 10 | float }} {{ -3 | abs }}",
]:
    case("templated_smtp", **ONE, body=body)
case("templated_smtp", **ONE, body="{% if %}")
case("templated_smtp", **ONE, subject="{{ event['extra.two_lines'] }}")
case("templated_smtp", **ONE, subject="x\n")
case("templated_smtp", mail_to="{{ event['source.abuse_contact'] }}", mail_from="{{ event['source.abuse_contact'] }}")
case("templated_smtp", mail_to="{{ event['no.such'] }}")
for address in ["Name <n@example.com>", "root", "root@localhost", "not an address", "ü@example.com", "a@exämple.com", "a@example.com,",
                "a@example.com;b@example.com", "\"Last, First\" <l@example.com>", "a@example.com\nBcc: b@example.com", " a@example.com ",
                "<a@example.com>", "a@[192.0.2.1]", "a@b@example.com", "A B <a@example.com>, c@example.com"]:
    case("templated_smtp", mail_to=address)
    case("smtp", mail_to=address, subject="s", text="t")
for attachment in [
    {"content-type": "text/csv", "text": "a;b\n{{ event['source.ip'] }};ü\n", "name": "e{{ event['source.asn'] }}.csv"},
    {"content-type": "application/json", "text": "{{ event['extra.map'] | tojson }}", "name": "ü.json"},
    {"content-type": "text/csv; charset=utf-8", "text": "x", "name": "x y.csv"},
    {"content-type": "text", "text": "x", "name": "x"},
    {"content-type": "text/plain", "text": "", "name": ""},
    {"content-type": "text/plain", "text": "x", "name": "{{ event['extra.two_lines'] }}"},
    {"content-type": "text/plain", "text": "x", "name": "{{ event['extra.quoted'] }}"},
    {"text": "x", "name": "x"}, {"content-type": "text/plain", "name": "x"}, {"content-type": "text/plain", "text": "x"},
]:
    case("templated_smtp", **ONE, body="b", attachments=[attachment])
case("templated_smtp", **ONE, body="b", attachments=[
    {"content-type": "text/plain", "text": "1", "name": "1.txt"}, {"content-type": "text/plain", "text": "2", "name": "2.txt"}])

case("smtp")
case("smtp", **ONE, subject="Für {ev[source.ip]}", text="Dear ü\n{ev[source.asn]:>8}|{ev[extra.list]}|{ev[extra.map]}\n")
case("smtp", **ONE, text="{ev[no.such]}")
case("smtp", **ONE, subject="{ev[no.such]}")
case("smtp", **ONE, text=None, subject="s")
case("smtp", **ONE, text="", subject="s")
case("smtp", **ONE, text="x{", subject="s")
case("smtp", **ONE, text="\\n is no line\n.dot\n", subject="{ev[extra.two_lines]}")
case("smtp", **ONE, text="t", subject="s", mail_from="{ev[source.abuse_contact]}")
case("smtp", mail_to="{ev[no.such]}", text="t", subject="s")
case("smtp", mail_to="one@example.com, two@example.com", text="t", subject="s")
case("smtp", mail_to="one@example.com,two@example.com", text="t", subject="s")
for names in ["source.ip", "source.ip, source.asn", "source.ip,no.such", "extra.two_lines,extra.quoted,feed.name,extra.list,extra.map,extra.no",
              ["source.ip", "raw"], "", None, [], "extra", "raw,time.source,feed.accuracy,extra.big"]:
    case("smtp", **ONE, text="t", subject="s", fieldnames=names)
case("smtp", event={"source.ip": "192.0.2.1"}, **ONE, text="t", subject="s")
case("templated_smtp", event={"source.ip": "192.0.2.1"}, **ONE, body="{{ event }}", subject="s")
sys.stdout.flush()
os._exit(0)
