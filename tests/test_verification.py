"""Answers that were given before, checked anew: what holds, what is stale, what was never so."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bridge import BRIDGE, QUESTION
from click.testing import CliRunner, Result
from fakes import FakeEmbedder, ScriptedGenerator, write

from index import Index, Splitter, add, remove
from service.answer import ANSWER, Answer, Sentence
from service.assistant import Assistant
from service.assistant.verify import verify_answer
from service.cli import main as command_line
from service.settings import Settings
from service.verification.replay import VERIFICATION, Verification, show_change

CUT = "Engineers said the repairs of the bridge will take 9 months."
HOW_LONG = "How long will the repairs of the bridge take?"


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index(bridge_txt=BRIDGE, mill_txt="The mill of Marlow burned down in 1901. Nobody was hurt.")


@pytest.fixture
def answer(index: Index, fake_embedder: FakeEmbedder) -> Answer:
    return Assistant(index, fake_embedder, None, Settings()).ask(QUESTION)


@pytest.fixture
def change(tmp_path: Path, fake_embedder: FakeEmbedder) -> Callable[..., None]:
    def write_anew(**files: str) -> None:
        add(tmp_path / "index", write(tmp_path / "documents", **files), fake_embedder, Splitter())

    return write_anew


def first(answer: Answer, **changes: object) -> Answer:
    """The answer with its first citation changed."""
    return replace(answer, citations=(replace(answer.citations[0], **changes), *answer.citations[1:]))  # type: ignore[arg-type]


def test_an_answer_holds_as_long_as_its_documents_are_what_they_were(index: Index, answer: Answer) -> None:
    checked = verify_answer(answer, index)
    assert checked.verdict == "proved"
    assert [sentence.fault for sentence in checked.sentences] == [None] * len(answer.sentences) != []
    assert {place.state for place in (*checked.citations, *checked.passages)} == {"holds"}
    assert (checked.citations[0].start, checked.citations[0].end) == (
        answer.citations[0].start,
        answer.citations[0].end,
    )


def test_what_only_changed_around_the_words_is_stale_and_tells_where_they_are(
    index: Index, answer: Answer, change: Callable[..., None]
) -> None:
    change(bridge_txt=f"A new first sentence, about boats. {BRIDGE}")
    checked = verify_answer(answer, index)
    assert checked.verdict == "stale"
    for place, citation in zip(checked.citations, answer.citations, strict=True):
        assert place.state == "moved"
        assert place.start is not None and place.start > citation.start
        text = index.text(index.find("bridge.txt"))
        assert text[place.start : place.end] == citation.quote


def test_words_that_were_changed_are_shown_with_what_stands_there_now(
    index: Index, answer: Answer, change: Callable[..., None]
) -> None:
    change(bridge_txt=BRIDGE.replace("9 months", "11 months"))
    checked = verify_answer(answer, index)
    assert checked.verdict == "stale"
    places = [place for place in checked.citations if "9 months" in place.quote]
    assert [place.state for place in places] == ["changed"] * len(places) != []
    now = places[0].now
    assert now is not None and "11 months" in now
    assert "[-9-] {+11+}" in show_change(places[0].quote, now)


def test_a_document_that_is_gone_makes_the_answer_stale(index: Index, answer: Answer, tmp_path: Path) -> None:
    remove(tmp_path / "index", "bridge.txt")
    checked = verify_answer(answer, index)
    assert checked.verdict == "stale"
    assert {place.state for place in checked.citations} == {"removed"}


@pytest.mark.parametrize(
    "forge",
    [
        lambda answer: first(answer, quote=answer.citations[0].quote.upper()),
        lambda answer: first(answer, start=answer.citations[0].start + 1),
        lambda answer: first(answer, end=10**40),
        lambda answer: first(answer, start=-5),
        lambda answer: first(answer, document="mill.txt", version="0" * 64, quote=""),
        lambda answer: first(answer, n=77),
        lambda answer: replace(answer, answer=answer.answer + " And it was all a lie."),
        lambda answer: replace(answer, answer="It was all a lie."),
        lambda answer: replace(answer, sentences=()),
        lambda answer: replace(answer, sentences=(replace(answer.sentences[0], citations=()),)),
        lambda answer: replace(answer, refused=True),
        lambda answer: replace(answer, passages=(replace(answer.passages[0], text="It is closed."),)),
    ],
)
def test_what_was_never_so_is_refuted(index: Index, answer: Answer, forge: Callable[[Answer], Answer]) -> None:
    assert verify_answer(forge(answer), index).verdict == "refuted"


@pytest.mark.parametrize(
    ("text", "kind", "verdict"),
    [
        (CUT, "worded", "proved"),
        (CUT.replace("9", "10"), "worded", "refuted"),
        (CUT.replace("will", "will not"), "worded", "refuted"),
        ("The bridge of engineers said 9 months will take the repairs.", "worded", "refuted"),
        ("9 months", "words", "proved"),
        ("months, for two pillars", "words", "refuted"),
        ("10 months", "words", "refuted"),
        ("9 months", "quoted", "refuted"),
    ],
)
def test_each_sentence_must_follow_from_what_it_cites(
    index: Index, fake_embedder: FakeEmbedder, text: str, kind: str, verdict: str
) -> None:
    answer = Assistant(index, fake_embedder, None, Settings()).ask(HOW_LONG)
    cited = next(item for item in answer.citations if "9 months" in item.quote)
    forged = replace(
        answer,
        answer=f"{text} [{cited.n}]",
        sentences=(
            replace(answer.sentences[0], text=text, start=0, end=len(text) + 4, citations=(cited.n,), kind=kind),
        ),  # type: ignore[arg-type]
    )
    checked = verify_answer(forged, index)
    assert checked.verdict == verdict
    assert (checked.sentences[0].fault is None) == (verdict == "proved")


def test_a_worded_answer_is_proved(index: Index, fake_embedder: FakeEmbedder) -> None:
    assistant = Assistant(index, fake_embedder, ScriptedGenerator(CUT), Settings())
    answer = assistant.ask(HOW_LONG)
    assert verify_answer(answer, index).verdict == "proved"


def test_a_refusal_is_proved_while_its_passages_stand(
    index: Index, fake_embedder: FakeEmbedder, change: Callable[..., None]
) -> None:
    refusal = Assistant(index, fake_embedder, None, Settings()).ask("Quels sont les tarifs du zeppelin?")
    assert refusal.refused
    assert verify_answer(refusal, index).verdict == "proved"
    assert verify_answer(replace(refusal, answer="It costs nine dollars."), index).verdict == "refuted"
    assert verify_answer(replace(refusal, reason=None), index).verdict == "refuted"


# --- the command ---


Verify = Callable[..., Result]


@pytest.fixture
def verify(index: Index, fake_embedder: FakeEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verify:
    """The command, over an index that the fake embedder made."""
    assert index.counts().chunks > 0
    monkeypatch.setattr(
        "service.cli.verify.open_index", lambda _: Index.open(tmp_path / "index", fake_embedder, Splitter())
    )

    def run(file: str, *options: str, stdin: bytes = b"") -> Result:
        return CliRunner().invoke(command_line.cli, ["verify", file, *options], input=stdin)

    return run


def test_the_command_tells_the_verdict_by_word_and_exit_code(
    answer: Answer, verify: Verify, tmp_path: Path, change: Callable[..., None]
) -> None:
    file = tmp_path / "answer.json"
    file.write_bytes(ANSWER.dump_json(answer, indent=2))
    done = verify(str(file))
    assert (done.exit_code, "Proved" in done.stdout) == (0, True)
    change(bridge_txt=BRIDGE.replace("9 months", "11 months"))
    done = verify(str(file))
    assert (done.exit_code, "Stale" in done.stdout) == (4, True)
    assert "[-9-] {+11+}" in " ".join(done.stdout.split())
    lines = b"\n".join([ANSWER.dump_json(answer), ANSWER.dump_json(first(answer, n=9))])
    done = verify("-", "--json", stdin=lines)
    verdicts = [VERIFICATION.validate_json(line).verdict for line in done.stdout.splitlines()]
    assert (done.exit_code, verdicts) == (1, ["stale", "refuted"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\x00\x01binary", "is no answer"),
        (b"[]", "is no answer"),
        (b'{"id": "a"}', "question: Field required"),
        (b'{"id": "a", "error": "it failed"}', "is no answer"),
        (b'{"id": ' + b"[" * 5000, "is no answer"),
    ],
)
def test_what_is_no_answer_is_one_sentence(verify: Verify, content: bytes, told: str) -> None:
    done = verify("-", stdin=content)
    assert done.exit_code == 1
    assert told in str(done.exception)
    assert len(str(done.exception)) < 400


def test_a_file_that_is_not_there_is_one_sentence(verify: Verify) -> None:
    assert "There is no file 'gone.json'" in str(verify("gone.json").exception)


def test_a_verification_is_json(index: Index, answer: Answer) -> None:
    checked = verify_answer(answer, index)
    again = VERIFICATION.validate_python(json.loads(VERIFICATION.dump_json(checked)))
    assert isinstance(again, Verification) and again == checked


def test_the_time_to_verify_is_bounded(index: Index, answer: Answer, change: Callable[..., None]) -> None:
    change(bridge_txt=f"{BRIDGE} {'It was never built again. ' * 8_000}")
    document = index.find("bridge.txt")
    cited = replace(answer.citations[0], version=document.version)
    forged = replace(
        answer,
        question="a, " * 5_000,
        citations=tuple(replace(cited, n=number) for number in range(1, 301)),
        sentences=tuple(Sentence("nine", 0, 4, (number,), "words") for number in range(1, 301)),
    )
    began = time.perf_counter()
    assert verify_answer(forged, index).verdict == "refuted"
    assert verify_answer(replace(forged, question=answer.question), index).verdict == "refuted"
    assert time.perf_counter() - began < 20
