"""RealTime QA (Kasai et al., arXiv 2207.13332): weekly news quizzes, with the pages that a search found then."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from eval.datasets.dataset import Dataset, SourceDocument
from eval.datasets.documents import document, iso_day
from eval.datasets.reading import digests, find, read_lines
from eval.errors import EvaluationError
from eval.gold import Gold

_WEEK = re.compile(r"\d{8}_qa\.jsonl")


@dataclass(frozen=True, slots=True)
class _Question:
    question_id: str
    question_date: str
    question_source: str
    question_sentence: str
    choices: list[str]
    answer: list[str]


@dataclass(frozen=True, slots=True)
class _Page:
    url: str
    title: str | None = None
    text: str | None = None
    publish_date: str | None = None


@dataclass(frozen=True, slots=True)
class _Search:
    search_result: list[_Page]


def load_realtimeqa(folder: Path, split: str | None) -> Dataset:
    """All weeks `YYYYMMDD_qa.jsonl` anywhere below the folder, or those with `split` in their path, as "2025".

    The corpus are the pages of all `*_gcs.jsonl`, whatever the split: one document a URL, its first text. Each
    right choice is a part of the answer. No passage is marked as evidence, so one is right when it holds the
    answer. Many answers stand in no page; which questions that leaves without an answer is too noisy to say, so
    none is called unanswerable. Questions that end in "except" stay, for they are asked; only the
    authors' scorer of generated answers leaves them out, since their answer is what the pages do not say.
    """
    weeks = _weeks(folder, split)
    searches = find(folder, "**/*_gcs.jsonl")
    golds: dict[str, Gold] = {}
    for week in weeks:
        for row in read_lines(week, _Question):
            golds.setdefault(row.question_id, _gold(row, week))
    return Dataset(
        "realtimeqa",
        digests(folder, *weeks, *searches),
        golds=tuple(golds.values()),
        corpus=_pages(searches),
        judge="answer",
        official="realtimeqa",
    )


def _weeks(folder: Path, split: str | None) -> list[Path]:
    weeks = [path for path in find(folder, "**/*_qa.jsonl") if _WEEK.fullmatch(path.name)]
    fitting = [path for path in weeks if split is None or split in path.relative_to(folder).as_posix()]
    if not fitting:
        years = ", ".join(sorted({path.name[:4] for path in weeks})) or "none"
        raise EvaluationError(
            f"No week 'YYYYMMDD_qa.jsonl' below '{folder}' has '{split or ''}' in its path. Choose another split; "
            f"there are weeks of these years: {years}."
        )
    return fitting


def _gold(row: _Question, week: Path) -> Gold:
    try:
        right = [row.choices[int(number)] for number in row.answer if number.isdecimal()]
    except IndexError:
        right = []
    if not right or len(right) < len(row.answer):
        raise EvaluationError(
            f"'{week}': {row.question_id}: answer: {row.answer} are not numbers, from 0, of the "
            f"{len(row.choices)} choices. Mend it there, or fetch the file anew."
        )
    return Gold(
        row.question_id,
        row.question_sentence,
        "fact",
        tuple((choice,) for choice in right),
        date=iso_day(row.question_date),
        group=row.question_source,
    )


def _pages(searches: tuple[Path, ...]) -> tuple[SourceDocument, ...]:
    pages: dict[str, _Page] = {}
    for path in searches:
        for search in read_lines(path, _Search):
            for page in search.search_result:
                if (page.text or "").strip():
                    pages.setdefault(page.url, page)
    return tuple(
        document(
            hashlib.sha256(page.url.encode()).hexdigest()[:16],
            page.text or "",
            page.title or "",
            _host(page.url),
            page.publish_date,
        )
        for page in pages.values()
    )


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).netloc.removeprefix("www.")
    except ValueError:
        return None
