"""All settings: read here and nowhere else, from `CITEWELL_*` variables and a TOML file, unknown keys refused.

The environment comes before the file. The file is the one that `CITEWELL_CONFIG` names, else `citewell.toml` in
the current folder, else `citewell.toml` in the user's configuration folder.
"""

import difflib
import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_cache_path, user_config_path
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from index.embed import DEFAULT_EMBEDDER
from index.reader import DEFAULT_READER
from service.errors import SettingsError

_PREFIX = "CITEWELL_"
_CONFIG = "CITEWELL_CONFIG"
_FIXED_TOKENS = 900
"""For instruction and examples (some 350 tokens, by tokenizer) and for the question."""

NO_READER = "none"

Caution = Literal["low", "normal", "high"]
"""How sure an answer must be to be given."""


class Settings(BaseSettings):
    """Every setting with its default; sizes are in tokens of the tokenizer that the text names.

    Made by itself it holds what it is given and the defaults; `load_settings` reads environment and file.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=False, env_prefix=_PREFIX)

    index: Path = Field(Path(".citewell/index"), description="folder of the index")
    cache: Path = Field(
        default_factory=lambda: user_cache_path("citewell"), description="folder of prepared model files"
    )
    bench: str = Field("", description="folder of data sets for the evaluation")
    embedder: str = Field(DEFAULT_EMBEDDER, description="default embedder, or the folder of another")
    reader: str = Field(DEFAULT_READER, description="default reader, none, or the folder of a cross-encoder")
    reading_pieces: int = Field(
        2400, ge=1, le=100_000, description="most word pieces that the reader reads, for each question"
    )
    caution: Caution = Field("normal", description="how sure an answer must be: low, normal or high")
    model: str = Field("smollm2", description="smollm2, gemma, none, or the path of a GGUF file")
    threads: int = Field(2, ge=1, le=256, description="threads of embedder, reader and language model")
    chunk_tokens: int = Field(256, ge=32, le=2000, description="most tiktoken tokens in a chunk")
    overlap_tokens: int = Field(20, ge=0, le=200, description="most tiktoken tokens that two chunks share")
    passages: int = Field(8, ge=1, le=100, description="passages that are searched for evidence")
    quoted_sentences: int = Field(3, ge=1, le=10, description="most sentences that an answer quotes")
    evidence_tokens: int = Field(400, ge=50, le=8000, description="most model tokens of evidence in a prompt")
    answer_tokens: int = Field(96, ge=16, le=2000, description="most model tokens that a draft may have")
    context_tokens: int = Field(
        2048, ge=512, le=131072, validate_default=True, description="the model's context, in its tokens"
    )
    answer_seconds: float = Field(20.0, gt=0, le=600, description="deadline for a draft")
    model_load_seconds: float = Field(60.0, gt=0, le=3600, description="longest time to load the language model")
    model_cancel_seconds: float = Field(
        2.0, gt=0, le=60, description="time that the model has to stop, after which its process is ended"
    )
    question_characters: int = Field(2000, ge=100, le=100000, description="longest question")
    host: str = Field("127.0.0.1", min_length=1, description="address that the server listens on")
    port: int = Field(8000, ge=0, le=65535, description="port that the server listens on; 0 takes a free one")
    hosts: str = Field("", description="names that the server answers to, besides localhost and IP addresses")
    queue: int = Field(4, ge=0, le=100, description="questions that wait for the model while it writes")
    quoted_queue: int = Field(16, ge=0, le=1000, description="questions beyond, answered by quotation alone")

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # what is not used is not named
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the name is pydantic's
        init_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but what it is given."""
        return (init_settings,)

    @field_validator("overlap_tokens")
    @classmethod
    def _below_chunk_tokens(cls, overlap: int, others: ValidationInfo) -> int:
        # Absent when it was refused itself.
        if overlap >= others.data.get("chunk_tokens", overlap + 1):
            raise ValueError(f"It should be less than chunk_tokens, which is {others.data['chunk_tokens']}")
        return overlap

    @field_validator("context_tokens")
    @classmethod
    def _holds_a_prompt(cls, context: int, others: ValidationInfo) -> int:
        needed = _FIXED_TOKENS + others.data.get("evidence_tokens", 0) + others.data.get("answer_tokens", 0)
        if context < needed:
            raise ValueError(f"It should be at least {needed}: evidence, answer and {_FIXED_TOKENS} for the rest")
        return context


def load_settings(environment: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Settings from file, environment and `overrides` (None is left out); later ones win. Raises SettingsError."""
    sources = _read_sources(os.environ if environment is None else environment)
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        return Settings(**{**sources.from_file, **sources.from_environment, **given})
    except ValidationError as error:
        raise SettingsError(_explain(error, sources.origins | {key: f"--{key}" for key in given})) from error


def origins(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variable or the file that each setting comes from, but for those left at their default."""
    sources = _read_sources(os.environ if environment is None else environment)
    return dict.fromkeys(sources.from_file, str(sources.file)) | {
        key: _variable(key) for key in sources.from_environment
    }


def refuses_colour(environment: Mapping[str, str] | None = None) -> bool:
    """True when `NO_COLOR` is set, by the convention of that name, or the terminal is a dumb one."""
    environment = os.environ if environment is None else environment
    return bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"


@dataclass(frozen=True, slots=True)
class _Sources:
    """What is set, by name, and the file that was read."""

    file: Path | None
    from_file: Mapping[str, Any]
    from_environment: Mapping[str, Any]

    @property
    def origins(self) -> dict[str, str]:
        """Where each setting is written, as a message names it."""
        in_file = {key: f"'{key}' in {self.file}" for key in self.from_file}
        return in_file | {key: _variable(key) for key in self.from_environment}


def _read_sources(environment: Mapping[str, str]) -> _Sources:
    """Raises SettingsError for a file that cannot be read and for what is no setting."""
    file = _find_file(environment)
    from_file = {} if file is None else _read_file(file)
    _refuse_unknown(from_file, str(file), str)
    variables = [name for name in environment if name.startswith(_PREFIX) and name != _CONFIG]
    _refuse_unknown((name.removeprefix(_PREFIX).lower() for name in variables), "the environment", _variable)
    source = EnvSettingsSource(Settings)
    # Its own are those of the process.
    source.env_vars = {name.lower(): environment[name] for name in variables}
    return _Sources(file, from_file, source())


def _variable(key: str) -> str:
    return _PREFIX + key.upper()


def _find_file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(_CONFIG)
    if named is not None and not Path(named).is_file():
        raise SettingsError(f"There is no settings file '{named}', which {_CONFIG} names.")
    candidates = [Path(named)] if named else [Path("citewell.toml"), user_config_path("citewell") / "citewell.toml"]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return TomlConfigSettingsSource(Settings, file).toml_data
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"The settings file '{file}' cannot be read: {error}.") from error


def _refuse_unknown(keys: Iterable[str], origin: str, spell: Callable[[str], str]) -> None:
    for key in keys:
        if key not in Settings.model_fields:
            near = difflib.get_close_matches(key, Settings.model_fields, n=1)
            hint = f" Did you mean '{spell(near[0])}'?" if near else ""
            known = ", ".join(spell(name) for name in Settings.model_fields)
            raise SettingsError(f"Unknown setting '{spell(key)}' in {origin}.{hint} Known are: {known}.")


def _explain(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    key = str(first["loc"][0])
    origin = origins.get(key, f"{_variable(key)}, left at its default,")
    return f"The setting {origin} is '{first['input']}': {reason[0].lower()}{reason[1:]}."
