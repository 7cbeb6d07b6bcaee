"""Answers of the product's own are proved, and refuted as soon as they are forged, whatever is forged in them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeEmbedder, FakeReader, write

from index import Index, Splitter, add, remove
from service.answer import Answer, Citation, Sentence, SentenceKind
from service.assistant import Assistant
from service.assistant.verify import verify_answer
from service.events import Done
from service.settings import Settings

HARBOUR = """---
title: The harbour of Marlow
date: 2024-05-14
---
The council of Marlow approved a new crane on Tuesday. The ferry carried 870 guests in June.

Harbour master Ida Voss opened the eastern pier. The lighthouse was not sold to the museum.

The old quay closed before the storm. The port may lease the warehouse to a brewery."""
MILL = """---
title: The mill of Esker
date: 2023-02-01
---
The mill of Esker burned down in 1901. The owner paid 5.25 per cent for a loan from the bank."""

ASKED: Mapping[str, str] = {
    "yes": "Did the council of Marlow approve a new crane?",
    "no": "Did the council of Marlow not approve a new crane?",
    "both": "Did the council of Marlow approve a new crane, and did the mill of Esker burn down in 1901?",
    "long": "Did the council of Marlow approve a new crane on Tuesday, and did the mill of Esker burn in 1901?",
    "bound": "Did the harbour master open the eastern pier as of 1 June 2024?",
    "order": "Did the old quay close before the storm?",
    "words": "How many guests did the ferry carry?",
    "person": "Who opened the eastern pier?",
    "quoted": "What happened to the mill of Esker?",
    "follow_up": "Did it burn down in 1901?",
    "refused": "Quels sont les tarifs du zeppelin?",
}
_READ = {"words": "870", "person": "Ida Voss"}

Answers = Mapping[str, Answer]


@pytest.fixture
def index(make_index: Callable[..., Index]) -> Index:
    return make_index(harbour_md=HARBOUR, mill_md=MILL)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Genuine answers, asked once of an index with the same documents as each test has."""
    folder, embedder = tmp_path_factory.mktemp("answers"), FakeEmbedder()
    add(folder / "index", write(folder / "documents", harbour_md=HARBOUR, mill_md=MILL), embedder, Splitter())

    def ask(index: Index, name: str, question: str) -> Answer:
        reader = FakeReader(_READ[name]) if name in _READ else None
        assistant = Assistant(index, embedder, None, Settings(), reader)
        history = ("Who bought the mill of Esker?",) if name == "follow_up" else ()
        events = assistant.answer(question, name, history=history)
        return next(event.answer for event in events if isinstance(event, Done))

    with Index.open(folder / "index", embedder, Splitter()) as index:
        return {name: ask(index, name, question) for name, question in ASKED.items()}


def rest_on(answer: Answer, kind: SentenceKind, text: str, other: Answer) -> Answer:
    """The answer with nothing but one sentence, cited from another answer's first citation."""
    said = f"{text} [1]"
    sentences = (Sentence(text, 0, len(said), (1,), kind),)
    return replace(answer, answer=said, sentences=sentences, citations=(replace(other.citations[0], n=1),))


def verdict_on(answer: Answer, verdict: str, *quoted: Answer) -> Answer:
    """A whole answer of yes or no as the product gives them, with what it quotes taken from other answers."""
    citations = tuple(replace(other.citations[0], n=n) for n, other in enumerate(quoted, start=1))
    told: list[Sentence] = []
    pieces: list[str] = []
    numbers = tuple(item.n for item in citations)
    kinds: list[tuple[str, tuple[int, ...], SentenceKind]] = [(verdict, numbers, "verdict")]
    kinds += [(" ".join(item.quote.split()), (item.n,), "quoted") for item in citations]
    for text, cited, kind in kinds:
        start = sum(map(len, pieces)) + len(pieces)
        pieces.append(f"{text} {''.join(f'[{number}]' for number in cited)}")
        told.append(Sentence(text, start, start + len(pieces[-1]), cited, kind))
    return replace(answer, answer=" ".join(pieces), sentences=tuple(told), citations=citations)


