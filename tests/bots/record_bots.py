"""Records what IntelMQ 3.5.0 itself makes of messages, for src/bots/tests.rs.

Usage, with a Python that has intelmq (and pyasn for the ASN lookup): record_bots.py NAME > NAME.jsonl

A row: params, files (text by name, put where the parameters name them), paths (beside _default), now, message, and sent (messages by
path) or error (Python's exception; what made the bot refuse to start is a ValueError "Bot shutdown").
Outputs have written (text by file name) instead of sent.
"""

import copy
import datetime
import importlib
import itertools
import json
import logging
import os
import random
import shutil
import sys
import tempfile

from intelmq.lib.bot import BotLibSettings
from intelmq.lib.message import MessageFactory
from intelmq.lib.harmonization import DateTime  # noqa: F401  (loads the data format)
from intelmq.lib.utils import load_configuration
import freezegun
import intelmq

logging.disable(logging.CRITICAL)
random.seed(20)
FORMAT = load_configuration(os.path.join(os.path.dirname(intelmq.__file__), "etc/harmonization.conf"))
NOW = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.timezone.utc)


def loads(message):
    """Whether a bot can receive it at all."""
    try:
        return bool(MessageFactory.from_dict(dict(message), FORMAT, default_type="Event"))
    except Exception:
        return False


def record(module, params, messages, paths=(), files=None, placed=None):
    """Runs messages one after the other through one bot; `placed` names the parameter that is a file's path."""
    bot = None
    queues = {"_default": "output", **{path: "to-" + path for path in paths}}
    folder = tempfile.mkdtemp()
    for name, text in (files or {}).items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    real = {key: os.path.join(folder, value) if key == placed else value for key, value in params.items()}
    for message in filter(loads, messages):
        row = {"params": params, "message": message}
        if files:
            row["files"] = files
        if paths:
            row["paths"] = list(paths)
        try:
            if bot is None:
                settings = BotLibSettings | {"logging_level": "CRITICAL", "destination_queues": queues, **real}
                bot = importlib.import_module(module).BOT("x", settings=settings)
            out = bot.process_message(copy.deepcopy(message))
            row["sent"] = {path: [dict(m) for m in out[queue]] for path, queue in queues.items() if out.get(queue)}
            for queue in queues.values():
                out.get(queue, []).clear()
            json.dumps(row["sent"])  # What a queue would do.
            if placed == "file" and module.endswith(".output"):
                del row["sent"]
                row["written"] = {}
                for root, _, names in os.walk(folder):
                    for name in names:
                        path = os.path.join(root, name)
                        with open(path, newline="") as file:
                            row["written"][os.path.relpath(path, folder)] = file.read()
                for root, _, names in os.walk(folder):
                    for name in names:
                        open(os.path.join(root, name), "w").close()
        except BaseException as error:
            row.pop("sent", None)
            row["error"] = f"{type(error).__name__}: {error}".replace(folder, "FOLDER")
            bot = None
        print(json.dumps(row, separators=(",", ":")))
    shutil.rmtree(folder)


def taxonomy():
    from intelmq.lib.harmonization import ClassificationTaxonomy, ClassificationType
    rows = [{"source.ip": "192.0.2.1"}]
    rows += [{"classification.type": kind} for kind in ClassificationType.allowed_values]
    rows += [{"classification.taxonomy": name} for name in ClassificationTaxonomy.allowed_values]
    rows += [{"classification.taxonomy": "fraud", "classification.type": "scanner"}, {"classification.type": "c&c"}]
    record("intelmq.bots.experts.taxonomy.expert", {}, rows)


