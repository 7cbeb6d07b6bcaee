"""A run as a picture: the risk of answering by how sure the answers are, and where wrong answers were lost."""

from collections.abc import Sequence
from pathlib import Path

from eval.errors import EvaluationError
from eval.metrics import risk_coverage
from eval.record import Record
from eval.report import find_lost

_HASH_SALT = "citewell"
"""So that equal runs give equal files."""


def save_plot(path: Path, records: Sequence[Record]) -> None:
    """Writes both as one SVG. Raises EvaluationError without matplotlib, or when it cannot be written."""
    try:
        # An extra, and a second of start-up.
        import matplotlib as mpl  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise EvaluationError(
            "Plots need matplotlib, which is not installed. Install it: pip install 'citewell[plot]'"
        ) from error
    if path.suffix != ".svg":
        raise EvaluationError(f"The plot '{path}' would be an SVG file. Give it a name that ends in .svg.")
    figure = Figure(figsize=(10, 4), layout="constrained")
    curve_axes, loss_axes = figure.subplots(1, 2)
    curve = risk_coverage(records)
    curve_axes.plot([coverage for coverage, _ in curve], [risk for _, risk in curve], drawstyle="steps-post")
    curve_axes.set(
        xlim=(0, 1), ylim=(0, 1), xlabel="answered, the surest first", ylabel="of these not strictly right"
    )
    curve_axes.set_title("Risk and coverage" if curve else "Risk and coverage: no answer says how sure it is")
    losses = find_lost(records)
    loss_axes.barh(list(losses), [len(ids) for ids in losses.values()])
    loss_axes.invert_yaxis()
    loss_axes.set(xlabel="questions", title="Where answers were lost")
    try:
        with mpl.rc_context({"svg.hashsalt": _HASH_SALT}):
            figure.savefig(path, format="svg", metadata={"Date": None})
    except OSError as error:
        raise EvaluationError(f"The plot cannot be written to '{path}': {error.strerror}.") from error
