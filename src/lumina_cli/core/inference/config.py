"""How the next character is chosen (no torch)."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SamplerName = Literal["greedy", "top-k", "nucleus", "min-p", "beam"]

MAX_STOPS = 1_000
"""Each is looked for at every character."""

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.1, 2.0
MAX_BEAMS = 64
"""Each takes the memory of a whole context, and more find hardly anything better."""


class SamplingConfig(BaseModel):
    """How a reply is drawn from what the model holds likely."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sampler: SamplerName = Field(
        "nucleus",
        description="How the next character (or piece of a word) is chosen: always the most "
        "likely one (greedy), sampled from the likely ones (top-k, nucleus, min-p), or by "
        "beam search (beam).",
    )
    temperature: float = Field(
        0.8,
        ge=0.0,
        le=MAX_TEMPERATURE,
        description="Sampling temperature: lower keeps to the likely, higher varies "
        "more (0.1 to 2.0); 0 is greedy.",
    )
    top_k: int = Field(
        10, ge=1, le=65_536, description="Top-k sampling: sample from the k most likely."
    )
    top_p: float = Field(
        0.9,
        ge=0.0,
        le=1.0,
        description="Nucleus (top-p) sampling: sample from the most likely that "
        "together reach this probability.",
    )
    min_p: float = Field(
        0.05,
        ge=0.0,
        le=1.0,
        description="Min-p sampling: sample from those at least this fraction as "
        "likely as the most likely one.",
    )
    repetition_penalty: float = Field(
        1.0,
        ge=1.0,
        le=2.0,
        description="Repetition penalty on the last 64 characters or pieces; 1 is off.",
    )
    num_beams: int = Field(4, ge=1, le=MAX_BEAMS, description="Beam search: number of beams.")
    length_penalty: float = Field(
        0.0,
        ge=-2.0,
        le=2.0,
        description="Beam search: length penalty; above 0 favours longer replies.",
    )
    num_candidates: int = Field(
        1, ge=1, le=MAX_BEAMS, description="Number of replies to show; the first is the answer."
    )
    max_chars: int = Field(
        1000, ge=1, le=1_000_000, description="Maximum length of a reply, in characters."
    )
    stop: tuple[str, ...] = Field(
        (), description="Stop sequence: end the reply before this text (repeatable)."
    )
    speculate: Literal["auto", "off"] = Field(
        "auto",
        description="Speculative decoding: several characters or pieces per pass of the model "
        "where that is faster; the text stays the same (auto|off).",
    )
    seed: int | None = Field(
        None, ge=0, lt=2**63, description="Random seed; without one, replies differ each time."
    )

    @field_validator("temperature")
    @classmethod
    def _temperature_is_zero_or_warm(cls, temperature: float) -> float:
        if 0.0 < temperature < MIN_TEMPERATURE:
            raise ValueError(
                f"temperature must be 0 (greedy) or from {MIN_TEMPERATURE} to {MAX_TEMPERATURE}"
            )
        return temperature

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop_text_may_stand_alone(cls, stop: object) -> object:
        return (stop,) if isinstance(stop, str) else stop

    @field_validator("stop")
    @classmethod
    def _stop_texts_are_not_empty(cls, stop: tuple[str, ...]) -> tuple[str, ...]:
        if "" in stop:
            raise ValueError("stop must not be an empty text")
        if len(stop) > MAX_STOPS:
            raise ValueError(f"stop must be at most {MAX_STOPS:,} texts")
        return stop

    @model_validator(mode="after")
    def _candidates_fit_beams(self) -> Self:
        if self.sampler == "beam" and self.num_candidates > self.num_beams:
            raise ValueError(
                f"num_candidates {self.num_candidates} needs num_beams of at least "
                f"{self.num_candidates}, not {self.num_beams}"
            )
        return self

    @property
    def is_greedy(self) -> bool:
        """Whether nothing is drawn: the greedy sampler, or any drawing one at temperature 0."""
        return self.sampler == "greedy" or (self.sampler != "beam" and self.temperature == 0)
