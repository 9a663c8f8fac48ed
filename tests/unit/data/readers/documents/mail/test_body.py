"""What the sender wrote, and what is quoted."""

from collections import Counter

import pytest

from lumina_cli.data.readers.documents.mail.body import (
    LIST_FOOTER,
    QUOTED,
    SEAL,
    SIGNATURE,
    own_text,
    unflow,
)


def own(text: str) -> tuple[str, dict[str, int]]:
    counted: Counter[str] = Counter()
    return own_text(text, count=lambda wording: counted.update([wording])), dict(counted)


INTRODUCTIONS = [
    "On Mon, Jan 6, 2025 at 10:00 AM Ann Lee <ann@example.org> wrote:",
    "On Monday, January 6, 2025 at 10:00:00 AM UTC+1 Ann Lee\n<ann@example.org> wrote:",
    "Am 06.01.25 um 10:00 schrieb Ann Lee:",
    "Le lun. 6 janv. 2025 à 10:00, Ann Lee <ann@example.org> a écrit :",
    "El lun, 6 ene 2025 a las 10:00, Ann Lee (<ann@example.org>) escribió:",
    "Ann Lee <ann@example.org> writes:",
    "2025年1月6日(月) 10:00 Ann Lee <ann@example.org>:",
    "6 янв. 2025 г., в 10:00, Ann Lee написал(а):",
]


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_a_quotation_goes_with_the_line_that_introduces_it(introduction: str) -> None:
    text = f"Yes, I come.\n\n{introduction}\n> Do you come?\n>\n> Ann\n"
    assert own(text) == ("Yes, I come.", {QUOTED: 1})


def test_answers_between_quotations_stay(tmp_path: object) -> None:
    text = "Hi Ann,\n\nAnn wrote:\n> One?\nYes.\n\n> Two?\n> Three?\n\nNo.\n"
    assert own(text) == ("Hi Ann,\n\nYes.\n\nNo.", {QUOTED: 2})


def test_a_sentence_that_ends_in_a_colon_stays() -> None:
    assert own("I like this. Look:\n\n> a poem\n")[0] == "I like this. Look:"


ORIGINALS = [
    "-----Original Message-----\nFrom: Ann\nSent: Monday\nTo: Ben\nSubject: Tea\n\nDo you come?",
    "________________________________\nFrom: Ann <ann@example.org>\nSent: Monday\nTo: Ben\n\nQ?",
    "Von: Ann\nGesendet: Montag\nAn: Ben\nBetreff: Tee\n\nKommst du?",
    "De : Ann\nEnvoyé : lundi\nÀ : Ben\nObjet : Thé\n\nTu viens ?",
    "-------- Ursprüngliche Nachricht --------\nVon: Ann\nDatum: 6.1.\n\nKommst du?",
]


@pytest.mark.parametrize("original", ORIGINALS)
def test_a_message_quoted_below_a_line_is_left_out(original: str) -> None:
    assert own(f"Yes, I come.\n\n{original}\n") == ("Yes, I come.", {QUOTED: 1})


def test_a_transcript_is_no_quoted_header() -> None:
    text = "From: the sea\nit came.\n\nDate: unknown"
    assert own(text) == (text, {})


SIGNATURES = ["-- \nBen\nAcme Ltd", "--\nBen", "Sent from my iPhone", "Von meinem iPhone gesendet"]


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_is_left_out(signature: str) -> None:
    assert own(f"Yes.\n\n{signature}\n") == ("Yes.", {SIGNATURE: 1})


def test_a_quotation_below_a_signature_is_counted_too() -> None:
    text = "Yes.\n-- \nBen\n\nOn 6 Jan, Ann wrote:\n> Do you?\n"
    assert own(text) == ("Yes.", {SIGNATURE: 1, QUOTED: 1})


def test_two_hyphens_far_above_the_end_are_text() -> None:
    text = "One\n--\n" + "line\n" * 20 + "end"
    assert own(text) == (text, {})


def test_the_footer_of_a_list_is_left_out() -> None:
    text = f"Yes.\n{'_' * 47}\nTea mailing list\nhttps://example.org/listinfo/tea\n"
    assert own(text) == ("Yes.", {LIST_FOOTER: 1})


def test_a_seal_is_left_out() -> None:
    text = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- - a list\nHello\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n"
    )
    assert own(text) == ("- a list\nHello", {SEAL: 1})


def test_lines_that_were_broken_for_the_way_are_whole_again() -> None:
    text = "This is a long \nline.\nNext\n> quoted \n> text\n-- \nBen \nLee\n"
    assert unflow(text, without_space=False) == (
        "This is a long line.\nNext\n> quoted text\n-- \nBen Lee\n"
    )
    assert unflow("これは \n一行", without_space=True) == "これは一行"


WICKED = ["> ", ":", ">\n", "-- \n", "On 1 wrote: ", "a\n>\n", "_" * 40 + "\n", "From: a\n", " \n"]


@pytest.mark.parametrize("part", WICKED)
def test_no_body_takes_time_without_measure(part: str) -> None:
    own(part * 50_000)
    unflow(part * 50_000, without_space=False)
