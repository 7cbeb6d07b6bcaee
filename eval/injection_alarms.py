"""How often real news is taken for a prompt injection: `python -m eval.injection_alarms --path FOLDER`.

FOLDER holds data sets under their names. A seeded sample of the sentences of their documents is looked at, and each
that counts as an injection is printed, to be judged by eye.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np

from eval.datasets import load_dataset
from index import split_sentences
from service.evidence.prompt_injection import is_injection

NEWS = ("multihop-rag", "realtimeqa")
"""Data sets whose documents are news."""

_SEED = 20261128


def find_alarms(sentences: Sequence[str]) -> tuple[str, ...]:
    """The sentences that are taken for injections."""
    return tuple(sentence for sentence in sentences if is_injection(sentence))


def sample_sentences(folder: Path, count: int, seed: int = _SEED) -> tuple[str, ...]:
    """At most so many different sentences of the news that the folder holds, none where it holds none."""
    sentences = sorted({sentence for name in NEWS for sentence in _sentences(folder, name)})
    order = np.random.default_rng(seed).permutation(len(sentences))
    return tuple(sentences[position] for position in order[:count])


def _sentences(folder: Path, name: str) -> Iterator[str]:
    if (folder / name).is_dir():
        for document in load_dataset(name, folder / name).corpus:
            for span in split_sentences(document.text):
                yield " ".join(span.slice(document.text).split())


@click.command()
@click.option("--path", required=True, type=click.Path(file_okay=False, path_type=Path), help="Data sets.")
@click.option("--sentences", "count", default=30_000, show_default=True, help="Sentences to look at.")
def main(path: Path, count: int) -> None:
    """Print the news sentences that are taken for prompt injections, and how many there are."""
    sentences = sample_sentences(path, count)
    if not sentences:
        click.echo(f"Skipped: '{path}' holds neither {' nor '.join(NEWS)}.")
        return
    alarms = find_alarms(sentences)
    for sentence in alarms:
        click.echo(sentence)
    click.echo(f"{len(alarms)} of {len(sentences):,} sentences of news are taken for prompt injections.")


if __name__ == "__main__":
    main()
