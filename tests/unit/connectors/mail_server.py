"""aiosmtpd on loopback, as a server that refuses, hangs and hangs up on demand."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
import threading
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from heedful.connectors.contract import Trouble


class MailServer:
    """A real SMTP server whose answers to one command can be scripted."""

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.replies: dict[str, str] = {}
        """What RCPT, MAIL, DATA (before the message) or END (after it) answer."""
        self.trouble: Trouble | None = None
        self.accepted: list[tuple[Envelope, EmailMessage]] = []
        self.port = 0
        self._tls = tls
        self._options: dict[str, Any] = {
            "tls_context": starttls,
            "require_starttls": bool(starttls),
        }
        if login is not None:
            self._options |= {
                "authenticator": self._authenticated,
                "auth_required": True,
                "auth_require_tls": False,
            }
        self._login = login
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._released: asyncio.Event | None = None
        self._transports: list[asyncio.Transport] = []
        self._server: asyncio.AbstractServer | None = None
        self.listen()

    def __enter__(self) -> MailServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def listen(self) -> None:
        """Listen, on the same port as before."""

        async def start() -> asyncio.AbstractServer:
            self._released = asyncio.Event()
            return await self._loop.create_server(self._protocol, sock=bound, ssl=self._tls)

        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", self.port))
        self.port = bound.getsockname()[1]
        self._server = self._run(start())

    def stop(self) -> None:
        """Stop listening and cut every conversation."""

        async def end() -> None:
            if self._server is not None:
                self._server.close()
            self._server = None
            self.release()
            for transport in self._transports:
                transport.abort()
            # The tasks of cut conversations end before the loop does.
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(others, timeout=1)
                for task in others:
                    task.cancel()

        self._run(end())

    def release(self) -> None:
        """Let go of conversations that are being kept waiting."""
        assert self._released is not None
        self._released.set()
        self._released = asyncio.Event()

    def stage(self, trouble: Trouble | None) -> bool:
        """Behave so from now on."""
        self.trouble = trouble
        self._loop.call_soon_threadsafe(self.release)
        rcpt = {"busy": "451 4.3.0 Later", "refusing": "550 5.1.1 Nobody", "garbled": "zzz"}
        self.replies.pop("RCPT", None)
        if trouble in rcpt:
            self.replies["RCPT"] = rcpt[trouble]
        if trouble == "unreachable":
            self.stop()
        elif self._server is None:
            self.listen()
        return True

    def _protocol(self) -> SMTP:
        server = self

        class Protocol(SMTP):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                server._transports.append(transport)
                super().connection_made(transport)

            async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
                if "DATA" in server.replies:
                    await self.push(server.replies["DATA"])
                    return
                await super().smtp_DATA(arg)

        return Protocol(self, hostname="mail.test", enable_SMTPUTF8=True, **self._options)

    def _authenticated(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        is_known = (data.login.decode(), data.password.decode()) == self._login
        return AuthResult(success=is_known, handled=False)

    async def _drip(self, server: SMTP) -> None:
        assert self._released is not None
        assert server.transport is not None
        waiting = asyncio.ensure_future(self._released.wait())
        while not waiting.done():
            server.transport.write(b"2")
            await asyncio.wait([waiting], timeout=0.05)
        server.transport.abort()

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self.replies.get("RCPT", "250 OK")
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.trouble == "silent":
            assert self._released is not None
            await self._released.wait()
            return "451 4.3.0 Too late"
        if self.trouble == "dripping":
            await self._drip(server)
            return "451 4.3.0 Too late"
        if "END" in self.replies:
            return self.replies["END"]
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.accepted.append((envelope, message))
        if self.trouble == "lost_answer":
            assert server.transport is not None
            server.transport.abort()
        return "250 2.0.0 Queued"
