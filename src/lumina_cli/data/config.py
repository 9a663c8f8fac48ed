"""The settings of the data room (no torch)."""

import io
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lumina_cli.renamed_settings import with_first_names, with_new_names

Format = Literal[
    "auto",
    "chatgpt",
    "claude",
    "sillytavern",
    "oasst",
    "messages",
    "sharegpt",
    "pairs",
    "instructions",
    "transcripts",
    "documents",
    "subtitles",
    "mail",
    "html",
    "xml",
    "epub",
    "docx",
    "yaml",
    "tagged",
    "text",
    "chat",
]

LATER_SETTINGS = {"columns", "bot", "gap", "anonymize", "strip"}
"""What was added since fingerprints are made of settings: it is in one where it is set."""

STRIPPED = ("gutenberg", "xml", "html")

_GAP = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([smhd])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
NO_GAP = "never"


class DataConfig(BaseModel):
    """How files become conversations and texts, and these become ids."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    _renamed = model_validator(mode="before")(with_new_names)

    format: Format = Field("auto", description="Format of the data; auto detects it for each file.")
    encoding: str = Field(
        "utf-8", description="Character encoding of the text files, such as latin-1 or utf-16."
    )
    oasst_lang: str = Field(
        "en",
        description="Language of the OASST trees to read, by their first message: 'en', "
        "'en,de' or 'all'.",
    )
    oasst_paths: str = Field(
        "best",
        pattern=r"^(best|all|top-[1-9][0-9]{0,3})$",
        description="Conversations to take from each OASST tree: the 'best' one, 'all', or "
        "'top-3'.",
    )
    include_synthetic: bool = Field(
        False, description="Include OASST messages written by a machine."
    )
    fix_mojibake: bool = Field(
        False, description="Fix garbled text (mojibake), such as 'cafÃ©' for 'café'."
    )
    columns: str = Field(
        "",
        description="Names of columns that are called otherwise, such as "
        "'question=text,answer=code'.",
    )
    bot: tuple[str, ...] = Field(
        (),
        max_length=1000,
        description="Name of the speaker whom the model learns to be, in chats between people "
        "(repeatable); everyone else is the user.",
    )
    gap: str = Field(
        "6h",
        description="Pause that begins a new conversation in a chat, such as 30m, 6h or 2d, or "
        "'never'.",
    )
    anonymize: bool = Field(
        False,
        description="Replace the names of speakers, phone numbers, e-mail and web addresses.",
    )
    strip: str = Field(
        "",
        description="What to leave out of the texts: licences of Project Gutenberg and tags, such "
        "as 'gutenberg,xml,html'.",
    )
    allow_skips: bool = Field(
        False, description="Continue even if more than 5 % of the rows can't be read."
    )
    val_fraction: float = Field(
        0.1, ge=0.0, le=0.5, description="Share of the data held out for validation."
    )
    min_char_count: int = Field(
        2,
        ge=1,
        description="Minimum count for a character to get an id of its own; rarer ones are "
        "spelled in bytes.",
    )
    loss_on: Literal["bot", "all"] = Field(
        "all", description="Compute the loss on the bot's messages only, or on all."
    )

    @field_validator("columns")
    @classmethod
    def _names_columns(cls, columns: str) -> str:
        for pair in filter(None, columns.split(",")):
            ours, _, theirs = pair.partition("=")
            if not ours.strip() or not theirs.strip():
                raise ValueError("must name columns as in 'question=text,answer=code'")
        return columns

    @field_validator("strip", mode="before")
    @classmethod
    def _is_in_one_order(cls, strip: object) -> object:
        names = strip.split(",") if isinstance(strip, str) else strip
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            return strip
        given = {name.strip().lower() for name in names} - {""}
        if unknown := sorted(given - set(STRIPPED)):
            raise ValueError(f"must name some of {', '.join(STRIPPED)}, not {unknown[0][:40]!r}")
        return ",".join(name for name in STRIPPED if name in given)

    @property
    def stripped(self) -> frozenset[str]:
        """What is left out of the texts."""
        return frozenset(filter(None, self.strip.split(",")))

    def hashed(self, *, include: set[str] | None = None) -> dict[str, object]:
        """Return settings for a fingerprint: the same as ever where the same is set."""
        values = self.model_dump(mode="json", include=include)
        usual = type(self)().model_dump(mode="json", include=LATER_SETTINGS)
        set_ = {name: value for name, value in values.items() if value != usual.get(name, ...)}
        return with_first_names(set_)

    @property
    def column_names(self) -> dict[str, str]:
        """What the formats call a column, to what the data calls it."""
        pairs = (pair.partition("=") for pair in self.columns.split(",") if pair)
        return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}

    @property
    def named_columns(self) -> frozenset[str]:
        """The columns that the user has named, in lower case."""
        return frozenset(theirs.lower() for theirs in self.column_names.values())

    @field_validator("encoding")
    @classmethod
    def _is_a_text_encoding(cls, name: str) -> str:
        try:
            io.TextIOWrapper(io.BytesIO(), encoding=name)
        except (LookupError, ValueError) as error:
            raise ValueError(f"{name!r} is no text encoding that Python knows") from error
        return name

    @field_validator("bot", mode="before")
    @classmethod
    def _one_name_may_stand_alone(cls, bot: object) -> object:
        return (bot,) if isinstance(bot, str) else bot

    @field_validator("bot")
    @classmethod
    def _names_are_not_empty(cls, bot: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name.strip() for name in bot):
            raise ValueError("bot must be the name of a speaker")
        return bot

    @field_validator("gap")
    @classmethod
    def _is_a_pause(cls, gap: str) -> str:
        if gap != NO_GAP and not _GAP.fullmatch(gap):
            raise ValueError(
                f"must be a pause such as 30m, 6h or 2d, or {NO_GAP}, not {gap[:40]!r}"
            )
        return gap

    @property
    def gap_s(self) -> float | None:
        """The pause that begins a new conversation, in seconds; None for none."""
        match = _GAP.fullmatch(self.gap)
        return float(match[1]) * _SECONDS[match[2]] if match else None
