"""What a text can be asked to go on from."""

import pytest

from lumina_cli.data.stats.beginnings import usual_beginning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. He was late. He was wet!\nHe was tired, and", "He was"),
        ("x\nKING RICHARD:\nNo.\n\nKING RICHARD:\nAy.\n", "KING RICHARD:"),
        ("one line that\ngoes on here\ngoes on here. Then it ends.", "Then it"),
        ("\nemma\nolivia\nemma", "emma"),
        ("。吾輩は猫である。名前はまだ無い。吾輩は泣いていた。", "吾輩は"),
        ("\nhttps://example.org/a/long/way/to/go is here", "htt"),
        ("no sentence ends here", ""),
        ("", ""),
        ("\n\n  \n...\n", ""),
    ],
)
def test_the_most_usual_beginning_of_sentences_and_lines_is_found(text: str, expected: str) -> None:
    assert usual_beginning(text) == expected
