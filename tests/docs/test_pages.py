"""The pages build, their links lead somewhere, and nothing on them loads from another host."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import pytest

from scripts.tidy import layers_of

ROOT = Path(__file__).resolve().parent.parent.parent
FRONT_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
LOADING = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src")}


class Links(HTMLParser):
    """What one page links to, what it loads, and the places in it that can be linked to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.places.add(value)
            if tag == "a" and name == "href" and value:
                self.links.append(value)
            is_canonical = ("rel", "canonical") in attrs
            if (tag, name) in LOADING and value and not is_canonical:
                self.loads.append(value)


def broken_links(site: dict[Path, Links]) -> list[str]:
    """List the links between the pages of a site that lead nowhere."""
    broken = []
    for path, page in site.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            known = site.get(target)
            if not target.exists() or (known and parts.fragment not in {"", *known.places}):
                broken.append(f"{path.name}: {link}")
    return broken


def build(project: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages of a project strictly: a warning is an error."""
    # Not --quiet: it silences the warnings before they are counted.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(target)]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Links]:
    target = tmp_path_factory.mktemp("site")
    built = build(ROOT, target)
    assert built.returncode == 0, built.stderr
    return {path: Links(path.read_text("utf-8")) for path in sorted(target.rglob("*.html"))}


@pytest.mark.parametrize("link", ["nowhere.md", "glossary.md#nowhere", "/operate.html"])
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path: Path, link: str) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    with (tmp_path / "docs/operate.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[away]({link})\n")
    built = build(tmp_path, tmp_path / "site")
    assert built.returncode != 0
    assert link in built.stderr


def test_every_link_between_pages_leads_somewhere(site: dict[Path, Links]) -> None:
    assert len(site) > 10
    # 404.html is served for any address, so its links are absolute by nature.
    pages = {path: page for path, page in site.items() if path.name != "404.html"}
    assert broken_links(pages) == []


def test_no_page_loads_from_another_host(site: dict[Path, Links]) -> None:
    assert [u for page in site.values() for u in page.loads if urlsplit(u).netloc] == []


def test_a_broken_link_and_a_missing_place_are_found(tmp_path: Path) -> None:
    here = tmp_path / "a.html"
    here.write_text('<a href="b.html"></a><a href="#no"></a><a href="#yes"></a><p id="yes">')
    assert broken_links({here: Links(here.read_text())}) == ["a.html: b.html", "a.html: #no"]


@pytest.mark.parametrize("name", FRONT_PAGES)
def test_the_links_of_a_front_page_lead_to_files(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    local = [target for target in targets if not urlsplit(target).scheme]
    assert [target for target in local if not (ROOT / target).exists()] == []


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    pages = [ROOT / name for name in FRONT_PAGES] + list((ROOT / "docs").rglob("*.md"))
    named = {n for p in pages for n in re.findall(r"^make ([a-z]+)\b", _code(p), re.M)}
    assert {"run", "test", "setup"} <= named
    assert named - targets == set()


def _code(path: Path) -> str:
    """Keep only what a page sets in code."""
    text = path.read_text("utf-8")
    blocks = re.findall(r"```.*?\n(.*?)```", text, re.S)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return "\n".join([*blocks, *inline]) + "\n"


def test_the_front_page_stays_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 90


def rows(page: str) -> list[list[str]]:
    """Read the cells of every row of a page's tables, heads left out."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [
        c for c, after in zip(cells, [*cells[1:], [""]], strict=True) if "--" not in c[0] + after[0]
    ]


def test_every_word_of_the_glossary_stands_once_in_order() -> None:
    words = [row[0].strip("*`") for row in rows((ROOT / "docs/glossary.md").read_text("utf-8"))]
    assert words == sorted(set(words), key=str.casefold)
    assert {"customer", "fragment", "gate", "need", "p_accept", "p_choose", "signal"} <= set(words)


def test_every_row_of_the_roadmap_is_open_or_shows_its_command() -> None:
    found = rows((ROOT / "docs/roadmap.md").read_text("utf-8"))
    assert len(found) > 30
    unclear = [r[0] for r in found if (r[1], bool(r[2])) not in {("open", False), ("works", True)}]
    assert unclear == []


def test_every_decision_has_its_parts_and_its_place() -> None:
    folder = ROOT / "docs/adr"
    index = (folder / "index.md").read_text("utf-8")
    pages = sorted(folder.glob("0*.md"))
    assert [p.name[:4] for p in pages] == [f"{n:04}" for n in range(1, len(pages) + 1)]
    for page in pages:
        heads = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.M)
        assert heads == ["Context", "Decision", "Consequences", "Alternatives"], page.name
        assert f"({page.name})" in index


@pytest.mark.parametrize("name", ["loop.svg", "rooms.svg"])
def test_a_picture_is_whole_and_readable_in_the_dark(name: str) -> None:
    text = (ROOT / "docs/pictures" / name).read_text("utf-8")
    assert ElementTree.fromstring(text).tag.endswith("svg")
    assert "prefers-color-scheme: dark" in text
    assert "<title" in text


def test_the_picture_of_the_rooms_follows_the_contract() -> None:
    picture = (ROOT / "docs/pictures/rooms.svg").read_text("utf-8")
    drawn = re.findall(r'class="name"[^>]*>(\w+)<', picture)
    layers = layers_of((ROOT / "pyproject.toml").read_text("utf-8"))
    assert drawn == [room for layer in layers for room in layer]
