"""Each format read from a tiny folder made by hand, its faults told, and the real data counted where it lies."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import SHARED

from eval.datasets import DATASETS, load_dataset
from eval.datasets.dataset import Dataset, LabelledClaim, SourceDocument
from eval.datasets.documents import document, file_name, iso_day
from eval.datasets.realtimeqa import load_realtimeqa
from eval.errors import EvaluationError
from eval.gold import Gold, GoldEvidence
from eval.official import official_score

BENCH = SHARED / "bench"


def put(path: Path, *rows: Any) -> Path:
    """The rows as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def put_list(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


# --- MultiHop-RAG ---

ARTICLE = {
    "title": "Trams return",
    "author": None,
    "source": "The Bell",
    "published_at": "2023-10-01T14:00:29+00:00",
    "category": "news",
    "url": "https://bell.example/trams",
    "body": "The line opened.\n\nIt has\n  \nnine stops.",
}
OTHER = {**ARTICLE, "title": "Wheat", "url": "https://bell.example/wheat", "body": "Rain fell."}


def asked(kind: str, answer: str, *facts: tuple[str, str, str]) -> dict[str, Any]:
    evidence = [{"title": title, "url": url, "fact": fact} for title, url, fact in facts]
    return {"query": f"{kind}?", "answer": answer, "question_type": kind, "evidence_list": evidence}


def put_multihop(folder: Path, *questions: dict[str, Any]) -> Path:
    put_list(folder / "corpus.json", ARTICLE, OTHER)
    put_list(folder / "MultiHopRAG.json", *questions)
    return folder


def test_multihop_rag(tmp_path: Path) -> None:
    trams, wheat = ("Trams return", ARTICLE["url"], "The line opened."), ("Wheat", "moved elsewhere", "Rain fell.")
    folder = put_multihop(
        tmp_path,
        asked("inference_query", "Lindmoor", trams, wheat),
        asked("comparison_query", "no", trams),
        asked("temporal_query", "before", wheat),
        asked("null_query", "Insufficient information."),
    )
    dataset = load_dataset("multihop-rag", folder)
    assert dataset.corpus == (
        SourceDocument(
            "0000.html", "The line opened.\n\nIt has\n\nnine stops.", "Trams return", "The Bell", "2023-10-01"
        ),
        SourceDocument("0001.html", "Rain fell.", "Wheat", "The Bell", "2023-10-01"),
    )
    first, second = GoldEvidence("0000.html", "The line opened."), GoldEvidence("0001.html", "Rain fell.")
    assert dataset.golds == (
        Gold("mh0000", "inference_query?", "fact", (("Lindmoor",),), (first, second), group="inference"),
        Gold("mh0001", "comparison_query?", "yes_no", (("no",),), (first,), group="comparison"),
        Gold("mh0002", "temporal_query?", "comparison", (("before",),), (second,), group="temporal"),
        Gold("mh0003", "null_query?", "unanswerable", group="null"),
    )
    assert (dataset.judge, dataset.official) == ("fact", "multihop-rag")
    read = (folder / "corpus.json").read_bytes()
    assert dataset.files["corpus.json"] == hashlib.sha256(read).hexdigest()
    assert set(dataset.files) == {"corpus.json", "MultiHopRAG.json"}


def test_multihop_rag_tells_an_unknown_kind_and_an_unknown_article(tmp_path: Path) -> None:
    put_multihop(tmp_path, asked("inference_query", "x"), asked("guess_query", "x"))
    with pytest.raises(EvaluationError, match=r"MultiHopRAG\.json', item 2: question_type: 'guess_query'"):
        load_dataset("multihop-rag", tmp_path)
    put_multihop(tmp_path, asked("inference_query", "x", ("No such", "https://nowhere.example", "y")))
    with pytest.raises(EvaluationError, match=r"item 1: evidence_list: .*nowhere\.example' is not in corpus\.json"):
        load_dataset("multihop-rag", tmp_path)


# --- SQuAD ---


def put_squad(folder: Path, paragraph: str = "It has nine stops.", name: str = "squad11_dev_open.jsonl") -> Path:
    put(
        folder / "paragraphs.jsonl",
        {"article": "Lindmoor_tram", "paragraph": "The line opened."},
        {"article": "Lindmoor_tram", "paragraph": "It has nine stops."},
    )
    row = {"id": "sq1", "question": "How many stops?", "answers": ["nine", "nine stops", "nine"]}
    put(folder / name, {**row, "article": "Lindmoor_tram", "paragraph": paragraph, "answer_in_paragraph": True})
    return folder


def test_squad_over_all_paragraphs_and_over_the_one(tmp_path: Path) -> None:
    put_squad(tmp_path / "squad")
    stops = SourceDocument("00001.html", "It has nine stops.", "Lindmoor tram")
    gold = Gold("sq1", "How many stops?", "fact", (("nine", "nine stops"),), (GoldEvidence("00001.html"),))
    everything = load_dataset("squad-open", tmp_path)
    assert everything.golds == (gold,)
    assert everything.corpus == (SourceDocument("00000.html", "The line opened.", "Lindmoor tram"), stops)
    assert (dict(everything.contexts), everything.judge, everything.official) == ({}, "document", None)
    given = load_dataset("squad", tmp_path)
    assert (given.name, given.golds, given.corpus, given.judge) == ("squad", (gold,), (), "document")
    assert given.contexts == {"sq1": (stops,)}
    assert given.files == everything.files


def test_squad_tells_a_question_without_its_paragraph(tmp_path: Path) -> None:
    put_squad(tmp_path, paragraph="It has ten stops.")
    for name in ("squad", "squad-open"):
        with pytest.raises(
            EvaluationError, match=r"sq1: its paragraph of 'Lindmoor_tram' is not in paragraphs\.jsonl"
        ):
            load_dataset(name, tmp_path)


# --- BEIR ---


def put_beir(folder: Path, **judgements: str) -> Path:
    put(
        folder / "corpus.jsonl",
        {"_id": "7", "title": "Stents", "text": "They help.", "metadata": {}},
        {"_id": "a/b", "text": "They\nharm."},
        {"_id": "9", "title": "Only a title", "text": ""},
    )
    put(folder / "queries.jsonl", {"_id": "q1", "text": "Do stents help?"}, {"_id": "q2", "text": "Do they harm?"})
    (folder / "qrels").mkdir(exist_ok=True)
    for split, lines in (judgements or {"test": "q2\ta/b\t2\nq1\t7\t1\nq1\t9\t0\nq1\ta/b\t1\n"}).items():
        (folder / "qrels" / f"{split}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{lines}", encoding="utf-8")
    return folder


def test_beir(tmp_path: Path) -> None:
    dataset = load_dataset("beir", put_beir(tmp_path))
    harm = f"a_b-{hashlib.sha256(b'a/b').hexdigest()[:12]}.html"
    assert dataset.corpus == (
        SourceDocument("7.html", "They help.", "Stents"),
        SourceDocument(harm, "They\n\nharm."),
        SourceDocument("9.html", "Only a title", "Only a title"),
    )
    assert dataset.golds == (
        Gold("q2", "Do they harm?", "fact", (), (GoldEvidence(harm),)),
        Gold("q1", "Do stents help?", "fact", (), (GoldEvidence("7.html"), GoldEvidence(harm))),
    )
    assert (dataset.name, dataset.judge) == ("beir", "document")
    assert set(dataset.files) == {"corpus.jsonl", "queries.jsonl", "qrels/test.tsv"}


@pytest.mark.parametrize("place", ["", "scifact", "scifact/beir", "beir"])
def test_scifact_in_its_own_folder_or_one_that_holds_it(tmp_path: Path, place: str) -> None:
    put_beir(tmp_path / place)
    assert load_dataset("scifact", tmp_path).name == "scifact"


def test_beir_without_a_split_takes_the_test_half(tmp_path: Path) -> None:
    put_beir(tmp_path, train="q1\t7\t1\n", dev="q2\t9\t1\nq1\t9\t1\n")
    assert [gold.id for gold in load_dataset("beir", tmp_path).golds] == ["q2", "q1"]
    assert [gold.id for gold in load_dataset("beir", tmp_path, "train").golds] == ["q1"]
    put_beir(tmp_path, test="q2\t7\t1\n")
    assert [gold.id for gold in load_dataset("beir", tmp_path).golds] == ["q2"]
    with pytest.raises(
        EvaluationError, match=r"'final'.*Choose another split: 'qrels/dev\.tsv', 'qrels/test\.tsv'"
    ):
        load_dataset("beir", tmp_path, "final")


def test_beir_tells_what_it_left_out_and_what_is_missing(tmp_path: Path) -> None:
    put_beir(tmp_path, test="q1\t7\t1\nq1\tgone\t1\n")
    with (tmp_path / "corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"_id": "8", "title": " ", "text": ""}) + "\n")
    dataset = load_dataset("beir", tmp_path)
    assert len(dataset.corpus) == 3
    assert len(dataset.golds[0].evidence) == 2
    assert dataset.notes == (
        "1 documents of the corpus have no words: they are left out.",
        "1 relevant documents are not in the corpus: they count as not found.",
    )


@pytest.mark.parametrize(
    ("query", "fault"), [({"_id": "q1", "text": "x"}, "'q1' twice"), ({"_id": "q3", "text": " "}, "without words")]
)
def test_beir_tells_faulty_queries(tmp_path: Path, query: dict[str, str], fault: str) -> None:
    put_beir(tmp_path)
    with (tmp_path / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(query) + "\n")
    with pytest.raises(EvaluationError, match=fault):
        load_dataset("beir", tmp_path)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("q1\t7\n", r"test\.tsv', line 2: 'q1\t7' is not 'query-id corpus-id score'"),
        ("q1\t7\tmuch\n", r"test\.tsv', line 2: 'q1\t7\tmuch'"),
        ("q9\t7\t1\n", r"query-id: 'q9' is not in queries\.jsonl"),
        ("q1\t7\t0\n", r"test\.tsv' names no relevant document"),
    ],
)
def test_beir_tells_faulty_judgements(tmp_path: Path, lines: str, fault: str) -> None:
    with pytest.raises(EvaluationError, match=fault):
        load_dataset("beir", put_beir(tmp_path, test=lines))


