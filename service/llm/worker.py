"""The child process that owns llama.cpp; the only file that imports it.

A crash in native code, a deadline or a kill ends this process and never the service. With `serve` as first argument
it reads the messages of service.llm.messages from standard input, a line each, and writes its replies to standard
output; `quantize`, `prove` and `describe` do that one thing instead.
"""

import ctypes
import os
import queue
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

import llama_cpp
from jinja2 import TemplateError
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from service.llm.messages import (
    Cancel,
    Completed,
    Count,
    Counted,
    Failure,
    FromWorker,
    Ready,
    Text,
    Write,
    decode,
    encode,
)

ChatMessage = dict[str, str]


class _Worker:
    def __init__(self, model: str, context: int, threads: int, out: TextIO) -> None:
        self._out = out
        self._threads = threads
        self._cancelled: set[int] = set()
        self._llama = llama_cpp.Llama(
            model, n_ctx=context, n_threads=threads, n_threads_batch=threads, flash_attn=True, verbose=False
        )
        self._template = self._llama.metadata.get("tokenizer.chat_template")

    def serve(self, requests: "queue.Queue[Count | Write]") -> None:
        self._reply(Ready(self._llama.n_ctx()))
        while True:
            request = requests.get()
            if isinstance(request, Count):
                self._reply(Counted(request.id, len(self._text_tokens(request.text))))
            else:
                self._generate(request)

    def cancel(self, number: int) -> None:
        self._cancelled.add(number)

    def _generate(self, request: Write) -> None:
        try:
            threads = request.threads or self._threads
            llama_cpp.llama_set_n_threads(self._llama.ctx, threads, threads)
            prompt = self._prompt_tokens(request.messages)
            if len(prompt) + request.max_tokens > self._llama.n_ctx():
                raise ValueError(f"a prompt of {len(prompt)} tokens does not fit the model's context")
            written: list[str] = []
            for text in self._stream(prompt, request):
                written.append(text)
                self._reply(Text(request.id, text))
                if request.id in self._cancelled:
                    break
        except (ValueError, RuntimeError, TemplateError) as error:
            self._reply(Failure(request.id, str(error)))
        else:
            self._reply(Completed(request.id, len(prompt), len(self._text_tokens("".join(written)))))

    def _stream(self, prompt: list[int], request: Write) -> Iterator[str]:
        # llama-cpp-python keeps the state of the longest prefix that two prompts share, the fixed examples here.
        for piece in self._llama.create_completion(
            prompt, max_tokens=request.max_tokens, temperature=0.0, stop=request.stop, stream=True
        ):
            yield str(piece["choices"][0]["text"])

    def _prompt_tokens(self, messages: list[ChatMessage]) -> list[int]:
        """The chat template's own marks become special tokens; what the messages hold never does."""
        nonce = secrets.token_hex(8)
        marks = [f"{nonce}{position}" for position in range(len(messages))]
        blank = [{**message, "content": mark} for message, mark in zip(messages, marks, strict=True)]
        rest = self._render(blank)
        tokens: list[int] = self._llama.tokenize(b"", add_bos=True, special=True)
        for mark, message in zip(marks, messages, strict=True):
            before, _, rest = rest.partition(mark)
            tokens += self._special_tokens(before) + self._text_tokens(message["content"])
        return tokens + self._special_tokens(rest)

    def _render(self, messages: list[ChatMessage]) -> str:
        if self._template is None:
            # A base model without a chat template goes on with a plain text.
            marks = {"assistant": "Answer: "}
            return "\n".join(marks.get(turn["role"], "") + turn["content"] for turn in messages) + "\nAnswer:"
        formatter = Jinja2ChatFormatter(template=self._template, eos_token="", bos_token="")
        try:
            return str(formatter(messages=messages).prompt)
        except TemplateError:
            # Some templates know no system turn: its words then begin the first user turn.
            first = {**messages[1], "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
            return str(formatter(messages=[first, *messages[2:]]).prompt)

    def _special_tokens(self, text: str) -> list[int]:
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=True)) if text else []

    def _text_tokens(self, text: str) -> list[int]:
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=False)) if text else []

    def _reply(self, message: FromWorker) -> None:
        self._out.write(encode(message))
        self._out.flush()


def _listen(worker: _Worker, requests: "queue.Queue[Count | Write]") -> None:
    for line in sys.stdin:
        request = decode(line)
        if isinstance(request, Cancel):
            worker.cancel(request.id)
        elif isinstance(request, Count | Write):
            requests.put(request)
    # The parent is gone: nobody waits for what is still being written.
    os._exit(0)


def _serve(model: str, context: str, threads: str) -> None:
    # llama.cpp may print; the protocol keeps the real standard output to itself.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    requests: queue.Queue[Count | Write] = queue.Queue()
    worker = _Worker(model, int(context), int(threads), out)
    threading.Thread(target=_listen, args=(worker, requests), daemon=True).start()
    worker.serve(requests)


def _quantize(source: str, target: str, quantization: str) -> None:
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.allow_requantize = True
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{quantization}")
    failed = llama_cpp.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters))
    if failed:
        raise SystemExit(f"the quantizer gave {failed}")


def _prove(model: str) -> None:
    """Short prompts run another path than long ones, and only the long one has been seen to crash."""
    llama = llama_cpp.Llama(model, n_ctx=256, verbose=False)
    tokens = llama.tokenize(b"one two three four " * 40)[:64]
    llama.eval(tokens)


def _describe() -> None:
    """What llama.cpp was built for."""
    print(llama_cpp.llama_print_system_info().decode())


_COMMANDS: Mapping[str, Callable[..., None]] = {
    "serve": _serve,
    "quantize": _quantize,
    "prove": _prove,
    "describe": _describe,
}

if __name__ == "__main__":
    try:
        _COMMANDS[sys.argv[1]](*sys.argv[2:])
    except (ValueError, RuntimeError, OSError, AssertionError) as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit(130)
