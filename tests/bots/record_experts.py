"""Records what IntelMQ 3.5.0's later experts make of messages, for src/bots/tests.rs; rows as record_bots.py has them.

Usage, with a Python that has intelmq, textX, pendulum, jinja2, geoip2 and freezegun: record_experts.py NAME > NAME.jsonl
"""

import importlib
import json
import os
import sys

import freezegun
import intelmq
import record_bots
from record_bots import NOW, record


SIEVE = "intelmq.bots.experts.sieve.expert"
FULL = {"source.ip": "192.0.2.1", "source.port": 80, "source.fqdn": "www.example.com", "feed.name": "Feed A", "extra.a": "x", "extra.n": 5,
        "extra.list": ["a", "b", 1, 2.5, True], "extra.dict": {"k": "v", "n": [1]}, "classification.type": "scanner", "feed.accuracy": 90.0,
        "source.asn": 64496, "source.tor_node": True, "time.source": "2026-02-25T12:00:00+00:00", "comment": "say \"hi\"",
        "time.observation": "2026-03-01T00:00:00+00:00", "destination.ip": "2001:db8::1", "extra.f": False, "extra.flo": 2.5, "extra.e": []}
FEW = {"feed.name": "Feed B"}



def rule(text, *messages, paths=()):
    importlib.import_module(SIEVE).HARMONIZATION_CONF_FILE = os.path.join(os.path.dirname(intelmq.__file__), "etc/harmonization.conf")
    record(SIEVE, {"file": "f.sieve"}, messages or (FULL, FEW), paths=paths, files={"f.sieve": text}, placed="file")


def cond(text, *messages):
    rule("if " + text + " { add! extra.hit = 'yes' } else { add! extra.hit = 'no' }", *messages)


