"""How fast data is read and encoded, and in how much memory.

    python benchmarks/reading.py              three times 30 MB of each kind
    python benchmarks/reading.py --mb 1000 --rounds 1    a gigabyte of each kind

Each kind is written to a temporary folder and read in a process of its own, so that its
peak memory is its own: looked at as `lumina data check` does, and from the files to the
encoded corpus, as `lumina train` does. In turn with it, in the same rounds, go the peers of
`reading_peers.py`: the JSON reader of `datasets`, and a prepare script as of nanoGPT.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.corpus import load_corpus
from lumina_cli.data.documents import Documents
from lumina_cli.recipes.data.check import check
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.chat_format import encode_documents

try:
    import resource
except ImportError:  # it is POSIX only
    resource = None  # type: ignore[assignment]

PROSE = "The quick brown fox jumps over the lazy dog; it barks, and nothing else happens.\n"
PEER_CHARS = 4_000_000
PEERS = Path(__file__).with_name("reading_peers.py")
MOST_MB_OF_PEERS = 100
"""They hold all of a file, its characters or its rows, in memory."""
COLUMNS = ("check", "encoded", "peak_mb", "prepare", "datasets")


def prose_lines() -> Iterator[str]:
    """Plain ASCII text."""
    while True:
        yield PROSE * 1000


def oasst_rows() -> Iterator[str]:
    """Trees of four messages, with as much beside the text as on the hub."""
    beside = {"lang": "en", "deleted": False, "review_result": True, "synthetic": False}
    labels = {"name": ["spam", "quality", "toxicity"] * 4, "value": [0.123456] * 12}
    for tree in count():
        for index, role in enumerate(["prompter", "assistant", "prompter", "assistant"]):
            name, parent = f"{tree:032}-{index}", f"{tree:032}-{index - 1}" if index else None
            row = {"message_id": name, "parent_id": parent, "role": role, "rank": None, **beside}
            yield json.dumps(row | {"text": f"{tree} " + PROSE * 8, "labels": labels}) + "\n"


def short_rows() -> Iterator[str]:
    """The most messages that fit into a file: a few words each."""
    for tree in count():
        for index, role in enumerate(["prompter", "assistant"]):
            parent = f'"{tree}-0"' if index else "null"
            yield (
                f'{{"message_id": "{tree}-{index}", "parent_id": {parent}, "role": "{role}", '
                f'"lang": "en", "text": "some words {tree}"}}\n'
            )


def array_elements() -> Iterator[str]:
    """One JSON array on one line."""
    row = {"messages": [{"role": role, "content": PROSE * 4} for role in ("user", "assistant")]}
    yield "[" + json.dumps(row)
    while True:
        yield ", " + json.dumps(row)


def short_conversations() -> Iterator[str]:
    """A question of a few words and its answer."""
    for number in count():
        yield (
            json.dumps({"user": f"What is {number} plus 2?", "bot": f"It is {number + 2}."}) + "\n"
        )


def talk() -> Iterator[tuple[datetime, str, str]]:
    """When, who and what, of two people who talk for twenty minutes a day."""
    for number in count():
        day, turn = divmod(number, 20)
        time = datetime(2015, 1, 1, 20) + timedelta(days=day % 3_000, minutes=turn)
        yield time, "Ben" if number % 2 else "Anna", f"{number} {PROSE[: 10 + number % 60]}".strip()


def whatsapp() -> Iterator[str]:
    """A chat as WhatsApp exports it."""
    for at, name, text in talk():
        yield f"{at:%d.%m.%y, %H:%M} - {name}: {text}\n"


def telegram() -> Iterator[str]:
    """A chat as Telegram exports it; the brackets at its end are not yielded."""
    yield '{"name": "Ben", "type": "personal_chat", "id": 7, "messages": [{"type": "service"}'
    for number, (at, name, text) in enumerate(talk()):
        beside = {"id": number, "type": "message", "date": at.isoformat(), "from_id": "user7"}
        yield ",\n" + json.dumps(
            {
                **beside,
                "from": name,
                "text": text,
                "text_entities": [{"type": "plain", "text": text}],
            }
        )


KINDS: dict[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "plain text": ("x.txt", prose_lines),
    "OASST rows": ("x.jsonl", oasst_rows),
    "OASST rows, short": ("x.jsonl", short_rows),
    "short conversations": ("x.jsonl", short_conversations),
    "messages, one array": ("x.json", array_elements),
    "chat of WhatsApp": ("x.txt", whatsapp),
    "chat of Telegram": ("result.json", telegram),
}


def write(path: Path, pieces: Iterator[str], *, num_bytes: int) -> None:
    """Write pieces up to about `num_bytes`."""
    written = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        while written < num_bytes:
            written += file.write(next(pieces))
        file.write({"x.json": "]", "result.json": "]}"}.get(path.name, ""))


def measure(path: Path) -> dict[str, float]:
    """Look at a file, then make it an encoded corpus, in this process."""
    config = DataConfig.model_validate({"bot": "Ben"})
    before = peak_mb()
    check_s = _seconds(lambda: check([path], config=config, seq_length=128, batch_size=8))

    def encode() -> None:
        documents = Documents([path], config=config)
        load_corpus(
            lambda: documents,
            fingerprint=documents.fingerprint,
            config=config,
            seed=0,
            folder=path.parent / "cache",
        )

    return {"check_s": check_s, "encode_s": _seconds(encode), "peak_mb": peak_mb() - before}


def measure_apart(kind: str, *, num_mb: int, num_rounds: int) -> dict[str, list[float]]:
    """Return MB/s of looking and of encoding, the peak memory, and the peers' MB/s, by round."""
    name, pieces = KINDS[kind]
    found: dict[str, list[float]] = {column: [] for column in COLUMNS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path, pieces(), num_bytes=num_mb * 1_000_000)
        size_mb = path.stat().st_size / 1e6
        for _ in range(num_rounds):
            once = _json_of(__file__, "--measure", path)
            shutil.rmtree(path.parent / "cache")
            found["check"].append(size_mb / once["check_s"])
            found["encoded"].append(size_mb / once["encode_s"])
            found["peak_mb"].append(once["peak_mb"])
            if num_mb <= MOST_MB_OF_PEERS:
                found["prepare"].append(size_mb / _json_of(PEERS, "prepare", path))
            if num_mb <= MOST_MB_OF_PEERS and path.suffix != ".txt":
                found["datasets"].append(size_mb / _json_of(PEERS, "rows", path))
    return found