URLS = """http://EXAMPLE.com:0/ http://example.com:00080/x http://u:p@@example.com/ http://user@/x http://:80/
http://[::ffff:192.0.2.1]/ http://192.0.2.1/ http://192.0.2.1:9/ http://0.0.0.0/ http://3221225985/x http://192.0.2.1%scope/
http://[fe80::1%25eth0]/a http://[fe80::1%eth0]/a http://ex_ample.com/ http://exämple.com/ http://example.com./ http://-/x
http://-@example.com/x http://N/A@example.com/ ftp://example.com/a;type=i http://example.com/a;b;c=d/e;f http://example.com/a;b/c
foo://example.com/a;b foo://example.com:77/a tftp://example.com/a sftp://example.com/a ssh://example.com/a ws://example.com/a
wss://example.com/a HTTPS://example.com/a //example.com/a http://example.com?x=1 http://example.com#a http://example.com:/x
http://example.com:٣/x http://example.com:8_0/x http://example.com:+80/x http://[v1.a]/ http://%C3%A9.com/ http://éé:p@example.com/é
http://.../ http://a..b/ http://example.com:80:90/ http://1.2.3/ http://1.2.3.4.5/ http://01.2.3.4/ http://192.0.2.0/24
http://192.0.2.1@example.com/ news://example.com file:///etc/passwd file://localhost/etc http://2001:db8::1/
http://[2001:DB8::1]:99/ http+unix://a/ http://1.1.1.1./ http://user:@example.com/ http://:pw@example.com/ http://*.example.com/
http://a,b.com http://exa!mple.com mailto://a@b imap://a.b hxxp://a.b/c http://example.com:65535/ http://example.com:65536/
https://example.com:99999999999999999999/ gopher://example.com:70 http://ΑΒΓΣ.example/ http://İ.example http://a@b@c.example:8/d
sip://example.com/a;b http://example.com/;x http://example.com;x http://example.com/a?b#c;d http://example.com/a#b?c
http://xn--exmple-cua.com/ http://EXÄMPLE.com/ http://127.0.0.1:8080/a%20b http://localhost http://@example.com/ http://a:b:c@d.example/
http://example.com:80#x http://example.com:80?x tel://example.com/a;b svn+ssh://example.com/x a.b-c+d://example.com/ http://example.com//
http://example.com/%2e%2e/ http://256.0.0.1/ http://0x7f000001/ http://example.com\\@example.org/ http://[::1]x:80/ http://x[::1]:80/""".split()
URLS += ["http://" + "a" * 64 + ".com/", "http://ex ample.com/", "http://a b@example.com/ x", "http://example.com/ \u00a0", "http:// @example.com/",
         "http://ex\tample.com/a\tb", "http://example.com: 80/x", "\u0001http://example.com/", "a" * 100 + "://example.com/", "a" * 101 + "://example.com/",
         "http://" + "a." * 130 + "example/", "http://example.com:8\t0/"]


def url():
    module = "intelmq.bots.experts.url.expert"
    record(module, {}, [{"source.url": url} for url in URLS])
    record(module, {"overwrite": True}, [{"destination.url": url, "destination.account": "x", "destination.fqdn": "old.example",
                                          "destination.port": 1, "destination.urlpath": "/old"} for url in URLS[::3]])
    short = {"http": "http://a.example", "https": "https://a.example", "foo": "foo://a.example", "none": "//a.example",
             "tftp": "tftp://a.example"}
    pairs = [{"source.url": short[a], "destination.url": short[b]} for a, b in itertools.permutations(short, 2)]
    before = [{}, {"protocol.application": "old"}, {"protocol.transport": "icmp"},
              {"protocol.application": "old", "protocol.transport": "icmp"}]
    for params in [{}, {"overwrite": True}, {"skip_fields": ["protocol.application"]}, {"skip_fields": ["protocol.transport"]},
                   {"overwrite": True, "skip_fields": ["protocol.application"]}]:
        record(module, params, [{**first, **pair} for first in before for pair in random.sample(pairs, 7)])
    full = {"source.ip": "198.51.100.9", "source.fqdn": "old.example", "source.port": 1, "source.urlpath": "/old", "source.account": "old"}
    both = {"source.url": "http://user@192.0.2.1:81/a", "destination.url": "ftp://du@example.org/b"}
    for params in [{}, {"overwrite": True}, {"skip_fields": ["source.fqdn", "destination.port", "source.ip"]},
                   {"skip_fields": "source.port,source.ip"}, {"skip_fields": {"source.ip": 1}}, {"skip_fields": ["source.url"]},
                   {"skip_fields": ["source.urlpath", "destination.account"], "overwrite": True}, {"skip_fields": []}]:
        record(module, params, [both, {**full, **both}, {**both, **full}, {"source.ip": "192.0.2.1"}, {"source.url": "http://x:99999/"},
                                {"source.url": "http://-@-/", "source.account": "x", "source.fqdn": "aa.example"}])