# --- RealTime QA ---


def quiz(name: str, answer: list[str], sentence: str = "Who won?", day: str = "2025/01/02") -> dict[str, Any]:
    return {
        "question_id": name,
        "question_date": day,
        "question_source": "CNN",
        "question_url": "x",
        "question_sentence": sentence,
        "choices": ["Ann", "Bo", "Cy", "Di"],
        "answer": answer,
        "evidence": "",
    }


def put_realtimeqa(folder: Path) -> Path:
    past = folder / "past" / "2025"
    put(past / "20250103_qa.jsonl", quiz("20250103_0", ["1"]), quiz("20250103_1", ["0", "3"], day="2025-01-03"))
    put(past / "20250110_qa.jsonl", quiz("20250110_0", ["2"], "All of these happened, except"))
    put(past / "20250103_qa_nota.jsonl", quiz("20250103_0", ["3"]))
    put(past / "2025_all_qa.jsonl", quiz("twice", ["1"]))
    page = {"title": "Bo wins", "text": "Bo won.\n\nAnn came next.", "authors": "[]", "publish_date": "2025/01/01"}
    found = [
        {"url": "https://www.news.example/bo", "title": "Bo wins"},
        {"url": "https://www.news.example/bo", **page},
        {"url": "http://blog.example/x", "title": None, "text": "Half \ud83d", "publish_date": None},
    ]
    put(past / "20250103_gcs.jsonl", {"question_id": "20250103_0", "search_time": "", "search_result": found})
    later = [{**page, "url": "https://www.news.example/bo", "text": "Another text."}]
    put(past / "20250110_gcs.jsonl", {"question_id": "20250110_0", "search_result": later}, {"search_result": []})
    return folder


