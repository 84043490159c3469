"""docs/language.md: its examples give what it shows, and it leaves nothing out of the language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import fields
from io import StringIO
from pathlib import Path

import pytest
from clips import Oracle, Visit, make_clip

import vqe
from vqe import errors
from vqe.config import FIXED, Settings
from vqe.display.tables import table_text
from vqe.plan.aggregates import AGGREGATES
from vqe.plan.bind_expressions import FUNCTIONS, SIGHTS
from vqe.plan.commands import SUFFIXES
from vqe.schema import EVENTS_SCHEMA, SCAN_SCHEMA

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "language.md"
TEXT = PAGE.read_text(encoding="utf-8")
GRAMMAR = (ROOT / "grammar" / "vqe.lark").read_text(encoding="utf-8")

EXAMPLE = re.compile(r"```(sql|python)\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)
ABSENT = TEXT[TEXT.index("## What is not in the language") : TEXT.index("## Errors")]
CODE = re.findall(r"```(?:sql|python)\n(.*?)```|`([^`\n]+)`", TEXT.replace(ABSENT, ""), re.DOTALL)
WRITTEN = "\n".join(block or inline for block, inline in CODE)
KEYWORDS = frozenset(re.findall(r'"(\w+)"i', GRAMMAR))
CALLED = {*FUNCTIONS, *AGGREGATES, *SIGHTS, "box"}

VOLATILE = ("EXPLAIN ANALYZE", "ANALYZE VIDEO", "SHOW VIDEOS")
"""What begins so tells how long something took, or where a file lies: no result is shown."""

VISITS = (Visit(10, 20), Visit(15, 30, "truck"), Visit(40, 45), Visit(42, 45))


@pytest.fixture
def con(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[vqe.Connection]:
    """A connection that knows what the page says it knows, in the folder of the videos."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VQE_MODEL", raising=False)
    (tmp_path / "yard").mkdir()
    for name, frames in (("yard/east", 20), ("yard/west", 45), ("crossing", 60)):
        clip = make_clip(Path(f"{name}.mp4"), frames, visits=VISITS, gop=20)
    with vqe.connect(device="cpu", progress=False) as con:
        con.register("crossing", "crossing.mp4")
        con.register_model("yolo", Oracle(clip, fingerprint="yolo"))
        yield con


def result_of(language: str, code: str, con: vqe.Connection) -> str:
    """What an example gives: a table, the text of a plan, or an error."""
    if language == "python":
        with redirect_stdout(StringIO()) as out:
            exec(code, {"con": con})
        return re.sub(r"^\d+ rows?\n", "", out.getvalue(), flags=re.MULTILINE)
    try:
        table = con.sql(code).to_arrow_table()
    except vqe.VqeError as error:
        return f"{error}\n"
    if code.startswith(VOLATILE):
        return ""
    if table.column_names == ["plan"]:
        return "".join(f"{line}\n" for line in table["plan"].to_pylist())
    return table_text(table, max_rows=6, width=110, footer=False).rstrip("\n") + "\n"


def test_examples_give_what_the_page_shows(
    con: vqe.Connection, request: pytest.FixtureRequest
) -> None:
    examples = EXAMPLE.findall(TEXT)
    results = [result_of(language, code, con) for language, code, _ in examples]
    if request.config.getoption("--update-snapshots"):
        left = iter(results)
        PAGE.write_text(EXAMPLE.sub(lambda found: _with(found, next(left)), TEXT), "utf-8")
        return
    for (_, code, shown), result in zip(examples, results, strict=True):
        assert result == shown, code


def _with(found: re.Match[str], result: str) -> str:
    block = f"```{found[1]}\n{found[2]}```\n"
    return f"{block}\n```text\n{result}```\n" if result else block


def test_every_entry_has_an_example() -> None:
    entries = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    assert len(entries) > 50
    assert [e.split("\n")[0] for e in entries if "```sql" not in e and "```python" not in e] == []


def test_every_keyword_is_used() -> None:
    used = {word.upper() for word in re.findall(r"\w+", WRITTEN)}
    assert sorted(word for word in KEYWORDS if word.upper() not in used) == []


def test_every_sign_is_used() -> None:
    signs = [*re.findall(r'^[A-Z_]+: "([^\w"]+)"$', GRAMMAR, re.MULTILINE)]
    signs += ["<=", ">=", "<>", "!=", "==", "<", ">", "=", "?", "$1", "$name", "--", "/*", '"', ";"]
    assert len(signs) > 20
    assert [sign for sign in signs if sign not in WRITTEN] == []


@pytest.mark.parametrize("name", sorted(CALLED))
def test_every_function_has_an_example(name: str) -> None:
    assert any(f"{name}(" in code for _, code, _ in EXAMPLE.findall(TEXT))


def test_every_column_setting_suffix_and_error_is_named() -> None:
    settings = {field.name for field in fields(Settings)}.difference(FIXED)
    raised = {name for name, kind in vars(errors).items() if _is_own_error(kind)}
    named = {*SCAN_SCHEMA.names, *EVENTS_SCHEMA.names, *settings, *SUFFIXES, *raised}
    named |= {"gap", "min_duration", "min_score", "region", "width"}
    inline = {word for _, words in CODE for word in re.findall(r"[.\w]+", words)}
    assert sorted(named - inline - set(re.findall(r"\w+", WRITTEN))) == []


def test_what_is_not_in_the_language_is_refused(con: vqe.Connection) -> None:
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", ABSENT, re.MULTILINE)
    absent = [code.replace("\\|", "|") for cell, _ in rows for code in re.findall("`(.+?)`", cell)]
    assert len(absent) > 20
    for code in absent:
        with pytest.raises(vqe.VqeError) as raised:
            con.sql(_statement_with(code))
        assert not str(raised.value.hint).startswith("expected"), code


def _statement_with(code: str) -> str:
    """A statement that is wrong for nothing but the code, a part of one."""
    if code.startswith(("SELECT", "COPY", "PRAGMA", "RESET", "SHOW")):
        return code.replace("(…)", "(SELECT frame FROM crossing)")
    if code.startswith("FROM"):
        return f"SELECT frame {code}"
    if code.startswith("video LIKE"):
        return f"SELECT frame FROM crossing WHERE {code}"
    if code == "WITH":
        return "WITH a AS (SELECT frame FROM crossing) SELECT frame FROM crossing"
    if code.isupper():
        return f"SELECT frame FROM crossing {code} crossing"
    return f"SELECT {code} FROM crossing"


def _is_own_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.VqeError) and kind != errors.VqeError


def test_the_page_names_nothing_that_does_not_exist() -> None:
    inline = [words for _, words in CODE if words]
    called = {name for words in inline for name in re.findall(r"(\w+)\(", words)}
    assert sorted(called - CALLED - {"sql", "show"}) == []
    shouted = {word for words in inline for word in re.findall(r"\b[A-Z]{2,}\b", words)}
    assert sorted(shouted - {word.upper() for word in KEYWORDS} - {"DEFAULT", "FROM"}) == []
    types = {name for name in inline if name.endswith("Error")}
    builtin = {"ValueError", "NotImplementedError", "RuntimeError", "OSError", "FileNotFoundError"}
    assert sorted(t for t in types - builtin if not hasattr(vqe, t.removeprefix("vqe."))) == []
