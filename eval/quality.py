"""How many gold questions are answered rightly: `python -m eval.quality [QUESTIONS.jsonl]`.

An answerable question is right when the answer holds every required part, and rightly cited when moreover every
gold evidence span is overlapped by a citation. Every question counts; prints one JSON object.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from eval.gold import Gold, load_gold
from service.answer import Answer
from service.assistant import open_assistant
from service.settings import load_settings


def is_rightly_cited(gold: Gold, answer: Answer) -> bool:
    """True when each gold evidence span is overlapped by a citation of the same document."""
    return all(
        any(
            citation.document == span.document and citation.start < span.end and span.start < citation.end
            for citation in answer.citations
        )
        for span in gold.evidence
    )


def summarise(pairs: Sequence[tuple[Gold, Answer]]) -> dict[str, int]:
    """Counts over all questions."""
    answerable = [(gold, answer) for gold, answer in pairs if gold.answers]
    right = [(gold, answer) for gold, answer in answerable if gold.is_met_by(answer.answer)]
    return {
        "answerable": len(answerable),
        "right": len(right),
        "right_and_rightly_cited": sum(is_rightly_cited(gold, answer) for gold, answer in right),
        "refused_though_answerable": sum(answer.refused for _, answer in answerable),
        "worded": sum(answer.trace.tier == "worded" for _, answer in answerable),
        "unanswerable": len(pairs) - len(answerable),
        "refused_unanswerable": sum(answer.refused for gold, answer in pairs if not gold.answers),
    }


def main(arguments: Sequence[str]) -> None:
    """Asks all questions and prints the counts."""
    golds = load_gold(Path(arguments[0] if arguments else "seeds/questions.jsonl"))
    with open_assistant(load_settings()) as assistant:
        pairs = [(gold, assistant.ask(gold.question, gold.id)) for gold in tqdm(golds, file=sys.stderr)]
    print(json.dumps(summarise(pairs), indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