def named(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()[:16] + ".html"


def test_realtimeqa(tmp_path: Path) -> None:
    dataset = load_dataset("realtimeqa", put_realtimeqa(tmp_path))
    assert dataset.golds == (
        Gold("20250103_0", "Who won?", "fact", (("Bo",),), date="2025-01-02", group="CNN"),
        Gold("20250103_1", "Who won?", "fact", (("Ann",), ("Di",)), date="2025-01-03", group="CNN"),
        Gold("20250110_0", "All of these happened, except", "fact", (("Cy",),), date="2025-01-02", group="CNN"),
    )
    assert dataset.corpus == (
        SourceDocument(
            named("https://www.news.example/bo"),
            "Bo won.\n\nAnn came next.",
            "Bo wins",
            "news.example",
            "2025-01-01",
        ),
        SourceDocument(named("http://blog.example/x"), "Half ?", "", "blog.example"),
    )
    assert (dataset.judge, dataset.official) == ("answer", "realtimeqa")


def test_realtimeqa_takes_the_weeks_of_a_split_and_all_pages(tmp_path: Path) -> None:
    dataset = load_dataset("realtimeqa", put_realtimeqa(tmp_path), "20250110")
    assert [gold.id for gold in dataset.golds] == ["20250110_0"]
    assert len(dataset.corpus) == 2
    with pytest.raises(EvaluationError, match=r"has '2024' in its path\. .* weeks of these years: 2025"):
        load_dataset("realtimeqa", tmp_path, "2024")


@pytest.mark.parametrize("answer", [["4"], ["-1"], ["Bo"], [], ["1", "x"]])
def test_realtimeqa_tells_an_answer_that_is_no_choice(tmp_path: Path, answer: list[str]) -> None:
    put(tmp_path / "20250103_qa.jsonl", quiz("20250103_7", answer))
    put(tmp_path / "20250103_gcs.jsonl", {"search_result": []})
    with pytest.raises(EvaluationError, match=r"20250103_7: answer: .* of the 4 choices"):
        load_realtimeqa(tmp_path, None)


# --- CLAP NQ ---


def clap(name: str, *outputs: tuple[str | None, list[str]]) -> dict[str, Any]:
    text = "It opened in May . It has nine stops . "
    return {
        "id": name,
        "input": "when did it open",
        "passages": [{"title": "Tram", "text": text, "sentences": ["It opened in May .", "It has nine stops ."]}],
        "output": [
            {"answer": answer, "selected_sentences": sentences, "meta": {}} for answer, sentences in outputs
        ],
    }


def test_clapnq(tmp_path: Path) -> None:
    put(
        tmp_path / "clapnq_dev.jsonl",
        clap(
            "1",
            ("In May.", ["It opened in May ."]),
            ("", []),
            ("May.", ["It opened in May .", "It has nine stops ."]),
        ),
        clap("2", ("", [])),
        clap("3", ("In May.", [])),
        clap("4", (None, [])),
    )
    dataset = load_dataset("clapnq", tmp_path)
    opened = GoldEvidence("1.html", "It opened in May .")
    question = "when did it open"
    assert dataset.golds == (
        Gold("1", question, "fact", (("In May.", "May."),), (opened,), group="answerable"),
        Gold("2", question, "unanswerable", group="unanswerable"),
        Gold("3", question, "fact", (("In May.",),), (GoldEvidence("3.html"),), group="answerable"),
        Gold("4", question, "unanswerable", group="unanswerable"),
    )
    assert dataset.contexts["2"] == (SourceDocument("2.html", "It opened in May . It has nine stops . ", "Tram"),)
    assert (len(dataset.contexts), dataset.judge) == (4, "span")


def test_clapnq_tells_a_question_without_a_passage(tmp_path: Path) -> None:
    put(tmp_path / "clapnq_dev.jsonl", {**clap("1", ("", [])), "passages": []})
    with pytest.raises(EvaluationError, match=r"clapnq_dev\.jsonl': 1: passages"):
        load_dataset("clapnq", tmp_path)


# --- RGB ---


def item(right: int, beside: int, answer: Any = "nine", number: int = 0) -> dict[str, Any]:
    return {
        "id": number,
        "query": "How many stops?",
        "answer": answer,
        "fakeanswer": "ten",
        "positive": [f"right {n}" for n in range(right)],
        "positive_wrong": [f"false {n}" for n in range(right)],
        "negative": [f"beside {n}" for n in range(beside)],
    }


def texts(dataset: Dataset, question: str) -> list[str]:
    return [passage.text for passage in dataset.contexts[question]]


def test_rgb(tmp_path: Path) -> None:
    put(tmp_path / "en_fact.json", item(6, 7), item(1, 2, [["May 5", "5 May"], "Ann"], 1))
    dataset = load_dataset("rgb", tmp_path)
    assert [gold.id for gold in dataset.golds] == [
        "0/correct", "0/irrelevant", "0/conflict", "1/correct", "1/irrelevant", "1/conflict"
    ]  # fmt: skip
    assert [gold.group for gold in dataset.golds[:3]] == ["correct", "irrelevant", "conflict"]
    assert [gold.type for gold in dataset.golds[:3]] == ["fact", "unanswerable", "fact"]
    assert texts(dataset, "0/correct") == [f"right {n}" for n in range(5)]
    assert texts(dataset, "0/irrelevant") == [f"beside {n}" for n in range(5)]
    assert texts(dataset, "1/irrelevant") == ["beside 0", "beside 1"]
    assert dataset.golds[0].answers == (("nine",),)
    assert dataset.golds[1].answers == dataset.golds[1].evidence == ()
    assert dataset.golds[3].answers == (("May 5", "5 May"), ("Ann",))
    assert (dataset.judge, dataset.official) == ("document", "rgb")


def test_rgb_conflicts_are_of_other_passages_in_an_order_that_stays(tmp_path: Path) -> None:
    put(tmp_path / "en_fact.json", item(6, 7), item(1, 2, number=1), item(4, 0, number=2))
    dataset = load_dataset("rgb", tmp_path)
    shown = texts(dataset, "0/conflict")
    assert Counter(text.split()[0] for text in shown) == {"right": 3, "false": 2}
    assert len({text.split()[1] for text in shown}) == 5, "no passage in both its versions"
    assert sorted(texts(dataset, "1/conflict")) == ["false 0", "right 0"]
    assert Counter(text.split()[0] for text in texts(dataset, "2/conflict")) == {"right": 2, "false": 2}
    assert "2/irrelevant" not in dataset.contexts
    assert load_dataset("rgb", tmp_path) == dataset


# --- RAMDocs ---


def test_ramdocs(tmp_path: Path) -> None:
    row = {
        "question": "Where is Springfield?",
        "documents": [
            {"text": "In Ohio.", "type": "correct", "answer": "Ohio"},
            {"text": "In Utah.", "type": "misinfo"},
        ],
        "disambig_entity": ["Springfield, Ohio"],
        "gold_answers": ["Ohio", "Texas", "Ohio"],
        "wrong_answers": ["Utah"],
    }
    put(tmp_path / "RAMDocs_test.jsonl", row)
    dataset = load_dataset("ramdocs", tmp_path)
    (gold,) = dataset.golds
    assert (gold.id, gold.answers, gold.wrong) == ("rd0000", (("Ohio",), ("Texas",)), ("Utah",))
    assert texts(dataset, "rd0000") == ["In Ohio.", "In Utah."]
    said = ("It is in Ohio and in Texas.", "In Ohio.", "In Ohio, Texas or Utah.", None)
    assert [official_score("ramdocs", gold, text) for text in said] == [1, 0, 0, 0]


# --- claims ---


def test_climate_fever(tmp_path: Path) -> None:
    evidences = [{"evidence": "Ice melts.", "evidence_label": "SUPPORTS"}, {"evidence": " "}]
    rows = [
        {"claim_id": str(n), "claim": "It melts.", "claim_label": label, "evidences": evidences}
        for n, label in enumerate(("SUPPORTS", "REFUTES", "NOT_ENOUGH_INFO", "DISPUTED"))
    ]
    put(tmp_path / "climate-fever.jsonl", *rows)
    claims = load_dataset("climate-fever", tmp_path).claims
    assert [claim.supported for claim in claims] == [True, False, False, False]
    assert claims[0].references == ("Ice melts.",)


def test_attributionbench(tmp_path: Path) -> None:
    row = {"id": "A_1", "claim": "It opened.", "references": ["Title: T\n\nIt opened.", " "], "src_dataset": "LFQA"}
    put(
        tmp_path / "dev_all.jsonl",
        {**row, "attribution_label": "attributable", "citation_links": []},
        {**row, "attribution_label": "not attributable"},
    )
    references = ("Title: T\n\nIt opened.",)
    assert load_dataset("attributionbench", tmp_path).claims == (
        LabelledClaim("A_1", "LFQA", "It opened.", references, True),
        LabelledClaim("A_1#2", "LFQA", "It opened.", references, False),
    )


def test_wice(tmp_path: Path) -> None:
    row = {"claim": "It opened.", "evidence": ["The line opened.", "", "In May."], "supporting_sentences": [[0]]}
    put(
        tmp_path / "wice" / "entailment_retrieval" / "claim" / "dev.jsonl",
        *(
            {**row, "label": label, "meta": {"id": f"dev{number}"}}
            for number, label in enumerate(("supported", "partially_supported", "not_supported"))
        ),
    )
    page = ("The line opened.\n\nIn May.",)
    assert load_dataset("wice", tmp_path).claims == (
        LabelledClaim("dev0", None, "It opened.", page, True),
        LabelledClaim("dev1", None, "It opened.", page, False),
        LabelledClaim("dev2", None, "It opened.", page, False),
    )


def test_an_unknown_label_is_told(tmp_path: Path) -> None:
    row = {"claim": "x", "evidence": [], "label": "perhaps", "meta": {"id": "1"}}
    put(tmp_path / "claim" / "dev.jsonl", row)
    with pytest.raises(EvaluationError, match=r"dev\.jsonl', line 1: label: "):
        load_dataset("wice", tmp_path)


# --- what goes for all of them ---


def test_an_unknown_name_is_told_with_the_choices(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"no data set 'squat'\. Choose one of: multihop-rag, squad, "):
        load_dataset("squat", tmp_path)


@pytest.mark.parametrize("name", DATASETS)
def test_a_missing_folder_and_an_empty_one_are_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(EvaluationError, match=f"There is no folder '{tmp_path / 'absent'}' to read {name} from"):
        load_dataset(name, tmp_path / "absent")
    with pytest.raises(
        EvaluationError, match=rf"There is no '.*' in '{tmp_path}'\. Give the data set's own folder"
    ):
        load_dataset(name, tmp_path)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text + "{not json\n", r"squad11_dev_open\.jsonl', line 2: this is no JSON"),
        (lambda text: text + "[" * 200_000 + "\n", r"line 2: this is no JSON"),
        (lambda text: text.replace('"question"', '"query"'), r"line 1: question: Field required"),
        (
            lambda text: "\n" + text.replace('"How many stops?"', "7"),
            r"line 2: question: Input should be a valid str",
        ),
        (lambda text: text.replace('"nine stops"', "9"), r"line 1: answers\.1: "),
        (lambda text: '"a string"\n', r"line 1: the row: "),
        (lambda text: "\n\n", r"squad11_dev_open\.jsonl' holds nothing"),
        (lambda text: text + text, r"has the question 'sq1' twice"),
    ],
)
def test_a_malformed_line_is_told_with_its_place(tmp_path: Path, change: Callable[[str], str], fault: str) -> None:
    path = put_squad(tmp_path) / "squad11_dev_open.jsonl"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(EvaluationError, match=fault) as told:
        load_dataset("squad-open", tmp_path)
    assert "\n" not in str(told.value)


