import unicodedata

from lumina_cli.export.check_texts import NUM_TEXTS, check_texts
from lumina_cli.tokenizer.characters import CharacterTokenizer


def test_there_are_a_thousand_texts_always_the_same() -> None:
    texts = check_texts(CharacterTokenizer("ab"))
    assert len(texts) == NUM_TEXTS == 1000
    assert texts == check_texts(CharacterTokenizer("ab"))


def test_they_hold_what_is_hard_to_read() -> None:
    tokenizer = CharacterTokenizer("ab")
    texts = check_texts(tokenizer)
    together = "\n".join(texts)
    tokenizer.encode(together)  # no half of a surrogate pair among them
    for hard in ("\0", "\r\n", "<|end|>", "<0x41>", "👩‍👩‍👧‍👦", "\u2581", "Ġ", "\ufdd0"):
        assert any(hard in text for text in texts), hard
    scripts = {unicodedata.name(char, "?").split()[0] for char in together}
    expected = {"GREEK", "CYRILLIC", "HEBREW", "ARABIC", "DEVANAGARI", "THAI", "TIBETAN", "CJK"}
    assert expected | {"HANGUL", "HIRAGANA", "ETHIOPIC", "KHMER", "CHEROKEE"} <= scripts
    assert "" in texts
