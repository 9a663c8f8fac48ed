"""Messenger's and Instagram's JSON."""

from lumina_cli.data.chats.app_lines import APP, CALL, DELETED, MEDIA
from lumina_cli.data.chats.exporters.messenger import put_right
from tests.unit.data.chats.chatting import heard_json, hours_between, lines
from tests.unit.data.reading import counts


def garbled(text: str) -> str:
    """Return a text as these exports write it: a character for each byte."""
    return text.encode().decode("latin-1")


def said(name: str, text: str | None, hours: int = 0, **more: object) -> dict[str, object]:
    record = {"sender_name": garbled(name), "timestamp_ms": 1_611_435_933_000 + hours * 3_600_000}
    return {**record, **({} if text is None else {"content": garbled(text)}), **more}


def thread(*messages: object) -> dict[str, object]:
    people = [{"name": "Anna"}, {"name": garbled("Jörg Müller")}]
    return {"participants": people, "messages": list(messages), "title": "x", "magic_words": []}


def test_garbled_text_and_names_are_put_right() -> None:
    messages, _ = heard_json(thread(said("Jörg Müller", "schön 😀", 1), said("Anna", "na?")))
    assert lines(messages) == [("Jörg Müller", "schön 😀"), ("Anna", "na?")]
    assert hours_between(messages) == [-1.0]  # the newest stands first


def test_text_that_is_right_stays() -> None:
    assert put_right("Größe") == "Größe"
    assert put_right("😀 é") == "😀 é"
    assert put_right(garbled("Größe")) == "Größe"


def test_encrypted_chats_have_another_form() -> None:
    hi = {"senderName": "Jörg", "text": "schön", "timestamp": 1611435933000, "type": "text"}
    gone = {"senderName": "Anna", "text": "", "timestamp": 1611435933001, "isUnsent": True}
    export = {"participants": ["Anna", "Jörg"], "threadName": "Jörg_1", "messages": [hi, gone]}
    messages, report = heard_json(export)
    assert lines(messages) == [("Jörg", "schön")]
    assert counts(report.left_out) == {DELETED: 1}


def test_what_nobody_said_is_counted() -> None:
    messages, report = heard_json(
        thread(
            said("Anna", None, photos=[{"uri": "a.jpg"}]),
            said("Anna", "look", photos=[{"uri": "a.jpg"}]),
            said("Anna", "Anna sent an attachment.", share={"link": "https://x.org"}),
            said("Anna", "https://x.org", share={"link": "https://x.org"}),
            said("Jörg Müller", "Jörg hat die Gruppe Urlaub genannt."),
            said("Jörg Müller", "Hat mit ❤ auf deine Nachricht reagiert "),
            said("Anna", "Anna called you.", call_duration=61),
            said("Anna", None, is_unsent=True),
        )
    )
    assert lines(messages) == [("Anna", "look"), ("Anna", "https://x.org")]
    assert counts(report.left_out) == {MEDIA: 3, APP: 2, CALL: 1, DELETED: 1}


def test_the_files_of_one_chat_are_one_thread() -> None:
    names = ["inbox/anna_1/message_1.json", "inbox/anna_1/message_2.json"]
    threads = {heard_json(thread(said("Anna", "x")), name=name)[0][0].thread for name in names}
    assert len(threads) == 1
