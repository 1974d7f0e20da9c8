"""The page at `/docs`: every route, what it does and who may call it, with nothing from elsewhere.

It is made from the description, so it cannot say something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, Final, NamedTuple

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}table{border-collapse:collapse;width:100%}"
    "th,td{padding:.35rem .6rem;vertical-align:top;text-align:left;border-top:1px solid #ccc}"
    "th{border:0;font-weight:600}td:first-child{width:26rem;overflow-wrap:anywhere}"
    "td:last-child{width:12rem}h2{margin-top:2rem}code{font-size:.95em}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#151515}a{color:#8cb4ff}"
    "th,td{border-color:#444}}"
)


class _Row(NamedTuple):
    """One line of the page; paths that do the same stand on one."""

    method: str
    paths: list[str]
    about: str
    roles: tuple[str, ...]


def written(description: dict[str, Any]) -> str:
    """Write the page of a description."""
    title = f"{escape(description['info']['title'])} API"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f"<p>{_rich(description['info']['description'])} Show a key as "
        "<code>Authorization: Bearer KEY</code>. The whole description: "
        '<a href="/docs/openapi.json">openapi.json</a>.</p>'
        + "".join(_section(tag, description) for tag in description["tags"])
        + "</html>"
    )


def _section(tag: dict[str, Any], description: dict[str, Any]) -> str:
    rows = [
        f"<tr><td>{'<br>'.join(_route(row.method, path) for path in row.paths)}"
        f"<td>{_rich(row.about)}<td>{escape(', '.join(row.roles) or 'everybody')}"
        for row in _rows(tag["name"], description)
    ]
    head = "<tr><th>route<th>what it does<th>who may call"
    name, about = escape(tag["name"].capitalize()), _rich(tag["description"])
    return f"<h2>{name}</h2><p>{about}</p><table>{head}{''.join(rows)}</table>"


def _rows(tag: str, description: dict[str, Any]) -> Iterator[_Row]:
    alike: dict[str, _Row] = {}
    for path, item in description["paths"].items():
        for method, operation in item.items():
            if tag not in operation["tags"]:
                continue
            about = " ".join(filter(None, (operation["summary"], operation.get("description"))))
            row = _Row(method.upper(), [path], about, tuple(operation["x-roles"]))
            known = alike.setdefault(f"{method} {about}", row)
            if known is not row:
                known.paths.append(path)
    yield from alike.values()


def _route(method: str, path: str) -> str:
    return f"<code>{method} {escape(path)}</code>"


def _rich(text: str) -> str:
    """Write plain text with `code` in it."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
