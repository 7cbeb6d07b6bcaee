"""A run as a picture: the risk of answering so many of the questions, and where wrong answers were lost."""

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
    # Each step is as wide as the answer that it adds, so the area below is what `aurc` is made of.
    steps = [(0.0, risk) for _, risk in curve[:1]] + list(curve)
    curve_axes.plot([coverage for coverage, _ in steps], [risk for _, risk in steps], drawstyle="steps-pre")
    curve_axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="coverage: answered, the surest first, of all questions",
        ylabel="risk: not strictly right, of those answered",
    )
    reached = (
        f"Risk by coverage, {curve[-1][0]:.0%} answered" if curve else "Risk by coverage: no answer says how sure"
    )
    curve_axes.set_title(reached)
    losses = find_lost(records)
    loss_axes.barh(list(losses), [len(ids) for ids in losses.values()])
    loss_axes.invert_yaxis()
    loss_axes.set(xlabel="questions", title="Where answers were lost")
    try:
        with mpl.rc_context({"svg.hashsalt": _HASH_SALT}):
            figure.savefig(path, format="svg", metadata={"Date": None})
    except OSError as error:
        raise EvaluationError(f"The plot cannot be written to '{path}': {error.strerror}.") from error
