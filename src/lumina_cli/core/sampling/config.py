"""How the next character is chosen (no torch)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SamplerName = Literal["greedy", "top-k", "nucleus"]


class SamplingConfig(BaseModel):
    """How a reply is drawn from what the model holds likely."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    sampler: SamplerName = Field(
        "nucleus", description="How the next character is chosen: always the likeliest, or drawn."
    )
    temperature: float = Field(
        0.8,
        ge=0.0,
        le=2.0,
        description="Below 1 bolder on the likely, above 1 wilder; 0 is greedy.",
    )
    top_k: int = Field(
        10, ge=1, le=65_536, description="With the top-k sampler: draw from this many characters."
    )
    top_p: float = Field(
        0.9,
        ge=0.0,
        le=1.0,
        description="With the nucleus sampler: draw from this much probability.",
    )
    max_chars: int = Field(1000, ge=1, le=1_000_000, description="Longest reply, in characters.")
