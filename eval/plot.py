"""A run as a picture: risk by coverage, how true its confidence is, and where wrong answers were lost."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eval.errors import EvaluationError
from eval.metrics import calibration_error, reliability, risk_coverage
from eval.record import Record
from eval.report import find_lost

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HASH_SALT = "citewell"
"""So that equal runs give equal files."""


def save_plot(path: Path, records: Sequence[Record]) -> None:
    """Writes all as one SVG. Raises EvaluationError without matplotlib, or when it cannot be written."""
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
    figure = Figure(figsize=(15, 4), layout="constrained")
    risk_axes, reliability_axes, loss_axes = figure.subplots(1, 3)
    _draw_risk(risk_axes, records)
    _draw_reliability(reliability_axes, records)
    _draw_losses(loss_axes, records)
    try:
        with mpl.rc_context({"svg.hashsalt": _HASH_SALT}):
            figure.savefig(path, format="svg", metadata={"Date": None})
    except OSError as error:
        raise EvaluationError(f"The plot cannot be written to '{path}': {error.strerror}.") from error


def _draw_risk(axes: "Axes", records: Sequence[Record]) -> None:
    curve = risk_coverage(records)
    # Each step is as wide as the answer that it adds, so the area below is what `aurc` is made of.
    steps = [(0.0, risk) for _, risk in curve[:1]] + list(curve)
    axes.plot([coverage for coverage, _ in steps], [risk for _, risk in steps], drawstyle="steps-pre")
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="coverage: answered, the surest first, of all questions",
        ylabel="risk: not strictly right, of those answered",
    )
    axes.set_title(
        f"Risk by coverage, {curve[-1][0]:.0%} answered" if curve else "Risk by coverage: no answer says how sure"
    )


def _draw_reliability(axes: "Axes", records: Sequence[Record]) -> None:
    tenths = reliability(records)
    axes.plot([0, 1], [0, 1], color="grey", linestyle="dotted")
    axes.plot([said for said, _, _ in tenths], [found for _, found, _ in tenths], marker="o")
    for said, found, count in tenths:
        axes.annotate(str(count), (said, found), textcoords="offset points", xytext=(4, 4))
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence, in tenths", ylabel="strictly right, of those answered")
    error = calibration_error(tenths)
    axes.set_title("Reliability" if error is None else f"Reliability, expected calibration error {error:.3f}")


def _draw_losses(axes: "Axes", records: Sequence[Record]) -> None:
    losses = find_lost(records)
    axes.barh(list(losses), [len(ids) for ids in losses.values()])
    axes.invert_yaxis()
    axes.set(xlabel="questions", title="Where answers were lost")
