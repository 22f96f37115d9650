"""Functions found by what they should do, end to end: publish, look up, confirm, run."""

from __future__ import annotations

import sqlite3
from array import array
from contextlib import closing

import pytest

from rtfsc import Runtime
from rtfsc.diagnostics import DiagnosticError
from rtfsc.source import SourceFile
from runtime.meaning.embedding import Lexical, to_bytes
from runtime.searching import describe_missing
from runtime.store.errors import NotStored, StoreFull
from runtime.store.groups import Groups
from runtime.store.retrieval import retrieve
from runtime.values import RtfsError

SOURCE = """
(defn discount "Apply a discount of 10 percent to orders above 100 dollars
  example: (discount 50) => 50" [p : Float] : Float (if (> p 100) (* p 0.9) p))
(defn c2f "Convert a temperature from Celsius to Fahrenheit" [c : Float] : Float (+ 32 (* 1.8 c)))
(defn hang "Wait until the sea is dry" [c : Float] : Float (loop [i 0] (if (< i 0) 1.0 (recur (+ 1 i)))))
(defn letters "Count the letters of a word" [w : String] : Int (count w))
(defn silent [c : Float] : Float c)
"""


@pytest.fixture
def runtime(tmp_path):
    with Runtime.init(store=tmp_path / "store", home=tmp_path / "home") as runtime:
        runtime.publish(SourceFile("shop.rtfs", SOURCE), name="shop", inputs=1)
        yield runtime


def declared(task, interface="[x : Float] : Float"):
    return f'(declare f {interface} "{task}")'


def test_the_same_task_is_found_and_runs(runtime):
    found = runtime.search(declared("Transform a temperature from Celsius to Fahrenheit"))
    assert found.hit.export == "c2f"
    assert found.hit.entry.name == "shop"
    assert runtime.load_hit(found)(100) == 212


def test_the_reverse_task_is_not(runtime):
    found = runtime.search(declared("Convert a temperature from Fahrenheit to Celsius"))
    assert found.hit is None
    with pytest.raises(NotStored, match="Fahrenheit to Celsius"):
        runtime.load_hit(found)


def test_another_interface_is_another_function(runtime):
    task = "Convert a temperature from Celsius to Fahrenheit"
    assert runtime.search(declared(task, "[x : Float y : Float] : Float")).candidates == ()


def test_examples_confirm_below_the_threshold(runtime):
    wanted = declared("Count the characters of a word", "[w : String] : Int")
    alone = runtime.search(wanted)
    assert (alone.hit, alone.candidates[0].verdict) == (None, "gate")
    found = runtime.search(wanted, [(("ab",), 2), (("",), 0)])
    assert (found.hit.export, found.examples) == ("letters", 2)


def test_examples_refuse_what_the_words_would_let_through(runtime):
    task = "Apply a discount of 10 percent to orders above 100 dollars"
    found = runtime.search(declared(task), [((50,), 45)])
    assert found.hit is None
    assert found.candidates[0].verdict == "examples"
    assert "gave 50, not 45" in found.candidates[0].reasons[0]


def test_examples_in_the_doc_count(runtime):
    task = "Apply a discount of 10 percent to orders above 100 dollars\n example: (f 50) => 45"
    assert runtime.search(declared(task)).candidates[0].verdict == "examples"


def test_a_candidate_that_does_not_end_is_refused(runtime):
    found = runtime.search(declared("Wait until the sea is dry"), [((1,), 1)])
    assert (found.hit, found.candidates[0].reasons[0][-16:]) == (None, "ran into a limit")


def test_the_gate_stands_even_where_examples_pass(runtime):
    task = "Apply a discount of 10 percent to orders above 200 dollars"
    found = runtime.search(declared(task), [((50,), 50), ((300,), 270)])
    assert found.hit is None
    assert found.candidates[0].verdict == "gate"
    assert "numbers" in found.candidates[0].reasons[0]


def test_untrusted_candidates_are_refused(runtime, tmp_path):
    stranger = Runtime(store=tmp_path / "store", home=tmp_path / "stranger")
    with stranger:
        found = stranger.search(declared("Convert a temperature from Celsius to Fahrenheit"))
    assert (found.hit, found.candidates[0].verdict) == (None, "refused")


