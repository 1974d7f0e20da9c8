"""Hand one message to an SMTP server, and say exactly what became of it.

The one moment that matters is the dot on a line of its own: before it, the server has no message
and the call may be repeated; after it, a lost answer leaves the end unknown.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from typing import Any, Final, Literal, NamedTuple

from heedful.connectors.reaching import (
    NameUnknown,
    Resolver,
    Watchdog,
    addresses_of,
    first_that_connects,
    resolve,
)
from heedful.ports import Delivery

Security = Literal["starttls", "tls", "plain"]

_LEADING_DOT: Final = re.compile(rb"(?m)^\.")
_REPLY: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?\r?\n", re.DOTALL)
_LINE_BYTES_MAX: Final = 4_096  # RFC 5321 allows 512
_REPLY_LINES_MAX: Final = 100
_GO_AHEAD: Final = 354


class Server(NamedTuple):
    """Where mail is handed in, and as whom."""

    host: str
    port: int
    security: Security
    username: str
    password: str
    our_name: str
    """As we present ourselves, a domain."""
    tls: ssl.SSLContext | None
    """Whom we believe to be the server; None where nothing is encrypted."""


class Envelope(NamedTuple):
    """Between whom a message goes; addresses in ASCII."""

    sender: str
    recipient: str


class _Refused(Exception):
    """The server answered a command with 4xx or 5xx, or with nonsense (-1)."""

    def __init__(self, status: int, *, is_about_us: bool) -> None:
        super().__init__(status)
        self.status = status
        self.is_about_us = is_about_us


class _Session(smtplib.SMTP):
    """A conversation whose connection is made within the watchdog's time and guarded by it."""

    def __init__(self, server: Server, watchdog: Watchdog, resolver: Resolver) -> None:
        self._watchdog = watchdog
        self._resolver = resolver
        self._tls = server.tls if server.security == "tls" else None
        super().__init__(server.host, server.port, local_hostname=server.our_name)

    def connect(
        self,
        host: str = "localhost",
        port: int = 0,
        source_address: Any = None,
    ) -> tuple[int, bytes]:
        watchdog = self._watchdog
        addresses = addresses_of(host, port, watchdog, self._resolver)
        connected = first_that_connects(
            addresses, watchdog, lambda address, wait: _connected(address, port, wait)
        )
        try:
            watchdog.guard(connected)
            # A second more than is left: that it is late is for the watchdog to say.
            connected.settimeout(watchdog.left_s() + 1.0)
            self.file = None
            self.sock = connected
            if self._tls is not None:
                self.sock = self._tls.wrap_socket(connected, server_hostname=host)
            return self.getreply()
        except BaseException:
            self.close()
            connected.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        # The library takes a line that broke off for a whole one: "250" cut from "2505 ..." or a
        # server that died in the middle of its answer would count as accepted.
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("no connection")
        if self.file is None:
            self.file = self.sock.makefile("rb")
        said: list[bytes] = []
        while len(said) < _REPLY_LINES_MAX:
            try:
                line: bytes = self.file.readline(_LINE_BYTES_MAX)
            except OSError as error:
                self.close()
                raise smtplib.SMTPServerDisconnected("the reply did not come") from error
            if not line.endswith(b"\n") and len(line) < _LINE_BYTES_MAX:
                self.close()
                raise smtplib.SMTPServerDisconnected("the reply broke off")
            match = _REPLY.fullmatch(line)
            if match is None:
                break
            said.append((match[3] or b"").strip())
            if match[2] != b"-":
                return int(match[1]), b"\n".join(said)
        return -1, b""


def _connected(address: str, port: int, wait_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=wait_s)


def submit(
    server: Server,
    envelope: Envelope,
    message: bytes,
    timeout_s: float,
    *,
    resolver: Resolver = resolve,
) -> Delivery:
    """Hand a message in.

    Parameters
    ----------
    message
        Headers and body with CRLF line ends.

    Returns
    -------
    Delivery
        `smtp_` and the server's status; `failed` for its 5xx about the message or the recipient,
        `retry` for its 4xx and for whatever it refuses before it has heard of either (a password
        that it does not take is no fault of the message).
    """
    has_left = False
    session: _Session | None = None
    with Watchdog(timeout_s) as watchdog:
        try:
            session = _open(server, watchdog, resolver)
            _address(session, envelope)
            _begin_data(session, message)
            has_left = True
            delivery = _end_data(session)
        except _Refused as refused:
            delivery = _of_status(refused, has_left)
        except smtplib.SMTPResponseException as error:
            delivery = _of_status(_Refused(error.smtp_code, is_about_us=True), has_left)
        except (OSError, ValueError, smtplib.SMTPException) as error:
            code = _code_of(error, watchdog, has_left)
            delivery = Delivery("unknown" if has_left else "retry", code)
        finally:
            if session is not None:
                _leave(session)
    return delivery


def _open(server: Server, watchdog: Watchdog, resolver: Resolver) -> _Session:
    session = _Session(server, watchdog, resolver)
    try:
        session.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            session.starttls(context=server.tls)
            session.ehlo_or_helo_if_needed()
        if server.username:
            session.login(server.username, server.password)
    except BaseException:
        session.close()
        raise
    return session


def _address(session: _Session, envelope: Envelope) -> None:
    _require(session.mail(envelope.sender)[0])
    _require(session.rcpt(envelope.recipient)[0])


def _begin_data(session: _Session, message: bytes) -> None:
    status, _ = session.docmd("DATA")
    if status != _GO_AHEAD:
        raise _Refused(status, is_about_us=False)
    # Everything but the end: until the dot is sent the server has no message.
    session.send(_LEADING_DOT.sub(b"..", message.rstrip(b"\r\n") + b"\r\n"))


def _end_data(session: _Session) -> Delivery:
    session.send(b".\r\n")
    status, _ = session.getreply()
    _require(status)
    return Delivery("delivered", f"smtp_{status}")


def _leave(session: _Session) -> None:
    # What was answered stands, however the conversation ends.
    with contextlib.suppress(OSError, smtplib.SMTPException):
        session.putcmd("QUIT")
    session.close()


def _require(status: int) -> None:
    if not 200 <= status < 300:
        raise _Refused(status, is_about_us=False)


def _of_status(refused: _Refused, has_left: bool) -> Delivery:
    status = refused.status
    if not 400 <= status <= 599 or (has_left and refused.is_about_us):
        return Delivery("unknown" if has_left else "retry", "smtp_bad_answer")
    is_final = status >= 500 and not refused.is_about_us
    return Delivery("failed" if is_final else "retry", f"smtp_{status}")


def _code_of(error: Exception, watchdog: Watchdog, has_left: bool) -> str:
    if watchdog.has_bitten or isinstance(error, TimeoutError):
        return "answer_timeout" if has_left else "connect_timeout"
    if isinstance(error, NameUnknown):
        return "name_unknown"
    if isinstance(error, ssl.SSLError | smtplib.SMTPNotSupportedError):
        return "tls_failed"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return "connection_lost"
    return "connection_lost" if has_left else "connect_failed"