def _json_of(*command: object) -> Any:
    """Run a script in a process of its own; return what it printed last."""
    words = [sys.executable, *map(str, command)]
    return json.loads(
        subprocess.run(words, capture_output=True, check=True).stdout.splitlines()[-1]
    )


def times(ours: list[float], theirs: list[float]) -> str:
    """Return how many times as fast as a peer in the same rounds, the median with its range."""
    if not theirs:
        return ""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"


def spread(values: list[float]) -> str:
    """Return the median, the least and the largest as text."""
    return f"{statistics.median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def peak_mb() -> float:
    """Return the most memory this process has had so far; 0 where the system doesn't say."""
    if resource is None:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def encoding_against_the_peer() -> tuple[float, float]:
    """Return MB/s of our encoding, and of a list with a look-up a character."""
    text = (PROSE * (PEER_CHARS // len(PROSE) + 1))[:PEER_CHARS]
    tokenizer = CharacterTokenizer("".join(sorted(set(text))))
    table = {character: number for number, character in enumerate(sorted(set(text)))}
    ours = min(_seconds(lambda: tokenizer.encode_batch([text])) for _ in range(5))
    peer = min(_seconds(lambda: [table[character] for character in text]) for _ in range(5))
    return PEER_CHARS / ours / 1e6, PEER_CHARS / peer / 1e6


def together_against_one_by_one() -> float:
    """Return how many times faster short conversations are encoded many at a time."""
    rows = map(json.loads, islice(short_conversations(), 20_000))
    talks = [
        Conversation((Message("user", row["user"]), Message("bot", row["bot"]))) for row in rows
    ]
    tokenizer = CharacterTokenizer("".join(map(chr, range(32, 127))))

    def one_by_one() -> None:
        for talk in talks:
            encode_documents([talk], tokenizer=tokenizer, loss_on="all")

    def together() -> None:
        encode_documents(talks, tokenizer=tokenizer, loss_on="all")

    return min(_seconds(one_by_one) for _ in range(3)) / min(_seconds(together) for _ in range(3))


def _seconds(function: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--mb", type=int, default=30, help="size of each file in MB")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    lines = {}
    print(
        f"| {options.mb} MB of | checked, MB/s | to a corpus, MB/s | peak, MB "
        "| times a prepare script | times the reader of `datasets`, to rows |\n|---|" + "---|" * 5
    )
    for kind in options.kind or KINDS:
        found = measure_apart(kind, num_mb=options.mb, num_rounds=options.rounds)
        columns = [spread(found[key]) for key in ("check", "encoded", "peak_mb")]
        columns += [times(found["encoded"], found[peer]) for peer in ("prepare", "datasets")]
        print(f"| {kind} | {' | '.join(columns)} |", flush=True)
        lines[kind] = found
    ours, peer = encoding_against_the_peer()
    together = together_against_one_by_one()
    print(
        f"\nEncoding alone, ASCII: {ours:,.0f} MB/s, {ours / peer:.0f} times the peer's "
        f"{peer:,.0f}. Short conversations together: {together:.0f} times as fast as one by one."
    )
    # torch is imported only now: a process counts the peak of the one that started it as its own.
    from measuring import describe, machine, write_json  # noqa: PLC0415

    print(f"\n{describe(machine())}")
    if options.json:
        alone = {"ours": ours, "peer": peer, "together_against_one_by_one": together}
        write_json(options.json, {"machine": machine(), "reading": lines, "encoding": alone})


if __name__ == "__main__":
    main()
