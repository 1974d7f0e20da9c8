"""Mail over a real SMTP server that takes it, refuses it, hangs and hangs up."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from heedful.connectors import Secret, Surroundings, read_unsubscribe_token
from heedful.connectors.email import PLUGIN, EmailSettings
from heedful.kernel import InputError
from heedful.ports import Delivery
from tests.unit.connectors.certificates import certify
from tests.unit.connectors.mail_server import MailServer
from tests.unit.connectors.rigs import call, emails, message

ID = "<e_1@shop.example>"
SHORT_S = 0.5
LONG_S = 20.0

# aiosmtpd warns of a login without TLS, which is what some of these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


def ended(status: str, code: str) -> Delivery:
    """Say what a call that reached a server gives."""
    return Delivery(status, code, reference=ID)  # type: ignore[arg-type]


def test_a_message_arrives(server: MailServer) -> None:
    connector = emails(server.port)
    assert connector.deliver(message(text="Grüße\n.\n..\nend")) == ended("delivered", "smtp_250")
    envelope, mail = server.accepted[0]
    assert envelope.mail_from == "hello@shop.example"
    assert envelope.rcpt_tos == ["ann@example.com"]
    assert mail["Subject"] == "Grüße . .. end"
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().startswith("Grüße\r\n.\r\n..\r\nend\r\n")
    assert mail["Message-ID"] == ID
    connector.close()


def test_a_promotional_message_can_be_left_with_one_click(server: MailServer) -> None:
    connector = emails(server.port)
    connector.deliver(message(message_class="promotional"))
    link = server.accepted[0][1]["List-Unsubscribe"].strip("<>")
    head, _, token = link.rpartition("/")
    assert head == "https://shop.example/v1/unsubscribe"
    wish = read_unsubscribe_token(b"secret", token)
    assert wish == ("c_1", "email", "marketing", "d_1")


def test_what_rests_on_a_consent_can_be_left_too(server: MailServer) -> None:
    connector = emails(server.port)
    connector.deliver(message(purpose="newsletter"))
    connector.deliver(message("e_2"))
    newsletter, receipt = (mail for _, mail in server.accepted)
    token = newsletter["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    wish = read_unsubscribe_token(b"secret", token)
    assert wish is not None
    assert wish.purpose == "newsletter"
    assert receipt["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    ("command", "reply", "delivery"),
    [
        ("MAIL", "451 4.3.0 Later", ended("retry", "smtp_451")),
        ("MAIL", "530 5.7.0 Who are you", ended("failed", "smtp_530")),
        ("RCPT", "450 4.2.0 Greylisted", ended("retry", "smtp_450")),
        ("RCPT", "421 4.3.2 Closing", ended("retry", "smtp_421")),
        ("RCPT", "452 4.2.2 Mailbox full", ended("retry", "smtp_452")),
        ("RCPT", "550 5.1.1 ann@example.com unknown", ended("failed", "smtp_550")),
        ("RCPT", "553 5.1.3 Bad address", ended("failed", "smtp_553")),
        ("RCPT", "251 Forwarded", ended("delivered", "smtp_250")),
        ("RCPT", "999 What", ended("retry", "smtp_bad_answer")),
        ("RCPT", "nonsense", ended("retry", "smtp_bad_answer")),
        ("DATA", "451 4.3.0 Later", ended("retry", "smtp_451")),
        ("DATA", "554 5.7.1 No", ended("failed", "smtp_554")),
        ("DATA", "250 What", ended("retry", "smtp_bad_answer")),
        ("END", "451 4.3.0 Later", ended("retry", "smtp_451")),
        ("END", "552 5.3.4 Too big", ended("failed", "smtp_552")),
        ("END", "554 5.7.1 Spam", ended("failed", "smtp_554")),
        ("END", "nonsense", ended("unknown", "smtp_bad_answer")),
        ("END", "550 " + "x" * 9_000, ended("unknown", "smtp_bad_answer")),
    ],
)
def test_a_reply_says_what_became_of_the_message(
    server: MailServer, command: str, reply: str, delivery: Delivery
) -> None:
    server.replies[command] = reply
    assert emails(server.port, timeout_s=LONG_S).deliver(message()) == delivery


def test_a_connection_that_is_lost_after_the_message_leaves_the_end_open(
    server: MailServer,
) -> None:
    server.stage("lost_answer")
    connector = emails(server.port, timeout_s=LONG_S)
    assert connector.deliver(message()) == ended("unknown", "connection_lost")
    assert len(server.accepted) == 1


def test_an_answer_that_never_comes_leaves_the_end_open(server: MailServer) -> None:
    server.stage("silent")
    connector = emails(server.port, timeout_s=SHORT_S)
    assert connector.deliver(message()) == ended("unknown", "answer_timeout")


def test_a_server_that_does_not_greet_has_no_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        connector = emails(deaf.getsockname()[1], timeout_s=SHORT_S)
        assert connector.deliver(message()) == ended("retry", "connect_timeout")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert emails(port).deliver(message()) == ended("retry", "connect_failed")


@pytest.mark.parametrize(
    ("message_class", "is_once"),
    [("promotional", True), ("service", False), ("transactional", False), ("mandatory", False)],
)
def test_an_offer_is_sent_at_most_once(message_class: str, is_once: bool) -> None:
    connector = emails(1)
    effect = message(message_class=message_class)  # type: ignore[arg-type]
    assert connector.is_at_most_once(effect) is is_once
    assert not connector.is_at_most_once(call())


def test_what_cannot_be_sent_is_refused_before_the_call() -> None:
    connector = emails(1)  # nobody listens there
    offer = message(message_class="promotional")
    for made, effect, code in [
        (connector, message(to=""), "no_address"),
        (connector, message(to="ann"), "bad_address"),
        (connector, message(to="ann@example.com\r\nBcc: all@example.com"), "bad_address"),
        (connector, message(expires_at=1), "expired"),
        (connector, message(text="\ud800"), "bad_content"),
        (connector, message(text="x" * 2_000_000), "content_too_large"),
        (connector, call(), "wrong_effect"),
        (emails(1, postal_address=" \n"), offer, "no_postal_address"),
        (emails(1, unsubscribe_url=""), offer, "no_unsubscribe_url"),
    ]:
        assert made.deliver(effect) == Delivery("failed", code)


def test_a_customer_whose_id_is_no_text_is_refused() -> None:
    effect = msgspec.structs.replace(message(message_class="promotional"), customer_id="\ud800")
    assert emails(1).deliver(effect) == Delivery("failed", "bad_content")


def settings(**given: object) -> EmailSettings:
    """Read settings as from a file."""
    return msgspec.convert({"host": "localhost", "from": "a@shop.example", **given}, EmailSettings)


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("plain", 25)])
def test_the_port_follows_the_security(
    security: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], **_: object) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    made = PLUGIN.open("email", settings(host="127.0.0.1", security=security), Surroundings(b"s"))
    assert made.deliver(message()).code == "connect_failed"
    assert called == [("127.0.0.1", port)]


@pytest.mark.parametrize(
    "host", ["mail.example.com", "10.0.0.1", "localhost.example.com", "0.0.0.0"]
)
def test_without_tls_mail_stays_on_this_machine(host: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="another machine"):
        settings(host=host, security="plain")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.3.4.5", "::1"])
def test_this_machine_may_be_spoken_to_plainly(host: str) -> None:
    assert settings(host=host, security="plain").host == host


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"username": "me"}, "username and a password"),
        ({"password": Secret("env:P", "p")}, "username and a password"),
        ({"from": "Shop <a@shop.example>"}, "e-mail address"),
        ({"reply_to": "nobody"}, "e-mail address"),
        ({"port": 0}, ">= 1"),
        ({"timeout_s": 0}, "> 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(given: dict[str, object], fault: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=fault):
        settings(**given)


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/u", "https://shop.example/<u>", "https://bücher.example", "shop.example"],
)
def test_a_link_that_is_not_https_is_refused(url: str) -> None:
    with pytest.raises(InputError) as caught:
        PLUGIN.open("email", settings(unsubscribe_url=url), Surroundings(b"s"))
    assert caught.value.code == "bad_unsubscribe_url"


@pytest.mark.parametrize(
    ("public_url", "link"),
    [
        ("https://events.example.com", "<https://events.example.com/v1/unsubscribe/"),
        ("https://events.example.com/", "<https://events.example.com/v1/unsubscribe/"),
        ("http://127.0.0.1:8765", None),
        ("", None),
    ],
)
def test_the_server_itself_takes_the_click(
    server: MailServer, public_url: str, link: str | None
) -> None:
    given = settings(security="plain", port=server.port, postal_address="Street 1")
    made = PLUGIN.open("email", given, Surroundings(b"s", public_url=public_url))
    delivery = made.deliver(message(message_class="promotional"))
    if link is None:
        assert delivery == Delivery("failed", "no_unsubscribe_url")
    else:
        assert server.accepted[0][1]["List-Unsubscribe"].startswith(link)


PASSWORD = Secret("env:SMTP_PASSWORD", "open sesame")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_encrypted_and_with_a_login(tmp_path: Path, security: str) -> None:
    certified = certify(tmp_path)
    encrypted = {security: certified.context}
    given = {
        "security": security,
        "ca_file": certified.ca_file,
        "username": "shop",
        "password": PASSWORD,
    }
    with MailServer(login=("shop", "open sesame"), **encrypted) as server:
        connector = emails(server.port, timeout_s=LONG_S, **given)
        assert connector.deliver(message()) == ended("delivered", "smtp_250")
        wrong = emails(
            server.port, timeout_s=LONG_S, **given | {"password": Secret("env:P", "sesame")}
        )
        # It is no fault of the message: it waits until somebody mends the password.
        assert wrong.deliver(message()) == ended("retry", "smtp_535")
        assert len(server.accepted) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_cannot_prove_itself_gets_nothing(tmp_path: Path, security: str) -> None:
    certified = certify(tmp_path, "mail.example")
    with MailServer(**{security: certified.context}) as server:
        strange = emails(server.port, timeout_s=LONG_S, security=security)
        misnamed = emails(
            server.port, timeout_s=LONG_S, security=security, ca_file=certified.ca_file
        )
        for connector in (strange, misnamed):
            assert connector.deliver(message()) == ended("retry", "tls_failed")
        assert server.accepted == []


def test_a_server_without_tls_gets_nothing(server: MailServer) -> None:
    connector = emails(server.port, timeout_s=LONG_S, security="starttls")
    assert connector.deliver(message()) == ended("retry", "tls_failed")
    assert server.accepted == []


def test_a_server_that_wants_a_login_waits_for_one() -> None:
    with MailServer(login=("shop", "open sesame")) as server:
        assert emails(server.port, timeout_s=LONG_S).deliver(message()).status != "delivered"
        assert server.accepted == []


def test_a_bad_file_of_certificates_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        emails(1, security="tls", ca_file="/nowhere/ca.pem")
    assert caught.value.code == "bad_ca_file"