def sieve_conditions():
    for key in ("comment", "source.ip", "source.port", "extra.a", "extra.n", "extra.list", "extra.dict", "source.tor_node", "extra", "extra.flo", "extra.f", "nosuch"):
        for op in ("==", "!=", ":contains", "=~", "!~"):
            for value in ("'x'", "'192.0.2.1'", "'80'", "'5'", "\"a\"", "'rue'", "'2.5'", "'k'"):
                if key == "source.ip" and value != "'192.0.2.1'" and op in ("==", "!="):
                    continue
                cond(f"{key} {op} {value}", FULL if key == "extra" else {key: FULL[key]} if key in FULL else FEW)
    for text in ("extra.missing != 'x'", "extra.missing !~ 'x'", "extra.missing =~ 'x'", "extra.missing :contains 'x'", "extra.missing == 'x'",
                 "source.port != 5", "source.port == 80", "source.port == 80.0", "source.port != 80", "source.port <= 80", "source.port >= 80.5",
                 "source.port < 81", "source.port > -1", "source.asn > 64495", "feed.accuracy == 90", "feed.accuracy > 89.9", "extra.n > 3", "extra.n == 5",
                 "source.fqdn > 3", "nosuch > 3", "source.ip == 'x'", "source.ip == '2001:db8::1'", "source.ip != '192.0.2.9'", "destination.ip == '2001:DB8::1'",
                 "source.ip :in ['192.0.2.1', '192.0.2.2']", "source.ip :in ['x']", "source.port :in [80, 81]", "source.port :in [80.0]", "extra.n :in [5]",
                 "source.port :in ['80']", "source.fqdn :in ['www.example.com']", "source.fqdn :containsany ['zzz', 'example']", "source.fqdn :containsany ['zzz']",
                 "source.fqdn :regexin ['^x', 'com$']", "source.fqdn :regexin ['^x']", "source.fqdn =~ '^www\\.'", "source.fqdn =~ '('", "source.fqdn :regexin ['(']",
                 "extra.list :in ['a']", "extra.list :containsany ['a']", "extra.dict :containsany ['k']", "extra.dict :regexin ['k']", "source.port :containsany ['8']",
                 "source.port :regexin ['8']", "source.ip << '192.0.2.0/24'", "source.ip << '192.0.2.77/24'", "source.ip << '10.0.0.0/8'",
                 "source.ip << ['10.0.0.0/8', '192.0.2.0/25']", "source.ip << '2001:db8::/32'", "destination.ip << '2001:db8::/32'", "source.ip << 'x'",
                 "source.ip << '192.0.2.1'", "source.ip << ['192.0.2.0/33']", "source.fqdn << '192.0.2.0/24'", "source.port << '192.0.2.0/24'", "extra.a << '192.0.2.0/24'",
                 "nosuch << '10.0.0.0/8'", ":exists source.ip", ":notexists source.ip", ":exists nosuch", ":exists extra", ":notexists extra.zz", "!:exists source.ip", "! :exists source.ip",
                 "time.source :before '1 week'", "time.source :after '1 week'", "time.source :after '1 day'", "time.source :before '2 hours'", "time.source :before '2026-02-26'",
                 "time.source :after '2026-02-25T12:00:00Z'", "time.source :after '2026-02-25 11:59:59'", "time.source :before '2026-02-25T13:00:00+02:00'", "time.source :before 'garbage'",
                 "time.source :after '1 month'", "time.source :after '5 days'", "time.source :before '4 days'", "time.source :before '96 hours'", "time.source :after '96 hours'",
                 "time.source :after '4 days'", "time.source :before '1 fortnight'", "time.source :before '1week'", "time.source :after '1  week'", "time.source :after '01 weeks'",
                 "time.source :before '1 year'", "time.source :before '5760 minutes'", "time.source :after '345601 seconds'", "time.source :before '2026-02-25T12:00:01'", "time.source :before '20260226'",
                 "time.source :before '2026'", "time.source :after '2026-02'", "time.source :before '12:00'", "time.source :before '2026-W09'", "time.source :before '2026-W09-5'", "time.source :before '2026-056'",
                 "time.source :before '2026-02-26T00'", "time.source :before '2026/02/26'", "time.source :before '26.02.2026'", "time.source :before 'P1D'", "time.source :before '2026-02-25T12:00:00.5'",
                 "source.fqdn :before '1 week'", "source.port :before '1 week'", "nosuch :before '1 week'", "extra.missing :before '1 week'", "feed.name :after '2020-01-01'",
                 "extra.list :equals ['a', 'b', 1, 2.5, true]", "extra.list :equals ['b', 'a', 1, 2.5, true]", "extra.list :setequals ['b', 'a', 1, 2.5, true]",
                 "extra.list :setequals ['b', 'a', 'a', 1, 2.5]", "extra.list :overlaps ['z', 'a']", "extra.list :overlaps ['z']", "extra.list :subsetof ['a', 'b', 1, 2.5, 'z']",
                 "extra.list :subsetof ['a']", "extra.list :supersetof ['a']", "extra.list :supersetof ['z']", "extra.list :supersetof []", "extra.e :equals []", "extra.list :overlaps [1.0]",
                 "extra.a :equals ['x']", "extra.a :setequals ['x']", "extra.dict :setequals ['k', 'n']", "extra.missing :equals []", "extra.a :overlaps ['x']", "extra.n :overlaps [5]",
                 "extra.n :equals [5]", "extra.dict :overlaps ['k']", "extra.dict :subsetof ['k', 'n']", "extra.a :supersetof ['x']", "source.tor_node == true", "source.tor_node != true", "source.tor_node == false", "extra.f == false", "extra.f != false",
                 "extra.f == true", "extra.n == true", "source.port == true", "extra.missing == true", "extra.missing != true", "extra.a == true", "extra.n != false", "source.tor_node == True",
                 "feed.name == 'Feed A' && source.port == 80 || feed.name == 'Feed B'", "(feed.name == 'Feed A' || feed.name == 'Feed B') && ! (source.port == 81)",
                 "!feed.name == 'Feed A'", "! feed.name == 'Feed A' && source.port == 80", "((feed.name == 'Feed A'))", "!(feed.name == 'Feed A')", "!!feed.name == 'Feed A'",
                 "feed.name == 'Feed B' || feed.name == 'Feed A' && source.port == 81", "feed.name=='Feed A'", "feed.name == Feed", "feed.name == 'Feed A", "feed.name", "",
                 "feed.name == 'Feed A' &&", "feed.name = 'Feed A'", "Feed.Name == 'x'", "feed.name == 80", "comment == 'say \"hi\"'", "comment == \"say \\\"hi\\\"\"", "comment == 'a\\nb'",
                 "comment == 'a\\\\b'", "feed-name == 'x'", "extra.n == 5 # c", "source.port == 080", "source.port == 8e1", "source.port == +80", "source.port == .5", "source.port == 80.",
                 "source.port == -80", "source.port > 1e1", "feed.name :Contains 'x'", "feed.name:contains'Feed'", "source.port==80", "source.port:in[80]", ":existssource.ip", ":exists\nsource.ip",
                 "feed.name :in []", "source.port :in []", "feed.name :in ['Feed A',]", "feed.name :in ['Feed A' 'x']", "source.port :in [80, 'x']", "source.ip << []", "source.ip << '::/0'", "source.ip << '0.0.0.0/0'",
                 "source.ip << '192.0.2.0/255.255.255.0'", "source.ip << '192.0.2.0 /24'", "source.ip == ' 192.0.2.1'", "source.ip :contains '192'", "source.ip =~ '^192'", "source.ip :in ['192.0.2.1']",
                 "extra.n =~ '^5$'", "extra.list =~ 'a'", "extra.dict =~ '\"k\"'", "extra.dict == 'x'", "extra =~ '\"a\": \"x\"'", "extra :contains 'x'", "extra :exists", "time.source == '2026-02-25T12:00:00+00:00'", "source.network == 'x'", "source.network << '10.0.0.0/8'",
                 "source.local_ip == 'x'", "extra.ip == 'x'", "raw == 'x'", "raw :contains 'x'", "$v == 'x'", "$v != 'x'", ":exists $v"):
        cond(text)
    msg = {"feed.name": "a\nb\\c'd\"e\tf"}
    for text in ("feed.name == 'a\\nb\\\\c\\'d\"e\\tf'", "feed.name == \"a\\nb\\\\c'd\\\"e\\tf\"", "feed.name :contains 'a\nb'", "feed.name =~ 'a\\nb'", "feed.name =~ 'a\\\\nb'", "feed.name =~ '\\\\\\\\c'",
                 "feed.name =~ '\\\\c'", "feed.name =~ '\\sb'", "feed.name =~ '\\\\sb'", "feed.name :contains '\\'d'", "feed.name :contains 'd\\\"e'", "feed.name :contains 'd\\\\\"e'"):
        cond(text, msg)
    for value in (1, 0, 1.0, True, False, "1", None):
        for test in ("== true", "!= true", "== false", "!= false", ":equals [1]", ":overlaps [true]", "<< '0.0.0.0/0'", "=~ 'N|n|1'", ":contains 'n'", "== '1'", "!= '1'"):
            cond("extra.b " + test, {"extra.b": value})


