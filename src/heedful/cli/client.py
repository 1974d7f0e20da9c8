"""The one seam between a command and the facts: HTTP, to whoever owns the workspace.

A server that owns the workspace is spoken to over its port with the owner's token. Otherwise the
application is opened in this process and spoken to by function call: the same routes, the same
answers, so there is one code path and nothing that only the command line can do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from heedful.kernel import InputError, PeerError, expected

READ_S_MAX: Final = 600.0
"""Seconds that a command waits for one answer; a replay or a backup reports as it goes."""

CONNECT_S_MAX: Final = 5.0
"""Seconds that a command tries to reach the server that owns the workspace."""


class NotFoundError(InputError):
    """What was asked for is not there; the exit code says so."""


class Api:
    """The routes, as a command calls them: values in, values out, errors raised.

    Parameters
    ----------
    http
        A client that carries the owner's token.
    url
        Where the server that owns the workspace listens; None when it runs in this process.
    """

    def __init__(self, http: httpx.Client, url: str | None) -> None:
        self.http = http
        self.url = url
        self._headers: dict[str, str] = {}

    def as_holder_of(self, key: str) -> Api:
        """Speak as somebody else than the owner."""
        other = Api(self.http, self.url)
        other._headers = {"Authorization": f"Bearer {key}"}
        return other

    def get(self, path: str, **params: Any) -> Any:
        """Read something."""
        given = {name: value for name, value in params.items() if value is not None}
        return self._call("GET", path, params=given)

    def post(self, path: str, body: Any = None, **params: Any) -> Any:
        """Change something."""
        return self._call("POST", path, json=body, params=params)

    def delete(self, path: str) -> Any:
        """Remove something."""
        return self._call("DELETE", path)

    def customer_id(self, who: str) -> str:
        """Turn a customer id or `namespace:value` into a customer id."""
        namespace, separator, value = who.partition(":")
        if not separator:
            if not who.startswith("c_"):
                shape = "a customer id such as c_4tq2rs7kd5e3u, or NAMESPACE:VALUE"
                what = expected(shape, "another text", who, f"Did you mean user_id:{who}?")
                raise NotFoundError("customer_not_found", what)
            return who
        asked = {"namespace": namespace, "value": value}
        try:
            found: str = self.post("/v1/customers/lookup", asked)["customer_id"]
        except NotFoundError as error:
            known = ("user_id", "email", "anonymous_id")
            remedy = "" if namespace in known else f"Namespaces are such as {', '.join(known)}."
            what = expected("a known customer", "nobody", who, remedy)
            raise NotFoundError(error.code, what) from error
        return found

    def customer(self, who: str, rest: str = "") -> str:
        """Give the path of a customer's route."""
        return f"/v1/customers/{quote(self.customer_id(who), safe='')}{rest}"

    def messages(
        self, method: str, path: str, body: Any = None, params: Any = None, *, wait: bool = False
    ) -> Iterator[tuple[str, Any]]:
        """Read server-sent events as (name, data), or a plain JSON answer as one.

        Parameters
        ----------
        wait
            Wait for the next one for as long as it takes.
        """
        timeout = httpx.Timeout(None if wait else READ_S_MAX, connect=CONNECT_S_MAX)
        with (
            _failures(self.url),
            self.http.stream(
                method, path, json=body, params=params, timeout=timeout, headers=self._headers
            ) as answer,
        ):
            kind = answer.headers.get("content-type", "")
            if answer.is_error or "event-stream" not in kind:
                answer.read()
                yield "answer", self._read(answer)
            else:
                yield from read_messages(answer.iter_lines())

    def lines(self, path: str) -> Iterator[str]:
        """Read an answer line by line, however long it is."""
        with _failures(self.url), self.http.stream("GET", path, headers=self._headers) as answer:
            if answer.is_error:
                answer.read()
                self._read(answer)
            yield from answer.iter_lines()

    def _call(self, method: str, path: str, **rest: Any) -> Any:
        with _failures(self.url):
            answer = self.http.request(method, path, headers=self._headers, **rest)
        return self._read(answer)

    def _read(self, answer: httpx.Response) -> Any:
        try:
            body = answer.json() if answer.content else None
        except ValueError:
            body = answer.text
        if answer.is_success:
            return body
        raise failure(answer.status_code, body, answer.headers.get("retry-after"))


def read_messages(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Read the lines of a server-sent stream as (event, data decoded from JSON).

    Examples
    --------
    >>> list(read_messages(iter(["event: merge", 'data: {"seq": 1}', "", ": quiet", ""])))
    [('merge', {'seq': 1})]
    """
    name, data = "message", ""
    for line in lines:
        if not line:
            if data:
                yield name, json.loads(data)
            name, data = "message", ""
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data += value


def failure(status: int, body: Any, retry_after: str | None = None) -> Exception:
    """Make the error that an answer stands for; `detail.retry_after_s` says when to try again."""
    said = body if isinstance(body, dict) else {}
    code = str(said.get("code", f"http_{status}"))
    message = str(said.get("message", f"The server answered {status} without saying why."))
    detail = dict(said["detail"]) if isinstance(said.get("detail"), dict) else {}
    if retry_after is not None and retry_after.isdigit():
        detail["retry_after_s"] = int(retry_after)
    if status == 404:
        return NotFoundError(code, message, detail)
    if status >= 500 or status in (408, 429):
        return PeerError(code, message, detail)
    return InputError(code, message, detail)


@contextmanager
def _failures(url: str | None) -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException as error:
        what = expected("an answer in time", "none", url or "this process", "Try again.")
        raise PeerError("server_slow", what) from error
    except httpx.HTTPError as error:
        remedy = "Look whether it still runs; `heedful serve DIR` starts it."
        what = expected("an answer of the server", str(error), url or "this process", remedy)
        raise PeerError("server_away", what) from error


Opener = Callable[[Path, Path | None], AbstractContextManager[Api]]


@contextmanager
def open_workspace(directory: Path, db: Path | None) -> Iterator[Api]:
    """Speak to the server that owns a workspace, or open it in this process."""
    from heedful.cli.workspace import database, owner_of, require_workspace

    require_workspace(directory)
    owner = owner_of(database(directory, db))
    if owner is not None:
        url, token = owner
        with _client(url, token, httpx.HTTPTransport()) as http:
            yield Api(http, url)
        return
    from heedful.cli.inprocess import InProcess
    from heedful.cli.workspace import opened

    with opened(directory, db) as (asgi, token):
        transport = InProcess(asgi)
        with _client("http://heedful.invalid", token, transport) as http:
            yield Api(http, None)


def _client(url: str, token: str, transport: httpx.BaseTransport) -> httpx.Client:
    # Proxies of the environment are not for us: the owner is on this machine.
    return httpx.Client(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx.Timeout(READ_S_MAX, connect=CONNECT_S_MAX),
        transport=transport,
        trust_env=False,
    )


OPENER: ContextVar[Opener] = ContextVar("OPENER", default=open_workspace)
"""How a workspace is opened; tests put an application of their own here."""


@contextmanager
def connect(directory: Path, db: Path | None = None, key: str | None = None) -> Iterator[Api]:
    """Open the workspace that a command works on, as its owner or as the holder of a key."""
    with OPENER.get()(directory, db) as api:
        yield api if key is None else api.as_holder_of(key)
