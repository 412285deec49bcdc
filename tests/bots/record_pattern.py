"""Records what Python's re finds, for src/bots/pattern. Usage: record_pattern.py > pattern.jsonl"""

import json
import re
import warnings

warnings.simplefilter("ignore")
TEXTS = ["", "a", "abc", "ABC", "aab\n", "x\ny", "192.0.2.1", "www.example.com", "a{2}b", "a-b]c", "äÖ ß", "a b\tc", "aXbXa",
         "http://example.org/a?b=c&d", "{}[]()", "foo42bar", "12", "a&&b~~c", "tom tom", "\u00e9\u0301", "a\nb\nc\n", "#x", "0x1F", "<a>"]
PATTERNS = r"""
a
^a
a$
^abc$
b$
^.*$
.
.+
^$
\Aa
c\Z
b\Z
a|b
(a)(b)?
(?P<x>[a-z]+)\d+(?P<y>\w+)
(\w)\w*\1
(\w+) \1
(?P<q>\w)\w(?P=q)
(a)?(?(1)b|x)
(?P<n>a)?(?(n)b|x)
a{2}
a{,2}b
a{1,}b
a{1,2}b
a{,}b
a{
a{2
a{x}
a{}
{2}b
}
]
[]]
[^]]+
[]a-c]+
[a-c]+
[-a]+
[a-]+
[\w-]+
[a\-c]+
[[a]
[a[]
[a&&b]+
[&~-]+
[a~~b]+
[a--c]
[^a-z]+
[\]]
[\[]
[\^a]
[a^]
[\d.]+
[\s]
[\b]
[z-a]
[\d-z]
[
(
)
*a
a**
a++
a*+b
(?>a+)b
(?:ab)
(?=a)
a(?!b)
(?<=a)b
(?<!a)b
(?<=\.)[a-z]+$
(?i)abc
(?i:A)B
(?-i:a)
(?s)a.b
(?m)^b$
(?m)c$
(?x) a  b # comment
(?x)[ #]
(?x)a\ b
(?x)a[ ]b
a(?i)b
(?u)a
(?L)a
(?#hi)a
(?P<1a>a)
(?P<x>a)(?P<x>b)
\d+
\D+
\w+
\W+
\s
\S+
\bb
\Bb
\.
\-
\/
\_
\:
\<
\>
\"
\'
\#
\ 
\@
\é
\q
\h
\K
\G
\e
\z
\x41
\x4
\u0041
\U00000041
\101
\0
\07
\8
\n
\t
\r
\f\v\a
\\
\N{BULLET}
^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$
^(?:https?|ftp)://([^/?#]+)([^?#]*)
(?:[a-z0-9-]+\.)+[a-z]{2,}
^(?!www\.)
.*?b
a.*?b
x*
(x*)
(x)*
((a)|b)+
(?:a|ab)(?:c|bcd)?
ä
[ä-ü]+
Ö
(?i)ö
(?i)SS
\$
a\$
^\^
$
\Z
(?m)$
foo(\d+)bar|(\d+)
a\
""".strip("\n").split("\n")
for pattern in PATTERNS:
    for ignore_case in (False, True) if re.search("[a-zA-Z]", pattern) and len(pattern) < 12 else (False,):
        row = {"pattern": pattern, "ignore_case": ignore_case}
        try:
            regex = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
            row["found"] = {}
            for text in TEXTS:
                found = regex.search(text)
                row["found"][text] = found and [found.group(0), *found.groups()]
            row["names"] = regex.groupindex and dict(regex.groupindex)
        except re.error as error:
            row["error"] = str(error)
        print(json.dumps(row))
