"""What is learnt from: a conversation, message by message, or a plain text.

Every reader of the `data` room ends in these types, and the chat format of the
`tokenizer` room begins with them. They hold text as people wrote it: tags, ids and
masks are born later.
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "bot"]

ROLE_NAMES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    **dict.fromkeys(("user", "prompter", "human"), "user"),
    **dict.fromkeys(("bot", "assistant", "ai", "chatbot", "model"), "bot"),
    **dict.fromkeys(("gpt", "gpt3", "gpt-3", "gpt-3.5", "gpt4", "gpt-4"), "bot"),
    **dict.fromkeys(("chatgpt", "bard", "bing", "claude", "gemini"), "bot"),
}
"""The names that data sets give the three roles, in lower case."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    `in_loss=False` marks a message that is there as context only: where several paths
    of one tree share their first turns, each turn is learnt from in one of them.
    """

    role: Role
    text: str
    in_loss: bool = True


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in the order they were said.

    Conversations with the same `group` (paths of one tree, say) stay on the same side
    of the split into training and validation data.
    """

    messages: tuple[Message, ...]
    group: str | None = None


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text without turns, or a chunk of one that is too long to hold at once.

    A text that arrives in chunks has `starts` set on its first and `ends` on its last.
    """

    text: str
    starts: bool = True
    ends: bool = True


Document = Conversation | PlainText
