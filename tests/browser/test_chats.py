"""Chats are kept in the browser, and in files that `lumina chat` reads and writes."""

import json
from pathlib import Path
from typing import Any

from lumina_cli.chat.session_file import SavedMessage, SavedSession, read_session, write_session
from lumina_cli.core.inference.config import SamplingConfig
from tests.browser.chatting import asked, choose, converse, notice, said, say
from tests.browser.fake_server import DIGEST, FakeApi, Reply, model, wait_until

HI = [("user", "hi"), ("bot", "Hello there")]
LARGE = 2**63 - 5


def ready(page: Any) -> None:
    page.wait_for_selector("#model-name:not(:empty)", state="attached")


def load(page: Any, path: Path) -> None:
    page.set_input_files("#file", path)
    page.wait_for_selector("article, #notice:not(:empty)")


def save(page: Any, path: Path) -> SavedSession:
    page.click("#show-chats")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(path)
    page.keyboard.press("Escape")
    return read_session(path)


def saved(*texts: str, seed: int = 7, **sampling: Any) -> SavedSession:
    return SavedSession(
        model=DIGEST,
        sampling=SamplingConfig(**sampling),
        seed=seed,
        num_drawn=3,
        messages=tuple(
            SavedMessage(role="bot" if n % 2 else "user", text=text) for n, text in enumerate(texts)
        ),
    )


def test_a_chat_survives_a_reload_and_a_new_tab(page: Any, api: FakeApi, url: str) -> None:
    converse(page, api, "hi", "Hello there")
    page.reload()
    ready(page)
    assert said(page) == HI
    other = page.context.new_page()
    other.goto(url)
    ready(other)
    assert said(other) == HI


def test_a_reload_in_mid_reply_keeps_what_was_said(page: Any, api: FakeApi) -> None:
    api.replies = [Reply("So far", waits=True)]
    page.fill("#input", "hi")
    page.press("#input", "Enter")
    page.wait_for_selector(".bot .text:text-is('So far')")
    page.reload()
    ready(page)
    assert said(page) == [("user", "hi"), ("bot", "So far")]


