"""Where wrong answers were lost, step by step, and that the first step at fault is named."""

from dataclasses import dataclass, replace

import pytest
from judged import answer, gold

from eval.gold import Gold, GoldEvidence
from eval.losses import find_loss
from eval.record import Loss
from eval.scores import score_answer
from service.answer import Answer

TWO = (("a.txt", 10, 20), ("b.txt", 0, 5))
ASKED = gold("a", spans=TWO)
RIGHT, WRONG, REFUSED = answer(cites=TWO), answer("Only east.", cites=TWO), answer(refused=True)


@dataclass(frozen=True, slots=True)
class Course:
    """A question of two pieces of evidence, found, cited and read wrongly."""

    gold: Gold = ASKED
    ranks: tuple[int | None, ...] | None = (1, 3)
    answer: Answer | None = WRONG
    quoted: Answer | None = WRONG
    in_corpus: bool = True
    error: str | None = None

    def loss(self) -> Loss | None:
        scores = score_answer(self.gold, self.answer, self.quoted, None, lambda _: True)
        return find_loss(
            self.gold,
            ranks=self.ranks,
            passages=8,
            answer=self.answer,
            quoted=self.quoted,
            scores=scores,
            in_corpus=self.in_corpus,
            error=self.error,
        )


@pytest.mark.parametrize(
    ("course", "loss"),
    [
        (Course(), "read wrongly"),
        (Course(answer=RIGHT), None),
        (Course(quoted=RIGHT), "worded wrongly"),
        (Course(quoted=answer("Only east.", cites=TWO[:1])), "not chosen as evidence"),
        # Its words were right, wherever they came from, before the model changed them.
        (Course(quoted=answer(cites=TWO[:1])), "worded wrongly"),
        (Course(quoted=RIGHT, ranks=(None, 1)), "worded wrongly"),
        (Course(quoted=None), "not chosen as evidence"),
        (Course(answer=REFUSED, quoted=None), "refused wrongly"),
        (Course(ranks=(8, 1)), "read wrongly"),
        (Course(ranks=(9, 1)), "below the cut"),
        (Course(ranks=(9, None)), "not retrieved"),
        (Course(ranks=(1, None), in_corpus=False), "not in the corpus"),
        (Course(ranks=None), "read wrongly"),
        (Course(answer=None, quoted=None, error="It died."), "failed"),
        (Course(answer=None, quoted=RIGHT, error="It died."), "failed"),
        # A right answer was lost nowhere, however it came about.
        (Course(answer=RIGHT, ranks=(None, None), in_corpus=False), None),
    ],
)
def test_the_first_step_at_fault_is_named(course: Course, loss: Loss | None) -> None:
    assert course.loss() == loss


def test_each_step_hides_those_behind_it() -> None:
    course = Course(
        answer=REFUSED, quoted=answer("Only east.", cites=()), ranks=(None, 9), in_corpus=False, error="It died."
    )
    found = [course.loss()]
    for mended in (
        {"error": None},
        {"in_corpus": True},
        {"ranks": (1, 9)},
        {"ranks": (1, 2)},
        {"answer": WRONG},
        {"quoted": WRONG},
        {"answer": RIGHT},
    ):
        course = replace(course, **mended)
        found.append(course.loss())
    assert found == [
        "failed",
        "not in the corpus",
        "not retrieved",
        "below the cut",
        "refused wrongly",
        "not chosen as evidence",
        "read wrongly",
        None,
    ]


@pytest.mark.parametrize(
    ("course", "loss"),
    [
        (Course(answer=REFUSED, quoted=None, ranks=None), None),
        (Course(ranks=None), "answered though unanswerable"),
        (Course(ranks=(), in_corpus=False), "answered though unanswerable"),
        (Course(answer=None, ranks=None, error="It died."), "failed"),
        (Course(answer=None, quoted=None, ranks=None), None),  # nothing was asked but the index
    ],
)
def test_the_unanswerable_is_lost_by_answering(course: Course, loss: Loss | None) -> None:
    assert replace(course, gold=gold("a", "unanswerable")).loss() == loss


@pytest.mark.parametrize(
    ("course", "loss"),
    [
        (Course(ranks=(1,), quoted=WRONG), "not chosen as evidence"),
        (Course(ranks=(1,), quoted=RIGHT), "worded wrongly"),
        (Course(ranks=(9,), quoted=RIGHT), "worded wrongly"),
        (Course(ranks=(9,), quoted=WRONG), "below the cut"),
        (Course(ranks=(1,), answer=REFUSED, quoted=None), "refused wrongly"),
    ],
)
def test_without_gold_evidence_the_answers_words_are_what_is_chosen(course: Course, loss: Loss | None) -> None:
    assert replace(course, gold=gold("a", evidence=())).loss() == loss


RELEVANT = gold("a", answers=(), evidence=(GoldEvidence("a.txt"),))


@pytest.mark.parametrize("asked", [RELEVANT, gold("a")])
@pytest.mark.parametrize(
    ("ranks", "in_corpus", "loss"),
    [
        ((8,), True, None),
        ((9,), True, "below the cut"),
        ((None,), True, "not retrieved"),
        ((None,), False, "not in the corpus"),
    ],
)
def test_a_search_alone_is_lost_by_its_ranks(
    asked: Gold, ranks: tuple[int | None, ...], in_corpus: bool, loss: Loss | None
) -> None:
    course = Course(gold=asked, ranks=ranks, answer=None, quoted=None, in_corpus=in_corpus)
    assert course.loss() == loss


@pytest.mark.parametrize("said", [RIGHT, WRONG, REFUSED])
def test_without_gold_answers_the_ranks_alone_tell(said: Answer) -> None:
    assert Course(gold=RELEVANT, ranks=(1,), answer=said, quoted=None).loss() is None
    assert Course(gold=RELEVANT, ranks=(9,), answer=said, quoted=None).loss() == "below the cut"
