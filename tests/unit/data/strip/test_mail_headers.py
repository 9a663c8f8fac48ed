import pytest

from lumina_cli.data.strip.mail_headers import begins_with_mail_header

NEWS = "From: someone@example.org (Some One)\nSubject: WHAT car is this!?\nLines: 15\n\nHello\n"


def test_a_mail_is_known_by_its_first_lines() -> None:
    assert begins_with_mail_header(NEWS)
    assert begins_with_mail_header("\n" + NEWS.replace("Lines: 15", "Received: by a\n\tfor b"))


@pytest.mark.parametrize(
    "text",
    [
        "Subject: An apology\nDate: today\n\nDear Sir,\n",
        "From: the beginning\nDate: of time\n",
        "A text.\n" + NEWS,
        "From: Berlin\nTo: Paris\nPrice: 90\n",
        "Date: \n" + " \n" * 5000 + "From:",
    ],
)
def test_other_texts_are_none(text: str) -> None:
    assert not begins_with_mail_header(text)