def sieve_actions():
    for text in ("drop", "keep", "add comment = 'x'", "add! comment = 'x'", "update comment = 'x'", "update extra.new = 'x'", "add extra.new = 'x'", "add extra.new = 5", "add extra.new = 5.0",
                 "add extra.new = -5.5", "add extra.new = true", "add extra.new = false", "add source.tor_node = false", "add! source.tor_node = false", "add! source.port = '99'", "add! source.port = 'x'", "add! source.port = 99999999",
                 "add! source.ip = 'garbage'", "add nosuch = 'x'", "add! nosuch = 'x'", "update nosuch = 'x'", "add! extra.Foo = 'x'", "add extra.new = ''", "add! comment = ''", "update comment = ''", "add! comment = '-'",
                 "add! time.source += '1 hour'", "add! time.source -= '1 hour'", "update time.source += '2 days'", "update time.source -= '1 week'", "add time.source += '1 hour'", "add destination.port += 5",
                 "update source.port += 5", "add! source.port += 5", "update source.port += '5'", "update comment += '1 hour'", "update comment += 'x'", "add! extra.new += '1 hour'", "update extra.n += 5", "update extra.list += 'x'",
                 "update time.source += 5", "update time.source += 'x'", "update time.source += '1 month'", "update time.source += '1 year'", "update time.source += '90 seconds'", "update time.source += '1.5 hours'", "update time.source -= '10 minutes'",
                 "add extra.new -= '1 hour'", "update extra.flo += 1.5", "add! time.source = '2020-01-01'", "update time.source += true", "add! extra.t = '2026-01-01T00:00:00+00:00' update extra.t += '1 hour'",
                 "add! extra.t = '2026-01-01T00:00:00' update extra.t += '1 hour'", "add! extra.t = '2026-01-01' update extra.t -= '1 hour'", "add! extra.t = '2026-01-01T00:00:00.5+02:00' update extra.t -= '1 hour'",
                 "add! extra.t = '2026-01-01T00:00:00Z' update extra.t -= '1 hour'", "add! extra.t = 'x' update extra.t -= '1 hour'", "add! extra.t = 'x' add! extra.t -= '1 hour'",
                 "remove comment", "remove nosuch", "remove extra", "remove extra.a", "remove extra.missing", "append extra.list 'q'", "append extra.list 5", "append extra.list true", "append extra.a 'q'", "append extra.new 'q'",
                 "append! extra.list 'q'", "append! extra.a 'q'", "append! extra.new 'q'", "append! comment 'q'", "append! extra.dict 'q'", "append! extra.n 6", "append extra.dict 'q'", "append comment 'q'", "append! source.port 5", "append! source.ip 'q'", "append! nosuch 'q'", "append nosuch 'q'",
                 "append! extra 'q'", "append! extra.e 'q'", "append! source.fqdn 'q'", "append! extra.f true", "append extra.list 2.5",
                 "$v = source.ip add! destination.ip = $v", "$v = source.ip add! extra.v = $v", "$v = extra.missing add! extra.v = $v", "$v = source.ip add extra.v = $v", "$v = source.ip update comment = $v",
                 "$v = source.port if $v == '80' { add! extra.hit = 'y' }", "$v = source.port if $v == 80 { add! extra.hit = 'y' }", "$v = feed.name if $v == 'Feed A' { add! extra.hit = 'y' }", "$v = source.ip if $v << '192.0.2.0/24' { add! extra.hit = 'y' }",
                 "$v = source.port if $v > 5 { add! extra.hit = 'y' }", "$v = extra.list if $v :overlaps ['a'] { add! extra.hit = 'y' }", "if :exists $v { add! extra.hit = 'y' }", "$v = feed.name if :exists $v { add! extra.hit = 'y' }", "if :notexists $v { add! extra.hit = 'y' }", "$v = feed.name if :notexists $v { add! extra.hit = 'y' }",
                 "$v = feed.name $w = $v add! extra.v = $w", "add! extra.v = $nope", "add extra.v = $nope", "add! $v = 'x'", "add! $v = 'x' add! extra.v = $v", "remove $v", "$v = feed.name append extra.list $v", "$v = feed.name append! extra.new $v", "append! $v 'x'", "append! extra.new $nope",
                 "$v = time.source if $v :before '1 day' { add! extra.hit = 'y' }", "$v = feed.name $v = comment add! extra.v = $v", "$v = nosuch add! extra.v = $v", "$v = extra add! extra.v = $v", "$v = source.port add! destination.port = $v", "$v = extra.dict add! extra.v = $v", "$v = extra.list add! extra.v = $v",
                 "$v = extra.list append! extra.v $v", "$v = feed.name if $v =~ 'Feed' { add! extra.hit = 'y' }", "$v = feed.name if $v :in ['Feed A'] { add! extra.hit = 'y' }", "$v = source.tor_node if $v == true { add! extra.hit = 'y' }", "$v = comment update time.source += $v", "$v = source.port update source.port += $v", "$v=feed.name", "$V = feed.name", "$v = 'x'", "$v = 5", "$v",
                 "$v = feed.name remove feed.name add! comment = $v", "$v = feed.name add! feed.name = 'n' if $v == 'Feed A' { add! extra.hit = 'y' }", "$v = feed.name if $v != 'Feed A' { add! extra.hit = 'y' }", "if $v !~ 'Feed A' { add! extra.hit = 'y' }", "if extra.list :overlaps [$v] { add! extra.hit = 'y' }", "$v = extra.a if extra.list :overlaps [$v, 'a'] { add! extra.hit = 'y' }",
                 "$v = feed.name update comment = $v", "$v = extra.missing update comment = $v", "$v = extra.missing add! comment = $v", "$v = extra.missing append! extra.z $v",
                 "add! extra.x = 1 keep add! extra.x = 2", "add! extra.x = 1 drop add! extra.x = 2", "if feed.name == 'Feed A' { drop } add! extra.x = 1", "if feed.name == 'Feed A' { keep } add! extra.x = 1 drop",
                 "if feed.name == 'Feed A' { add! extra.x = 1 } elif source.port == 80 { add! extra.x = 2 } else { add! extra.x = 3 }", "if feed.name == 'Feed Z' { } elif feed.name == 'Feed B' { add! extra.x = 2 } elif feed.name == 'Feed B' { add! extra.x = 4 } else { add! extra.x = 3 }",
                 "if feed.name == 'Feed A' { if source.port == 80 { if extra.n :contains '5' { add! extra.deep = true } else { drop } } elif source.port == 81 { drop } }", "if feed.name == 'Feed A' {} else {}",
                 "if feed.name == 'Feed A' { add! extra.x = 1 } if feed.name == 'Feed A' { add! extra.y = 1 }", "if feed.name == 'Feed A' add! extra.x = 1", "if feed.name == 'Feed A' { add! extra.x = 1", "else { drop }", "if feed.name == 'Feed A' { drop } else if source.port == 80 { keep }", "if feed.name == 'Feed A' { drop } else { keep } else { keep }",
                 "", "# only a comment", "// another\n# and\ndrop // now", "drop # x", "/* no */ drop", "DROP", "drop;", "dropkeep", "drop keep", "add!comment='x'", "add! comment='x'", "addcomment = 'x'", "add comment 'x'", "add! comment = x", "add ! comment = 'x'", "add! comment == 'x'", "modify comment = 'x'", "ifx.y == 'x' { drop }", "if feed.name == 'Feed A' { drop } elif { keep }",
                 "\n\n  if feed.name ==\n  'Feed A' {\n  add! extra.x = 1 bogus }\n", "if source.port > 5 {\n add! extra.x = 1 }\nif extra.n > 5 { drop }", "if source.ip == 'x' { drop }", "\n if source.ip << ['192.0.2.0/24', 'zzz'] { drop }", "if feed.name =~ 'a(' { drop }", "path", "path 5", "path []",
                 "add extra.new = 12345678901234567890", "add extra.new = 1e3", "add extra.new = 1E-3", "add extra.new = 1.", "add extra.new = 007", "add extra.new = +7", "add extra.new = - 7", "add extra.new = TRUE", "add extra.new = True", "add extra.new = null", "add extra.new = ['a']", "add extra.new = 0x10", "add extra.new = 0.1", "add extra.new = 5 add extra.y = 'z'", "add extra.new = truex", "add extra.new = 5x",
                 "add extra.new = 'é\u2028ü'", "add extra.new = '\\u00e9'", "add extra.new = 'a\\\\nb'", "add extra.new = \"it's\"", "add extra.new = 'it\\'s'", "add extra.new = 'a\\tb'", "add extra.new = '\\x41'", "add extra.new = 'multi\nline'", "add extra.new = 'a\\\"b'", "add extra.new = \"a\\'b\"", "add extra.new = '# no comment // here'", "add extra.new = 'a\\qb'", "add extra.new = 'a\\\\\\\\b'",
                 "add! classification.type = 'nonsense'", "add! classification.type = 'MALWARE'", "add extra.new = 'x' remove extra.new", "remove", "append extra.list", "add! extra = 'x'", "add! extra = 5", "update extra = 'x'", "add! extra.a.b = 'x'", "add! raw = 'text'", "add! source.asn = 'AS64500'", "add! time.source = 'garbage'", "add! feed.accuracy = 200", "update source.fqdn = 'EXAMPLE.ORG'", "add! source.url = 'http://x'", "add! source.reverse_dns = '-'"):
        rule(text)
    for text in ("path 'other'", "path \"other\"", "path ['other', 'third']", "path 'other' path 'third'", "path ['other', '_default']", "if feed.name == 'Feed A' { path 'other' }", "path 'other' drop", "path 'other' keep path 'third'", "path 'missing'", "path ['other', 'missing']", "path ['other', 'other']", "path ''", "path 'other' add! extra.x = 1", "path '_default'",
                 "if feed.name == 'Feed A' { path ['other', 'third'] keep } path 'third'", "if feed.name == 'Feed A' { path 'other' } else { path 'third' }", "keep path 'other'", "path _default", "path ['other' 'third']"):
        rule(text, paths=("other", "third"))
    sieve_variables()


