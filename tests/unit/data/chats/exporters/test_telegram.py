"""Telegram's result.json."""

from lumina_cli.data.chats.app_lines import APP, CALL, EMPTY, MEDIA
from tests.unit.data.chats.chatting import heard, heard_json, hours_between, lines
from tests.unit.data.reading import counts

HI = {"id": 1, "type": "message", "date": "2021-01-23T21:05:33", "from": "Anna", "text": "Hi"}
SPANS = ["see ", {"type": "bold", "text": "this"}, " now"]
HO = {"id": 2, "type": "message", "date": "2021-01-23T22:05:33", "from": "Ben", "text": SPANS}


def chat(*messages: object, name: str = "Ben") -> dict[str, object]:
    return {"name": name, "type": "personal_chat", "id": 7, "messages": list(messages)}


def test_one_chat_is_read_and_spans_are_joined() -> None:
    messages, report = heard_json(chat(HI, HO))
    assert lines(messages) == [("Anna", "Hi"), ("Ben", "see this now")]
    assert hours_between(messages) == [1.0]
    assert dict(next(iter(report.formats.values()))) == {"telegram": 2}


def test_all_chats_are_threads_of_their_own() -> None:
    contacts = {"about": "", "list": [{"first_name": "A" * 100}] * 5000}  # longer than a sample
    export = {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": 1, "bio": "x"},
        "contacts": contacts,
        "chats": {
            "about": "",
            "list": [chat(HI, HO), {"type": "saved_messages", "messages": [HI]}],
        },
        "left_chats": {"about": "", "list": [chat(HO)]},
    }
    messages, _ = heard_json(export)
    assert [message.text for message in messages] == ["Hi", "see this now", "Hi", "see this now"]
    assert len({message.thread for message in messages}) == 3


def test_what_nobody_said_is_counted() -> None:
    call = {"id": 3, "type": "service", "date": "2021-01-23T21:05:33", "action": "phone_call"}
    pin = {"id": 4, "type": "service", "date": "2021-01-23T21:05:33", "action": "pin_message"}
    photo = {**HI, "photo": "a.jpg", "text": ""}
    captioned = {**HI, "photo": "a.jpg", "text": "look"}
    unknown = {"id": 5, "type": "unsupported"}
    messages, report = heard_json(
        chat(HI, call, pin, photo, captioned, unknown, {**HI, "text": ""})
    )
    assert lines(messages) == [("Anna", "Hi"), ("Anna", "look")]
    assert counts(report.left_out) == {CALL: 1, APP: 1, MEDIA: 3, EMPTY: 1}


def test_an_account_that_is_gone_still_speaks() -> None:
    messages, _ = heard_json(chat({**HI, "from": None, "from_id": "user7"}, {**HO, "from": None}))
    assert [message.speaker for message in messages] == ["user7", "Deleted Account"]


def test_a_damaged_message_is_counted_and_the_next_one_read() -> None:
    messages, report = heard(
        '{"name": "Ben", "type": "personal_chat", "messages": [\n'
        '{"id": 1, "type": "message", "date": "2021-01-23T21:05:33", "from": "A", "text": "x"},\n'
        '{"id": 2, "type": "message", "date": oops, "from": "A", "text": "}"},\n'
        '{"id": 3, "type": "message", "date": "2021-01-23T21:05:33", "from": "B", "text": "\\x0B!"}'
        "]}",
        name="x.json",
    )
    assert lines(messages) == [("A", "x"), ("B", "!")]
    assert [str(issue.first) for _, issue in report.skipped] == ["x.json:3"]


def test_a_file_that_was_cut_off_gives_what_it_has() -> None:
    text = '{"name": "B", "messages": [{"id": 1, "type": "message", "date": "2021-01-23T21:05:33", '
    messages, report = heard(text + '"from": "A", "text": "x"}, {"id": 2, "ty', name="x.json")
    assert lines(messages) == [("A", "x")]
    assert report.skipped.total == 1