def test_what_is_no_list_or_no_text_is_told(tmp_path: Path) -> None:
    put_multihop(tmp_path, asked("null_query", ""))
    (tmp_path / "MultiHopRAG.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"MultiHopRAG\.json' is no JSON list"):
        load_dataset("multihop-rag", tmp_path)
    (tmp_path / "MultiHopRAG.json").write_bytes(b"[\xff]")
    with pytest.raises(EvaluationError, match=r"MultiHopRAG\.json' cannot be read: .*utf-8"):
        load_dataset("multihop-rag", tmp_path)


def test_a_file_beyond_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_squad(tmp_path)
    monkeypatch.setattr("eval.datasets.reading.LARGEST_FILE", 20)
    with pytest.raises(EvaluationError, match=r"has \d+ bytes, but at most 20 are read"):
        load_dataset("squad", tmp_path)


def test_of_several_files_a_split_names_one(tmp_path: Path) -> None:
    put_squad(put_squad(tmp_path), name="squad11_test_open.jsonl")
    with pytest.raises(EvaluationError, match=r"2 files that fit: 'squad11_dev_open\.jsonl', 'squad11_test_open"):
        load_dataset("squad", tmp_path)
    assert set(load_dataset("squad", tmp_path, "test").files) == {"paragraphs.jsonl", "squad11_test_open.jsonl"}
    put_squad(tmp_path, name="squad11_test_open_open.jsonl")
    assert "squad11_test_open.jsonl" in load_dataset("squad", tmp_path, "squad11_test_open").files


def test_names_of_files_are_safe_and_stay_apart() -> None:
    assert file_name("4983") == "4983.html"
    names = {file_name(key) for key in ("a/b", "a_b", "a\\b", "../a", "..", "", "x" * 300, "x" * 301)}
    assert len(names) == 8
    assert all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,120}\.html", name) for name in names)


