"""From `connectors.yaml` to open connectors, with every problem told and no secret shown."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest

from heedful.connectors import (
    Connectors,
    ConnectorsError,
    Plugin,
    Secret,
    Surroundings,
    open_connectors,
    read_connectors,
    registry,
)
from heedful.connectors.plugin import GROUP
from heedful.connectors.registry import CONNECTORS_MAX, installed_plugins
from heedful.effects import Silence
from heedful.kernel import InputError
from heedful.ports import Connector
from tests.unit.connectors.rigs import SECRET, MemoryInbox, call, message
from tests.unit.connectors.test_contract import Pigeons

ROOT = Path(__file__).resolve().parents[3]
ENVIRON = {"HOOK": SECRET.reveal(), "SMTP_PASSWORD": "open sesame", "EMPTY": ""}
WHOLE = """
inapp: {}
mail:
  type: email
  host: smtp.example.com
  username: shop
  password: env:SMTP_PASSWORD
  from: hello@shop.example
webhook:
  destinations:
    service_desk:
      url: https://desk.example.com/hooks
      secrets: [env:HOOK]
    erp: {url: "http://10.0.0.5/", secrets: [env:HOOK, env:HOOK], allow_private: true}
"""


class Nest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A nest in a nest."""

    key: Secret | None = None
    nest: Nest | None = None


class PigeonSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of pigeons, with a secret in every place where one may stand."""

    roof: str = "roof"
    key: Secret | None = None
    keys: dict[str, Secret] = {}
    pairs: tuple[Secret, ...] | None = None
    flocks: list[dict[str, list[Secret]]] = []
    nest: Nest | None = None
    weight: float = 1.0


def opened(name: str, settings: PigeonSettings, given: Surroundings) -> Connector:
    """Open pigeons for one roof."""
    made = Pigeons()
    made.name, made.channels = name, (settings.roof,)
    return made


PIGEONS = Plugin(PigeonSettings, opened)
PLUGINS = {**installed_plugins(), "pigeons": lambda: PIGEONS}


def surroundings() -> Surroundings:
    """What a workspace gives."""
    return Surroundings(b"secret", "https://shop.example", MemoryInbox())


def problems(text: str) -> list[str]:
    """Read a file that cannot be used."""
    with pytest.raises(ConnectorsError) as caught:
        read_connectors(text, ENVIRON, PLUGINS)
    assert caught.value.code == "bad_connectors"
    found: list[str] = caught.value.detail["problems"]
    assert caught.value.message == found[0]
    return found


def test_ours_are_offered_as_everybody_elses_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    ours = project["entry-points"][GROUP]
    assert sorted(ours) == ["email", "inapp", "webhook"]
    for name, value in ours.items():
        assert isinstance(EntryPoint(name, value, GROUP).load(), Plugin)
    assert set(ours) <= set(installed_plugins())


def test_a_whole_file_is_opened() -> None:
    connectors = open_connectors(read_connectors(WHOLE, ENVIRON), surroundings())
    assert [c.name for c in connectors] == ["inapp", "mail", "webhook"]
    assert sorted(connectors.by_channel) == ["email", "inapp"]
    assert sorted(connectors.by_destination) == ["erp", "service_desk"]
    connectors.close()


def test_without_a_file_messages_wait_in_the_app_and_nobody_is_called() -> None:
    connectors = open_connectors(read_connectors(None, {}), surroundings())
    assert [c.name for c in connectors] == ["inapp"]
    assert read_connectors("", {}) == []


def test_an_effect_finds_its_connector() -> None:
    connectors = open_connectors(read_connectors(WHOLE, ENVIRON), surroundings())

    def found(effect: object) -> str | None:
        connector = connectors.find(effect)  # type: ignore[arg-type]
        return connector and connector.name

    assert found(message(channel="email")) == "mail"
    assert found(message(channel="inapp")) == "inapp"
    assert found(message(channel="pigeon")) is None
    assert found(call(destination="erp")) == "webhook"
    assert found(call(destination="email")) is None
    silence = msgspec.structs.replace(message(), effect=Silence("promotional", 1, "a test"))
    assert found(silence) is None
    connectors.close()


def test_a_plug_in_is_read_like_ours() -> None:
    text = """
