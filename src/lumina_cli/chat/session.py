"""A chat with one model: what was said, how replies are drawn, what the model has read.

It knows neither terminal nor files, and owns messages, not tensors: those are the `TextModel`'s.
Text goes in, text comes out as it is generated; what there is to tell beside it waits in
`take_notices`.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from lumina_cli.chat.changes import change
from lumina_cli.chat.commands import SetNumber, UseSampler
from lumina_cli.chat.context import CUT, FORGETS, MOVED_ON, Context, fit_context
from lumina_cli.chat.probs import CharacterProb, character_probs
from lumina_cli.chat.session_file import SavedMessage, SavedSession
from lumina_cli.conversation import Message
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.speculative.speculator import Acceptance
from lumina_cli.core.inference.text_model import TextModel
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import make_generator, new_seed
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import Special

ROOM_FOR_REPLY = 4
"""A prompt leaves this part (a quarter) of the context to the reply, and where old turns must
go, the same again to the turns that follow."""

SAID_NOTHING = "The model ended its reply at once, without a word; /retry may draw another."


@dataclass(frozen=True, slots=True)
class Stats:
    """Where a session stands."""

    turns: int
    context_ids: int
    context_size: int
    reply_chars: int
    reply_seconds: float
    seed: int
    acceptance: Acceptance | None = None
    chars_per_id: float = 1.0

    @property
    def chars_per_s(self) -> float:
        return self.reply_chars / self.reply_seconds if self.reply_seconds else 0.0


class Session:
    """A conversation with a model.

    Args:
        text_model: says the replies.
        config: how replies are drawn; without a seed, from one chosen now.
        digest: of the model file.
    """

    def __init__(self, text_model: TextModel, *, config: SamplingConfig, digest: str = "") -> None:
        self.config = config
        self.messages: list[Message] = []
        self.candidates: list[str] = []
        self._text_model = text_model
        self._digest = digest
        self._seed = new_seed() if config.seed is None else config.seed
        self._num_drawn = 0
        self._notices: list[str] = []
        self._told: set[str] = set()
        self._reply_chars = 0
        self._reply_seconds = 0.0
        self._drawn_ids: list[int] = []
        """Of the reply that was drawn last, <|end|> not among them."""
        self._replies: list[tuple[Message, list[int]]] = []
        """Those that were drawn here, with their ids: a text can be cut in many ways."""

    def say(self, text: str) -> Iterator[str]:
        """Answer a message, piece by piece; closing the iterator keeps what was said.

        What comes out has no control characters, and is what the model reads as its own
        words from then on.
        """
        has_no_reply = bool(self.messages) and self.messages[-1].role == "user"
        answered = self.messages[:-1] if has_no_reply else self.messages
        yield from self._answer([*answered, Message("user", text)])

    def retry(self) -> Iterator[str]:
        """Answer the last message anew, with other draws."""
        assert self.last_question is not None, "there is something to answer"
        has_reply = self.messages[-1].role == "bot"
        yield from self._answer(self.messages[:-1] if has_reply else self.messages)

    def undo(self) -> str | None:
        """Take back the last message and its reply; return the message, None if there is none."""
        question = self.last_question
        while question is not None and self.messages.pop().role != "user":
            pass
        return question

    def correct(self, reply: str) -> list[Message] | None:
        """Put another reply in place of the last; return all that was said, None without one."""
        if self.last_question is None:
            return None
        has_reply = self.messages[-1].role == "bot"
        said = self.messages[:-1] if has_reply else self.messages
        self.messages = [*said, Message("bot", reply)]
        return self.messages

    def clear(self) -> None:
        """Forget what was said; system message and settings stay."""
        self.messages = [message for message in self.messages if message.role == "system"]
        self.candidates = []

    def set_system(self, text: str) -> None:
        """Put a system message before everything, or none if it is empty."""
        rest = [message for message in self.messages if message.role != "system"]
        self.messages = [Message("system", text), *rest] if text else rest

    @property
    def system(self) -> str:
        """The system message, empty if there is none."""
        return next((message.text for message in self.messages if message.role == "system"), "")

    @property
    def last_question(self) -> str | None:
        """What the user said last."""
        questions = (message.text for message in reversed(self.messages) if message.role == "user")
        return next(questions, None)

    def change(self, command: SetNumber | UseSampler) -> str:
        """Change a sampler setting and return the line that tells of it."""
        self.config, line = change(self.config, command)
        if isinstance(command, SetNumber) and command.setting == "seed":
            self._seed, self._num_drawn = int(command.value), 0
        return line

    def take_notices(self) -> list[str]:
        """Return what there is to tell since the last call; each thing is told once."""
        notices, self._notices = self._notices, []
        return notices

    def stats(self) -> Stats:
        """Return where the session stands."""
        turns = sum(message.role == "user" for message in self.messages)
        return Stats(
            turns=turns,
            context_ids=self._text_model.num_context_ids if turns else 0,
            context_size=self._text_model.seq_length,
            reply_chars=self._reply_chars,
            reply_seconds=self._reply_seconds,
            seed=self._seed,
            acceptance=self._text_model.acceptance,
            chars_per_id=self._text_model.tokenizer.chars_per_id,
        )

    def probs(self, *, num_top_probs: int = 0) -> list[CharacterProb]:
        """Return how likely the characters or pieces of the last reply were; none without one."""
        read = self.last_reply_ids()
        if read is None:
            return []
        prompt_ids, output_ids = read
        return character_probs(
            self._text_model.model,
            prompt_ids,
            self.messages[-1].text,
            tokenizer=self._text_model.tokenizer,
            output_ids=output_ids,
            num_top_probs=num_top_probs,
        )

    def last_reply_ids(self) -> tuple[list[int], list[int]] | None:
        """Return the ids before the last reply and its own, as drawn; None without a reply."""
        if not self.messages or self.messages[-1].role != "bot":
            return None
        reply = self.messages[-1]
        drawn = next((ids for said, ids in self._replies if said is reply), None)
        output_ids = self.tokenizer.encode(reply.text) if drawn is None else drawn
        return self._context(self.messages[:-1]).ids, output_ids

    @property
    def model(self) -> Transformer:
        """The model that replies."""
        return self._text_model.model

    @property
    def tokenizer(self) -> Tokenizer:
        """That of the model."""
        return self._text_model.tokenizer

    def saved(self) -> SavedSession:
        """Return all that is needed to go on exactly here."""
        return SavedSession(
            model=self._digest,
            sampling=self.config,
            seed=self._seed,
            num_drawn=self._num_drawn,
            messages=tuple(SavedMessage(role=m.role, text=m.text) for m in self.messages),
        )

    def restore(self, saved: SavedSession) -> None:
        """Go on where a saved session was."""
        self.messages = saved.conversation()
        self.config = saved.sampling
        self.candidates = []
        self._seed, self._num_drawn = saved.seed, saved.num_drawn
        if saved.model != self._digest:
            self._notices.append(
                "This chat was saved with another model; this one goes on with it."
            )

    def _answer(self, messages: list[Message]) -> Iterator[str]:
        """Answer the last of `messages`; what was said stays said, however it ends."""
        context = self._context(messages)
        self._tell_what_is_left_out(context)
        self.candidates = []
        self._reply_chars, self._reply_seconds = 0, 0.0
        is_whole = False
        reply: list[str] = []
        started_s = time.perf_counter()
        try:
            for text in self._reply(context.ids):
                reply.append(text)
                self._reply_chars += len(text)
                self._reply_seconds = time.perf_counter() - started_s
                yield text
            is_whole = True
        finally:
            if reply or is_whole:
                said = Message("bot", "".join(reply))
                self.messages = [*messages, said]
                self._replies.append((said, self._drawn_ids))
                if not reply:
                    self._tell(SAID_NOTHING)
            else:
                self._leave_unanswered(messages)

    def _leave_unanswered(self, messages: list[Message]) -> None:
        """Keep a question that nothing was said to; one that was answered before keeps that."""
        if self.messages[: len(messages)] == messages and len(self.messages) > len(messages):
            self._notices.append("Nothing was said; the reply before stays.")
            return
        self.messages = messages
        self._notices.append(
            "Nothing was said: /retry asks again, another message takes the place of this one."
        )

    def _reply(self, prompt_ids: list[int]) -> Iterator[str]:
        if self.config.sampler == "beam":
            yield from self._search(prompt_ids)
            return
        reply = []
        for text in self._draw(prompt_ids):
            reply.append(text)
            yield text
        self.candidates = ["".join(reply)]
        if not self.config.is_greedy:
            for _ in range(self.config.num_candidates - 1):
                self.candidates.append("".join(self._draw(prompt_ids, is_aside=True)))

    def _draw(self, prompt_ids: list[int], *, is_aside: bool = False) -> Iterator[str]:
        """Yield a reply; aside, the next turn goes on from the one before it."""
        generator = make_generator(self._seed, f"reply {self._num_drawn}")
        self._num_drawn += 1
        num_slides = self._text_model.num_slides
        if not is_aside:
            self._drawn_ids = []
        chunks = self._text_model.stream(
            prompt_ids, config=self.config, generator=generator, is_aside=is_aside
        )
        try:
            with closing(chunks):  # type: ignore[type-var]  # it is a generator
                for chunk in chunks:
                    if not is_aside and chunk.id != Special.END:
                        self._drawn_ids.append(chunk.id)
                    if text := strip_controls(chunk.text):
                        yield text
        finally:
            if self._text_model.num_slides > num_slides:
                self._tell(MOVED_ON)

    def _search(self, prompt_ids: list[int]) -> Iterator[str]:
        """Yield the best reply at once; where the search is cut short, the best so far."""
        search = self._text_model.beam_search(prompt_ids, config=self.config)
        is_whole = False
        try:
            search.run()
            is_whole = True
        finally:
            found = search.best()
            self.candidates = [strip_controls(candidate.text) for candidate in found]
            said = found[0].chunks if found else ()
            self._drawn_ids = [chunk.id for chunk in said if chunk.id != Special.END]
            if not is_whole and any(self.candidates[:1]):
                self._notices.append("The search was cut short: that is the best it had found.")
            if found and found[0].outgrows(prompt_ids, seq_length=self._text_model.seq_length):
                self._tell(MOVED_ON)
            if any(self.candidates[:1]):
                yield self.candidates[0]

    def _context(self, messages: list[Message]) -> Context:
        seq_length, tokenizer = self._text_model.seq_length, self._text_model.tokenizer
        part = seq_length // ROOM_FOR_REPLY
        return fit_context(messages, tokenizer=tokenizer, max_ids=seq_length - part, spare_ids=part)

    def _tell_what_is_left_out(self, context: Context) -> None:
        if context.is_cut:
            self._tell(CUT)
        if context.turns_dropped:
            self._tell(FORGETS)

    def _tell(self, template: str) -> None:
        """Tell something once; `{}` stands for the length of the context in characters."""
        num_chars = self._text_model.seq_length * self._text_model.tokenizer.chars_per_id
        notice = template.format(round(num_chars))
        if notice not in self._told:
            self._told.add(notice)
            self._notices.append(notice)
