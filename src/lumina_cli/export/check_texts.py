"""Texts on which the ids of an export are compared: the same ones every time.

Every script, emoji, control characters, what spells a tag or a byte's name, and text in the
model's own characters.
"""

import random
from collections.abc import Callable, Iterator, Sequence

from lumina_cli.export.tags import NONCHARACTER, byte_name
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import Special

NUM_TEXTS = 1_000
MAX_CHARS = 60
_SURROGATES = range(0xD800, 0xE000)

_BLOCKS = (
    (0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x400), (0x400, 0x530),
    (0x530, 0x600), (0x600, 0x750), (0x900, 0xD80), (0xE00, 0x1000), (0x1000, 0x1200),
    (0x1200, 0x1400), (0x1780, 0x1800), (0x1E00, 0x2000), (0x2000, 0x2070), (0x2190, 0x2600),
    (0x2600, 0x27C0), (0x3000, 0x3100), (0x3100, 0x3400), (0x4E00, 0xA000), (0xAC00, 0xD7A4),
    (0xE000, 0xE100), (0xFB00, 0xFE00), (0xFE00, 0xFE10), (0xFF00, 0x10000), (0x10000, 0x10400),
    (0x1D400, 0x1D800), (0x1F300, 0x1FB00), (0x20000, 0x2A6DF), (0xE0000, 0xE0080),
    (0x10FF00, 0x110000), (0, 0x20), (0x7F, 0xA0),
)  # fmt: skip
"""First and last code point of what a text is made of."""

_ODD = (
    "", "\0", "a\0b", "\r\n", "\n", "\r", "a\r\nb\n\rc", "\t", "  ", " a", "a ", "\ufeff",
    "\ufeffa", "\u2581", "\u2581a \u2581", "Ġ", "ĠaĊ", "Â©", "é", "e\u0301", "ﬁ", "K", "Å",
    "👩‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪🇫🇷", "1️⃣", "\u200b\u200d", "\u202eabc\u202c", "�", "\uffff",
    "\U0010ffff", NONCHARACTER, f"a{NONCHARACTER}b", "don't", "I'm we'll they've", "1234567890",
    "x = 3.14", "https://example.org/?a=b", "<s></s><unk><pad>", "[INST] [/INST]",
    "<|im_start|>user", "<|endoftext|>", "<bos>", "@@", "{{ messages }}", "\\u0041",
)  # fmt: skip


def check_texts(tokenizer: Tokenizer) -> list[str]:
    """Return 1,000 texts, none of them with half a surrogate pair."""
    rng = random.Random(0)
    texts = [*_ODD, *_spelled_names()]
    own = sorted(tokenizer.character_ids) or ["a"]
    makers: Sequence[Callable[[], str]] = (
        lambda: _of_block(rng),
        lambda: "".join(_of_block(rng)[:4] for _ in range(8)),
        lambda: "".join(rng.choices(own, k=rng.randint(1, MAX_CHARS))),
        lambda: rng.choice(texts).join(rng.choices(own, k=6)),
        lambda: rng.choice(own) * rng.randint(2, MAX_CHARS),
    )
    while len(texts) < NUM_TEXTS:
        texts.append(makers[len(texts) % len(makers)]())
    return texts


def _spelled_names() -> Iterator[str]:
    """Yield what spells a special id or a byte."""
    for special in Special:
        yield from (special.tag, f"a{special.tag}b", special.tag[:-1], special.tag * 2)
        yield special.tag.replace("|", f"|{NONCHARACTER}x", 1)
    yield from (byte_name(byte) for byte in range(0, 256, 5))
    yield f"{Special.BEGIN.tag}{Special.USER.tag}Hi{Special.END.tag}{Special.BOT.tag}"


def _of_block(rng: random.Random) -> str:
    first, last = rng.choice(_BLOCKS)
    points = [rng.randrange(first, last) for _ in range(rng.randint(1, MAX_CHARS))]
    return "".join(chr(point) for point in points if point not in _SURROGATES)
