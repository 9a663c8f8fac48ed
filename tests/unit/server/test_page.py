"""The page's files: how they are sent, how large they are, and that nothing is from outside."""

import re
import tomllib

import pytest

from tests.conftest import REPOSITORY

pytest.importorskip("starlette", reason="starlette is not installed (the extra serve)")

from starlette.applications import Starlette
from starlette.testclient import TestClient

from lumina_cli.server.page import look_files, page_files, page_routes, takes_gzip

MAX_SENT_BYTES = 40_000
"""Of all pages together, as browsers fetch them."""

FILES = page_files()
ALL_FILES = {**FILES, **{f"run_page/{name}": text for name, text in page_files("run_page").items()}}


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=page_routes()))


def test_every_file_is_sent_with_its_type_and_what_holds_harm_off(client: TestClient) -> None:
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
    for name, content in FILES.items():
        answer = client.get("/" if name == "index.html" else f"/page/{name}")
        assert answer.content == content
        assert answer.headers["content-type"] == f"{types[name.split('.')[1]]}; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        policy = answer.headers["content-security-policy"].split("; ")
        assert policy[0] == "default-src 'none'"
        for rule in ("script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert rule in policy
        assert "unsafe" not in str(policy)


def test_a_file_that_is_known_is_not_sent_again(client: TestClient) -> None:
    etag = client.get("/").headers["etag"]
    assert re.fullmatch('W/"[0-9a-f]{32}"', etag)
    for known in (etag, etag.removeprefix("W/"), f'"x", {etag}'):
        answer = client.get("/", headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
    assert client.get("/", headers={"If-None-Match": '"x"'}).status_code == 200


def test_head_has_the_same_headers_and_no_content(client: TestClient) -> None:
    answer = client.head("/", headers={"Accept-Encoding": "identity"})
    assert answer.headers["content-length"] == str(len(FILES["index.html"]))
    assert answer.content == b""


@pytest.mark.parametrize("path", ["/page/", "/page/../page.py", "/page/%2e%2e/page.py", "/page/x"])
def test_nothing_else_is_sent(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post("/").status_code == 405


def test_the_pages_are_small(client: TestClient) -> None:
    paths = ["/" if name == "index.html" else f"/page/{name}" for name in FILES]
    answers = [client.get(path, headers={"Accept-Encoding": "gzip"}) for path in paths]
    assert sum(int(answer.headers["content-length"]) for answer in answers) <= MAX_SENT_BYTES


@pytest.mark.parametrize("name", FILES)
def test_no_module_is_long(name: str) -> None:
    assert FILES[name].count(b"\n") <= 300


def test_the_page_look_is_sent_the_same_way(client: TestClient) -> None:
    sent = 0
    for name, content in look_files().items():
        path = "/look" if name == "look.html" else f"/look/{name}"
        answer = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert answer.content == content
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        sent += int(answer.headers["content-length"])
    assert b"$" not in look_files()["look.html"]
    assert sent <= MAX_SENT_BYTES
    assert client.get("/look/file.js").status_code == 404  # of the page that is one file


def test_who_takes_no_gzip_gets_the_file_as_it_is(client: TestClient) -> None:
    for accepted, packed in (("br, gzip", "gzip"), ("identity", None), ("gzip;q=0", None)):
        answer = client.get("/page/main.js", headers={"Accept-Encoding": accepted})
        assert answer.headers.get("content-encoding") == packed
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.content == FILES["main.js"]


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZIP ;q=0.5", True),
        ("gzip;q=0.000, br", False),
        ("xgzip", False),
        ("*", False),
        (";,;gzip", False),
    ],
)
def test_gzip_is_taken_by_who_says_so(accepted: str, takes: bool) -> None:
    assert takes_gzip(accepted) is takes


@pytest.mark.parametrize("name", ALL_FILES)
def test_nothing_comes_from_outside_and_no_text_becomes_markup_or_code(name: str) -> None:
    text = ALL_FILES[name].decode().replace("http://www.w3.org/2000/svg", "")  # a name, no address
    assert not re.search(r"https?://|//[\w-]+\.\w|@import|url\(", text)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|setTimeout\(['\"]"
        r"|\son\w+=\"|style=\"|<style|<script>",
        text,
    )


def test_every_file_in_the_folder_is_in_the_package() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    package_data = settings["tool"]["setuptools"]["package-data"]["lumina_cli"]
    assert {"server/page/*", "server/run_page/*", "browser/*/*"} <= set(package_data)
    source = REPOSITORY / "src/lumina_cli"
    folders = (source / name for name in ("server/page", "browser/parts"))
    assert {path.name for folder in folders for path in folder.iterdir()} == set(FILES)
    runs = (source / "server/run_page").iterdir()
    assert {path.name for path in runs} == set(page_files("run_page"))
