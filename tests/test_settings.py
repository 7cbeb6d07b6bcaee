from pathlib import Path

import pytest

from service.errors import SettingsError
from service.settings import Settings, load_settings, origins

UNKNOWN = [
    ("threds = 2", {}, "Unknown setting 'threds' in citewell.toml. Did you mean 'threads'?"),
    ("zzz = 2", {}, "Unknown setting 'zzz' in citewell.toml. Known are: index, cache, "),
    ("[server]\nport = 1", {}, "Unknown setting 'server' in citewell.toml."),
    (
        "",
        {"CITEWELL_MODLE": "none"},
        "Unknown setting 'CITEWELL_MODLE' in the environment. Did you mean 'CITEWELL_MODEL'?",
    ),
    ("", {"CITEWELL_QUX": "1"}, "Unknown setting 'CITEWELL_QUX' in the environment. Known are: CITEWELL_INDEX, "),
]

IMPOSSIBLE = [
    ("threads = 0", {}, {}, "The setting 'threads' in citewell.toml is '0': input should be greater than"),
    (
        "passages = 'many'",
        {},
        {},
        "The setting 'passages' in citewell.toml is 'many': input should be a valid integer",
    ),
    ("index = [1]", {}, {}, "The setting 'index' in citewell.toml is '[1]': input is not a valid path"),
    ("", {"CITEWELL_THREADS": "two"}, {}, "The setting CITEWELL_THREADS is 'two': input should be a valid integer"),
    ("", {"CITEWELL_THREADS": ""}, {}, "The setting CITEWELL_THREADS is '': input should be a valid integer"),
    ("", {"CITEWELL_ANSWER_SECONDS": "nan"}, {}, "The setting CITEWELL_ANSWER_SECONDS is 'nan': input should be"),
    ("", {"CITEWELL_ANSWER_SECONDS": "-1"}, {}, "The setting CITEWELL_ANSWER_SECONDS is '-1': input should be"),
    ("threads = 0", {"CITEWELL_THREADS": "999"}, {}, "The setting CITEWELL_THREADS is '999': input should be less"),
    ("threads = 0", {"CITEWELL_THREADS": "999"}, {"threads": -1}, "The setting --threads is '-1': input should be"),
    (
        "chunk_tokens = 50\noverlap_tokens = 50",
        {},
        {},
        "'overlap_tokens' in citewell.toml is '50': it should be less ",
    ),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, and no settings of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_the_defaults(folder: Path) -> None:
    settings = load_settings({})
    assert settings == Settings()
    assert (settings.index, settings.model, settings.threads) == (Path(".citewell/index"), "smollm2", 2)
    assert (settings.chunk_tokens, settings.overlap_tokens) == (256, 20)
    assert settings.cache.name == "citewell"


def test_every_setting_explains_itself() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_settings_are_frozen(folder: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings({}).threads = 3  # type: ignore[misc]


def test_overrides_come_before_the_environment_and_that_before_the_file(folder: Path) -> None:
    (folder / "citewell.toml").write_text('threads = 3\npassages = 4\nmodel = "none"\n', encoding="utf-8")
    environment = {"CITEWELL_PASSAGES": "5", "CITEWELL_MODEL": "gemma", "HOME": "/", "OTHER_THREADS": "9"}
    settings = load_settings(environment, model="smollm2", index=None)
    assert (settings.threads, settings.passages, settings.model) == (3, 5, "smollm2")
    assert settings.index == Path(".citewell/index")


def test_the_users_own_file_is_the_last_place(folder: Path) -> None:
    own = folder / "config" / "citewell"
    own.mkdir(parents=True)
    (own / "citewell.toml").write_text("threads = 5", encoding="utf-8")
    assert load_settings({}).threads == 5
    (folder / "citewell.toml").write_text("passages = 4", encoding="utf-8")
    assert load_settings({}).threads == 2


def test_a_named_file_is_read_in_place_of_the_current_folders(folder: Path) -> None:
    (folder / "citewell.toml").write_text("threads = 3\npassages = 4", encoding="utf-8")
    (folder / "other.toml").write_text("threads = 4", encoding="utf-8")
    settings = load_settings({"CITEWELL_CONFIG": str(folder / "other.toml")})
    assert (settings.threads, settings.passages) == (4, 8)


def test_settings_made_by_themselves_read_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWELL_THREADS", "7")
    (folder / "citewell.toml").write_text("passages = 4", encoding="utf-8")
    (folder / ".env").write_text("CITEWELL_QUEUE=9", encoding="utf-8")
    assert (Settings().threads, Settings().passages, Settings().queue) == (2, 8, 4)
    assert load_settings({}).queue == 4


def test_origins_name_variable_and_file(folder: Path) -> None:
    (folder / "citewell.toml").write_text("threads = 3\npassages = 4", encoding="utf-8")
    found = origins({"CITEWELL_PASSAGES": "5", "CITEWELL_CONFIG": str(folder / "citewell.toml")})
    assert found == {"threads": str(folder / "citewell.toml"), "passages": "CITEWELL_PASSAGES"}


def test_the_process_environment_is_read_when_none_is_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEWELL_THREADS", "7")
    assert load_settings().threads == 7


@pytest.mark.parametrize(("file", "environment", "sentence"), UNKNOWN)
def test_an_unknown_key_is_refused(folder: Path, file: str, environment: dict[str, str], sentence: str) -> None:
    (folder / "citewell.toml").write_text(file, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(("file", "environment", "overrides", "sentence"), IMPOSSIBLE)
def test_an_impossible_value_is_named_with_its_setting_and_place(
    folder: Path, file: str, environment: dict[str, str], overrides: dict[str, object], sentence: str
) -> None:
    (folder / "citewell.toml").write_text(file, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(environment, **overrides)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"threads = ", b"threads = 2\nthreads = 3", b'model = "\xff"'])
def test_a_broken_file_is_named(folder: Path, content: bytes) -> None:
    (folder / "citewell.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^The settings file 'citewell\.toml' cannot be read: "):
        load_settings({})


@pytest.mark.parametrize("name", ["absent.toml", ".", ""])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"CITEWELL_CONFIG": name})
    assert str(caught.value) == f"There is no settings file '{name}', which CITEWELL_CONFIG names."


def test_a_default_that_another_setting_makes_too_small_is_named() -> None:
    with pytest.raises(SettingsError, match="CITEWELL_CONTEXT_TOKENS, left at its default, is '2048'"):
        load_settings({"CITEWELL_EVIDENCE_TOKENS": "8000"})
