"""Opens what a data set is asked of: one index, an index a question, or none; and closes it again."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from eval.ask import IndexRetriever, QuestionAnswerer, Questioner, StoredTexts, check_claim
from eval.corpus import IndexCache, documents_digest
from eval.datasets.dataset import Dataset, LabelledClaim, SourceDocument
from eval.gold import Gold, evened_answer
from eval.header import Choice, SearchedIndex, describe_index
from eval.locate import find_gaps, locate
from eval.ranking import KeywordReference
from eval.record import Record
from index import Embedder, Index, IndexingError, Splitter, Watcher, open_embedder
from service.answer import Citation
from service.assistant import Assistant, choose_reader, open_assistant
from service.assistant.find import Finder
from service.errors import ServiceError
from service.events import Event
from service.question.dates import NO_FILTER, DateFilter
from service.settings import Settings

Item = Gold | LabelledClaim
"""What gets one record."""


@dataclass(frozen=True, slots=True)
class Session:
    """What is asked, in order, of what, and how; `gaps` are sentences on what the documents lack."""

    items: tuple[Item, ...]
    searched: SearchedIndex
    gaps: tuple[str, ...]
    ask: Callable[[Item], Record]
    warm_up: Callable[[Item], None]


@contextmanager
def open_session(dataset: Dataset, settings: Settings, choice: Choice, bar: Watcher) -> Iterator[Session]:
    """The session of a data set; its index is made first where there is none, which `bar` is told of.

    Raises EvaluationError, ServiceError, IndexingError.
    """
    with ExitStack() as stack:
        session = _opener(dataset, choice)(dataset, settings, choice, _Opening(stack, bar))
        yield replace(session, gaps=(*dataset.notes, *session.gaps))


@dataclass(frozen=True, slots=True)
class _Opening:
    """What closes in the end, and who is told how the work goes."""

    stack: ExitStack
    bar: Watcher


_Opener = Callable[[Dataset, Settings, Choice, _Opening], Session]


def _opener(dataset: Dataset, choice: Choice) -> _Opener:
    """The first of the openers that fits."""
    openers: tuple[tuple[bool, _Opener], ...] = (
        (bool(dataset.claims), _open_claims),
        (choice.retriever == "bm25", _open_reference),
        (bool(dataset.contexts), _open_contexts),
        (True, _open_index),
    )
    return next(opener for fits, opener in openers if fits)


# --- claims ---


def _open_claims(dataset: Dataset, settings: Settings, choice: Choice, opening: _Opening) -> Session:  # noqa: ARG001
    digest = hashlib.sha256("\0".join(text for claim in dataset.claims for text in claim.references).encode())

    def ask(item: Item) -> Record:
        assert isinstance(item, LabelledClaim)
        return check_claim(item)

    return Session(dataset.claims, SearchedIndex({}, digest.hexdigest()), (), ask, lambda item: None)  # noqa: ARG005


# --- one corpus for all questions ---


def _open_reference(dataset: Dataset, settings: Settings, choice: Choice, opening: _Opening) -> Session:  # noqa: ARG001
    """BM25 alone over chunks of a size that figures are known for: how the harness is checked itself."""
    names = [document.name for document in dataset.corpus]
    questioner = Questioner(
        dataset,
        None,
        KeywordReference(dataset.corpus),
        settings.passages,
        in_corpus=_Coverage(dataset, names, located=False).holds,
        is_verbatim=lambda citation: False,  # noqa: ARG005 - nothing is cited
    )
    return _session(dataset.golds, SearchedIndex({}, documents_digest(dataset.corpus)), (), questioner)


def _open_index(dataset: Dataset, settings: Settings, choice: Choice, opening: _Opening) -> Session:
    embedder = open_embedder(settings.embedder, settings.threads)
    settings = _with_index(dataset, settings, embedder, opening.bar)
    if choice.retrieval_only:
        index = opening.stack.enter_context(Index.open(settings.index, embedder, _splitter(settings)))
        embedder.load()
        assistant, reader = None, choose_reader(settings)
        if reader is not None:
            reader.load()
        finder = Finder(index, embedder, reader, settings)
    else:
        assistant = opening.stack.enter_context(open_assistant(settings))
        index, finder = assistant.index, assistant.finder
    golds = locate(dataset.golds, index)
    questioner = Questioner(
        dataset,
        assistant,
        IndexRetriever(finder),
        settings.passages,
        in_corpus=_Coverage(dataset, (document.path for document in index.documents())).holds,
        is_verbatim=StoredTexts(index).holds,
    )
    gaps = find_gaps(dataset.golds, index, settings.index, dataset.questions) if dataset.questions else ()
    return _session(golds, describe_index(index, settings.index), tuple(gaps), questioner)


def _with_index(dataset: Dataset, settings: Settings, embedder: Embedder, bar: Watcher) -> Settings:
    """The settings with the index of the data set's documents; a data set without documents asks the user's own."""
    cache = IndexCache(settings.cache / "eval", embedder, _splitter(settings), bar)
    if dataset.corpus:
        return settings.model_copy(update={"index": cache.of_documents(dataset.name, dataset.corpus)})
    if dataset.documents is not None:
        return settings.model_copy(update={"index": cache.of_files(dataset.name, dataset.documents)})
    return settings


def _session(
    golds: tuple[Gold, ...], searched: SearchedIndex, gaps: tuple[str, ...], questioner: Questioner
) -> Session:
    def ask(item: Item) -> Record:
        assert isinstance(item, Gold)
        return questioner.ask(item)

    def warm_up(item: Item) -> None:
        assert isinstance(item, Gold)
        questioner.warm_up(item)

    return Session(golds, searched, gaps, ask, warm_up)


class _Coverage:
    """Whether the documents hold what a question needs: its evidence, or the words of its answer."""

    def __init__(self, dataset: Dataset, paths: Iterable[str], *, located: bool = True) -> None:
        self._judge = dataset.judge
        self._located = located
        self._paths = frozenset(paths)
        answered = dataset.judge == "answer"
        self._texts = [" ".join(found.text.lower().split()) for found in dataset.corpus] if answered else []

    def holds(self, gold: Gold) -> bool:
        if self._judge == "answer":
            return any(_may_hold(text, gold) and gold.is_met_by(text) for text in self._texts)
        return all(
            span.document in self._paths and (not self._located or span.quote is None or span.start is not None)
            for span in gold.evidence
        )


def _may_hold(text: str, gold: Gold) -> bool:
    """False for most of the texts that do not hold the answer, in far less time than a search for whole words."""
    return all(any(evened_answer(words) in text for words in part) for part in gold.answers)


# --- documents of its own for each question ---


def _open_contexts(dataset: Dataset, settings: Settings, choice: Choice, opening: _Opening) -> Session:  # noqa: ARG001
    contexts = opening.stack.enter_context(_Contexts(dataset, settings))

    def ask(item: Item) -> Record:
        assert isinstance(item, Gold)
        return contexts.ask(item)

    def warm_up(item: Item) -> None:
        ask(item)

    documents = [document for gold in dataset.golds for document in dataset.contexts[gold.id]]
    return Session(dataset.golds, SearchedIndex(contexts.manifest(), documents_digest(documents)), (), ask, warm_up)


class _Contexts:
    """Indexes of a few documents each, one at a time, over which one assistant's models answer."""

    def __init__(self, dataset: Dataset, settings: Settings) -> None:
        self._dataset = dataset
        self._settings = settings
        self._embedder = open_embedder(settings.embedder, settings.threads)
        self._splitter = _splitter(settings)
        self._folder = _own_folder(settings.cache / "eval")
        self._first: Assistant | None = None
        self._current: tuple[tuple[SourceDocument, ...], Assistant] | None = None

    def __enter__(self) -> "_Contexts":
        return self

    def __exit__(self, *_: object) -> None:
        self._close_current()
        if self._first is not None:
            self._first.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def manifest(self) -> dict[str, str]:
        """What builds the indexes."""
        return {"embedder": self._embedder.identity, "splitter": self._splitter.identity}

    def ask(self, gold: Gold) -> Record:
        """Asks of the question's own documents; that these cannot be indexed is that question's failure."""
        try:
            assistant = self._assistant(gold)
            (located,) = locate((gold,), assistant.index)
            holds = StoredTexts(assistant.index).holds
        except (IndexingError, ServiceError) as fault:
            return self._questioner(_Failing(fault), lambda _: False).ask(gold)
        return self._questioner(assistant, holds).ask(located)

    def _questioner(self, assistant: QuestionAnswerer, holds: Callable[[Citation], bool]) -> Questioner:
        return Questioner(self._dataset, assistant, None, self._settings.passages, lambda _: True, holds)

    def _assistant(self, gold: Gold) -> Assistant:
        documents = self._dataset.contexts[gold.id]
        if self._current is None or self._current[0] != documents:
            self._close_current()
            self._current = (documents, self._open(documents))
        return self._current[1]

    def _open(self, documents: tuple[SourceDocument, ...]) -> Assistant:
        folder = IndexCache(self._folder, self._embedder, self._splitter, Watcher()).of_documents("one", documents)
        if self._first is None:
            self._first = open_assistant(self._settings.model_copy(update={"index": folder}))
        return self._first.over(Index.open(folder, self._embedder, self._splitter))

    def _close_current(self) -> None:
        if self._current is not None:
            self._current[1].index.close()
            self._current = None
            shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Failing:
    """Answers nothing, for a reason."""

    fault: Exception

    def answer(
        self,
        question: str,  # noqa: ARG002 - as of every assistant
        identifier: str | None = None,  # noqa: ARG002
        *,
        history: Sequence[str] = (),  # noqa: ARG002
        dates: DateFilter = NO_FILTER,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Raises the fault."""
        raise self.fault


def _own_folder(parent: Path) -> Path:
    """A folder of this process below `parent`; what processes left there that were killed is removed."""
    for left in parent.glob("contexts-*"):
        if not psutil.pid_exists(int(left.name.removeprefix("contexts-"))):
            shutil.rmtree(left, ignore_errors=True)
    return parent / f"contexts-{os.getpid()}"


def _splitter(settings: Settings) -> Splitter:
    return Splitter(settings.chunk_tokens, settings.overlap_tokens)
