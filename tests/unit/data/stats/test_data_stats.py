"""What is counted of data, by hand."""

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.stats.data_stats import DataStats, collect_stats
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.chat_format import encode_documents
from lumina_cli.tokenizer.document_batch import DocumentBatch
from tests.unit.data.reading import SHARED, needs_shared_data, read


def stats(*documents: Document, seq_length: int = 10, min_char_count: int = 2) -> DataStats:
    batches = [DocumentBatch.of([document]) for document in documents]
    return collect_stats(batches, seq_length=seq_length, min_char_count=min_char_count)


def chat(*texts: str) -> Conversation:
    roles = ("user", "bot") * len(texts)
    return Conversation(tuple(Message(role, text) for role, text in zip(roles, texts)))  # noqa: B905


def test_characters_are_counted_once_for_each_distinct_one() -> None:
    found = stats(chat("aab", "b"), PlainText("ccé"))
    assert found.distinct_characters == 4
    assert (found.rare_characters, found.rare_examples) == (1, "é")


def test_ids_are_those_that_encoding_gives() -> None:
    documents = [chat("aab", "b😀"), PlainText("cc", ends=False), PlainText("é", starts=False)]
    tokenizer = CharacterTokenizer("abc")
    encoded = [encode_documents([each], tokenizer=tokenizer, loss_on="all") for each in documents]
    assert stats(*documents).ids == sum(len(each.ids) for each in encoded)


def test_lengths_are_measured_against_the_window() -> None:
    fits = chat("abc", "de")  # 1 + 2 + 3 + 2 + 2 = 10 ids
    found = stats(fits, chat("abc", "def"), PlainText("a" * 8), PlainText("a" * 9))
    assert found.documents == 4
    assert found.too_long == 2
    assert found.longest_message == 3


def test_duplicates_are_those_behind_the_first() -> None:
    same = chat("a", "b")
    found = stats(same, same, chat("a", "c"), same, PlainText("a"), PlainText("a"))
    assert found.duplicates == 3


def test_a_text_in_chunks_is_one_document() -> None:
    chunks = [PlainText("aaaaaaaa", ends=False), PlainText("bbb", starts=False)]
    found = stats(*chunks, PlainText("aaaaaaaabbb"))
    assert (found.documents, found.duplicates, found.too_long) == (2, 1, 2)


def test_previews_are_short_and_few() -> None:
    found = stats(*(PlainText("x" * 10_000) for _ in range(9)))
    assert [len(each.text) for each in found.previews if isinstance(each, PlainText)] == [280] * 3


@needs_shared_data
def test_a_known_book_is_counted_as_a_set_counts_it() -> None:
    path = SHARED / "text" / "tinyshakespeare.txt"
    text = path.read_text(encoding="utf-8")
    documents, _ = read(path)
    found = collect_stats([DocumentBatch.of(documents)], seq_length=256, min_char_count=1)
    assert found.distinct_characters == len(set(text)) == 65
    assert found.ids == len(text) + 2
    assert found.scripts["Latin"] == sum(letter.isalpha() for letter in text)
