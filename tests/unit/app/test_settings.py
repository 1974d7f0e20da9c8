"""What a workspace may set, from its file and from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from heedful.app import Settings, read_settings
from heedful.kernel import InputError


def write(folder: Path, text: str) -> Path:
    (folder / "heedful.yaml").write_text(text, "utf-8")
    return folder


def test_nothing_set_means_the_defaults_on_loopback(tmp_path: Path) -> None:
    assert read_settings(tmp_path, {}) == Settings()
    assert read_settings(write(tmp_path, "# nothing\n"), {}) == Settings()
    assert Settings().host == "127.0.0.1"


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    write(tmp_path, "port: 1\nhost: 0.0.0.0\n")
    found = read_settings(tmp_path, {"HEEDFUL_PORT": "2", "PORT": "3", "HEEDFUL_DEBUG": "1"})
    assert (found.host, found.port) == ("0.0.0.0", 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot: 1\n", "Did you mean port?"),
        ("port: 70000\n", "<= 65535"),
        ("port: many\n", "Expected `int`"),
        ("- port\n", "`name: value`"),
        ("port: [\n", "a YAML file, got a mistake in it - at `heedful.yaml:2:1`"),
        ("host: x\nport: 'no end\n", "got a mistake in it - at `heedful.yaml:3:1`"),
        ("a: &a 1\nport: *a\n", "without aliases"),
        ("host: x\n" + "#" * 70_000, "at most"),
        ("\0", "a YAML file"),
    ],
)
def test_a_slip_in_the_file_is_refused_in_words(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        read_settings(write(tmp_path, text), {})
    assert refused.value.code == "bad_settings"
    assert words in refused.value.message


def test_a_slip_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        read_settings(tmp_path, {"HEEDFUL_PROT": "1"})
    assert "HEEDFUL_PROT" in refused.value.message
    assert "Did you mean port?" in refused.value.message