def sieve_variables():
    """A variable in a condition stands for the field that it names."""
    event = {"comment": "source.ip", "source.ip": "192.0.2.1", "feed.name": "extra.list", "extra.list": ["a"], "feed.code": "source.port", "source.port": 80,
             "feed.documentation": "time.source", "time.source": "2026-02-25T12:00:00+00:00"}
    for text in ("comment if $v == '192.0.2.1'", "comment if $v != '192.0.2.1'", "comment if :exists $v", "comment if :notexists $v", "comment if $v << '192.0.2.0/24'", "comment if $v =~ '^192'",
                 "feed.name if $v :overlaps ['a']", "feed.name if $v :equals ['a']", "feed.code if $v :contains '8'", "feed.documentation if $v :before '1 day'", "feed.documentation if $v :after '1 day'",
                 "extra.list if $v == 'a'", "feed.name if extra.list :equals [$v]", "feed.code if $v :in ['80']", "comment if $v :containsany ['192']", "comment if $v :regexin ['^192']"):
        rule("$v = " + text + " { add! extra.hit = 'y' }", event)


def format_field():
    module = "intelmq.bots.experts.format_field.expert"
    event = {"feed.name": " A, B\u00a0", "comment": "a,b,,c", "source.port": 80, "extra.l": [1, "a"], "extra.t": "xx1,2xx", "source.fqdn": "www.example.com",
             "extra.d": {"a": 1}, "extra.w": "a  b\tc\u00a0d"}
    replace = {"replace_column": "comment", "old_value": ",", "new_value": ";"}
    for params in [{}, {"strip_columns": ["feed.name"]}, {"strip_columns": "feed.name, comment"}, {"strip_columns": "feed.name,comment"}, {"strip_columns": ["source.port"]},
                   {"strip_columns": ["nosuch", "extra.none"]}, {"strip_columns": ["extra.l"]}, {"strip_columns": ["extra.t"], "strip_chars": "x"},
                   {"strip_columns": ["comment"], "strip_chars": "abc,"}, {"strip_columns": "extra.t", "strip_chars": ""}, {"strip_columns": "feed.name", "strip_chars": None},
                   {"replace_column": "comment", "old_value": "a", "new_value": "z"}, replace, {**replace, "replace_count": 2}, {**replace, "replace_count": -1}, {**replace, "replace_count": 0},
                   {**replace, "replace_column": "source.port"}, {**replace, "replace_column": "nosuch"}, {"replace_column": "comment", "old_value": "a"}, {**replace, "new_value": ""},
                   {"replace_column": "comment", "old_value": "a,b,,c", "new_value": ""}, {"replace_column": "comment", "old_value": "", "new_value": "-"}, {"replace_column": "comment", "new_value": "-"},
                   {"replace_column": "comment", "old_value": "", "new_value": "-", "replace_count": 3}, {"replace_column": "comment", "old_value": "", "new_value": "-", "replace_count": -1},
                   {"replace_column": "comment", "old_value": "", "new_value": "-", "replace_count": 7}, {"replace_column": "source.fqdn", "old_value": "www.", "new_value": "!!"},
                   {**replace, "replace_column": "extra.l"}, {"split_column": "comment"}, {"split_column": "extra.t"}, {"split_column": "extra.t", "split_separator": "1"},
                   {"split_column": "extra.t", "split_separator": ""}, {"split_column": "extra.w", "split_separator": None}, {"split_column": "source.port"}, {"split_column": "extra.l"},
                   {"split_column": "nosuch"}, {"split_column": "source.fqdn", "split_separator": "."}, {"split_column": "extra.d"}, {"strip_columns": ["extra"]}, {"split_column": "extra"},
                   {"strip_columns": ["extra.t"], "strip_chars": "x", "replace_column": "extra.t", "old_value": "1", "new_value": "7", "split_column": "extra.t"}, {"strip_columns": []},
                   {"strip_columns": ""}, {"strip_columns": ["comment"], "strip_chars": " ,"}]:
        record(module, params, [event, {"feed.name": "x"}])