def test_days_are_full_days() -> None:
    written = ("2025/01/02", "2025-01-02", "2025", "2025/13/01", "20250102", "", None)
    assert [iso_day(day) for day in written] == ["2025-01-02", "2025-01-02", None, None, None, None, None]


def test_paragraphs_are_the_lines_with_words() -> None:
    assert document("k", " One \n\n\n \t\nTwo", source="").text == " One \n\nTwo"
    assert document("k", "One", source="").source is None


# --- the real data ---

COUNTS = {  # documents, questions, questions with documents of their own, claims
    "multihop-rag": (609, 1269, 0, 0),
    "squad": (0, 7082, 7082, 0),
    "squad-open": (20926, 7082, 0, 0),
    "scifact": (5183, 809, 0, 0),
    "realtimeqa": (5386, 830, 0, 0),
    "clapnq": (0, 284, 284, 0),
    "rgb": (0, 147, 147, 0),
    "attributionbench": (0, 0, 0, 1198),
    "wice": (0, 0, 0, 349),
    "ramdocs": (0, 259, 259, 0),
    "climate-fever": (0, 0, 0, 776),
}


@pytest.mark.slow
@pytest.mark.skipif(not BENCH.is_dir(), reason="the data sets are not here")
@pytest.mark.parametrize("name", COUNTS)
def test_the_real_data_is_read_whole(name: str) -> None:
    dataset = load_dataset(name, BENCH)
    counts = (len(dataset.corpus), len(dataset.golds), len(dataset.contexts), len(dataset.claims))
    assert counts == COUNTS[name]
    known = {document.name for document in dataset.corpus}
    for gold in dataset.golds:
        own = {document.name for document in dataset.contexts.get(gold.id, ())}
        assert {evidence.document for evidence in gold.evidence} <= (own or known)
        assert (gold.type == "unanswerable") <= (not gold.answers and not gold.evidence)
    assert all(document.text.strip() for document in dataset.corpus)


@pytest.mark.skipif(not BENCH.is_dir(), reason="the data sets are not here")
@pytest.mark.parametrize("name", ["multihop-rag", "clapnq"])
def test_every_quote_of_the_real_data_stands_in_its_document(name: str) -> None:
    dataset = load_dataset(name, BENCH)
    for gold in dataset.golds:
        documents = {item.name: item.text for item in (*dataset.corpus, *dataset.contexts.get(gold.id, ()))}
        assert all((evidence.quote or "") in documents[evidence.document] for evidence in gold.evidence)
