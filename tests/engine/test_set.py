"""SET: settings that hold from the next statement on."""

from __future__ import annotations

import threading

import pytest
from clips import Oracle, make_clip

import vqe

SQL = "SELECT FRAMES FROM clip WHERE contains('bus') EXACT"


def sizes(result):
    return [batch.num_rows for batch in result]


def test_it_holds_from_the_next_statement_on(connect):
    con = connect(seed=5)
    con.sql("SET on_damage = 'skip'")
    con.sql("SET decode_threads = ?", [3])
    assert (con.settings.on_damage, con.settings.decode_threads) == ("skip", 3)
    assert con.settings.seed == 5
    con.sql("SET on_damage = DEFAULT")
    con.sql("SET decode_threads = NULL")
    assert (con.settings.on_damage, con.settings.decode_threads) == ("raise", None)


def test_batch_size_slices_what_follows_and_leaves_what_was_there(con):
    before = con.sql("SELECT * FROM clip")
    con.sql("SET batch_size = 50")
    assert sizes(con.sql("SELECT * FROM clip")) == [50, 50, 20]
    assert sizes(before) == [120]


def test_another_seed_draws_other_labels(tmp_path):
    clip = make_clip(tmp_path / "long.mp4", 600, gop=50)
    oracle = Oracle(clip)

    class EnoughError(Exception):
        pass

    def model(frames):
        oracle(frames)
        raise EnoughError

    con = vqe.connect(device="cpu", fill=False)
    con.register_model("oracle", model, labels=oracle.labels)

    def first_label(seed):
        con.sql(f"SET seed = {seed}")
        oracle.frames_seen.clear()
        with pytest.raises(vqe.ModelError, match="EnoughError"):
            con.sql(f"SELECT FRAMES FROM {clip.sql} WHERE contains('bus')").to_arrow_table()
        return oracle.frames_seen[0]

    drawn = [first_label(seed) for seed in range(6)]
    assert len(set(drawn)) > 1
    assert first_label(0) == first_label("DEFAULT") == drawn[0]


def test_the_model_that_is_set(con, clip, monkeypatch):
    oracles = {name: Oracle(clip) for name in ("one", "two", "three", "four")}
    for name, model in oracles.items():
        con.register_model(name, model)
    monkeypatch.setenv("VQE_MODEL", "one")

    def asked(sql, **options):
        before = {name: len(model.frames_seen) for name, model in oracles.items()}
        con.sql(sql, **options).to_arrow_table()
        return [name for name, model in oracles.items() if len(model.frames_seen) > before[name]]

    assert asked("SET model = two") == []
    assert asked(SQL) == ["two"]
    assert asked(SQL, model="three") == ["three"]
    assert asked(f"{SQL} USING MODEL four", model="three") == ["four"]
    con.sql("SET model = DEFAULT")
    assert asked(SQL) == ["one"]
    assert vqe.connect(model="two").settings.model == "two"


def test_what_it_gives_back(con, capsys):
    result = con.sql("SET on_damage = 'skip'")
    assert result.schema.names == ["name", "value"]
    assert result.to_arrow_table().to_pylist() == [{"name": "on_damage", "value": "skip"}]
    assert sizes(result) == [1]
    assert result.to_arrow_reader().read_all().num_rows == 1
    result.show()
    assert capsys.readouterr().out.strip() == repr(result)
    assert "on_damage   skip" in repr(result)
    assert "<td" in result._repr_html_()
    result.cancel()
    with result:
        pass
    assert result.to_arrow_table().num_rows == 1


def test_it_has_no_plan(con):
    result = con.sql("SET seed = 3")
    for ask in (result.explain, lambda: result.profile):
        with pytest.raises(vqe.ExecutionError, match="no plan and no profile"):
            ask()


@pytest.mark.parametrize(
    ("sql", "caret", "hint"),
    [
        ("SET on_damge = 'skip'", "      ^", "did you mean 'on_damage'?"),
        ("SET on_damage = 'ignore'", "                  ^", "'raise' or 'skip', got 'ignore'"),
        ("SET batch_size = 0", "                   ^", "a whole number from 1, got 0"),
        ("SET model = orcale", "              ^", "did you mean 'oracle'?"),
        ("SET device = 'cuda'", "      ^", "vqe.connect(device=…)"),
    ],
)
def test_a_mistake_is_pointed_at_and_changes_nothing(con, sql, caret, hint):
    before = con.settings
    with pytest.raises(vqe.VqeError) as raised:
        con.sql(sql)
    assert f"  {sql}\n{caret}" in str(raised.value)
    assert hint in str(raised.value)
    assert con.settings is before


def test_two_threads_lose_nothing(con):
    def count(name):
        for value in range(1, 200):
            con.sql(f"SET {name} = {value}")

    names = ("seed", "batch_size", "decode_threads")
    threads = [threading.Thread(target=count, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [getattr(con.settings, name) for name in names] == [199, 199, 199]


def test_a_closed_connection_sets_nothing(con):
    con.close()
    with pytest.raises(vqe.ExecutionError, match="connection is closed"):
        con.sql("SET seed = 3")
