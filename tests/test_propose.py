"""Proposing gold questions: sentences turned round by hand-checked rules, and the file that `eval init` writes."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from fakes import SEEDS, FakeEmbedder, write

from eval import init_command as command
from eval.errors import GoldError
from eval.gold_file import load_gold
from eval.init_command import init_command
from eval.locate import find_gaps, locate
from eval.proposing.clauses import Vocabulary
from eval.proposing.propose import Page, Proposal, propose, read_pages, to_yaml
from eval.proposing.proposed_answers import find_answers
from eval.proposing.rephrase import rephrase
from index import Index, Splitter, add

VOCABULARY = Vocabulary.of(["The price of oil, the war and the tanks near Brackwater, Northmere and Israel."])


def turned(sentence: str) -> list[tuple[str, str]]:
    return [(question.text, question.answers[0]) for question in rephrase(sentence, VOCABULARY)]


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("Mossad chief David Barnea heads the Israeli team.", "Who heads the Israeli team?", "David Barnea"),
        (
            "Plant doctor Sunniva Brekke of the Hollin station said that two sprays would have saved the wheat.",
            "Who said that two sprays would have saved the wheat?",
            "Sunniva Brekke",
        ),
        (
            "The Tarnby pool's coordinator, Ilse Varnholt, wants a crossing.",
            "Who is the Tarnby pool's coordinator?",
            "Ilse Varnholt",
        ),
        (
            "Petra Lunde, the engineer of the Lindmoor tram, resigned in August.",
            "Who is the engineer of the Lindmoor tram?",
            "Petra Lunde",
        ),
        (
            "More than 90,000 people have left their homes in southern Lebanon.",
            "How many people have left their homes in southern Lebanon?",
            "90,000",
        ),
        (
            "Tanks near Brackwater held 41 million barrels at the last count, a tenth less than a year earlier.",
            "How many barrels did tanks near Brackwater hold at the last count?",
            "41 million",
        ),
        (
            "Calder Line, a container carrier, has hired four ships for its weekly timetable.",
            "How many ships has Calder Line hired for its weekly timetable?",
            "four",
        ),
        ("The Lindmoor tram will cost 402 million euros.", "How much will the Lindmoor tram cost?", "402 million"),
        ("Line 4 will be 12.4 kilometres long.", "How long will Line 4 be?", "12.4 kilometres"),
        ("The ride on Line 4 takes 29 minutes.", "How long does the ride on Line 4 take?", "29 minutes"),
        (
            "Northmere crude fell to 71.15 dollars a barrel on the Brackwater Exchange.",
            "To how many dollars a barrel did Northmere crude fall on the Brackwater Exchange?",
            "71.15",
        ),
        (
            "Prices rose by 7.1 per cent in the year to January.",
            "By how much did prices rise in the year to January?",
            "7.1",
        ),
        (
            "The Museum of Lamps reopens on 18 May after a flood.",
            "When does the Museum of Lamps reopen after a flood?",
            "18 May",
        ),
        (
            "In 1993, the Museum of Lamps was opened in Castellan Bay.",
            "When was the Museum of Lamps opened in Castellan Bay?",
            "1993",
        ),
        (
            "Israel and the group Hezbollah have traded fire since 8 October 2023.",
            "Since when have Israel and the group Hezbollah traded fire?",
            "8 October 2023",
        ),
        (
            "Northmere is the largest field in the Arden Sea.",
            "What is the largest field in the Arden Sea?",
            "Northmere",
        ),
    ],
)
def test_a_statement_becomes_a_question(sentence: str, question: str, answer: str) -> None:
    assert (question, answer) in turned(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "It counted 310 exchanges in the month of May in Lebanon.",  # who is it?
        "The first, from Harbour Gate to Market Square, is to open in May 2026.",  # the first what?
        "He took over from political leader Ismail Haniyeh in Tehran on 31 July.",
        "The council meets next on 1 June.",  # which council?
        "Petrol costs 1.92 dollars a litre in Brackwater, up from 1.74 in January.",  # petrol: a name or not?
        "Doctor Sunniva Brekke said that sprays in May would have saved the wheat of Hollin",  # no whole sentence
        "The lamps made in 1934 cost the Museum of Lamps nothing.",  # 1934 belongs to the lamps
        "Countries have teamed up in the United Nations to end it by 2030.",  # 2030 is for the end
        "The war of 2006 ended with resolution 1701 of the Security Council.",
        "Northmere was the first woman of the Arden Sea.",  # who, not what
        "The board (of the Central Bank of Verania) meets on 21 March.",
        "The Meridian Relief Pool wants 9 trucks, 8 ships and 7 planes.",
        "Lake Arden Water Works.",
        "Anselm Roo pleaded guilty to all counts in May of the Verania case.",  # `counts` is no verb
        "Anselm Roo expects to produce the Arden tram starting in 2024.",
        "Northmere crude has in the Arden Sea only 5 wells near Brackwater.",
    ],
)
def test_what_leans_on_its_neighbours_or_is_unsure_gives_no_question(sentence: str) -> None:
    assert turned(sentence) == []


PAGES = (
    Page(
        "harbour.txt",
        "Harbour",
        (
            "Mossad chief David Barnea heads the Israeli team in Doha.",
            "The Museum of Lamps reopens in May after a flood.",
            "More than 40,000 people were killed in Gaza.",
            "More than 40,000 people were killed in Gaza.",
        ),
    ),
    Page("tram.txt", "Tram", ("The Lindmoor tram will cost 402 million euros in Tarnby.", "It opens in June.")),
)


def test_proposals_come_from_all_documents_and_some_have_no_answer() -> None:
    answered, unanswered = propose(PAGES, 12)[:-1], propose(PAGES, 12)[-1]
    # What stands twice in its document is no evidence.
    assert {(proposal.question, proposal.document) for proposal in answered if proposal.answers} == {
        ("Who heads the Israeli team in Doha?", "harbour.txt"),
        ("When does the Museum of Lamps reopen after a flood?", "harbour.txt"),
        ("How much will the Lindmoor tram cost in Tarnby?", "tram.txt"),
    }
    assert unanswered.type == "unanswerable"
    assert (unanswered.answers, unanswered.document, unanswered.quote) == ((), None, None)
    assert unanswered.question in {
        "Who heads the Israeli team in Tarnby?",
        "How much will the Lindmoor tram cost in Doha?",
    }


def test_a_name_is_not_exchanged_where_a_document_may_answer() -> None:
    other = "Who it was that heads the Israeli team in Tarnby is open."
    pages = (PAGES[0], Page("tram.txt", "Tram", (*PAGES[1].sentences, other)))
    assert "Who heads the Israeli team in Tarnby?" not in {proposal.question for proposal in propose(pages, 60)}
    assert "Who heads the Israeli team in Tarnby?" in {proposal.question for proposal in propose(PAGES, 60)}


def test_few_are_wanted_and_the_same_come_again() -> None:
    told: list[None] = []
    assert len(propose(PAGES, 2, lambda: told.append(None))) == len(told) == 2
    assert {proposal.document for proposal in propose(PAGES, 2)} == {"harbour.txt", "tram.txt"}
    assert propose(PAGES, 12) == propose(PAGES, 12)
    assert propose((), 12) == ()


def test_dates_do_not_crowd_out_the_rest() -> None:
    dated = [f"The Museum of Lamps {number} reopens in May after a flood." for number in range(20)]
    counted = [
        f"The {name} tram will cost 402 million euros." for name in ("Arden", "Hollin", "Lindmoor", "Tarnby")
    ]
    pages = [Page(f"{number}.txt", "", (sentence,)) for number, sentence in enumerate([*dated, *counted])]
    kinds = [proposal.type for proposal in propose(pages, 10) if proposal.answers]
    # Of nine four ask for a sum, and dates fill up the rest.
    assert (kinds.count("number"), kinds.count("date")) == (4, 5)


def test_the_file_is_yaml_that_reads_well_and_accepts_nothing(tmp_path: Path) -> None:
    proposals = (
        Proposal(
            "How many in Zürich?", "number", ("1,200",), "ä.txt", "There are 1,200: " + "word " * 30 + "in Zürich."
        ),
        Proposal("Who: 'x'?", "unanswerable"),
    )
    text = to_yaml(proposals, tmp_path / "q.yaml")
    assert f"citewell eval run {tmp_path / 'q.yaml'}" in text
    assert "  question: How many in Zürich?\n  type: number\n  answers:\n    - ['1,200']\n" in text
    assert max(map(len, text.splitlines())) <= 116
    assert "\n\n- id: q002\n" in text
    assert [entry["accepted"] for entry in yaml.safe_load(text)] == [False, False]
    file = tmp_path / "q.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(GoldError, match="holds no accepted question; proposals: 2"):
        load_gold(file)
    file.write_text(text.replace("accepted: false", "accepted: true"), encoding="utf-8")
    first, second = load_gold(file)
    assert (first.question, first.answers) == ("How many in Zürich?", (("1,200",),))
    assert first.evidence[0].quote == proposals[0].quote
    assert (second.question, second.type) == ("Who: 'x'?", "unanswerable")


@pytest.mark.parametrize(
    ("sentence", "kind", "wordings"),
    [
        (
            "In Tarnby, more than 40,000 people were killed.",
            "number",
            ("more than 40,000 people", "40,000"),
        ),
        ("The tanks of Brackwater hold nine ships.", "number", ("nine ships",)),
        (
            "Petrol in Brackwater costs 1.92 dollars a litre, up from 1.74.",
            "number",
            ("1.92 dollars a litre", "1.92"),
        ),
        ("Rates in Verania rose to 6.75 per cent.", "number", ("6.75 per cent",)),
        ("The firm in Tarnby paid about $5 million for it.", "number", ("about $5 million", "$5 million")),
        ("The council of Tarnby meets on 7 October 2023.", "date", ("7 October 2023",)),
        ("Lee of Tarnby was sworn in on Oct. 7, 2023, after a delay.", "date", ("Oct. 7, 2023",)),
        ("The pool of Tarnby has been closed since 2019.", "date", ("2019",)),
        ("Work starts soon, with engineer Petra Lunde in charge of Line 4.", "fact", ("Petra Lunde", "Lunde")),
        ("In Tarnby, the case was heard by Governor Mirela Tosk.", "fact", ("Mirela Tosk", "Tosk")),
        ("The lamps of Tarnby went to the Museum of Lamps in spring.", "fact", ("Museum of Lamps",)),
        ("Back in Tarnby, it was Ada Voss who said so.", "fact", ("Ada Voss", "Voss")),
    ],
)
def test_an_answer_is_whole(sentence: str, kind: str, wordings: tuple[str, ...]) -> None:
    answers = find_answers(sentence, VOCABULARY, sentence + " It was for Voss to say.")
    assert [(answer.type, answer.wordings) for answer in answers] == [(kind, wordings)]
    assert sentence[answers[0].start : answers[0].end] == wordings[0]


@pytest.mark.parametrize(
    "sentence",
    [
        "Line 4 takes the way to Tarnby.",  # a name, no four takes
        "The two sides met in Tarnby.",  # which two?
        "One of nine ships was from Tarnby.",  # nine were not
        "It took from 5 to 10 years in Tarnby.",  # one end of a range
        "It cost Tarnby $5 to $10 in all.",
        "It came two years later in Tarnby.",  # later than what?
        "As trades on Tarnby rose to $15 billion/day, all was well.",  # no $15
        "There were four parts stores in Tarnby.",  # four stores, not parts
        "The board of Tarnby sat from 1993 to 2004.",
        "Many in Tarnby recall the May 2021 conflict.",  # a name for it
        "The Lamp Museum staff of Tarnby resigned.",  # what kind of staff
        "It fell to Ada Voss, Petra Lunde and others of Tarnby.",  # one of several
        "In the days of Oslo it was Oslo that paid.",  # one word is no whole name
        "It was by five teams, and lost.",  # no name to ask by
        "In Tarnby five teams beat five teams.",  # which of both
        "Old Lamps shone over Tarnby.",  # a name, or a first word
    ],
)
def test_no_answer_is_a_part_or_unsure(sentence: str) -> None:
    assert find_answers(sentence, VOCABULARY, sentence) == ()


UNTURNED = (
    "Looting on the road near Tarnby cost the pool 64 loads, and nobody was charged.",
    "What the council of Lindmoor said was that it feared delays of nine months.",
    "What the crew of Hollin remembered was that Ada Voss called for help.",
    "Those who were there in Tarnby said that the mill had lost 310 tonnes.",  # those: leans on the one before
    "The group from Tarnby was said to have kept 25 boats, though nobody knew why.",  # which group?
    "In the same week, he was seen in Hollin with 44 lambs, and was asked to go.",  # who?
    "Lamps of Hollin, Tarnby Road 4, 12 Arden Street, Brackwater and nine others.",  # no sentence
    "“The mill in Hollin was worth 90 euros,” she said, and asked for more.",  # speech
    "This news of Hollin was sent to 400 people who subscribe to it, and was read.",  # a notice
)


def test_unfinished_proposals_fill_up_the_count_from_all_documents() -> None:
    pages = [
        Page(f"{number}.txt", "", tuple(text.replace("the", f"the {name}", 1) for text in UNTURNED))
        for number, name in enumerate(("old", "new"))
    ]
    assert [proposal.question for proposal in propose(pages, 4)] == [""] * 4
    assert Counter(proposal.document for proposal in propose(pages, 4)) == {"0.txt": 2, "1.txt": 2}
    whole = propose(pages, 30)
    assert {(proposal.type, proposal.answers) for proposal in whole} == {
        ("number", ("64 loads",)),
        ("number", ("nine months",)),
        ("fact", ("Ada Voss",)),
    }
    assert len(whole) == 6  # three of each, each sentence once
    assert all(proposal.answers[0] in f"{proposal.quote}" for proposal in whole)
    assert propose(pages, 30) == whole


def test_finished_proposals_come_first_and_their_sentences_once() -> None:
    sentence = "Mossad chief David Barnea heads the Israeli team in Doha."
    pages = [Page("a.txt", "", (sentence, *UNTURNED))]
    proposals = [proposal for proposal in propose(pages, 12) if proposal.answers]
    assert [bool(proposal.question) for proposal in proposals] == [True, False, False, False]
    assert [proposal.quote for proposal in proposals].count(sentence) == 1


def test_one_document_gives_a_few_unfinished_and_a_long_one_a_tenth() -> None:
    fit = tuple(
        f"What they said in Tarnby was that it feared delays of {number} months." for number in range(11, 71)
    )
    # Of 20 sentences five, of 60 six.
    assert [len(propose([Page("a.txt", "", fit[:end])], 100)) for end in (20, 60)] == [5, 6]


def test_what_the_title_tells_is_not_asked_for() -> None:
    assert propose([Page("a.txt", "Ada Voss calls", (UNTURNED[2],))], 5) == ()
    assert len(propose([Page("a.txt", "Fire", (UNTURNED[2],))], 5)) == 1


def test_an_unfinished_entry_is_read_from_the_evidence_to_the_question(tmp_path: Path) -> None:
    file = tmp_path / "q.yaml"
    text = to_yaml([Proposal("", "number", ("nine ships", "nine"), "a.txt", "In May nine ships sank.")], file)
    assert text.endswith(
        """
