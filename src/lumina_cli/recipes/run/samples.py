"""What a model says while it is trained: always asked the same, so that one sees it improve."""

from lumina_cli.conversation import Message
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import make_generator
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.recipes.data.sources import STARTER, Source
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import encode_prompt
from lumina_cli.tokenizer.special_ids import Special

SAMPLE_CHARS = 160
LOOKED_AT_IDS = 20_000
LONGEST_QUESTION = 80
"""In characters: it is shown on one line."""
SAMPLE_PROMPTS = {STARTER: "What is 3 plus 4?"}
USUAL_SAMPLE_PROMPT = "Hello"


def choose_prompt(source: Source, corpus: Corpus) -> str | None:
    """Return what samples answer: a question of the data; None for plain text.

    That they continue from nothing.
    """
    if not corpus.train_counts.conversations:
        return None
    if source.names[0] in SAMPLE_PROMPTS:
        return SAMPLE_PROMPTS[source.names[0]]
    return _question(corpus.validation) or _question(corpus.train) or USUAL_SAMPLE_PROMPT


def _question(dataset: TokenDataset) -> str:
    """Return the first short message of a user, or nothing."""
    ids = dataset.slice(0, LOOKED_AT_IDS).ids.tolist()
    for start, id_ in enumerate(ids):
        if id_ != Special.USER or Special.END not in ids[start:]:
            continue
        end = ids.index(Special.END, start)
        text = dataset.tokenizer.decode(ids[start + 1 : end])
        if text.strip() and text.isprintable() and len(text) <= LONGEST_QUESTION:
            return text
    return ""


def say(model: Transformer, *, prompt: str | None, tokenizer: Tokenizer, seed: int) -> str:
    """Return what a model replies, or how it begins a text."""
    ids: list[int] = [Special.BEGIN]
    if prompt is not None:
        ids = encode_prompt([Message("user", prompt)], tokenizer=tokenizer)
    was_training = model.training
    model.eval()
    chunks = generate(
        Engine(model),
        ids,
        tokenizer=tokenizer,
        config=SamplingConfig(temperature=0.5, max_chars=SAMPLE_CHARS),
        generator=make_generator(seed, "samples"),
    )
    text = "".join(chunk.text for chunk in chunks)
    model.train(was_training)
    return text