def test_several_chats_are_listed_newest_first_and_gone_back_to(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there")
    page.click("#new-chat")
    assert said(page) == []
    converse(page, api, "second", "yes")
    page.click("#show-chats")
    assert page.locator(".chat").all_inner_texts() == ["second", "hi"]
    page.click(".chat >> nth=1")
    assert said(page) == HI


def test_an_empty_chat_is_not_kept(page: Any) -> None:
    page.click("#new-chat")
    page.click("#show-chats")
    assert page.is_visible("#no-chats")


def test_a_chat_is_deleted_and_had_back(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there")
    page.click("#show-chats")
    page.click("[aria-label='Delete: hi']")
    assert said(page) == []
    page.click("#notice button:text-is('Undo')")
    assert said(page) == HI
    page.reload()
    ready(page)
    assert said(page) == HI


def test_a_file_of_the_page_is_read_by_lumina_chat(page: Any, api: FakeApi, tmp_path: Path) -> None:
    converse(page, api, 'hö "quoted" {"seed":"5"}\n', "Hello\n<|end|> 😀")
    session = save(page, tmp_path / "chat.json")
    assert [(m.role, m.text) for m in session.messages] == [
        ("user", 'hö "quoted" {"seed":"5"}\n'),
        ("bot", "Hello\n<|end|> 😀"),
    ]
    assert session.model == DIGEST
    assert session.sampling == SamplingConfig()
    assert session.num_drawn == 1
    assert session.seed == api.requests[0]["seed"]


def test_a_file_of_lumina_chat_is_gone_on_with_and_nothing_in_it_is_lost(
    page: Any, api: FakeApi, tmp_path: Path
) -> None:
    session = saved("hi", "Hello there", seed=LARGE, temperature=1.5, num_beams=9, stop=["x", "y"])
    write_session(tmp_path / "chat.json", session)
    load(page, tmp_path / "chat.json")
    assert said(page) == HI
    assert save(page, tmp_path / "again.json") == session
    say(page, "and?")
    assert asked(api)[-1] == ("user", "and?")
    request = api.requests[-1]
    assert (request["temperature"], request["stop"]) == (1.5, ["x", "y"])
    assert request["seed"] == LARGE + 3
    assert save(page, tmp_path / "more.json").num_drawn == 4


def test_a_file_says_the_same_as_lumina_chat_would_write(
    page: Any, api: FakeApi, tmp_path: Path
) -> None:
    session = saved("hi", "Hello there", stop=["\n"], seed=2**53 + 1)
    write_session(tmp_path / "chat.json", session)
    load(page, tmp_path / "chat.json")
    save(page, tmp_path / "again.json")
    both = [(tmp_path / name).read_text("utf-8") for name in ("chat.json", "again.json")]
    assert json.loads(both[0]) == json.loads(both[1])
    assert list(json.loads(both[0])) == list(json.loads(both[1]))


def test_a_chat_of_another_model_is_told(page: Any, api: FakeApi, tmp_path: Path) -> None:
    session = saved("hi", "Hello there").model_copy(update={"model": "e" * 64})
    write_session(tmp_path / "chat.json", session)
    load(page, tmp_path / "chat.json")
    page.wait_for_selector("#notice:not(:empty)")
    assert "made with another model" in notice(page)


NO_CHATS: list[tuple[Any, str]] = [
    ("{", "JSON"),
    ("[" * 100_000, "JSON"),
    ("null", "JSON"),
    ({"format": "other"}, "format"),
    ({"version": 2}, "version"),
    ({"seed": -1}, "seed"),
    ({"seed": 2**63}, "seed"),
    ({"seed": 1.5}, "seed"),
    ({"model": 1}, "model"),
    ({"messages": [{"role": "root", "text": "x"}]}, "messages.0"),
    ({"messages": [{"role": "bot", "text": "x"}]}, "messages"),
    ({"sampling": {"temperature": 0.05}}, "sampling.temperature"),
    ({"sampling": {"constructor": 1}}, "sampling.constructor"),
    ({"sampling": {"top_k": 1.5}}, "sampling.top_k"),
    ({"extra": 1}, "extra"),
]


def test_what_is_no_chat_is_told_with_its_place(page: Any, tmp_path: Path) -> None:
    for content, where in NO_CHATS:
        text = content
        if isinstance(content, dict):
            text = json.dumps({**json.loads(saved("hi").model_dump_json()), **content})
        (tmp_path / "chat.json").write_text(text, encoding="utf-8")
        page.set_input_files("#file", tmp_path / "chat.json")
        page.wait_for_selector(f"#notice:has-text('not a saved chat ({where})')")
        assert said(page) == []


def test_a_system_message_is_set_changed_and_removed(page: Any, api: FakeApi) -> None:
    page.click("#show-settings")
    page.fill("#set-system", "Be kind.")
    page.click("#settings .close")
    say(page, "hi")
    assert asked(api) == [("system", "Be kind."), ("user", "hi")]
    assert said(page)[0] == ("system", "Be kind.")
    page.click(".system button")
    page.fill("#set-system", "")
    page.click("#settings .close")
    assert said(page)[0] == ("user", "hi")


def test_settings_change_the_request_and_new_chats_begin_with_them(page: Any, api: FakeApi) -> None:
    page.click("#show-settings")
    page.select_option("#set-sampler", "top-k")
    assert not page.is_visible("#set-top_p")
    page.fill("#set-top_k", "5")
    page.fill("#set-temperature", "1.2")
    page.fill("#set-max_chars", "50")
    page.fill("#set-seed", "7")
    page.click("#settings .close")
    say(page, "hi")
    names = ("top_k", "temperature", "max_tokens", "seed")
    assert [api.requests[0][name] for name in names] == [5, 1.2, 50, 7]
    assert "top_p" not in api.requests[0]
    choose(page, "Retry")
    assert api.requests[1]["seed"] == 8
    page.click("#new-chat")
    say(page, "hi")
    assert api.requests[2]["top_k"] == 5


def test_a_setting_out_of_bounds_is_marked_and_not_taken(page: Any, api: FakeApi) -> None:
    page.click("#show-settings")
    for text in ("-3", "x", str(2**63)):
        page.fill("#set-seed", text)
        assert page.get_attribute("#set-seed", "aria-invalid") == "true"
    page.fill("#set-max_chars", "0")
    page.click("#settings .close")
    say(page, "hi")
    assert api.requests[0]["max_tokens"] == 1000


def test_the_models_own_settings_are_the_defaults(page: Any, api: FakeApi) -> None:
    api.models = [model("Model", sampling={"temperature": 0.3, "sampler": "min-p", "seed": 5})]
    page.reload()
    ready(page)
    say(page, "hi")
    assert api.requests[0]["temperature"] == 0.3
    assert api.requests[0]["min_p"] == 0.05


def test_a_full_storage_is_told_and_the_chat_goes_on(page: Any, api: FakeApi) -> None:
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full') } }")
    converse(page, api, "hi", "Hello there")
    assert said(page) == HI
    assert "storage is full" in notice(page)


def test_a_damaged_chat_in_the_storage_is_passed_over_and_stays(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there")
    page.evaluate("localStorage.setItem('lumina.chat.zzz', '{')")
    page.evaluate("sessionStorage.setItem('lumina.chat', 'zzz')")
    page.reload()
    ready(page)
    page.click("#show-chats")
    assert page.locator(".chat").all_inner_texts() == ["hi"]
    assert page.evaluate("localStorage.getItem('lumina.chat.zzz')") == "{"


def test_a_chat_that_another_window_changed_is_seen(page: Any, api: FakeApi, url: str) -> None:
    converse(page, api, "hi", "Hello there")
    other = page.context.new_page()
    other.goto(url)
    ready(other)
    converse(other, api, "and?", "more")
    page.wait_for_selector("article:nth-child(4)")
    assert said(page)[2:] == [("user", "and?"), ("bot", "more")]


def test_a_chat_that_is_left_in_mid_reply_keeps_what_was_said(page: Any, api: FakeApi) -> None:
    api.replies = [Reply("So far", waits=True)]
    page.fill("#input", "hi")
    page.press("#input", "Enter")
    page.wait_for_selector(".bot .text:text-is('So far')")
    page.click("#new-chat")
    wait_until(lambda: api.num_disconnects == 1)
    page.click("#show-chats")
    page.click(".chat")
    assert said(page) == [("user", "hi"), ("bot", "So far")]
