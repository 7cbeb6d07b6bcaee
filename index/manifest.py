"""What built an index, and the check that whoever opens it would have built the same."""

import json
from dataclasses import asdict, dataclass, fields

from index.errors import IndexDamaged, IndexMismatch

SCHEMA = 3
"""Of the store's tables; raised whenever they change."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The builder's identity; two indexes may be read alike only when all of it is equal."""

    schema: int
    embedder: str
    dimension: int
    splitter: str

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """The inverse of `to_json`. Raises IndexDamaged."""
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise IndexDamaged(
                f"The index's manifest cannot be read ({error}). Remove its folder and add the documents again."
            ) from error


def check(found: Manifest, expected: Manifest, folder: str) -> None:
    """Raises IndexMismatch when an index was built by something else than what would read it."""
    for field in fields(Manifest):
        built, wanted = getattr(found, field.name), getattr(expected, field.name)
        if built != wanted:
            raise IndexMismatch(
                f"The index '{folder}' was built with {field.name} '{built}', but this is {field.name} '{wanted}'. "
                f"{_REMEDIES[field.name]}, or build a new index in another folder: "
                "citewell index add DOCUMENTS --index NEW_FOLDER"
            )


_REMEDIES = {
    "schema": "Use the version of Citewell that built it",
    "embedder": "Set CITEWELL_EMBEDDER back",
    "dimension": "Set CITEWELL_EMBEDDER back",
    "splitter": "Set CITEWELL_CHUNK_TOKENS and CITEWELL_OVERLAP_TOKENS back",
}