- id: q001
  evidence:
    - document: a.txt
      quote: In May nine ships sank.
  answers:
    - [nine ships, nine]
  type: number
  # Write the question that the answer above answers.
  question: ""
  accepted: false
"""
    )
    accepted = text.replace("accepted: false", "accepted: true")
    file.write_text(accepted, encoding="utf-8")
    with pytest.raises(GoldError, match=r"'q001' has no question\. Write the one that its answers answer, or 'acc"):
        load_gold(file)
    file.write_text(accepted.replace('question: ""', 'question: "What\'s sunk?"'), encoding="utf-8")
    (gold,) = load_gold(file)
    assert (gold.question, gold.answers) == ("What's sunk?", (("nine ships", "nine"),))


def test_a_small_folder_reaches_the_count(tmp_path: Path) -> None:
    files = {
        f"{name}_txt": f"News of {name}\n\nLooting near {name} cost the pool 64 loads, and nobody was charged.\n\n"
        f"What {name} said in Hollin was that it feared delays of nine months."
        for name in ("Tarnby", "Lindmoor", "Arden")
    }
    code, stdout, _ = invoke(write(tmp_path / "docs", **files), "--out", tmp_path / "q.yaml", "--count", "6")
    assert code == 0
    told = "6 proposals about 3 documents, 0 of them without an answer, 6 of them with the question left for you"
    assert told in stdout
    assert len(yaml.safe_load((tmp_path / "q.yaml").read_text(encoding="utf-8"))) == 6


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(init_command, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, str(done.exception) if done.exception else done.stderr


def test_the_seeds_give_questions_whose_quotes_stand(tmp_path: Path, fake_embedder: FakeEmbedder) -> None:
    file = tmp_path / "questions.yaml"
    code, stdout, _ = invoke(SEEDS / "documents", "--out", file)
    assert code == 0
    assert stdout.startswith(f"{file}: ")
    assert f"then: citewell eval run {file}" in stdout
    text = file.read_text(encoding="utf-8")
    with pytest.raises(GoldError, match="no accepted question"):
        load_gold(file)
    numbers = count()
    text = re.sub('question: ""', lambda _: f"question: Which {next(numbers)}?", text)
    file.write_text(text.replace("accepted: false", "accepted: true"), encoding="utf-8")
    golds = load_gold(file)
    assert len(golds) == 30
    assert next(numbers) <= 5  # most are turned round
    assert any(gold.type == "unanswerable" for gold in golds)
    add(tmp_path / "index", SEEDS / "documents", fake_embedder, Splitter())
    with Index.open(tmp_path / "index", fake_embedder, Splitter()) as index:
        assert list(find_gaps(golds, index, tmp_path / "index", file)) == []
        assert all(evidence.start is not None for gold in locate(golds, index) for evidence in gold.evidence)
        assert len({page.document for page in read_pages(index)}) == 14


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "questions.yaml"
    file.write_text("mine", encoding="utf-8")
    code, _, _ = invoke(SEEDS / "documents", "--out", file)
    assert code == 2
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("{docs}", "--out", "{here}/q.jsonl"), 2, "is no name for YAML. Let it end in .yaml or .yml."),
        (("{docs}", "--out", "{here}/absent/q.yaml"), 2, "There is no folder"),
        (("{docs}", "--count", "0"), 2, "--count"),
        (("", "--out", "{here}/q.yaml"), 2, "the path is empty"),
        (("{here}/absent", "--out", "{here}/q.yaml"), 1, "does not exist. Check the path."),
        (("{docs}", "--out", "{here}/q.yaml"), 1, "or has an answer to ask for. Write questions by hand"),
    ],
)
def test_a_mistake_is_told_and_leaves_no_file(
    tmp_path: Path, arguments: tuple[str, ...], code: int, part: str
) -> None:
    docs = write(tmp_path / "docs", a_txt="Nothing of note is in here.")
    done = CliRunner().invoke(init_command, [text.format(docs=docs, here=tmp_path) for text in arguments])
    assert done.exit_code == code
    assert part in (done.stderr if code == 2 else str(done.exception))
    assert not list(tmp_path.glob("**/*.yaml"))


def test_a_file_that_cannot_be_read_is_told_and_the_rest_is_used(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", a_txt="Mossad chief David Barnea heads the Israeli team.", b_txt=" ")
    done = CliRunner().invoke(init_command, [str(docs), "--out", str(tmp_path / "q.yaml")])
    assert done.exit_code == 1
    assert "'b.txt' is empty" in done.stderr
    assert "Who heads the Israeli team?" in (tmp_path / "q.yaml").read_text(encoding="utf-8")


def test_a_single_document_will_do_too(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", a_txt="Mossad chief David Barnea heads the Israeli team.")
    assert invoke(docs / "a.txt", "--out", tmp_path / "q.yaml")[0] == 0


@pytest.mark.parametrize("step", ["propose", "to_yaml"])
def test_ctrl_c_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, step, interrupt)
    docs = write(tmp_path / "docs", a_txt="Mossad chief David Barnea heads the Israeli team.")
    assert CliRunner().invoke(init_command, [str(docs), "--out", str(tmp_path / "q.yaml")]).exit_code != 0
    assert not (tmp_path / "q.yaml").exists()


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A lone surrogate cannot be encoded, which fails in the middle of writing like a full disk.
    monkeypatch.setattr(command, "to_yaml", lambda *_: "begun" * 10_000 + "\udcff")
    docs = write(tmp_path / "docs", a_txt="Mossad chief David Barnea heads the Israeli team.")
    assert CliRunner().invoke(init_command, [str(docs), "--out", str(tmp_path / "q.yaml")]).exit_code != 0
    assert not (tmp_path / "q.yaml").exists()


@pytest.mark.model
def test_the_real_command(run_citewell: Callable[..., object], tmp_path: Path) -> None:
    done = run_citewell("eval", "init", SEEDS / "documents", "--out", "q.yaml", "--count", "12", cwd=tmp_path)
    assert done.returncode == 0, done.stderr  # type: ignore[attr-defined]
    assert "citewell eval run q.yaml" in done.stdout  # type: ignore[attr-defined]
    with pytest.raises(GoldError, match="proposals: 12"):
        load_gold(tmp_path / "q.yaml")