def change(answer: Answer, **changes: object) -> Answer:
    """The answer with its first sentence changed."""
    return replace(answer, sentences=(replace(answer.sentences[0], **changes), *answer.sentences[1:]))  # type: ignore[arg-type]


def cite(answer: Answer, **changes: object) -> Answer:
    """The answer with its first citation changed."""
    return replace(answer, citations=(replace(answer.citations[0], **changes), *answer.citations[1:]))  # type: ignore[arg-type]


def swapped(citations: tuple[Citation, ...]) -> tuple[Citation, ...]:
    first, second, *rest = citations
    return (replace(second, n=1), replace(first, n=2), *rest)


def test_the_forger_could_write_what_the_product_writes(answers: Answers) -> None:
    assert verdict_on(answers["yes"], "Yes", answers["yes"]) == answers["yes"]


@pytest.mark.parametrize("name", ASKED)
def test_the_products_own_answers_are_proved(index: Index, answers: Answers, name: str) -> None:
    checked = verify_answer(answers[name], index)
    assert (checked.fault, [item.fault for item in checked.sentences if item.fault]) == (None, [])
    assert checked.verdict == "proved"
    begins = {
        "yes": "Yes [1]",
        "no": "No [1]",
        "both": "Yes [1][2]",
        "long": "Yes [1][2]",
        "bound": "Yes [1]",
        "order": "Yes [1]",
    }
    begins |= {"words": "870 [1]", "person": "Ida Voss [1]", "follow_up": "Yes [1]"}
    assert answers[name].answer.startswith(begins.get(name, ""))


@pytest.mark.parametrize("name", [name for name in ASKED if name != "refused"])
@pytest.mark.parametrize("removed", [False, True])
def test_the_products_own_answers_are_stale_when_their_documents_change(
    index: Index, answers: Answers, fake_embedder: FakeEmbedder, tmp_path: Path, *, name: str, removed: bool
) -> None:
    for document, text in (("harbour.md", HARBOUR), ("mill.md", MILL)):
        if removed:
            remove(tmp_path / "index", document)
        else:
            (tmp_path / "documents" / document).write_text(
                text.replace("---\ntitle: The", "---\ntitle: News of the")
            )
    if not removed:
        add(tmp_path / "index", tmp_path / "documents", fake_embedder, Splitter())
    assert verify_answer(answers[name], index).verdict == "stale"


