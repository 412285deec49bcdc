"""Records what IntelMQ 3.5.0's generic CSV parser makes of reports, for src/bots/parsers/csv.

Usage, with a Python that has intelmq and freezegun: record_csv.py > csv.jsonl

A row: params, input (the report's text), and events (in order, without the fields that the report gave them, raw as text), failed (how
many rows did), log (warnings and errors) and closing (the last line of the log), or error (Python's exception), or refused (what the
bot said instead of starting).
"""

import base64
import copy
import json
import logging
import sys

import freezegun
from intelmq.bots.parsers.generic.parser_csv import BOT
from intelmq.lib.bot import BotLibSettings


class Lines(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append((record.levelno, record.getMessage()))


def play(params, text):
    row = {"params": params, "input": text}
    report = {"__type": "Report", "feed.name": "Test feed", "time.observation": "2026-03-01T11:00:00+00:00",
              "raw": base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()}
    try:
        bot = BOT("x", settings=BotLibSettings | {"logging_level": "CRITICAL", "default_fields": {}} | copy.deepcopy(params))
    except BaseException as error:
        return row | {"refused": f"{type(error).__name__}: {error}"}
    lines = Lines()
    bot.logger.handlers = [lines]
    bot.logger.setLevel(logging.INFO)
    try:
        result = bot.process_message(report)
    except BaseException as error:
        row["error"] = f"{type(error).__name__}: {error}"
        result = {"output": list(bot._Bot__destination_pipeline.state["output"]), "error": []}
        result["output"] = [json.loads(m) if isinstance(m, (str, bytes)) else m for m in result["output"]]
    row["events"] = [dict(event) for event in result.get("output", [])]
    for event in row["events"]:
        event.pop("__type", None)
        if event.get("feed.name") == "Test feed":
            del event["feed.name"]
        del event["time.observation"]
        event["raw"] = base64.b64decode(event["raw"]).decode()
    row["failed"] = len(result.get("error", []))
    row["log"] = [text for level, text in lines.lines if level >= logging.WARNING]
    row["closing"] = [text for level, text in lines.lines if level == logging.INFO and text.startswith("Sent ")]
    return row


IP = {"columns": "source.ip,source.port"}


def cases():
    # How rows are read and where lines are left out.
    texts = ["192.0.2.1,80\n192.0.2.2,81\n", "192.0.2.1,80", "192.0.2.1,80\r\n192.0.2.2,81\r\n", "192.0.2.1,80\r192.0.2.2,81\r", "", "\n", "\n\n\n",
             "\n\n192.0.2.1,80\n\n\n192.0.2.2,81\n\n", "  \n192.0.2.1,80\n \t \n192.0.2.2,81\n  ", "  192.0.2.1,80\n\t192.0.2.2,81", "# a\n192.0.2.1,80\n#b\n192.0.2.2,81\n#",
             "192.0.2.1,80\n#b", " # a\n192.0.2.1,80\n", "192.0.2.1,80 # b\n", "192.0.2.1,80\r\n# x\r\n\r\n192.0.2.2,81\r\n", "\x00192.0.2.1,8\x000\n\x00\n\x00#x\n", "# a\r\n192.0.2.1,80\n192.0.2.2,81\n", "\r\n\r\n192.0.2.1,80\n", "192.0.2.1,80\n# a\r\n", "192.0.2.1,80\n\r\n", "\r192.0.2.1,80\n", "192.0.2.1,80\r# a\r192.0.2.2,81\r", "192.0.2.1,80\r\r192.0.2.2,81\r",
             "192.0.2.1,80\n \r192.0.2.2,81\n", "192.0.2.1,80\r  192.0.2.2,81\r", "\x0b192.0.2.1,80\n", "\x0c192.0.2.1,80\n", "\x1c192.0.2.1,80\n", "\x85192.0.2.1,80\n", "\u2003192.0.2.1,80\n", "\u3000\n192.0.2.1,80\n", "\x1f\n192.0.2.1,80\n", "192.0.2.1,80\n \xa0\n192.0.2.2,81\n", "192.0.2.1,80\n\xa0 \n192.0.2.2,81\n",
             "192.0.2.1,80\n\xa0\n", "192.0.2.1,80\n\x0b\n192.0.2.2,81", "a\n #b\n192.0.2.2,81\n", "  \n  # a\n 192.0.2.1,80\n", "192.0.2.1,80\n#\n\n  #\n \n192.0.2.2,81", "\"a\n \n b\",80\n", "x\"a\n\",80\n192.0.2.1,80\n", "#\n#\n",
             "192.0.2.1\n", "192.0.2.1,\n", ",80\n", ",\n", "192.0.2.1,80,more\n", "x,80\n192.0.2.2,81\n", "192.0.2.1,x\n192.0.2.2,81\n", "x,x\n", "-,80\n", "N/A,80\n",
             "192.0.2.1,-\n", "\"192.0.2.1\",\"80\"\n", "\"192.0.2.1\n\",80\n", "\"192.0.2.1\",\"8\n0\"\n192.0.2.2,81\n", "\"192.0.2.1,80\n", "192.0.2.1 ,80 \n", " 192.0.2.1, 80\n",
             "192.0.2.1,\" 80\"\n", "192.0.2.1,80\"\n", "192.0.2.1,\"8\"\"0\"\n", "\"a\n#b\",80\n192.0.2.2,81", "\"\n\n192.0.2.1\",80\n", "\u2028192.0.2.1,80\u2028192.0.2.2,81\n", "192.0.2.1,80\x0b192.0.2.2,81\n",
             "192.0.2.1,80\x0c\n192.0.2.2,81\n", "192.0.2.1,80\x85192.0.2.2,81\n", "\ufeff192.0.2.1,80\n", "192.0.2.1,80\n\r\n\r192.0.2.2,81", "192.0.2.1,80\r\r\n192.0.2.2,81", "\u00a0\n192.0.2.1,80\n",
             "192.0.2.1,80\n    \r\n192.0.2.2,81\n", "#x\r192.0.2.1,80\r192.0.2.2,81", "192.0.2.1,80\n\"#x\",1\n", "\"\",80\n", "\"\"\n", "0,0\n", "00:11,80\n"]
    for text in texts:
        yield IP, text
    both = "h1,h2\nh3,h4\n192.0.2.1,80\n192.0.2.2,81\n"
    for skip in [True, False, None, 0, 1, 2, 3, 4, 5, 9, -1, "", "1", "2", "true", "True", "x", 1.0, 2.5, [], [1], {}]:
        yield {**IP, "skip_header": skip}, both
    for text in ["# c\nh1,h2\n192.0.2.1,80\n", "\nh1,h2\n192.0.2.1,80\n", "\"h\n1\",h2\n192.0.2.1,80\n", "h1", "", "\n", "h1\r\n192.0.2.1,80\r\n", "h1\r192.0.2.1,80\r", "h1\n", "h1\r\n", "h1,\xa0\n\xa0", "h1\n#x", "h1\n192.0.2.1,80", "#x\nh1", " h1\n192.0.2.1,80\n", "h1\n\"192.0.2.1\",80\n", "h1\r\n192.0.2.1,80\n", "h1\n192.0.2.1,80\r\n", "h1\x0b\n192.0.2.1,80\n", "h1\u2028h2\n192.0.2.1,80\n", "h1\x0c192.0.2.1,80\n"]:
        yield {**IP, "skip_header": True}, text
        yield {**IP, "skip_header": 2}, text
    for delimiter in [";", "\t", "|", " ", "", ",,", None, 1, True, "\"", "\n", "\r", "ä", "a", "\0"]:
        for text in ["192.0.2.1;80\n", "192.0.2.1\t80\n192.0.2.1|80\n192.0.2.1 80\n192.0.2.1  80\n192.0.2.1,80\n192.0.2.1ä80\n", "\"192.0.2.1\";\"8;0\"\n", "\t\n192.0.2.1\t\n"]:
            if delimiter in (";", "\t", " ") or text.startswith("192.0.2.1;") or str(delimiter) in text:
                yield {**IP, "delimiter": delimiter}, text
    # Columns.
    one = "192.0.2.1,80,http://a.example/\n"
    for columns in ["source.ip, source.port", " source.ip ,source.port", ["source.ip", " source.port "], [], "", None, "source.ip", "source.ip,,source.url", ["source.ip", None, "source.url"],
                    "source.ip,__IGNORE__,source.url", "source.ip,source.port,source.url,extra.more,source.fqdn", "nosuch,source.port", "source.ip,nosuch.field", "source.ip,extra.x", "source.ip,extra.X",
                    "source.ip,source.ip,source.url", "source.port|source.ip,source.port", "source.fqdn|source.ip,source.port", "source.fqdn|source.port|extra.what,source.port|extra.b,source.url",
                    "source.ip|,source.port", "|source.ip,source.port", "source.port|__IGNORE__|source.ip,source.port", "__IGNORE__|source.ip,source.port", "source.ip| source.fqdn,source.port", "source.ip |source.fqdn,source.port",
                    "source.ip|destination.ip,source.ip|destination.ip", "feed.name,source.port", "extra.a,feed.name", "raw,source.port", "extra,source.port", "__type,source.port",
                    "time.observation,source.port", "source.port|feed.name,source.port", "source.ip|source.ip,source.port", 5, {"source.ip": 1}, ["source.ip", 5], True]:
        yield {"columns": columns}, one
    for text in ["x,80\n", "a.example,80\n", "192.0.2.1,80\n", ",80\n", "-,80\n", "foo bar,80\n"]:
        for columns in ["source.ip|source.fqdn,source.port", "source.ip|source.fqdn|extra.x,source.port", "source.ip|source.fqdn|__IGNORE__,source.port", "source.ip|nosuch,source.port", "source.ip|,source.port"]:
            yield {"columns": columns}, text
    for columns in ["source.ip|source.fqdn|source.url,source.port", "source.url|source.ip,source.port", "source.url,source.port", "time.source|source.ip,source.port"]:
        for text in ["192.0.2.1,80\n", "a.example,80\n", "http://a.example/,80\n", "2026-01-02,80\n", "x y,80\n"]:
            yield {"columns": columns}, text
    for required in [None, [], [True, True], [True, False], [False, True], [False, False], [True], [True, True, True], ["", "x"], [0, 1], "true,false", "ab", True, False, {"a": 1, "b": 2}, [None, None]]:
        for text in ["192.0.2.1,80\n", "x,80\n192.0.2.1,x\nx,x\n,\n-,x\n"]:
            yield {**IP, "columns_required": required}, text
    yield {"columns": "nosuch,source.port", "columns_required": [False, True]}, "192.0.2.1,80\n"
    yield {"columns": "extra.X,source.port", "columns_required": [False, True]}, "192.0.2.1,80\n"
    yield {"columns": "source.ip,source.ip", "columns_required": [True, False]}, "192.0.2.1,192.0.2.2\n"
    yield {"columns": "feed.name,source.ip", "columns_required": [False, False]}, "a,192.0.2.2\n"
    yield {"columns": "classification.type,source.ip"}, "spam,192.0.2.2\nnosuch,192.0.2.3\n"
    # Times.
    times = ["2026-01-02T03:04:05Z", "2026-01-02 03:04:05", "1767323045", "1767323045.5", "1767323045000", "2026-01-02", "02.01.2026 03:04", "01/02/2026", "134117966450000000", "10:00", "nonsense", "-", " ", "", "0",
             "2026-01-02T03:04:05+02:00", "Fri, 02 Jan 2026 03:04:05 GMT", "-5", "1e9", "99999999999999999999", "2026-02-30"]
    for format in [None, "", "fuzzy", "timestamp", "epoch_millis", "windows_nt", "utc_isoformat", "from_format|%d.%m.%Y %H:%M", "from_format_midnight|%Y-%m-%d", "from_format", "from_format|", "from_format_midnight|", "nosuch",
                   "%Y-%m-%d", "fuzzy|x", "timestamp|x", "from_format|%Y-%m-%d %H:%M:%S", "from_format|%Q", "from_format|%d/%m/%Y", "from_format_midnight|%d.%m.%Y %H:%M", 5, True, ["timestamp"], "None",
                   "from_timestamp", "from_epoch_millis", "from_windows_nt", "windows", "iso", "Timestamp"]:
        # What lacks a date gets that of the day.
        dated = [time for time in times if time not in ("10:00", "-5", "1e9") and not time.startswith("Fri")]
        rows = dated if format in (None, "", "fuzzy") else times
        yield {"columns": "time.source", "time_format": format}, "".join(f"{time}\n" for time in rows)
    yield {"columns": "time.destination,time.observation,source.allocated", "time_format": "timestamp"}, "1767323045,1767323045,1767323045\n"
    yield {"columns": "time.destination", "time_format": "timestamp"}, "1767323045\n"
    yield {"columns": "source.allocated", "time_format": "timestamp"}, "1767323045\n2026-01-02\n"
    yield {"columns": "extra.time|time.source", "time_format": "timestamp"}, "1767323045\nx\n"
    yield {"columns": "time.source|extra.time", "time_format": "timestamp"}, "1767323045\nx\n"
    yield {"columns": "time.source|extra.time"}, "1767323045\nx\n"
    yield {"columns": "time.source,source.port", "columns_required": [False, True], "time_format": "timestamp"}, "x,1\n,2\n"
    # Addresses of pages.
    urls = ["a.example/x", "http://a.example/x", "https://a.example", "//a.example", "192.0.2.1/x", "a b", "x", "-", "", "a.example:80/x?a=http://b", "ftp:a.example", "http:/a.example", "hxxp://a.example/"]
    for protocol in [None, "", "https://", "http", "https", "ftp://", "://", 5, ["a"]]:
        yield {"columns": "source.url", "default_url_protocol": protocol}, "".join(f"{url}\n" for url in urls)
    yield {"columns": "destination.url,extra.url,event_description.url,screenshot_url,misp.event_uuid"}, "a.example,a.example,a.example,a.example,\n"
    yield {"columns": "source.url|source.fqdn"}, "a.example\n..\n"
    # Types.
    kinds = "spam\nSPAM\nmal\nnosuch\n-\n\nphishing\n"
    for translation in [None, {}, "", "{}", {"mal": "malware-distribution"}, '{"mal": "malware-distribution"}', '{"mal": "nosuch"}', {"mal": None}, '{"mal": ""}', "{", "[]", "[1]", "5", "null", {"spam": "scanner"}, {"spam": "-"},
                        {"mal": 5}, '["mal"]', {"spam": ["scanner"]}, [], ["mal"], 5, True]:
        yield {"columns": "classification.type", "type_translation": translation}, kinds
    for kind in ["", None, "spam", "nosuch", "SPAM", 5, "c2-server"]:
        yield {"columns": "source.ip", "type": kind}, "192.0.2.1\n"
        yield {"columns": "classification.type", "type": kind}, kinds
        yield {"columns": "classification.type", "type": kind, "type_translation": {"mal": "malware-distribution"}}, kinds
        yield {"columns": "classification.type,source.ip", "type": kind, "type_translation": {"mal": "malware-distribution"}, "columns_required": [False, True]}, "mal,192.0.2.1\nnosuch,192.0.2.2\n,192.0.2.3\n-,192.0.2.4\n"
    yield {"columns": "extra.type|classification.type", "type_translation": {"mal": "spam"}}, kinds
    yield {"columns": "classification.type|extra.type", "type_translation": {"mal": "spam"}}, kinds
    yield {"columns": "source.ip", "default_fields": {"classification.type": "spam"}}, "192.0.2.1\n"
    yield {"columns": "source.ip", "default_fields": {"classification.type": "spam", "source.ip": "192.0.2.9", "extra.a": "b"}, "type": "scanner"}, "192.0.2.1\n-\n"
    yield {"columns": "source.ip", "default_fields": {"source.ip": "192.0.2.9"}}, "-\n"
    # Values that are JSON.
    values = "\"{\"\"a\"\": [1, 2.5, null, true, \"\"ü\"\"]}\"\n\"[1]\"\n5\n\"\"\"x\"\"\"\nnull\n{\n-\ntrue\n\"{\"\"A b\"\": \"\"-\"\"}\"\nNaN\n1e400\n\"\"\n\" 7 \"\n12345678901234567890123\n\"{\"\"a\"\":1,\"\"a\"\":2}\"\n0\n\"[]\"\n"
    for kind in ['{"extra.x": "json"}', {"extra.x": "json"}, '{"extra.x": "JSON"}', '{"extra.x": "text"}', '{"extra.y": "json"}', "{", "[]", "", None, "{}", '{"extra.x": null}', '["extra.x"]', '"extra.x"', 5]:
        yield {"columns": "extra.x", "data_type": kind}, values
    for field in ["extra", "output", "source.ip", "source.url", "classification.type", "comment", "source.port", "extra.x|extra.y", "time.source", "raw"]:
        yield {"columns": field, "data_type": {field.split("|")[0]: "json"}}, values
        yield {"columns": field, "data_type": json.dumps({field.split("|")[0]: "json"})}, values
    yield {"columns": "extra.x|extra.y", "data_type": '{"extra.x": "json"}'}, values
    yield {"columns": "extra.x|extra.y", "data_type": '{"extra.y": "json"}'}, values
    yield {"columns": "extra.x", "data_type": '{"extra.x": "json"}', "columns_required": [False]}, values
    yield {"columns": "extra"}, values
    yield {"columns": "source.url", "data_type": '{"source.url": "json"}'}, "\"\"\"a.example\"\"\"\n5\n[]\n{}\n"
    yield {"columns": "time.source", "data_type": '{"time.source": "json"}'}, "\"\"\"2026-01-01\"\"\"\n5\n"
    yield {"columns": "time.source", "data_type": '{"time.source": "json"}', "time_format": "timestamp"}, "\"\"\"1767323045\"\"\"\n1767323045\n1767323045.5\n[]\n"
    yield {"columns": "classification.type", "data_type": '{"classification.type": "json"}', "type_translation": {"mal": "spam", "5": "scanner"}}, "\"\"\"mal\"\"\"\n5\n[]\n"
    # Expressions.
    odd = "ip 192.0.2.1 port 80,p80\n192.0.2.2,81\nx,\n,y7\n"
    for search in [None, {}, "", {"source.ip": "[0-9.]{7,}"}, {"source.port": "[0-9]+"}, {"source.ip": "[0-9.]{7,}", "source.port": "[0-9]+"}, {"source.ip": "("}, {"source.ip": ""}, {"source.ip": "zzz", "source.port": "\\d+"},
                   {"source.port": "(?<=p)\\d+"}, {"source.port": "p(\\d+)"}, {"nosuch": "x"}, {"source.port": "p(?P<a>\\d+)"}, '{"source.port": "[0-9]+"}', {"source.port": 5}, {"source.port": None}, {"source.ip": "^[0-9.]*"}, ["source.ip"], 5]:
        yield {**IP, "column_regex_search": search}, odd
        yield {**IP, "column_regex_search": search, "columns_required": [False, False]}, odd
    for text in ["at 192.0.2.1,80\n", "zz,80\n", "a.example,80\n"]:
        yield {"columns": "source.ip|source.fqdn,source.port", "column_regex_search": {"source.ip": "[0-9.]{7,}"}}, text
        yield {"columns": "source.ip|source.fqdn,source.port", "column_regex_search": {"source.fqdn": "[a-z]+"}}, text
        yield {"columns": "source.ip|source.fqdn|source.url,source.port", "column_regex_search": {"source.ip": "zz"}}, text
    yield {"columns": "source.url", "column_regex_search": {"source.url": "[a-z.]+$"}}, "see a.example\nhttp://b.example\n123\n"
    yield {"columns": "time.source", "column_regex_search": {"time.source": "\\d{10}"}, "time_format": "timestamp"}, "at 1767323045\nno\n"
    yield {"columns": "time.source", "column_regex_search": {"time.source": "\\d{10}"}}, "at 1767323045\nno\n"
    yield {"columns": "classification.type", "column_regex_search": {"classification.type": "[a-z]+"}, "type_translation": {"mal": "spam"}}, "123mal\n1\n"
    yield {"columns": "extra.x", "column_regex_search": {"extra.x": "\\[.*\\]"}, "data_type": '{"extra.x": "json"}'}, "\"a [1,2] b\"\nno\n"
    # Rows that are left out.
    rows = "192.0.2.1,80\n192.0.2.2,81\n198.51.100.1,82\n"
    for kind in [None, "", "whitelist", "blacklist", "Whitelist", "other", 5]:
        for text in ([None, "", "192.0.2", "81", "2,8", "28", "198.51.100.182", ",", 5, ["81"], "192\\.0", "^192"] if kind in ("whitelist", "blacklist") else ["81"]):
            yield {**IP, "filter_text": text, "filter_type": kind}, rows
    yield {**IP, "filter_text": "h", "filter_type": "blacklist", "skip_header": True}, "h1,h2\n" + rows
    yield {**IP, "filter_text": "192.0.2", "filter_type": "whitelist", "skip_header": True}, "h1,h2\n" + rows
    yield {**IP, "filter_text": "192.0.2", "filter_type": "whitelist", "skip_header": 2}, "h1,h2\n" + rows
    yield {**IP, "filter_text": "h", "filter_type": "whitelist", "skip_header": 1}, "h1,h2\n" + rows
    # Fields made of several cells.
    for field, text in [("source.url", "http://{0}:{1}/"), ("extra.x", "{}-{}"), ("extra.x", "{0} {0}"), ("extra.x", "{5}"), ("extra.x", "{0:>20}"), ("extra.x", "{0!r}"), ("extra.x", "{"), ("extra.x", "{{}}"), ("extra.x", "plain"),
                        ("extra.x", ""), ("extra.x", "{a}"), ("source.ip", "{0}"), ("nosuch", "{0}"), ("extra.X", "{0}"), ("source.port", "{1}"), ("source.port", "x{1}"), ("extra.x", "{0[0]}"), ("extra.x", "{0[0]}{1[-1]}"), ("extra.x", "{0.x}"),
                        ("extra.x", "{1}é"), ("destination.ip", "{0}"), ("destination.port", "{0}"), ("extra.x", "-"), ("raw", "{0}"), ("classification.type", "{0}"), ("time.source", "{0}"), ("source.url", "{0}"), ("source.fqdn", "{0}"),
                        ("extra.x", "{-1}"), ("extra.x", "{0:d}"), ("extra.x", "{1}{0}"), ("extra.x", "{2}"), ("extra", "{0}"), ("extra.x", None), ("extra.x", 5), ("source.url", "{0}/{1}")]:
        for row in ["192.0.2.1,80\n", "192.0.2.1,80,third\n"]:
            yield {**IP, "compose_fields": {field: text}}, row
    yield {"columns": "source.ip", "compose_fields": {"extra.a": "{1}", "extra.b": "{2}"}}, "192.0.2.1,x,y\n192.0.2.2,x\n"
    yield {"columns": "source.ip", "compose_fields": {"source.url": "{0}{1}"}, "default_url_protocol": "https://"}, "192.0.2.1,/x\n"
    yield {"columns": "__IGNORE__,__IGNORE__", "compose_fields": {"time.source": "{0}T{1}+00:00"}}, "2026-01-02,03:04:05\n2026-01-02,x\n"
    yield {"columns": "__IGNORE__,__IGNORE__", "compose_fields": {"time.source": "{0} {1}"}, "time_format": "from_format|%d.%m.%Y %H:%M"}, "02.01.2026,03:04\n"
    yield {"columns": "__IGNORE__,__IGNORE__"}, "2026-01-02,03:04:05\n"
    for compose in [None, "", '{"extra.a": "{0}"}', [], ["a"], 5]:
        yield {**IP, "compose_fields": compose}, "192.0.2.1,80\n"
    # What one field makes of a cell, and the next one gets.
    for columns, text in [("source.ip|extra.y", "xx zz\nzz\n5\n[1]\n"), ("source.url|extra.y", "//a\nx y\na.example\n"), ("classification.type|extra.y", "mal\nbad\nspam\n"),
                          ("source.port|source.ip|extra.y", "[1]\n\"\"\"x\"\"\"\n70000\n"), ("extra.x|source.ip|extra.y", "[1]\nnull\n"), ("source.url|source.url|extra.y", "//a\n"),
                          ("source.ip|source.port|extra.y", "xx zz\n[1]\n5\nzz5\n"), ("source.fqdn|source.url|extra.y", "//a\nx/y\n"), ("time.source|extra.y", "null\n[]\n")]:
        for params in [{}, {"column_regex_search": {"source.ip": "zz|\\d"}}, {"data_type": '{"source.ip": "json"}'}, {"type_translation": {"mal": "nosuch", "bad": "", "x": None}}, {"data_type": '{"source.port": "json"}'},
                       {"column_regex_search": {"source.url": "a"}}, {"data_type": '{"source.url": "json", "time.source": "json", "extra.x": "json"}'}, {"column_regex_search": {"source.ip": "qq"}}]:
            yield {"columns": columns, **params}, text
    for delimiter, text in [(";", "192.0.2.1;80;x\n\"192.0.2.2\";\"81\";\"y;z\"\n\"192.0.2.3\";82;\"a\nb\"\n192.0.2.4;83;c\"d\n"), (",", "192.0.2.1,80,x\n\"192.0.2.2\",\"81\",\"y,z\"\n\"192.0.2.3\",82,\"a\nb\"\n192.0.2.4,83,c\"d\n")]:
        for found in ["2;8", "2,8", "\"192", "y;z", "y,z", "\"y", "a\nb", "a", "b", "\n", "3;x", "1,80,x\n", "c\"d", "c\"\"d", "\r", "82,", "80,x", "80;x"]:
            yield {**IP, "delimiter": delimiter, "filter_text": found, "filter_type": "whitelist"}, text
    for text in ["192.0.2.1,80\n \r  192.0.2.2,81\n", "192.0.2.1,80\n\r#b\n192.0.2.2,81\n", "#a\n  \t#b\n\n\t192.0.2.2,81\n", "\"a\n \n b\",80\n", "192.0.2.1,80\n#\r\n192.0.2.2,81", "#\r\n192.0.2.2,81\r\n"]:
        yield {"columns": "extra.a,source.port"}, text
    yield {"columns": "source.ip", "compose_fields": {"extra.a": "{}{0}"}}, "192.0.2.1\n"
    yield {"columns": "source.ip", "compose_fields": {"extra.a": "{:{}}"}}, "192.0.2.1,20\n192.0.2.1\n192.0.2.1,\n"
    yield {"columns": "source.ip", "compose_fields": {"extra.a": "{[0]}{[1]}"}}, "192.0.2.1,20\n"
    yield {"columns": "source.ip", "compose_fields": {"extra.a": "{00}{01}"}}, "192.0.2.1,20\n"
    yield {"columns": "source.ip", "compose_fields": {"extra.a": "{ 0}"}}, "192.0.2.1,20\n"
    yield {"columns": "source.ip", "compose_fields": {"extra.a": "{0:5d}"}}, "192.0.2.1,20\n"
    yield {"columns": "source.ip", "compose_fields": {"extra.b": "{1}", "source.ip": "{1}"}}, "-,192.0.2.1\n"
    yield {"columns": "source.ip,source.ip"}, "-,192.0.2.1\n,192.0.2.2\n"
    yield {"columns": "source.ip,source.ip|extra.x"}, "192.0.2.3,192.0.2.1\n"
    yield {"columns": "source.ip,extra.x|source.ip"}, "192.0.2.3,192.0.2.1\n"
    yield {"columns": "source.ip", "default_fields": {"nosuch": 1}}, "-\n"
    yield {"columns": "source.ip", "default_fields": {"raw": "x", "feed.name": "other"}}, "192.0.2.1\n"
    # What stands in raw.
    for text in ["192.0.2.1,\"a,b\"\n", "192.0.2.1,\"a\"\"b\"\n", "192.0.2.1,\"a\nb\"\n", "192.0.2.1,\"a\r\nb\"\r\n", "192.0.2.1, a \n", "192.0.2.1,\"\"\n", "192.0.2.1,ü\n", "192.0.2.1,a;b\n", "192.0.2.1,a\tb\n", "192.0.2.1,'a'\n", "192.0.2.1,5\n",
                 "192.0.2.1,a b\r\n", "192.0.2.1,a,\n", "192.0.2.1,a,,\n", "192.0.2.1,#a\n", "192.0.2.1,a\\b\n", "192.0.2.1,\" a\"\n", "192.0.2.1,\"a\rb\"\n", "\"192.0.2.1\"\n", "192.0.2.1,a\x00b\n", "192.0.2.1,a\u2028b\n", "192.0.2.1,a \n \n"]:
        for delimiter in [",", ";", "\t"]:
            for skip in [False, True]:
                yield ({"columns": "source.ip,extra.a", "delimiter": delimiter, "skip_header": skip}, ("a" + delimiter + "b\n" if skip else "") + text.replace("192.0.2.1,", "192.0.2.1" + delimiter))
    # Reports that hand something on.
    yield {**IP, "copy_collector_provided_fields": ["extra.file_name"]}, "192.0.2.1,80\n"
    long = "".join(f"192.0.2.{n % 250},{n}\n" for n in range(1, 40)) + "x,1\n" + "192.0.2.1,9\n"
    yield {**IP}, long


def main():
    with freezegun.freeze_time("2026-03-01T12:00:00Z"):
        seen = set()
        for params, text in cases():
            case = json.dumps([params, text])
            if case in seen:
                continue
            seen.add(case)
            print(json.dumps(play(params, text), separators=(",", ":")))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
