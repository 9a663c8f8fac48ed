"""What a model says while it is trained: always asked the same, so that one sees it improve."""

from collections.abc import Iterator, Sequence
from itertools import islice

from lumina_cli.conversation import Message
from lumina_cli.core.inference.batch import batch_generate
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import make_generator
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.recipes.data.sources import STARTER, Source
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import encode_prompt
from lumina_cli.tokenizer.special_ids import Special, is_special

NUM_PROMPTS = 3
SAMPLE_CHARS = 160
LOOKED_AT_IDS = 20_000
LONGEST_QUESTION = 80
"""In characters: it is shown on one line."""
OPENING_IDS, OPENING_WORDS, LONGEST_OPENING = 300, 3, 40
SAMPLE_PROMPTS = {STARTER: ("What is 3 plus 4?", "Hello", "What comes after Tuesday?")}
USUAL_SAMPLE_PROMPT = "Hello"


def choose_prompts(source: Source, corpus: Corpus) -> tuple[str | None, ...]:
    """Return what samples answer: questions of the data, at least one.

    Of plain text nothing (None: a text is begun), and a few words of it to go on from.
    """
    texts = (corpus.validation, corpus.train)
    if not corpus.train_counts.conversations:
        openings = (opening for text in texts for opening in _openings(text))
        return (None, *islice(dict.fromkeys(openings), NUM_PROMPTS - 1))
    if source.names[0] in SAMPLE_PROMPTS:
        return SAMPLE_PROMPTS[source.names[0]]
    questions = dict.fromkeys(question for text in texts for question in _questions(text))
    return tuple(islice(questions, NUM_PROMPTS)) or (USUAL_SAMPLE_PROMPT,)


def _questions(dataset: TokenDataset) -> Iterator[str]:
    """Yield the first short messages of users."""
    ids = dataset.slice(0, LOOKED_AT_IDS).ids.tolist()
    for start, id_ in enumerate(ids):
        if id_ != Special.USER or Special.END not in ids[start:]:
            continue
        text = dataset.tokenizer.decode(ids[start + 1 : ids.index(Special.END, start)])
        if text.strip() and text.isprintable() and len(text) <= LONGEST_QUESTION:
            yield text


def _openings(dataset: TokenDataset) -> Iterator[str]:
    """Yield a few words from parts of a text."""
    for part in range(1, NUM_PROMPTS):
        at = len(dataset) * part // NUM_PROMPTS
        ids = dataset.slice(at, min(at + OPENING_IDS, len(dataset))).ids.tolist()
        words = dataset.tokenizer.decode(id_ for id_ in ids if not is_special(id_)).split()
        text = " ".join(words[1 : OPENING_WORDS + 1])  # the first may be cut
        if text and text.isprintable() and len(text) <= LONGEST_OPENING:
            yield text


def say(
    model: Transformer,
    *,
    prompts: Sequence[str | None],
    is_chat: bool,
    tokenizer: Tokenizer,
    seed: int,
) -> list[str]:
    """Return what a model replies to each prompt, or how it goes on from it, side by side."""
    was_training = model.training
    output = batch_generate(
        model.eval(),
        [_prompt_ids(prompt, is_chat=is_chat, tokenizer=tokenizer) for prompt in prompts],
        tokenizer=tokenizer,
        config=SamplingConfig(temperature=0.5, max_chars=SAMPLE_CHARS),
        generators=[
            make_generator(seed, f"samples {number}" if number else "samples")
            for number in range(len(prompts))
        ],
    )
    texts = ["".join(chunk.text for chunk in chunks) for chunks in output]
    model.train(was_training)
    return texts


def _prompt_ids(prompt: str | None, *, is_chat: bool, tokenizer: Tokenizer) -> list[int]:
    if prompt is None:
        return [Special.BEGIN]
    if is_chat:
        return encode_prompt([Message("user", prompt)], tokenizer=tokenizer)
    return [Special.BEGIN, *tokenizer.encode(prompt)]