roof-a: {type: pigeons, roof: a, key: env:HOOK, keys: {x: env:HOOK}, pairs: [env:HOOK]}
roof-b: {type: pigeons, roof: b, flocks: [{x: [env:HOOK]}], pairs: null, key: null}
"""
    first, second = read_connectors(text, ENVIRON, PLUGINS)
    assert isinstance(first.settings, PigeonSettings)
    assert isinstance(second.settings, PigeonSettings)
    assert first.settings.key is not None
    assert first.settings.pairs is not None
    secrets = [first.settings.key, first.settings.keys["x"], *first.settings.pairs]
    secrets += second.settings.flocks[0]["x"]
    assert [secret.reveal() for secret in secrets] == [SECRET.reveal()] * 4
    assert SECRET.reveal() not in repr(first)
    assert "Secret(env:HOOK)" in repr(first)
    assert second.settings.key is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- 1", "1:1: Expected a map of names to settings, got something else - at `$`."),
        ("mail: [", "Expected"),
        ("a: &x {}\nb: *x", "1:4: Expected a value, got the anchor &x"),
        ("Mail: {}", "1:1: Expected a name such as email or service-desk, got 'Mail'"),
        ("mail: 3", "1:1: Expected a map of settings, got something else - at `$.mail`."),
        (
            "emial: {}",
            "1:1: Expected the type of an installed connector, got 'emial' - at `$.emial`. "
            "Did you mean email?",
        ),
        (
            "x:\n  type: zzzzzz",
            "2:3: Expected the type of an installed connector, got 'zzzzzz' - at `$.x.type`. "
            "Known are email, inapp, pigeons, webhook.",
        ),
        ("x: {type: 3}", "Expected the type of an installed connector, got 3"),
        (
            "pigeons:\n  rof: x",
            "2:3: Expected a known field, got rof - at `$.pigeons.rof`. Did you mean roof?",
        ),
        ("pigeons: {weight: heavy}", "Expected a number, got a text ('heavy')"),
        ("email: {host: a}", "Expected a field `from`, got none - at `$.email`."),
        (
            "email: {host: a, from: a@x.example, security: plain}",
            "security `starttls` or `tls` for a server on another machine",
        ),
    ],
)
def test_a_problem_is_told_with_its_place(text: str, problem: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert found[0].startswith("connectors.yaml:")
    assert problem in found[0]


def test_all_problems_are_told_in_the_order_of_the_file() -> None:
    found = problems("pigeons:\n  rof: a\n  weight: b\n  key: c\nemial: {}\n")
    assert [problem.split(":")[1] for problem in found] == ["2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "{key: hunter2}",
            "a reference to the environment, got something else - at `$.pigeons.key`",
        ),
        ("{key: 'ENV:HOOK'}", "a reference to the environment"),
        ("{key: 'env:'}", "a reference to the environment"),
        ("{key: 'env:HOOK hunter2'}", "a reference to the environment"),
        ("{key: [hunter2]}", "a reference to the environment"),
        ("{key: 12345}", "a reference to the environment"),
        ("{keys: {x: hunter2}}", "at `$.pigeons.keys.x`"),
        ("{keys: hunter2}", "a list or map that holds references"),
        ("{pairs: hunter2}", "a list or map that holds references"),
        ("{pairs: [hunter2]}", "at `$.pigeons.pairs[0]`"),
        ("{flocks: [{x: [hunter2]}]}", "at `$.pigeons.flocks[0].x[0]`"),
        ("{flocks: [{x: hunter2}]}", "a list or map that holds references"),
        ("{flocks: hunter2}", "a list or map that holds references"),
        ("{flocks: [hunter2]}", "at `$.pigeons.flocks[0]`"),
        ("{nest: hunter2}", "at `$.pigeons.nest`"),
        ("{nest: {nest: {key: hunter2}}}", "at `$.pigeons.nest.nest.key`"),
        ("{key: env:NOWHERE}", "Expected NOWHERE in the server's environment, got nothing"),
        ("{key: env:EMPTY}", "Expected EMPTY in the server's environment, got nothing"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(text: str, problem: str) -> None:
    found = problems(f"pigeons: {text}")
    assert len(found) == 1
    assert problem in found[0]
    assert "hunter2" not in found[0]
    assert "12345" not in found[0]


def test_too_many_are_refused() -> None:
    text = "".join(f"a{i}: {{type: inapp}}\n" for i in range(CONNECTORS_MAX + 1))
    assert f"at most {CONNECTORS_MAX}, got {CONNECTORS_MAX + 1}" in problems(text)[0]


def broken() -> object:
    """Stand in for a package that does not import."""
    raise ImportError("no such library")


@pytest.mark.parametrize(
    ("load", "problem"),
    [
        (broken, "a plug-in `odd` that can be imported, got ImportError"),
        (lambda: Pigeons, "a Plugin behind `odd`, got _ProtocolMeta"),
    ],
)
def test_a_plug_in_that_is_none_is_told(load: object, problem: str) -> None:
    with pytest.raises(ConnectorsError) as caught:
        read_connectors("odd: {}", {}, {"odd": load})  # type: ignore[dict-item]
    assert problem in caught.value.message


def test_a_plug_in_that_nobody_uses_is_not_imported() -> None:
    assert read_connectors("inapp: {}", {}, {**PLUGINS, "odd": broken})[0].name == "inapp"


def test_two_packages_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [EntryPoint("sms", "a:b", GROUP), EntryPoint("sms", "c:d", GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: twice)
    with pytest.raises(InputError) as caught:
        installed_plugins()
    assert caught.value.code == "ambiguous_plugin"


class Counted(Pigeons):
    """Pigeons that count how many of them are open."""

    open_count = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).open_count += 1

    def close(self) -> None:
        type(self).open_count -= 1


@pytest.mark.parametrize(
    ("kind", "keys"), [("channel", {"channels": ("roof",)}), ("destination", {"channels": ()})]
)
def test_two_connectors_for_one_thing_are_refused_and_closed(
    kind: str, keys: dict[str, tuple[str, ...]]
) -> None:
    def make(name: str, settings: PigeonSettings, given: Surroundings) -> Connector:
        made = Counted()
        made.name, made.channels = name, keys["channels"]
        made.destinations = () if keys["channels"] else ("roof",)
        return made

    plugins = {"pigeons": lambda: Plugin(PigeonSettings, make)}
    text = "one: {type: pigeons}\ntwo: {type: pigeons}\n"
    with pytest.raises(ConnectorsError) as caught:
        open_connectors(read_connectors(text, {}, plugins), surroundings())
    assert f"one connector for the {kind} `roof`, got one and two" in caught.value.message
    assert Counted.open_count == 0


def test_a_workspace_without_an_inbox_keeps_no_messages() -> None:
    with pytest.raises(InputError) as caught:
        open_connectors(read_connectors("inapp: {}", {}), Surroundings(b"s"))
    assert caught.value.code == "no_inbox"


def test_one_connector_may_carry_several_channels() -> None:
    made = Pigeons()
    made.channels = ("a", "b", "a")
    assert sorted(Connectors([made]).by_channel) == ["a", "b"]