def jinja():
    module = "intelmq.bots.experts.jinja.expert"
    event = {"feed.name": "A", "source.ip": "192.0.2.1", "source.port": 80, "extra.l": [1, "a"], "extra.d": {"k": None}, "feed.accuracy": 90.0, "source.tor_node": True}
    def alone(params):
        sys.modules.pop(module, None)  # The class keeps the templates of all its bots.
        record(module, params, [event])

    for text in ["{{ msg['feed.name'] }}", "{{ msg['nosuch'] }}", "{{ msg.nosuch }}", "{{ msg['source.port'] + 1 }}", "{{ msg['extra.l'] }}", "{{ msg['extra.d'] }}", "{{ msg }}", "{{ nope }}",
                 "{{ msg['feed.name'] | lower }}", "{% if 'source.ip' in msg %}y{% endif %}", "{% if 'source.fqdn' in msg %}y{% else %}n{% endif %}", "{{", "{{ msg['feed.name']|nosuch }}", "", "x\n",
                 "{{ 'é'|upper }}{{ true }}{{ none }}", "{% for k in msg %}{{k}},{% endfor %}", "{{ msg.get('x','d') }}", "{{ msg.get('x') }}", "{{ msg.to_dict() }}", "{{msg['extra']}}",
                 "{{ msg['feed.name'].lower() }}", "{{ 5 / 2 }} {{ 4 / 2 }} {{ 7//2 }} {{ 2 ** 3 }} {{ 7 % 4 }}", "{{ '%s-%d'|format('a', 5) }}", "{{ msg['source.ip'].split('.')[0] }}",
                 "{{ msg.items()|list|length }}", "{{ msg.keys()|join(' ') }}", "{{ range(3)|list }}", "{{ msg['source.port'] == 80 }}", "<{{ '<b>' }}>", "{{ msg['source.ip'] ~ ':' ~ msg['source.port'] }}",
                 "{{ 'x' if msg['nosuch'] is defined else 'y' }}", "{{ msg['feed.accuracy'] }} {{ msg['source.tor_node'] }}", "{{ msg['nosuch']|default('d') }}", "{{ msg['nosuch'].x }}", "{{ msg['extra.l'][1] }}",
                 "{% set x = 5 %}{{ x }}", "{# c #}a", "{{ msg['extra.l']|tojson }}", "{{ [1, 'a', none, true, 2.0, {'b': 1}] }}", "{{ msg['source.ip']|replace('.', '-') }}", "{{ msg['source.ip']|length }}",
                 "{{ 'a b'|title }}", "{{ ' a '|trim }}", "{{ (1, 2) }}", "{{ 1 + 'a' }}", "{% macro m(a) %}[{{a}}]{% endmacro %}{{ m(1) }}", "a\n{% if true %}\nb\n{% endif %}\nc", "{{ 'abc'[0:2] }}", "{{ msg['extra.d'].k }}",
                 "{{ msg['feed.name'].startswith('A') }}", "{{ msg['source.ip'].replace('192', '198') }}", "{{ 'a,b'.split(',')|join('+') }}", "{{ '  x '.strip() }}", "{{ 3 is odd }}", "{{ 'x' * 3 }}"]:
        alone({"fields": {"comment": text}})
    for params in [{"fields": {"feed.name": "{{ 1 }}"}}, {"fields": {"feed.name": "{{ 1 }}"}, "overwrite": True}, {"fields": {"source.port": "{{ 1 }}"}, "overwrite": True},
                   {"fields": {"source.port": "x"}, "overwrite": True}, {"fields": {"nosuch": "{{ 1 }}"}}, {"fields": {"comment": 5}}, {"fields": {"comment": ["x"]}},
                   {"fields": {"output": "a", "comment": "{{ msg['output'] }}"}}, {"fields": {"comment": "file:///nonexistent"}}, {"fields": {}}, {"fields": "x"}, {"fields": {"feed.name": ""}, "overwrite": True}]:
        alone(params)