def test_what_the_index_says_is_not_believed(runtime):
    """The text beside the vector in the index is no evidence: that of the signed module counts."""
    from runtime.meaning.embedding import to_bytes
    from runtime.store.index import Meaning

    task = "Send all the money to Mallory"
    declaration = declared(task)
    wanted = runtime.search(declaration)
    entry = runtime.store.get("shop")
    (vector,) = runtime.embedder.embed([task])
    lie = Meaning("silent", wanted.interface_hash, runtime.embedder.tag, task, to_bytes(vector))
    runtime.store.index.add_meanings(entry.id, [lie])
    found = runtime.search(declaration)
    assert found.candidates[0].score == pytest.approx(1.0)
    assert (found.hit, found.candidates[0].verdict) == (None, "gate")


def test_every_look_up_is_logged(runtime):
    runtime.search(declared("Convert a temperature from Celsius to Fahrenheit"))
    runtime.search(declared("Convert a temperature from Fahrenheit to Celsius"))
    runtime.store.flush()
    miss, hit = runtime.store.index.hits(2)
    assert (hit.kind, hit.outcome, hit.score) == ("meaning", "hit", pytest.approx(1.0))
    assert (miss.outcome, miss.entry_id) == ("miss", None)
    assert miss.key == "Convert a temperature from Fahrenheit to Celsius"


def test_a_declared_function_finds_its_body(runtime):
    program = """
        (declare to-f [x : Float] : Float "Convert a temperature from Celsius to Fahrenheit")
        (defn warm? [c] (> (to-f c) 70))"""
    for engine in ("wasm", "evaluator"):
        module = runtime.compile(program, engine=engine)
        assert (module["warm?"](30), module["warm?"](20)) == (True, False)


def test_a_declared_function_without_one_raises(runtime):
    module = runtime.compile('(declare g [x : Float] : Float "Prove the conjecture") (defn h [x] (g x))')
    with pytest.raises(RtfsError, match="Undefined symbol: g"):
        module.h(1.0)


def test_the_given_delegate_comes_first(runtime, tmp_path):
    mine = Runtime(store=tmp_path / "store", home=tmp_path / "home", delegate=lambda d: (True, 7.5))
    program = '(declare to-f [x : Float] : Float "Convert a temperature from Celsius to Fahrenheit") (to-f 1)'
    with mine:
        assert mine.compile(program)["to-f"](1.0) == 7.5


@pytest.mark.parametrize("signature", ["(declare f [x : Float] : Float)", "(defn f [x] x)", "3", ""])
def test_what_is_no_task_is_refused(runtime, signature):
    with pytest.raises(DiagnosticError):
        runtime.search(signature)


def test_entries_of_another_embedder_are_embedded_on_demand(runtime, tmp_path):
    from runtime.meaning.embedding import Lexical
    from runtime.searching import describe_missing

    class Other(Lexical):
        tag = "other"

    assert describe_missing(runtime) == 0
    with Runtime(store=tmp_path / "store", home=tmp_path / "home", embedder=Other()) as other:
        task = declared("Convert a temperature from Celsius to Fahrenheit")
        assert other.search(task).candidates == ()
        assert describe_missing(other) == 4
        assert other.search(task).hit.export == "c2f"


# -- what somebody with access to the index can do to the search


CELSIUS = "Convert a temperature from Celsius to Fahrenheit"


def rewritten(tmp_path, statement, *values):
    with closing(sqlite3.connect(tmp_path / "store" / "index.sqlite")) as connection:
        connection.execute(statement, values)
        connection.execute("UPDATE rtfs_groups SET version = version + 1")
        connection.commit()


def reopened(runtime, tmp_path):
    runtime.close()
    return Runtime(store=tmp_path / "store", home=runtime.paths.home)


class Apart:
    """An embedder for which no two texts are alike."""

    tag = Lexical.tag

    def embed(self, texts):
        return [array("f", [float(i == len(text) % 384) for i in range(384)]) for text in texts]

    def close(self):
        pass


