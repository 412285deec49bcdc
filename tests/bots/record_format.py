"""Records what Python itself makes of format strings, for src/bots/format. Usage: record_format.py > format.jsonl"""

import datetime
import itertools
import json
import random

random.seed(7)
VALUES = {
    "s": "äbc defg", "n": 1234567, "m": -42, "z": 0, "f": 1234.5678, "g": -0.000012345, "h": 1e22, "i": 100.0,
    "t": True, "o": None, "l": [1, "x", None], "d": {"k": 1.0, "u": "ü\n"},
}
TIMES = {"w": "2020-03-01T10:11:12.500000", "v": "2021-12-31T23:59:59"}
SCOPE = {**VALUES, **{k: datetime.datetime.fromisoformat(v) for k, v in TIMES.items()}}


def case(text):
    row = {"format": text}
    try:
        row["result"] = text.format(**SCOPE)
    except Exception as error:
        row["error"] = str(error)
    print(json.dumps(row))


FIXED = """
{s} {n} {f} {h} {t} {o} {l} {d}|{{}}|}}{{|{s!r}|{s!s:>12}|{s!a}|{d!a}|{d[k]}|{d[u]!r}|{l[1]}|{s[0]}|{l[9]}|{s[99]}|{d[x]}|{d[1]}|{l[x]}|{s[x]}|{n[0]}
{n.real2}|{w}|{w!r}|{v}|{v!r}|{w:%Y-%m-%d}|{w:%c}|{w:%x %X}|{w:%f}|{v:%f}|{w:%z%Z}|{w:%j %U %W %w %u %G %V %y %p %I %a %A %b %B %e %D %F %T %R %h %C %k %l %n%t%%}
{w.year}|{w.month:02d}|{w.microsecond}|{w.hour}:{w.minute}:{w.second}|{w.day:>3}|{w.nope}|{w[0]}|{w:text}|{w:>30}|{w:}|{v:%s}
{|}|{s|{s[0|{}|{0}|{x}|{s!}|{s!q}|{s!rx}|{s:{l[0]}2}|{s:>{z}12}|{s:{z}>14}|{m:{s[1]}>10}|{s.}|{s[]}|{s[0]x}|a{b|a}b|{{s}}|{{{s}}}|{s:{{}}}|{s:{l[0]}}|{ s}|{s }|{n!r:>12}|{s!s}
""".replace("\n", "|")
for text in ["{s}|x", "a|{n}"] + FIXED.split("|"):
    case(text)
for text in ["{s:}", "{s:s}", "{s:d}", "{n:s}", "{f:d}", "{n:c}", "{z:c}", "{m:c}", "{n:.3}", "{n:.3f}", "{s:+}", "{s:=10}",
             "{s:,}", "{s:#}", "{n:,}", "{n:_}", "{n:,_}", "{n:_x}", "{n:,x}", "{n:#x}", "{n:#o}", "{n:#b}", "{n:#012x}",
             "{n:012,}", "{n:013,}", "{n:014,}", "{m:+08,}", "{f:015,.2f}", "{f:%}", "{f:.0f}", "{f:#.0f}", "{f:n}", "{n:n}",
             "{o:>5}", "{l:>5}", "{d:>5}", "{t:>5}", "{t:d}", "{t:s}", "{o:}", "{s:abc}", "{n:5y}", "{s:10", "{s:.2s}",
             "{s:€^20}", "{n:€^20}", "{n: }", "{n:+}", "{n:-}", "{m: }", "{s:010}", "{n:010}", "{n:<010}", "{n:^010}",
             "{s:<010}", "{n:x=10}", "{n:.f}", "{h:d}", "{h:}", "{h:.3}", "{h:g}", "{i:g}", "{i:.1}", "{i:.2}", "{i:.3}",
             "{i:.4}", "{i}", "{i:.0f}", "{g:g}", "{g:.2e}", "{g:e}", "{g:.10}", "{f:.10}", "{f:E}", "{f:G}", "{n:e}"]:
    case(text)
parts = {
    "align": ["", "<", ">", "^", "=", "*<", "0>", "0=", "ü^"], "sign": ["", "+", "-", " "], "alt": ["", "#"], "zero": ["", "0"],
    "width": ["", "3", "12", "20"], "group": ["", ",", "_"], "precision": ["", ".0", ".1", ".3", ".8", ".17"],
    "kind": ["", "d", "s", "x", "X", "o", "b", "c", "n", "e", "E", "f", "F", "g", "G", "%"],
}
seen = set()
while len(seen) < 900:
    spec = "".join(random.choice(options if random.random() < 0.6 else [""]) for options in parts.values())
    text = "{%s:%s}" % (random.choice("snmzfghit"), spec)
    if spec and text not in seen:
        seen.add(text)
        case(text)