def maxmind_geoip():
    """The database is the one in sample-data."""
    module = "intelmq.bots.experts.maxmind_geoip.expert"
    database = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../sample-data/lab-city.mmdb")
    full = {"source.geolocation.cc": "FR", "source.geolocation.latitude": 1.5, "source.geolocation.longitude": 2.5, "source.geolocation.city": "Paris"}
    addresses = ["192.0.2.1", "192.0.2.129", "198.51.100.200", "203.0.113.5", "203.0.113.140", "203.0.113.200", "2001:db8::1", "10.0.0.1", "fe80::1", "::ffff:192.0.2.1"]
    messages = [{"source.ip": address} for address in addresses] + [{"destination.ip": "203.0.113.140", "source.ip": "192.0.2.1"}, {"source.port": 1}]
    messages += [{"source.ip": address, **full} for address in ("192.0.2.1", "203.0.113.200", "198.51.100.200", "10.0.0.1")] + [{"source.ip": "192.0.2.1", "source.geolocation.cc": "FR"}]
    for params in [{}, {"overwrite": True}, {"use_registered": True}, {"use_registered": True, "overwrite": True}, {"license_key": "x", "autoupdate_cached_database": False}]:
        rows, base = [], record_bots.print
        record_bots.print = rows.append
        record(module, {**params, "database": database}, messages)
        record_bots.print = base
        for row in map(json.loads, rows):
            row["params"] = {**params, "database": "lab-city.mmdb"}
            base(json.dumps(row, separators=(",", ":")))


def main():
    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    record_bots.print = lambda text: print(text, file=out, flush=True)
    with freezegun.freeze_time(NOW.replace(tzinfo=None), ignore=["textx", "arpeggio"]):
        globals()[sys.argv[1]]()
    out.flush()
    os._exit(0)  # Bots that failed at their start sleep when they are collected.


if __name__ == "__main__":
    main()
