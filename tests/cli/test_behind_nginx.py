"""The files that docs/serve.md shows: nginx before a server, and a unit of systemd."""

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from lumina_cli.server.config import ServeConfig
from tests.conftest import REPOSITORY
from tests.server.live import PATIENCE_S, wait_for

from .serve_program import KEY, program

HOST = "chat.example.org"
ORIGIN = f"https://{HOST}"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
ANALYZE = shutil.which("systemd-analyze")
needs_nginx = pytest.mark.skipif(
    NGINX is None or shutil.which("openssl") is None, reason="needs nginx and openssl"
)


def shown(kind: str) -> str:
    """Return the block of this kind in docs/serve.md."""
    text = (REPOSITORY / "docs" / "serve.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)
    return str(block)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def nginx(folder: Path, *, upstream: str) -> Iterator[int]:
    """Run nginx as the page shows it, but for its port, its certificate and lumina's port."""
    assert NGINX is not None
    key, certificate, port = folder / "key.pem", folder / "certificate.pem", free_port()
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={HOST}"]
    subprocess.run(
        [*request, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    server = shown("nginx")
    for found, ours in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"/etc/ssl/{HOST}.pem", str(certificate)),
        (f"/etc/ssl/{HOST}.key", str(key)),
        ("http://127.0.0.1:8000", upstream),
    ):
        assert found in server
        server = server.replace(found, ours)
    temporary = "\n".join(
        f"{kind}_temp_path {folder / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"pid {folder / 'pid'};\nerror_log {folder / 'errors'};\nevents {{}}\n"
        f"http {{ access_log off;\n{temporary}\n{server} }}\n",
        encoding="utf-8",
    )
    call = [NGINX, "-p", str(folder), "-e", str(folder / "errors"), "-c", str(config)]
    subprocess.run([*call, "-t"], check=True, capture_output=True)
    running = subprocess.Popen([*call, "-g", "daemon off;"])
    try:
        wait_for(lambda: can_connect(port))
        yield port
    finally:
        running.terminate()
        running.wait(PATIENCE_S)


def can_connect(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Visitor:
    """Asks through the proxy, by its name and over TLS."""

    def __init__(self, port: int) -> None:
        self._port = port

    def begin(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        """Send a request; return the connection and its answer, not read yet."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, timeout=PATIENCE_S, context=context
        )
        raw = None if body is None else json.dumps(body)
        sent = {"Host": HOST, "Authorization": f"Bearer {KEY}", **headers}
        connection.request("GET" if raw is None else "POST", path, raw, sent)
        return connection, connection.getresponse()

    def ask(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        """Send a request; return the status and what came."""
        connection, answer = self.begin(path, body, **headers)
        try:
            return answer.status, answer.read()
        finally:
            connection.close()


@needs_nginx
def test_behind_nginx_texts_stream_strangers_stay_out_and_who_goes_frees_a_row(
    letters_model: Path, tmp_path: Path
) -> None:
    arguments = ("-m", letters_model, "--cors-origin", ORIGIN)
    with (
        program(*arguments, LUMINA_API_KEY=KEY) as running,
        nginx(tmp_path, upstream="http://" + urlsplit(running.url_of("")).netloc) as port,
    ):
        visitor = Visitor(port)
        assert visitor.ask("/")[0] == 200
        assert visitor.ask("/health")[0] == 200
        body = {"prompt": "abc", "max_tokens": 8, "seed": 1}
        assert visitor.ask("/v1/completions", body, Authorization="Bearer wrong")[0] == 401
        assert visitor.ask("/v1/completions", body, Origin="https://elsewhere.org")[0] == 403
        status, raw = visitor.ask("/v1/completions", body, Origin=ORIGIN)
        assert (status, len(json.loads(raw)["choices"][0]["text"])) == (200, 8)
        assert visitor.ask("/v1/completions", {"prompt": "a" * 2_000_000})[0] == 413
        endless = {"prompt": "a", "max_tokens": 1_000_000, "stream": True}
        connection, answer = visitor.begin("/v1/completions", endless)
        assert answer.readline().startswith(b"data: {")  # it comes before it is whole
        assert b"lumina_texts_running 1\n" in visitor.ask("/metrics")[1]
        answer.close()
        connection.close()
        wait_for(lambda: b"lumina_texts_running 0\n" in visitor.ask("/metrics")[1])


def test_the_bounds_of_nginx_and_systemd_leave_room_for_those_of_the_server() -> None:
    config, block = ServeConfig(), shown("nginx")
    (read_timeout_s,) = re.findall(r"proxy_read_timeout (\d+)s;", block)
    assert int(read_timeout_s) > config.request_timeout_s
    assert "client_max_body_size 1m;" in block  # 1 MiB, as the server takes
    assert int(unit()["Service"]["TimeoutStopSec"]) > config.shutdown_grace_s


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    assert ANALYZE is not None
    text = shown("ini").replace("/srv/lumina/.venv/bin/lumina", "/bin/true")
    path = tmp_path / "lumina.service"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([ANALYZE, "verify", str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def unit() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(shown("ini"))
    return parser