FORGERIES: Mapping[str, Callable[[Answers], Answer]] = {
    "no where the quotation affirms": lambda a: verdict_on(a["yes"], "No", a["yes"]),
    "yes where the question denies": lambda a: verdict_on(a["no"], "Yes", a["yes"]),
    "yes on any affirmative sentence": lambda a: verdict_on(a["yes"], "Yes", a["quoted"]),
    "yes on a true sentence beside the right one": lambda a: verdict_on(a["yes"], "Yes", a["yes"], a["quoted"]),
    "yes of a part alone": lambda a: verdict_on(a["both"], "Yes", a["yes"]),
    "neither yes nor no": lambda a: verdict_on(a["yes"], "Maybe", a["yes"]),
    "yes in place of a few words": lambda a: verdict_on(a["words"], "Yes", a["words"]),
    "yes beside a few words": lambda a: change(a["words"], kind="verdict"),
    "the question changed": lambda a: replace(a["yes"], question="Did the council of Marlow sell the ferry?"),
    "a name of the question changed": lambda a: replace(
        a["yes"], question="Did the council of Esker approve a new crane?"
    ),
    "a number of the question changed": lambda a: replace(
        a["follow_up"],
        understood_as="Did the mill of Esker burn down in 1911?",
        question="Did it burn down in 1911?",
    ),
    "a name of a long part changed": lambda a: replace(
        a["long"], question=ASKED["long"].replace("Marlow", "Tolven")
    ),
    "a day of a long part changed": lambda a: replace(
        a["long"], question=ASKED["long"].replace("Tuesday", "Friday")
    ),
    "a number in a long part": lambda a: replace(
        a["long"], question=ASKED["long"].replace("a new crane", "12 new cranes")
    ),
    "before turned into after": lambda a: replace(a["order"], question="Did the old quay close after the storm?"),
    "who did it to whom": lambda a: replace(a["yes"], question="Did a new crane approve the council of Marlow?"),
    "the question asks for more": lambda a: replace(a["yes"], question="Why did the council of Marlow approve it?"),
    "understood as another": lambda a: replace(a["quoted"], understood_as=ASKED["yes"]),
    "understood as what was not asked": lambda a: replace(
        verdict_on(a["yes"], "Yes", a["yes"]), question="Did it sink in May?", understood_as=ASKED["yes"]
    ),
    "a question that stands alone understood as more": lambda a: replace(
        a["yes"], understood_as="Did the council of Marlow approve a new crane on Tuesday?"
    ),
    "words that answer nothing": lambda a: rest_on(a["quoted"], "words", "The mill of Esker", a["quoted"]),
    "words of another kind": lambda a: rest_on(a["words"], "words", "guests", a["words"]),
    "words that only repeat the question": lambda a: rest_on(a["person"], "words", "eastern pier", a["person"]),
    "words of another document": lambda a: replace(
        rest_on(a["words"], "words", "1901", a["quoted"]), question="How many guests did the ferry carry?"
    ),
    "words that do not stand there": lambda a: rest_on(a["words"], "words", "871", a["words"]),
    "a quotation called a verdict": lambda a: change(a["quoted"], kind="verdict"),
    "a quotation called a few words": lambda a: change(a["quoted"], kind="words"),
    "a few words called a quotation": lambda a: change(a["words"], kind="quoted"),
    "a verdict called a quotation": lambda a: change(a["yes"], kind="quoted"),
    "a verdict called the model's wording": lambda a: change(a["yes"], kind="worded"),
    "a kind that there is not": lambda a: change(a["quoted"], kind="proved"),
    "no mark": lambda a: change(a["yes"], citations=()),
    "another mark": lambda a: change(a["both"], citations=(2, 1)),
    "shifted offsets": lambda a: change(a["yes"], start=1),
    "an unused citation": lambda a: replace(
        a["yes"], citations=(*a["yes"].citations, *cite(a["words"], n=2).citations)
    ),
    "two citations of one number": lambda a: replace(a["yes"], citations=a["yes"].citations * 2),
    "citations swapped": lambda a: replace(a["both"], citations=swapped(a["both"].citations)),
    "another title": lambda a: cite(a["yes"], title="The will of God"),
    "another date": lambda a: cite(a["yes"], date="2024-11-01"),
    "another kind of date": lambda a: cite(a["yes"], date_kind="file"),
    "a document of another time": lambda a: replace(a["bound"], question="Did it open as of 2 May 2023?"),
    "a period without days": lambda a: replace(
        a["bound"], period=a["bound"].period and replace(a["bound"].period, as_of="soon")
    ),
    "a refusal that was none": lambda a: replace(a["yes"], refused=True, reason="not_answered"),
    "an answer that was refused": lambda a: replace(a["refused"], refused=False, reason=None),
    "the rest cut off": lambda a: replace(a["both"], sentences=a["both"].sentences[:1]),
    "a verdict without what it quotes": lambda a: replace(
        a["yes"], sentences=a["yes"].sentences[:1], answer="Yes [1]"
    ),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_every_forgery_is_refuted(index: Index, answers: Answers, forge: Callable[[Answers], Answer]) -> None:
    forged = forge(answers)
    assert forged not in answers.values()
    assert verify_answer(forged, index).verdict == "refuted"


@pytest.mark.parametrize(
    "question", ["Was the lighthouse sold to the museum?", "Did the port lease the warehouse to a brewery?"]
)
def test_what_is_denied_or_only_supposed_proves_no_verdict(
    index: Index, fake_embedder: FakeEmbedder, question: str
) -> None:
    quoted = Assistant(index, fake_embedder, None, Settings()).ask(question)
    assert [sentence.kind for sentence in quoted.sentences] == ["quoted"]
    for verdict in ("Yes", "No"):
        assert verify_answer(verdict_on(quoted, verdict, quoted), index).verdict == "refuted"
