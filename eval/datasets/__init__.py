"""Data sets as they lie on a disk -> questions, documents and claims. One loader a format, chosen from DATASETS."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from eval.datasets.beir import load_beir, load_scifact
from eval.datasets.claims import load_attributionbench, load_climate_fever, load_wice
from eval.datasets.clapnq import load_clapnq
from eval.datasets.dataset import Dataset
from eval.datasets.gold_files import load_seeds
from eval.datasets.multihop_rag import load_multihop_rag
from eval.datasets.ramdocs import load_ramdocs
from eval.datasets.realtimeqa import load_realtimeqa
from eval.datasets.rgb import load_rgb
from eval.datasets.squad import load_squad, load_squad_open
from eval.errors import EvaluationError

Loader = Callable[[Path, str | None], Dataset]
"""(the data set's own folder, a split or None) -> what it holds. Raises EvaluationError."""

DATASETS: Mapping[str, Loader] = {
    "multihop-rag": load_multihop_rag,
    "squad": load_squad,
    "squad-open": load_squad_open,
    "scifact": load_scifact,
    "beir": load_beir,
    "realtimeqa": load_realtimeqa,
    "clapnq": load_clapnq,
    "rgb": load_rgb,
    "ramdocs": load_ramdocs,
    "attributionbench": load_attributionbench,
    "wice": load_wice,
    "climate-fever": load_climate_fever,
    "seeds": load_seeds,
}
"""By the name that the command line takes."""

_FOLDERS: Mapping[str, tuple[str, ...]] = {name: (name,) for name in DATASETS} | {
    "squad-open": ("squad",),
    "scifact": ("scifact/beir", "scifact", "beir"),
}
"""Where a data set may lie in a folder that holds several, the first that is there."""


def load_dataset(name: str, path: Path, split: str | None = None) -> Dataset:
    """The data set of that name in its own folder, or in a folder that holds it under its name.

    `split` is a part of a file's name, where there are several to choose from. Raises EvaluationError in one
    sentence for what is missing or malformed.
    """
    if name not in DATASETS:
        raise EvaluationError(f"There is no data set '{name}'. Choose one of: {', '.join(DATASETS)}.")
    if not path.is_dir():
        raise EvaluationError(
            f"There is no folder '{path}' to read {name} from. Give the data set's own folder, or the one that "
            "holds it under its name."
        )
    folder = next((path / inner for inner in _FOLDERS[name] if (path / inner).is_dir()), path)
    dataset = DATASETS[name](folder, split)
    _refuse_doubles("question", [gold.id for gold in dataset.golds], folder)
    _refuse_doubles("claim", [claim.id for claim in dataset.claims], folder)
    _refuse_doubles("document", [document.name for document in dataset.corpus], folder)
    return dataset


def _refuse_doubles(what: str, names: list[str], folder: Path) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise EvaluationError(f"'{folder}' has the {what} '{twice[0]}' twice. Give each its own id.")
