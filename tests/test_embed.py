"""What every embedder keeps to, and what is said when its files are missing or damaged."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from index import Embedder, open_embedder
from index.embed import SentenceTransformerEmbedder, packaged_folder
from index.errors import EmbedderUnavailable

TEXTS = (
    "The tram opened in Lindmoor.",
    "Oil prices rose by 2.75% on Monday, traders said, " * 10,
    "電車 🚋 naïve",
    "a",
    "Ships turned away from the Red Sea.",
) * 5


@pytest.fixture(params=["fake_embedder", pytest.param("embedder", marks=pytest.mark.model)])
def any_embedder(request: pytest.FixtureRequest) -> Embedder:
    found: Embedder = request.getfixturevalue(request.param)
    return found


class TestContract:
    def test_describes_itself(self, any_embedder: Embedder) -> None:
        name, _, digest = any_embedder.identity.partition("@")
        assert name
        assert digest
        assert any_embedder.dimension > 0
        assert any_embedder.piece_limit > 48
        any_embedder.load()
        assert any_embedder.ready()

    def test_vectors_have_length_one(self, any_embedder: Embedder) -> None:
        for vectors in (any_embedder.embed_passages(TEXTS), any_embedder.embed_query(TEXTS[0])):
            assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)

    def test_shape(self, any_embedder: Embedder) -> None:
        dimension = any_embedder.dimension
        for count in (1, 2, 17, len(TEXTS)):
            vectors = any_embedder.embed_passages(TEXTS[:count])
            assert (vectors.shape, vectors.dtype) == ((count, dimension), np.float32)
        query = any_embedder.embed_query("When did it open?")
        assert (query.shape, query.dtype) == ((1, dimension), np.float32)

    def test_no_texts_give_no_vectors(self, any_embedder: Embedder) -> None:
        assert any_embedder.embed_passages([]).shape == (0, any_embedder.dimension)

    def test_a_text_has_its_vector_whatever_stands_beside_it(self, any_embedder: Embedder) -> None:
        together = any_embedder.embed_passages(TEXTS)
        assert any_embedder.embed_passages(TEXTS[::-1])[::-1] == pytest.approx(together, abs=1e-5)
        for text, vector in zip(TEXTS[:5], together, strict=False):
            assert any_embedder.embed_passages([text])[0] == pytest.approx(vector, abs=1e-5)

    @pytest.mark.parametrize("text", ["", " \n", "🚋", "\u0301", "word " * 3000])
    def test_any_text_has_a_vector(self, any_embedder: Embedder, text: str) -> None:
        for vectors in (any_embedder.embed_passages([text]), any_embedder.embed_query(text)):
            assert np.linalg.norm(vectors) == pytest.approx(1, abs=1e-5)

    def test_alike_texts_are_nearer(self, any_embedder: Embedder) -> None:
        query = any_embedder.embed_query("Where did the tram open?")
        tram, ships = any_embedder.embed_passages([TEXTS[0], TEXTS[4]]) @ query[0]
        assert tram > ships

    def test_progress_tells_of_every_text_once(self, any_embedder: Embedder) -> None:
        told: list[int] = []
        any_embedder.embed_passages(TEXTS, told.append)
        assert sum(told) == len(TEXTS)

    def test_pieces_are_counted_to_the_end(self, any_embedder: Embedder) -> None:
        assert any_embedder.count_pieces("") == 0
        assert any_embedder.count_pieces("tram " * 1000) == 1000


# --- the files of the real one ---


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """The packaged model, but with its weights cut short."""
    source, folder = packaged_folder(), tmp_path / "model"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    with (source / "model.safetensors").open("rb") as weights:
        (folder / "model.safetensors").write_bytes(weights.read(20_000))
    return folder


def test_a_folder_is_named_by_itself_and_its_weights(model_folder: Path) -> None:
    embedder = open_embedder(str(model_folder))
    assert embedder.identity.startswith("model@")
    assert (embedder.dimension, embedder.piece_limit) == (384, 254)
    before = embedder.identity
    (model_folder / "model.safetensors").write_bytes(b"others")
    assert open_embedder(str(model_folder)).identity != before


@pytest.mark.parametrize(
    "part", ["model.safetensors", "config.json", "sentence_bert_config.json", "tokenizer.json"]
)
def test_a_missing_file_is_named_when_opening(model_folder: Path, part: str) -> None:
    (model_folder / part).unlink()
    with pytest.raises(EmbedderUnavailable, match="CITEWELL_EMBEDDER") as caught:
        open_embedder(str(model_folder))
    assert str(model_folder / part) in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere", "", "all-MiniLM-L6-v3"])
def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EmbedderUnavailable, match="CITEWELL_EMBEDDER"):
        open_embedder(str(tmp_path / name))


READS: dict[str, tuple[str, Callable[[Embedder], object]]] = {
    "dimension": ("config.json", lambda embedder: embedder.dimension),
    "limit": ("sentence_bert_config.json", lambda embedder: embedder.piece_limit),
    "pieces": ("tokenizer.json", lambda embedder: embedder.count_pieces("a")),
}


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"hidden_size": null, "max_seq_length": "many"}'])
@pytest.mark.parametrize(("part", "read"), READS.values(), ids=READS)
def test_a_damaged_file_is_named(
    model_folder: Path, part: str, read: Callable[[Embedder], object], content: str
) -> None:
    (model_folder / part).write_text(content)
    with pytest.raises(EmbedderUnavailable) as caught:
        read(open_embedder(str(model_folder)))
    assert str(model_folder / part) in str(caught.value)


@pytest.mark.model
@pytest.mark.parametrize("weights", [None, b"", b"\xff" * 100], ids=["cut", "empty", "other"])
def test_damaged_weights_are_told_when_loading(model_folder: Path, weights: bytes | None) -> None:
    if weights is not None:
        (model_folder / "model.safetensors").write_bytes(weights)
    embedder = open_embedder(str(model_folder))
    with pytest.raises(EmbedderUnavailable, match="cannot be loaded"):
        embedder.load()
    assert not embedder.ready()
    with pytest.raises(EmbedderUnavailable):
        embedder.embed_query("anything")


def test_weights_with_another_digest_are_refused(model_folder: Path) -> None:
    embedder = SentenceTransformerEmbedder(model_folder, "model", "0" * 64, threads=1)
    with pytest.raises(EmbedderUnavailable, match=r"damaged.*pip install --force-reinstall"):
        embedder.load()


def test_opening_imports_nothing_heavy() -> None:
    code = """
import sys
from index import open_embedder

embedder = open_embedder()
embedder.identity, embedder.dimension, embedder.piece_limit, embedder.ready(), embedder.count_pieces("a tram")
print({"torch", "sentence_transformers", "transformers"} & set(sys.modules))
"""
    command = [sys.executable, "-c", code]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert finished.stdout.strip() == "set()"


@pytest.mark.model
@pytest.mark.parametrize(("given", "spins"), [(None, "0"), ("active", "30000000000")])
def test_threads_do_not_spin_while_they_wait_unless_told_to(given: str | None, spins: str) -> None:
    own = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    asked = {"OMP_DISPLAY_ENV": "verbose"} | ({} if given is None else {"OMP_WAIT_POLICY": given})
    code = "from index import open_embedder; open_embedder().embed_query('tram')"
    run = subprocess.run([sys.executable, "-c", code], env=own | asked, capture_output=True, text=True, check=True)
    # FAISS and torch have one libgomp each.
    assert re.findall(r"GOMP_SPINCOUNT = '(\d+)'", run.stderr) == [spins, spins]