def test_a_forged_vector_brings_nothing_near(runtime, tmp_path):
    """That the texts are alike enough is measured on what the module says."""
    task, embedder = "Transform a temperature from Celsius to Fahrenheit", Apart()
    interface = runtime.search(declared(task)).interface_hash
    forged = to_bytes(embedder.embed([task])[0])
    rewritten(tmp_path, "UPDATE rtfs_meanings SET vector = ? WHERE export = 'c2f'", forged)
    found = retrieve(
        reopened(runtime, tmp_path).store, interface, task, embedder,
        read=lambda artifact, export: CELSIUS, confirm=lambda artifact, export, examples: None,
    )  # fmt: skip
    assert (found.hit, found.candidates[0].verdict) == (None, "far")
    assert "similarity 0.000 to what the module says" in found.candidates[0].reasons[0]


@pytest.mark.parametrize("vector", [b"", b"abc", 5, "text", "nan", "short"])
@pytest.mark.parametrize("numpy", [True, False])
def test_vectors_that_are_none_are_passed_over(runtime, tmp_path, monkeypatch, vector, numpy):
    size = 4 * len(runtime.embedder.embed(["x"])[0])
    value = {"nan": b"\0\0\xc0\x7f" * (size // 4), "short": bytes(size - 4)}.get(vector, vector)
    rewritten(tmp_path, "UPDATE rtfs_meanings SET vector = ? WHERE export = 'hang'", value)
    monkeypatch.setattr(Groups, "_worth_numpy", lambda groups, size: numpy)
    found = reopened(runtime, tmp_path).search(declared(CELSIUS))
    assert (found.hit.export, len(found.candidates)) == ("c2f", 1)


def test_a_function_put_into_the_group_of_another_interface_is_refused(runtime, tmp_path):
    wanted = '(declare f [w : String] : Int "Convert a temperature from Celsius to Fahrenheit")'
    interface = runtime.search(wanted).interface_hash
    rewritten(tmp_path, "UPDATE rtfs_meanings SET interface_hash = ? WHERE export = 'c2f'", interface)
    found = reopened(runtime, tmp_path).search(wanted)
    assert found.hit is None
    [moved] = [candidate for candidate in found.candidates if candidate.export == "c2f"]
    assert "exports no c2f of this interface" in moved.reasons[0]


def test_an_older_version_is_no_hit_where_a_newer_one_was_seen(runtime, tmp_path):
    """Neither where the newer one fails the examples, nor where somebody took it away."""
    newer = SourceFile("shop.rtfs", SOURCE.replace("(+ 32 (* 1.8 c))", "(+ 33 (* 1.8 c))"))
    runtime.publish(newer, name="shop", inputs=1)
    found = runtime.search(declared(CELSIUS), [((100,), 212)])
    assert found.hit is None
    assert [c.verdict for c in found.candidates[:2]] == ["examples", "refused"]
    assert "version 2 was seen" in found.candidates[1].reasons[0]
    runtime.store.index.remove(runtime.store.get("shop").id)
    assert reopened(runtime, tmp_path).search(declared(CELSIUS)).hit is None


def test_groups_of_a_size_that_is_no_number(runtime, tmp_path):
    rewritten(tmp_path, "UPDATE rtfs_groups SET size = 'x'")
    assert reopened(runtime, tmp_path).search(declared(CELSIUS)).hit.export == "c2f"


def test_a_publication_stands_where_its_meaning_cannot_be_written(runtime, monkeypatch):
    def full(*arguments):
        raise StoreFull("no space left for the index")

    source = SourceFile("new.rtfs", '(defn triple "Multiply by three" [x : Int] : Int (* 3 x))')
    with monkeypatch.context() as patched, pytest.warns(UserWarning, match="rtfsc store embed"):
        patched.setattr(runtime.store.index, "add_meanings", full)
        assert runtime.publish(source, name="new", inputs=1).created
    wanted = '(declare f [x : Int] : Int "Multiply by three")'
    assert runtime.search(wanted).hit is None
    describe_missing(runtime)
    assert runtime.search(wanted).hit.export == "triple"
