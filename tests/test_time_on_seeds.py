"""Time over the seed documents, with the real embedder: ranks follow it, and "as of" shows nothing later."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from checks import check_citations
from fakes import SEEDS, ScriptedGenerator

from index import Index, Reader, Splitter, add, open_reader
from index.embed import SentenceTransformerEmbedder
from service.answer import Answer
from service.assistant import Assistant
from service.events import Done, Event, Proved, Quoted
from service.question.dates import DateFilter
from service.question.question import read_question
from service.settings import Settings

TODAY = date(2024, 12, 1)
DAY = timedelta(days=1)
JUNE_STORY = "gaza-aid-deliveries-2024-07-09.txt"
REPRINTED = date(2024, 7, 20)
ONE_THREAD = Settings(threads=1)
"""What is shown does not depend on it, and two wait for each other when the machine is busy."""


class LateEmbedder(SentenceTransformerEmbedder):
    """Is never ready, so that keywords alone give the first words of each answer."""

    def ready(self) -> bool:
        return False


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, embedder: SentenceTransformerEmbedder) -> Iterator[Index]:
    """The seeds, and one of their stories as another paper prints it eleven days later."""
    folder = tmp_path_factory.mktemp("time")
    story = (SEEDS / "documents" / JUNE_STORY).read_text(encoding="utf-8")
    reprint = re.sub(r"^.*?-- ", f"date {REPRINTED} (Lindmoor Post) -- ", story, count=1)
    (folder / "more").mkdir()
    (folder / "more" / f"lorries-{REPRINTED}.txt").write_text(reprint, encoding="utf-8")
    for documents in (SEEDS / "documents", folder / "more"):
        add(folder / "index", documents, embedder, Splitter())
    with Index.open(folder / "index", embedder, Splitter()) as index:
        yield index


@pytest.fixture(scope="module")
def reader() -> Reader:
    return open_reader()


@pytest.fixture(scope="module")
def questions() -> list[str]:
    lines = (SEEDS / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


# --- ranks ---


def first(index: Index, question: str, today: date = TODAY, *, heed: bool = True) -> str:
    """The document of the first passage; without heeding time, the question is searched as it stands."""
    read = read_question(question, DateFilter(today=today))
    preference = read.preference if heed else None
    return index.search(read.query, 8, period=read.period, preference=preference)[0].document.path


MOVED = [
    ("How many lorries got into Gaza in June?", TODAY, JUNE_STORY),
    ("How long did a lorry wait last month?", date(2024, 3, 15), "gaza-aid-deliveries-2024-03-12.txt"),
    ("What is Verania's latest key interest rate?", TODAY, "verania-rate-decision-2024-11-07.md"),
    ("What did the tram line cost in September 2023?", TODAY, "lindmoor-tram-line-2023-09-14.txt"),
    ("What did a barrel of oil cost in April?", TODAY, "oil-prices-2024-04-15.txt"),
]


@pytest.mark.parametrize(("question", "today", "path"), MOVED)
def test_the_document_of_the_time_asked_for_moves_to_the_front(
    index: Index, question: str, today: date, path: str
) -> None:
    assert first(index, question, today, heed=False) != path
    assert first(index, question, today) == path


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("How many lorries got into Gaza in February?", "gaza-aid-deliveries-2024-03-12.txt"),
        ("What is the latest on the cost of the tram line?", "lindmoor-tram-line-2024-10-03.md"),
        ("What was Verania's key interest rate in February?", "verania-rate-decision-2024-02-08.txt"),
        ("How many hostages were held in January?", "gaza-truce-talks-2024-01-31.txt"),
        ("What did a barrel of oil cost in September?", "oil-prices-2024-09-10.txt"),
    ],
)
def test_what_is_first_for_its_time_stays_first(index: Index, question: str, path: str) -> None:
    assert first(index, question, heed=False) == first(index, question) == path


@pytest.mark.parametrize(
    ("question", "figure"),
    [
        ("How many lorries got into Gaza in June?", "870"),
        ("How many lorries got into Gaza in February?", "1,340"),
        ("What is Verania's latest key interest rate?", "half a percentage point"),
        ("As of October 2024, what is Verania's key interest rate?", "a quarter of a percentage point"),
    ],
)
def test_the_figure_of_the_time_asked_for_is_quoted_first(
    index: Index, embedder: SentenceTransformerEmbedder, reader: Reader, question: str, figure: str
) -> None:
    patient = Settings(reading_pieces=100_000, threads=1)
    answer = Assistant(index, embedder, None, patient, reader).ask(question, dates=DateFilter(today=TODAY))
    assert figure in answer.citations[0].quote


# --- as of ---


def answers_in(events: list[Event]) -> Iterator[Answer]:
    for event in events:
        if isinstance(event, Quoted | Done):
            yield event.answer


def days_shown(events: list[Event]) -> Iterator[str]:
    """The day of every document that any of the events shows or names."""
    for event in events:
        if isinstance(event, Proved):
            yield from (citation.date for citation in event.citations)
    for answer in answers_in(events):
        yield from (citation.date for citation in answer.citations)
        for passage in answer.passages:
            yield passage.date
            yield from (reprint.date for reprint in passage.also_reported_by)


@pytest.mark.parametrize("late", [False, True], ids=["loaded", "by keywords first"])
def test_as_of_a_day_nothing_later_is_shown(
    index: Index, embedder: SentenceTransformerEmbedder, questions: list[str], late: bool
) -> None:
    by_keywords = LateEmbedder.__new__(LateEmbedder)
    by_keywords.__dict__ = embedder.__dict__
    assistant = Assistant(index, by_keywords if late else embedder, None, ONE_THREAD)
    published = sorted({document.date for document in index.documents()})
    days = [day for date_ in published for day in (date_ - DAY, date_)]
    tiers = set()
    for number, day in enumerate(days):
        for question in questions[number % 19 :: 19]:
            events = list(assistant.answer(question, dates=DateFilter(as_of=day, today=TODAY)))
            assert all(shown <= day.isoformat() for shown in days_shown(events)), (question, day)
            for answer in answers_in(events):
                check_citations(assistant, answer)
                tiers.add((type(events[0]), answer.trace.tier))
                assert (answer.reason == "nothing_in_period") == (day < published[0])
                if answer.refused:
                    assert f"dated {day} or earlier" in answer.answer
    assert {tier for _, tier in tiers} == {"quoted", "refused"}


@pytest.mark.parametrize("words", ["As of {}, {}", "{1} (as it was known on {0})"])
def test_as_of_in_a_question_holds_as_well(
    index: Index, embedder: SentenceTransformerEmbedder, questions: list[str], words: str
) -> None:
    assistant = Assistant(index, embedder, None, ONE_THREAD)
    for day in (date(2024, 2, 8), date(2024, 7, 8), date(2024, 7, 19)):
        for question in questions[::19]:
            asked = words.format(f"{day.day} {day:%B %Y}", question)
            events = list(assistant.answer(asked, dates=DateFilter(today=TODAY)))
            assert all(shown <= day.isoformat() for shown in days_shown(events)), asked
            assert all(answer.period and answer.period.as_of == str(day) for answer in answers_in(events))


def test_a_reprint_is_named_from_its_own_day_on(index: Index, embedder: SentenceTransformerEmbedder) -> None:
    assistant = Assistant(index, embedder, None, ONE_THREAD)
    for day, named in ((REPRINTED - DAY, False), (REPRINTED, True)):
        events = list(assistant.answer("How many lorries got into Gaza in June?", dates=DateFilter(as_of=day)))
        assert ("2024-07-20" in days_shown(events)) == named
        assert "2024-07-09" in days_shown(events)


def test_a_wording_rests_on_nothing_later(index: Index, embedder: SentenceTransformerEmbedder) -> None:
    charities = "The Meridian Relief Pool, the group of eleven charities,"
    said = f"{charities} got 1,340 lorries of supplies into Gaza in February."
    generator = ScriptedGenerator(f"{said} In June it was 870 lorries.")
    assistant = Assistant(index, embedder, generator, ONE_THREAD)
    events = list(assistant.answer("How many lorries got into Gaza?", dates=DateFilter(as_of=date(2024, 7, 8))))
    answer = list(answers_in(events))[-1]
    (request,) = generator.requests
    assert (answer.trace.tier, answer.sentences[0].text) == ("worded", said)
    assert "870" not in f"{answer} {request.messages}"
    assert max(days_shown(events)) <= "2024-07-08"


def test_a_refusal_names_the_range(index: Index, embedder: SentenceTransformerEmbedder) -> None:
    assistant = Assistant(index, embedder, None, ONE_THREAD)
    answer = assistant.ask("What did articles published in March 2022 say of oil?", dates=DateFilter(today=TODAY))
    assert answer.reason == "nothing_in_period"
    assert answer.answer.endswith("Only documents dated from 2022-03-01 to 2022-03-31 were searched.")
    assert not answer.passages
