"""Random statements: derived from the grammar, mutated, or no statements at all.

Each comes from a seed alone, so that a failure can be repeated.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from lark import Lark
from lark.grammar import NonTerminal, Rule, Symbol
from lark.lexer import Pattern, PatternStr

USUAL = {
    "NAME": (
        *("video", "frame", "timestamp", "time", "pts", "keyframe", "score", "decided_by", "label"),
        *("contains", "objects", "detections", "image", "box", "round", "coalesce", "time_bucket"),
        *("count", "sum", "avg", "min", "max", "min_score", "region", "gap", "min_duration", "x"),
        *("seconds", "ms", "yolo", "seed", "model", "default", "json", "on_damage", "first"),
    ),
    "QUOTED_NAME": ('"frame"', '"a b"', '"select"'),
    "STRING": (
        *("'clip.mp4'", "'bus'", "'yolo'", "'1 second'", "'00:01:30'", "'2024-05-17 08:30:00'"),
        *("'text'", "'out.parquet'"),
    ),
    "NUMBER": ("0", "1", "2", "5", "10", "0.5", "1.", ".5", "95", "100", "1e3", "1e-3"),
    "PARAMETER": ("?",),
    "COMPARISON": ("<=", ">=", "<>", "!=", "==", "<", ">"),
    "EQUAL": ("=",),
}
"""What stands for the terminals that are patterns. Those that are words stand for themselves."""

ODD = {
    "NAME": (
        "frames",
        "events",
        "case",
        "limit",
        "größe",
        "last",
        "parsecs",
        "_",
        "日",
        "ſ",
        "end",
    ),
    "QUOTED_NAME": ('""', '"a""b"', '"\n"', '"\0"', '"ﬀ"'),
    "STRING": (
        *(
            "''",
            "'it''s'",
            "'\n'",
            "'\0'",
            "'\\'",
            "'%s {0}'",
            "'🚌'",
            "'\udcff'",
            "'on'",
            "'.json'",
        ),
        *("'0001-01-01'", "'9999-12-31 23:59:59.999999'", "'999999999999999 days'", "'-1 s'"),
        *("'0 s'", "'1e5 s'", "'2024-05-17 08:30:00+23:59'", "'9223372036854775807 us'"),
    ),
    "NUMBER": (
        *("9223372036854775807", "9223372036854775808", "4294967296", "1e19", "9" * 400, "1e308"),
        *("0." + "1" * 400, "1e999", "1e-400", "00012", "1e99999999999999999999", "9" * 5000),
    ),
    "PARAMETER": ("$1", "$2", "$0", "$name", "$größe", "$" + "9" * 30, "$" + "9" * 5000),
}
"""What stands for them now and then."""

INTERVALS = ("INTERVAL '1 second'", "INTERVAL '00:01:30'", "INTERVAL 500 ms", "INTERVAL 1.5 hours")
"""What mostly stands for the rule `interval`: few strings are durations."""

MOST_TOKENS = 60
"""After so many a derivation takes the shortest way to its end."""

NOISE = (
    *("'", '"', "--", "/*", "*/", ";", "(", ")", ",", "$", "?", "=>", "\0", "\n", "\t", "\r", "\\"),
    *(
        "#",
        "@",
        "`",
        "[",
        "]",
        "{",
        "}",
        "::",
        "||",
        "\ufeff",
        "\u200b",
        "\u202e",
        "\u0301",
        "\xa0",
    ),
    *(
        "\u2028",
        "\ud800",
        "\udfff",
        "🚌",
        "１",
        "١",
        "ſelect",
        "İ",
        "µ",
        "NaN",
        "0x10",
        "1_000",
        ".",
    ),
)
"""What is hardly ever part of a statement."""


class Derivations:
    """The statements that a grammar allows, by chance."""

    def __init__(self, grammar: str) -> None:
        lark = Lark(grammar, parser="lalr", maybe_placeholders=False)
        self._rules: dict[Symbol, list[Rule]] = defaultdict(list)
        for rule in lark.rules:
            self._rules[rule.origin].append(rule)
        self._words = {t.name: _values(t.name, t.pattern) for t in lark.terminals}
        self._heights: dict[Symbol, float] = defaultdict(lambda: float("inf"))
        while self._lower_heights():
            pass

    def tokens(self, rng: random.Random, depth: int, start: str = "start") -> list[str]:
        """The tokens of a statement that is about `depth` rules deep."""
        found: list[str] = []
        waiting = [(NonTerminal(start), depth)]
        while waiting:
            symbol, left = waiting.pop()
            if symbol == NonTerminal("interval") and rng.random() < 0.8:
                found.append(rng.choice(INTERVALS))
            elif symbol in self._rules:
                rule = self._choose(rng, symbol, left if len(found) < MOST_TOKENS else 0)
                waiting.extend((part, left - 1) for part in reversed(rule.expansion))
            else:
                found.append(_any_case(rng, self._word(rng, symbol.name)))
        return found

    def words(self, rng: random.Random) -> str:
        """Any terminal."""
        return self._word(rng, rng.choice(list(self._words)))

    def _word(self, rng: random.Random, terminal: str) -> str:
        odd = ODD.get(terminal) if rng.random() < 0.04 else None
        return rng.choice(odd or self._words[terminal])

    def _choose(self, rng: random.Random, symbol: Symbol, depth: int) -> Rule:
        possible = [rule for rule in self._rules[symbol] if self._height(rule) < depth]
        return rng.choice(possible) if possible else min(self._rules[symbol], key=self._height)

    def _height(self, rule: Rule) -> float:
        return 1 + max((self._height_of(part) for part in rule.expansion), default=0)

    def _height_of(self, symbol: Symbol) -> float:
        return self._heights[symbol] if symbol in self._rules else 0

    def _lower_heights(self) -> bool:
        lowered = False
        for symbol, rules in self._rules.items():
            height = min(map(self._height, rules))
            if height < self._heights[symbol]:
                self._heights[symbol], lowered = height, True
        return lowered


@cache
def derivations() -> Derivations:
    """Those of the dialect."""
    return Derivations(files("vqe.grammar").joinpath("vqe.lark").read_text(encoding="utf-8"))


def derived(rng: random.Random) -> str:
    """A statement of the dialect; it need not mean anything."""
    return _joined(rng, derivations().tokens(rng, rng.randint(6, 40)))


def mutated(rng: random.Random, corpus: Sequence[str]) -> str:
    """A statement of the corpus with some tokens changed."""
    tokens = re.findall(r"'[^']*'|\w+|=>|<=|>=|<>|!=|\S", rng.choice(corpus))
    for _ in range(rng.randint(0, 3)):
        at = rng.randint(0, max(len(tokens) - 1, 0))
        match rng.randint(0, 6):
            case 0:
                del tokens[at : at + 1]
            case 1:
                tokens[at : at + 1] = [derivations().words(rng)]
            case 2:
                tokens[at:at] = [derivations().words(rng)]
            case 3:
                tokens[at:at] = [rng.choice(NOISE)]
            case 4:
                tokens[at : at + 1] = derivations().tokens(rng, 14, "expression")
            case 5:
                tokens[at:at] = tokens[at : at + rng.randint(1, 9)]
            case 6:
                word = "".join(tokens[at : at + 1])
                tokens[at : at + 1] = ["".join(rng.sample(word, len(word)))]
    return _joined(rng, tokens)


def noise(rng: random.Random) -> str:
    """Anything but a statement, as a rule."""
    match rng.randint(0, 3):
        case 0:
            return rng.randbytes(rng.randint(0, 60)).decode("utf-8", "surrogateescape")
        case 1:
            return rng.randbytes(rng.randint(0, 60)).decode("latin-1")
        case 2:
            return "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randint(0, 40)))
    words = (
        rng.choice(NOISE) if rng.random() < 0.5 else derivations().words(rng) for _ in range(9)
    )
    return _joined(rng, list(words))


def _values(name: str, pattern: Pattern) -> tuple[str, ...]:
    if name in USUAL:
        return USUAL[name]
    skipped = name == "COMMENT" or name.startswith("__IGNORE")
    assert skipped or isinstance(pattern, PatternStr), f"USUAL has no values for {name}"
    return (pattern.value,)


def _any_case(rng: random.Random, word: str) -> str:
    return word.lower() if rng.random() < 0.3 else word


def _joined(rng: random.Random, tokens: list[str]) -> str:
    text = ""
    for token in tokens:
        touching = text[-1:].isalnum() and token[:1].isalnum()
        spaces = (" ", " ", " ", " ", " ", "\n", "\t", " -- no\n", "/**/", " " if touching else "")
        text += rng.choice(spaces) + token
    return text
