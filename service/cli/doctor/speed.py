"""How fast this machine is with the models."""

import time
from collections.abc import Callable
from statistics import median

from index import EmbedderUnavailable
from service.cli.doctor.finding import Finding, NotTried
from service.cli.doctor.models import model_file, usable_embedder
from service.errors import ModelLost, ModelUnavailable
from service.llm.process import LlamaProcess
from service.llm.protocol import Message, Request, Usage
from service.settings import Settings

_LEAST_WRITING = 5.0
"""Tokens a second; at fewer a draft of the usual length is cut off by the deadline."""
_TEXT = (
    "The harbour of the town was rebuilt in three stages. The first stage took two years and cost nine million "
    "crowns, most of it for the sea wall. The second added a quay for ferries and a hall for the fish market. "
    "The third, which is still under way, joins the quay to the railway by a line of four kilometres. "
)
"""About 65 tokens; what is said does not matter to the time it takes."""


def check_embedding_speed(settings: Settings) -> Finding:
    """Passages of about 200 tokens a second, and the time that a query takes, after loading."""
    embedder = usable_embedder(settings)
    try:
        embedder.embed_query("Which town has the harbour?")
    except EmbedderUnavailable as error:
        raise NotTried("the embedder is not in order") from error
    passages = [f"{number}. {_TEXT * 3}" for number in range(32)]
    rate = round(len(passages) / _timed(lambda: embedder.embed_passages(passages)), 1)
    query = round(1000 * median(_timed(lambda: embedder.embed_query("Which quay is new?")) for _ in range(9)), 1)
    facts = {"passages_per_second": rate, "query_milliseconds": query}
    return Finding("ok", f"Passages of 200 tokens embedded a second: {rate}; one query takes {query} ms.", facts)


def check_model_speed(settings: Settings) -> Finding:
    """Seconds that the model takes to load, and tokens that it reads and writes a second."""
    path = model_file(settings)
    began = time.perf_counter()
    model = LlamaProcess(path, settings.context_tokens, settings.threads)
    try:
        _ = model.context
        load = round(time.perf_counter() - began, 1)
        reading, writing = _speeds(model)
    except ModelUnavailable as error:
        raise NotTried("llama.cpp does not load the language model") from error
    finally:
        model.close()
    facts = {"load_seconds": load, "read_per_second": reading, "written_per_second": writing}
    sentence = f"The model loads in {load} s, reads {reading} and writes {writing} tokens a second."
    if writing < _LEAST_WRITING:
        slow = (
            "That is too slow for its drafts: close other programs, or set CITEWELL_THREADS to the cores there are."
        )
        return Finding("warning", f"{sentence} {slow}", facts)
    return Finding("ok", sentence, facts)


def _speeds(model: LlamaProcess) -> tuple[float, float]:
    """Tokens read and written a second. Raises ModelLost."""
    began = time.perf_counter()
    prompt = [Message("user", f"{_TEXT * 5}\nTell at length what was built in the town, and what will be.")]
    times: list[float] = []
    for piece in model.stream(Request(prompt, max_tokens=64, seconds=60.0)):
        times.append(time.perf_counter() - began)
        if isinstance(piece, Usage):
            # The first piece comes when all of the prompt is read, the last before the usage.
            return round(piece.prompt / times[0], 1), round((piece.answer - 1) / max(times[-1] - times[0], 1e-6), 1)
    raise ModelLost("The language model ended without a word.")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
