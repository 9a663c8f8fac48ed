from collections.abc import Iterator
from pathlib import Path

import pytest

from lumina_cli.errors import HubError, UsageError
from lumina_cli.export.huggingface.push import check_repo, plan_publication, publish
from tests.unit.export.huggingface.fake_hub import FakeHub

pytest.importorskip("huggingface_hub", reason="it talks to the hub")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    served = FakeHub()
    monkeypatch.setenv("HF_ENDPOINT", served.endpoint)
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield served
    served.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text("# Model\n", encoding="utf-8")
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "lumina-export.json").write_text("{}", encoding="utf-8")
    return tmp_path


def test_what_is_told_is_what_is_published(hub: FakeHub, folder: Path) -> None:
    publication = plan_publication(folder, "me/bot")
    assert publication.files == (("README.md", 8), ("config.json", 2))
    assert publish(publication) == publication.url == f"{hub.endpoint}/me/bot"
    assert hub.files == {"README.md": b"# Model\n", "config.json": b"{}"}
    assert hub.created == [{"name": "bot", "organization": "me", "visibility": "private"}]
    assert hub.tokens == {"Bearer hf_of_a_test"}


@pytest.mark.parametrize("status", [401, 403])
def test_without_the_right_to_write_it_is_told_how_to_get_it(
    hub: FakeHub, folder: Path, status: int
) -> None:
    hub.refusal = status
    with pytest.raises(HubError, match="does not let you write to me/bot") as told:
        publish(plan_publication(folder, "me/bot"))
    assert "HF_TOKEN" in told.value.hint
    assert hub.files == {}


def test_a_hub_that_fails_is_one_line(hub: FakeHub, folder: Path) -> None:
    hub.refusal = 418
    with pytest.raises(HubError, match="was not published") as told:
        publish(plan_publication(folder, "me/bot"))
    assert "\n" not in told.value.message


@pytest.mark.parametrize("repo", ["bot", "me/", "/bot", "a/b/c", "me/b ot", "me/../x", "-/x"])
def test_what_is_no_name_of_a_repository_is_refused(repo: str) -> None:
    with pytest.raises(UsageError, match="no name of a repository"):
        check_repo(repo)