def filter_():
    module = "intelmq.bots.experts.filter.expert"
    paths = ("filter_match", "filter_no_match", "action_other")
    messages = [{"source.port": 443, "source.ip": "192.0.2.1"}, {"source.ip": "192.0.2.1"},
                {"feed.accuracy": 100.0, "extra.x": {"a": [1, True]}, "source.tor_node": True, "source.port": 1, "source.fqdn": "a.example"}]
    tests = [("source.port", 443, None), ("source.port", "443", None), ("source.port", 443.0, None), ("source.port", True, None),
             ("source.port", "^4+3$", True), ("source.port", "4", 1), ("source.port", 4, True), ("feed.accuracy", 100, None),
             ("feed.accuracy", r"100\.0", True), ("extra.x", "{'a': ", True), ("extra", "a", True),
             ("extra", '{"x": {"a": [1, true]}}', None), ("source.tor_node", "True", True), ("source.tor_node", "true", True),
             ("source.tor_node", 1, None), ("source.ip", "192.0.2.1", None), ("source.ip", "(?=192)", True),
             ("source.ip", r"(\d)\.\d\.\1", True), ("source.ip", "(", True), ("source.ip", "x", "search"), ("source.ip", "2", "false"),
             ("source.ip", "2", False), ("nosuch", "x", None), ("source.ip", "", None), ("", "x", None), ("source.ip", 0, None),
             ("source.ip", None, None), ("extra.x", {"a": [1, True]}, None), ("extra.x", {"a": [1, 1.0]}, None), ("extra.x", {"a": [1]}, None),
             ("source.fqdn", "(?i)A\\.", True), ("source.fqdn", "A", True)]
    for action, (key, value, regex) in itertools.product(("drop", "keep"), tests):
        params = {"filter_action": action, "filter_key": key, "filter_value": value}
        record(module, params if regex is None else {**params, "filter_regex": regex}, messages, paths)
    plain = {"filter_key": "source.ip", "filter_value": "192.0.2.1"}
    for params in [plain, {**plain, "filter_action": "other"}, {"filter_key": "source.ip", "filter_action": "drop"}, {},
                   {"not_after": "2 days", "filter_key": "source.ip"}, {**plain, "filter_action": "keep", "not_after": "2 days"},
                   {**plain, "filter_action": "keep", "not_after": "garbage"}, {"not_before": ""}, {**plain, "not_before": "2 days"}]:
        record(module, params, messages, paths)
    for some in [(), ("action_other",), ("filter_match",), ("filter_no_match",)]:
        for action in ("drop", "keep"):
            record(module, {**plain, "filter_action": action}, messages, some)
    ages = [-86400 * 400, -5, 0, 1, 95, 105, 3599, 3600, 3601, 86399, 86400, 86401, 172799, 172800, 172801, 1814400, 1814401, 2592000, 2592001,
            31104000, 31104001, 31536000, 31536001]
    moments = [{"time.source": (NOW - datetime.timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S+00:00")} for age in ages]
    absolute = [{"time.source": time} for time in ["2020-01-01T00:00:00+00:00", "2019-12-31T23:59:59+00:00", "2020-01-01T00:00:01+00:00",
                                                   "2020-01-01T00:00:00.5+00:00", "2019-12-31T23:59:59.999999+00:00"]] + [{"source.port": 1}]
    for name in ("not_before", "not_after"):
        for text in ["2 days", " 2 days ", "2\tdays", "2  day", "100 seconds", "1 minute", "1 hour", "3 weeks", "1 month", "12 months", "1 year", "0 days"]:
            record(module, {name: text}, random.sample(moments, 8))
        for text in ["2 Days", "2days", "-2 days", "1.5 days", "2 days ago", "2 day s", "1 microsecond", "two days", "2 days 3 hours"]:
            record(module, {name: text}, moments[:1])
        for text in ["2020-01-01T00:00:00+00:00", "2020-01-01T02:00:00+02:00", "2020-01-01 00:00:00Z", "2020-01-01 00:00:00 UTC",
                     "2020-01-01T00:00:00-0500", "2020-01-01", "2020-01-01T00:00:00", "garbage", 20200101, "2020-13-01", False, 0]:
            record(module, {name: text}, absolute)
    record(module, {"not_before": "30 days", "not_after": "2 days", **plain, "filter_action": "keep"},
           [{**moment, "source.ip": "192.0.2.1"} for moment in moments], paths)


def field_reducer():
    module = "intelmq.bots.experts.field_reducer.expert"
    messages = [{"source.ip": "192.0.2.1", "source.port": 1, "extra.a": 1, "extra.b.c": 2, "extra.b.d": {"x": None}, "raw": "YQ==",
                 "time.observation": "2020-01-01T00:00:00+00:00", "classification.type": "test"}, {"source.ip": "192.0.2.1"}]
    keys = ["source.ip,extra", "source.ip, extra.a", ["source.ip", "extra.b.c"], ["extra"], "extra.b", "extra.b.c", "source", "", [], "nosuch",
            "source.*", "__type", "raw", "source.ip,extra.zz", {"source.ip": 1}, "source.ip,,raw", " raw ", ["raw", " source.ip"], "extra.a,extra"]
    for kind, key in itertools.product(("whitelist", "blacklist"), keys):
        record(module, {"type": kind, "keys": key}, messages)
    for params in [{"keys": "raw"}, {"type": "x", "keys": "raw"}, {"type": "Whitelist", "keys": "raw"}, {"type": "whitelist"}]:
        record(module, params, messages[:1])


def rfc1918():
    module = "intelmq.bots.experts.rfc1918.expert"
    networks = """10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16
        198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 fe80::/64 fe80::/10 2001:db8::/32 fc00::/7 2001::/23 64:ff9b::/96
        2002::/16 ff00::/8 ::ffff:0:0/96 100::/64""".split()
    import ipaddress
    addresses = ["0.0.0.1", "8.8.8.8", "1.1.1.1", "::1", "::", "2606:4700::1"]
    for network in map(ipaddress.ip_network, networks):
        for number in (int(network[0]) - 1, int(network[0]), int(network[0]) + 1, int(network[-1]), int(network[-1]) + 1):
            if 0 <= number < 1 << network.max_prefixlen:
                addresses.append(str(type(network[0])(number)))
    record(module, {"fields": "source.ip", "policy": "drop"}, [{"source.ip": address} for address in addresses])
    names = """example.com www.example.com example.net example.org example.edu foo.test test foo.example example localhost foo.localhost a.invalid
        invalid a.local a.onion notexample.com example.co example.com.de test.com example.example.com xn--example.com x.invalid.com""".split()
    record(module, {"fields": "source.fqdn", "policy": "drop"}, [{"source.fqdn": name} for name in names])
    urls = [f"http://{name}/x" for name in names] + """http://10.0.0.1/x http://10.0.0.1:80/x http://example.com:80/ http://u@example.com/
        http://EXAMPLE.com/ http://[2001:db8::1]/ ftp://192.168.1.1 http://192.168.1.1?x http://10.0.0.1# http://u:p@10.0.0.1/ http://167772161/
        http://10.0.0.1./ http://example.com./ http://8.8.8.8/ //10.0.0.1/x http://0.0.0.0/""".split()
    record(module, {"fields": "source.url", "policy": "drop"}, [{"source.url": url} for url in urls])
    numbers = [1, 23456, 64495, 64496, 64511, 64512, 65534, 65535, 65536, 65551, 65552, 4200000000, 4294967295]
    record(module, {"fields": "source.asn", "policy": "drop"}, [{"source.asn": number} for number in numbers])
    messages = [{"source.ip": "10.0.0.1", "destination.ip": "10.0.0.2", "source.fqdn": "example.com", "source.asn": 64496},
                {"source.ip": "8.8.8.8", "destination.ip": "10.0.0.2", "source.fqdn": "a.net", "source.asn": 64496},
                {"source.url": "http://10.0.0.1/", "source.ip": "8.8.8.8"}]
    for fields, policy in [(None, None), ("source.ip,destination.ip", "del,drop"), ("source.ip, destination.ip", "del, del"), ("", ""),
                           ("destination.ip,source.ip", "drop,del"), ("source.ip,destination.ip", "del"), ("source.ip,source.asn", "del,del"),
                           ("source.fqdn", "del"), ("nosuch", "del"), ("comment", "del"), ("source.ip,source.ip", "del,drop"),
                           ("source.ip", "DROP"), ("source.ip,destination.ip", "DEL,drop"), ("source.asn", "drop"), ("source.url", "del")]:
        record(module, {"fields": fields, "policy": policy} if fields is not None else {}, messages)
    for field in ["extra.ip", "extra.url", "extra.a.url", "extra.fqdn", "extra.asn", "extra.xip", "extra.ip_a", "source.local_ip", "source.reverse_dns"]:
        values = ["10.0.0.1", "a.example.com", "http://10.0.0.1/", 64496, "64496", 167772161, "fe80::1%eth0", "fe80::1"]
        record(module, {"fields": field, "policy": "drop"}, [{field: value} for value in values])


def asn_lookup():
    module = "intelmq.bots.experts.asn_lookup.expert"
    messages = [{"source.ip": "192.0.2.1", "destination.ip": "2001:db8:1::1", "source.asn": 1, "source.network": "10.0.0.0/8"},
                {"source.ip": "192.0.2.129"}, {"source.ip": "203.0.113.1", "source.asn": 7}, {"destination.ip": "2001:db8::1"}, {"source.port": 1}]
    table = "; comment\n192.0.2.0/24\t64496\n192.0.2.128/25\t64497\n2001:db8::/32\t64498\n2001:db8:1::/48\t64499\n"
    for text in [table, "192.0.2.0/24 64496\n", "192.0.2.0/24\t64496_64497\n", "192.0.2.0/24\t{64496,64497}\n", "192.0.2.7/24\t64496\n",
                 "192.0.2.0/24\tAS64496\n", "192.0.2.0/24\t0\n", "\n\n192.0.2.0/24\t64496\n\n", "192.0.2.0\t64496\n", "192.0.2.0/33\t64496\n",
                 "# c\n192.0.2.0/24\t64496\n", "192.0.2.0/24\t64496\n192.0.2.0/24\t64497\n", "192.0.2.0/24\t64496\t77\n", "garbage\n", "",
                 "192.0.2.0/24\t64496\r\n192.0.2.128/25\t64499 ", "  192.0.2.0/24\t64496\n", "192.0.2.0/24\t64496; c\n", "2001:DB8::/32\t5\n"]:
        record(module, {"database": "ipasn.dat"}, messages, files={"ipasn.dat": text}, placed="database")
    lines = {}
    for _ in range(70):
        length = random.randint(8, 32)
        number = (198 << 24 | 51 << 16 | random.getrandbits(16)) >> (32 - length) << (32 - length)
        lines[".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{length}"] = random.randint(64496, 64511)
    text = "".join(f"{network}\t{number}\n" for network, number in lines.items())
    record(module, {"database": "ipasn.dat"}, [{"source.ip": f"198.51.{random.randrange(256)}.{random.randrange(256)}"} for _ in range(30)],
           files={"ipasn.dat": text}, placed="database")


def modify():
    module = "intelmq.bots.experts.modify.expert"
    message = {"source.ip": "192.0.2.1", "source.port": 80, "source.fqdn": "www.example.com", "feed.name": "Feed A", "extra.a": "x",
               "classification.type": "malware", "feed.accuracy": 100.0}

    def rules(rules, messages=(message,), **params):
        text = rules if isinstance(rules, str) else json.dumps(rules)
        record(module, {"configuration_path": "m.conf", **params}, messages, files={"m.conf": text}, placed="configuration_path")

    def rule(conditions, actions, *messages, **params):
        rules([{"rulename": "r", "if": conditions, "then": actions}], messages or (message,), **params)

    for conditions in [{}, {"source.port": "8"}, {"source.port": 80}, {"source.port": 80.0}, {"source.port": True}, {"source.port": "^80$"},
                       {"feed.accuracy": 100}, {"source.fqdn": "EXAMPLE"}, {"source.url": ""}, {"source.ip": ""}, {"source.url": "x"},
                       {"source.ip": None}, {"source.url": None}, {"extra": "x"}, {"extra": ""}, {"source.ip": ["192.0.2.1"]}, {"nosuch": ""},
                       {"nosuch": "x"}, {"source.ip": {"a": 1}}, {"source.ip": "^192", "feed.name": "B"}, {"source.ip": "^192", "feed.name": "A$"},
                       {"source.fqdn": "^(?!www)"}, {"source.fqdn": r"(w)\1\1"}, {"classification.type": "malware", "source.url": ""}]:
        rule(conditions, {"comment": "c"})
        rule(conditions, {"comment": "c"}, case_sensitive=False)
    groups = r"^(www)\.(?P<d>[a-z]+)\.(\w+)(x)?"
    for text in ["{matches[source.fqdn][1]} {matches[source.fqdn][d]} {matches[source.fqdn][3]} {matches[source.fqdn][4]} {matches[source.fqdn][0]}",
                 "{msg[source.port]:05d} {msg[source.ip]!r} {msg[feed.name]:>10}|{msg[feed.name]:.3}", "{matches[source.fqdn][9]}",
                 "{matches[source.fqdn][nope]}", "{matches[source.fqdn][1][0]}", "{matches[source.url][1]}", "{msg[nosuch]}", "{msg[source.url]}",
                 "{foo}", "{0}", "{}", "{", "}", "{{x}}", "{msg[extra]} {msg[feed.accuracy]:.1f} {msg[source.port]:x} {msg[source.port]!s:>4}",
                 "{msg}", "{msg[source.ip]:d}", "-", "", "  x ", "N/A", "{msg[extra.a]}{{}}", "{matches[source.fqdn][d]:>10}", "{msg[source.ip][0]}"]:
        rule({"source.fqdn": groups}, {"comment": text})
    for actions in [{"extra.b": {"k": 1}, "extra.c": [1], "extra.d": None, "extra.e": 5, "extra.f": False, "extra.g": "text"}, {"source.port": ""},
                    {"source.port": None}, {"source.port": "{msg[source.ip]}"}, {"source.port": "99"}, {"source.port": 99}, {"nosuch.field": "x"},
                    {"extra.Foo": "x"}, {"classification.type": "c&c"}, {"classification.type": "{msg[classification.type]}x"}, {},
                    {"comment": "x", "feed.code": "{msg[comment]}"}, {"source.ip": "", "comment": "{msg[source.ip]}"}, {"comment": True},
                    {"extra": {"a": 1, "b": 2}}, {"extra": ""}, {"source.ip": "0.0.0.0"}, {"feed.accuracy": "7"}, {"source.fqdn": "EXAMPLE.ORG."},
                    {"source.url": "hxxp://{msg[source.fqdn]}/"}, {"source.tor_node": "true"}, {"source.asn": "AS{msg[source.port]}"}]:
        rule({}, actions)
        rule({}, actions, overwrite=False)
    chain = [{"rulename": "a", "if": {}, "then": {"comment": "1"}}, {"rulename": "b", "if": {"comment": "1"}, "then": {"comment": "2"}},
             {"rulename": "c", "if": {}, "then": {"feed.code": "3"}}]
    for most in (None, 0, 1, 2, 3, 9):
        rules(chain, maximum_matches=most)
    for text in ["[]", "", "{", "a: 1", "- rulename: a\n  if:\n    source.port: 80\n  then:\n    comment: yes\n", "[{\"if\": {}, \"then\": {\"comment\": \"c\"}}]",
                 "- rulename: a\n  if: {source.port: 80}\n  then: {comment: true}\n", "- {rulename: a, if: {source.ip: 1, source.ip: 2}, then: {}}\n",
                 "- {rulename: a, if: {source.ip: '('}, then: {}}\n", "- {rulename: a, if: {}}\n", "- {rulename: a, then: {}}\n",
                 "- rulename: 1\n  comment: more\n  if: {source.ip: ^192}\n  then:\n    comment: >-\n      two\n      lines\n",
                 "\t[{\"rulename\": \"tab\",\t\"if\": {},\n\t\"then\": {\"comment\": \"t\"}}]"]:
        rules(text)
    rule({"extra.x": {"a": 1}}, {"comment": "{msg[extra.x][a]} {msg[extra.y][0]} {msg[extra.y][1][k]}"},
         {"extra.x": {"a": 1.0}, "extra.y": ["l", {"k": None}]})
    rule({"extra.x": "a.*1"}, {"comment": "{matches[extra.x][0]}"}, {"extra.x": {"a": 1.0}}, {"extra.x": "ab1"}, {"extra.x": [True, "a", 1]})
    for wanted in (0, False, "0", 1, True, "True", 10.0, "1"):
        rule({"extra.x": wanted}, {"comment": "found"}, {"extra.x": 0}, {"extra.x": False}, {"extra.x": True}, {"extra.x": 10.0}, {"extra.x": 1e22},
             {"extra.x": "1"}, {"source.port": 1})


def file():
    module = "intelmq.bots.outputs.file.output"
    event = {"source.ip": "192.0.2.1", "raw": "w6QKYQ==", "output": '{"b": 1, "a": "ä"}', "extra.x": {"k": [1, None], "b": "ü\n"}, "extra.y": "ü",
             "source.port": 80, "time.source": "2020-03-01T10:11:12.5+00:00", "time.observation": "2021-01-02T03:04:05+00:00", "feed.accuracy": 100.0,
             "classification.type": "test", "source.tor_node": True, "feed.name": "Fe/ed ä", "source.allocated": "2020-03-01T10:11:12+00:00"}
    few = {"source.ip": "192.0.2.1"}
    for params in [{}, {"keep_raw_field": True}, {"hierarchical_output": True}, {"message_hierarchical": True}, {"message_hierarchical_output": True},
                   {"message_with_type": True}, {"with_type": True}, {"message_with_type": True, "hierarchical_output": True},
                   {"message_jsondict_as_string": True}, {"message_jsondict_as_string": True, "hierarchical_output": True},
                   {"encoding_errors_mode": "ignore"}, {"single_key": "raw", "keep_raw_field": True, "hierarchical_output": True},
                   {"single_key": "output", "message_with_type": True}, {"single_key": ""}]:
        record(module, {"file": "out.txt", **params}, [event, few], placed="file")
    for key in ["raw", "output", "source.ip", "source.port", "extra", "extra.x", "extra.y", "feed.accuracy", "source.fqdn", "source.tor_node",
                "time.source", "nosuch"]:
        record(module, {"file": "out.txt", "single_key": key}, [event, few], placed="file")
    record(module, {"file": "out.txt", "single_key": "raw"}, [{"raw": raw} for raw in ["YQ==", "//5h", "YQ0KYg==", "w6Q=", "gIGC"]], placed="file")
    record(module, {"file": "out.txt", "single_key": "output"},
           [{"output": text} for text in ['"text"', "[1, 2]", "1.50", "null", '{"a":{"b":"\\u00e4"}}', '"a\\nb"', " {} "]], placed="file")
    record(module, {"file": "out.txt", "hierarchical_output": True},
           [{"extra.a": 1, "extra.a.b": 2}, {"extra.a.b": 2, "extra.a": 1}, {"extra.b.c": 1, "extra.a.d": {"e": 1}, "extra.a.c": []}], placed="file")
    for name in ["{event[time.source]:%Y-%m-%d}.txt", "{event[source.ip]}", "{event[feed.name]}.txt", "{event[nosuch]}", "{event[source.fqdn]}",
                 "{event[time.observation]}", "{event[time.source].year}_{event[time.observation].month:02d}", "{event[source.port]:05d}", "x{{y}}",
                 "{event[extra]}", "{event[time.source]!s}", "{event[time.source]!r}", "a/{event[source.ip]}/b.txt", "{event[source.allocated]}",
                 "{event[time.source]:%a %A %b %B %c %d %f %H %I %j %m %M %p %S %U %w %W %X %y %Y %z %Z %% %e %G %V %u %F %T %h}.txt", "{", "{x}",
                 "{event.foo}", "plain.txt", "{event[time.source]:>30}", "{event[time.source]:}", "{event[source.ip]:>15}", "{event[feed.accuracy]}"]:
        record(module, {"file": name, "format_filename": True}, [event], placed="file")


def deduplicator():
    """Rows here have messages, and sent: which of them went on; kept: what Redis was told."""
    import redis
    store, told = {}, []

    class Fake:
        def __init__(self, *args, **kwargs):
            pass

        def exists(self, key):
            return int(key in store)

        def set(self, key, value, *args, **kwargs):
            store[key] = value
            told.append([key, value.decode() if isinstance(value, bytes) else value, None])

        def expire(self, key, ttl):
            told[-1][2] = ttl

        def __getattr__(self, name):
            return lambda *args, **kwargs: None

    redis.Redis = Fake
    importlib.import_module("intelmq.lib.cache").redis.Redis = Fake
    base = {"source.ip": "192.0.2.1", "raw": "YQ==", "time.observation": "2020-01-01T00:00:00+00:00", "extra.x": 1}
    messages = [base, {**base, "raw": "Yg=="}, {**base, "time.observation": "2021-01-01T00:00:00+00:00"}, {**base, "extra.x": 1.0},
                {**base, "extra.x": 2}, base, {"source.ip": "192.0.2.1"}, {"extra.x": {"b": 1, "a": [None, True, "ü'"]}}, {"source.port": 80}]
    for params in [{"filter_keys": "raw,time.observation"}, {"filter_keys": "raw, extra.x"}, {"filter_keys": "source.ip", "filter_type": "whitelist"},
                   {"filter_keys": "source.ip,extra.x", "filter_type": "whitelist"}, {"filter_keys": "raw", "bypass": True},
                   {"filter_keys": "raw", "filter_type": "other"}, {"filter_keys": "raw", "redis_cache_ttl": 0}, {"filter_keys": "raw", "redis_cache_ttl": 77},
                   {"filter_keys": ""}, {"filter_keys": "extra"}, {"filter_keys": "nosuch.key"}, {"filter_keys": "nosuch.key", "filter_type": "whitelist"}]:
        store.clear(), told.clear()
        row = {"params": params, "messages": messages}
        try:
            bot = importlib.import_module("intelmq.bots.experts.deduplicator.expert").BOT("x", settings=BotLibSettings | {
                "destination_queues": {"_default": "output"}, **params})
            told.clear()
            row["sent"] = []
            for message in messages:
                out = bot.process_message(dict(message))["output"]
                row["sent"].append(len(out))
                out.clear()
            row["kept"] = [entry for entry in told if len(entry[0]) == 64]
        except BaseException as error:
            row["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(row, separators=(",", ":")))


if __name__ == "__main__":
    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    rows = []
    plain_print = print

    def print(text):  # noqa: A001  (IntelMQ's bots print their log lines)
        plain_print(text, file=out)

    with freezegun.freeze_time(NOW.replace(tzinfo=None)):
        {"filter": filter_, **globals()}[sys.argv[1]]()
    out.flush()
    os._exit(0)  # Bots that failed at their start sleep when they are collected.
