"""What the server listens on, whom it lets in, and how much it takes (no starlette)."""

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

KIB = 1 << 10
MIB = 1 << 20


class ServeConfig(BaseModel):
    """What the server listens on, whom it lets in, and how much it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        max_length=253,
        description="Address to listen on. One that other machines can reach needs an API key, "
        "or --no-auth.",
    )
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    api_key_file: str | None = Field(
        None,
        description="File with the API key that requests must carry; without it the variable "
        "LUMINA_API_KEY, if it is set.",
    )
    class_code: str | None = Field(
        None,
        description="Room code of a class, in place of a key: 6 or more letters, digits and "
        "hyphens. Each client gets little at a time, and sees its place in the queue.",
    )
    no_auth: bool = Field(
        False, description="Let everybody in without a key, whatever the address."
    )
    cors_origin: tuple[str, ...] = Field(
        (),
        max_length=100,
        description="Origin whose pages may use the API from a browser, such as "
        "https://example.org (repeatable).",
    )
    max_queue: int = Field(
        64, ge=0, le=10_000, description="Requests that may wait for a place; more are refused."
    )
    max_streams: int = Field(
        32, ge=1, le=64, description="Texts that are generated at the same time."
    )
    request_timeout_s: float = Field(
        120.0, gt=0, le=86_400, description="Longest time that a request may take, in seconds."
    )
    header_timeout_s: float = Field(
        5.0, gt=0, le=3_600, description="Longest time that the head of a request may take."
    )
    body_timeout_s: float = Field(
        10.0, gt=0, le=3_600, description="Longest time that the body of a request may take."
    )
    idle_timeout_s: float = Field(
        15.0, gt=0, le=3_600, description="Time after which an idle connection is closed."
    )
    shutdown_grace_s: float = Field(
        10.0, ge=0, le=3_600, description="Time that texts have to end when the server is stopped."
    )
    max_body_bytes: int = Field(
        MIB, ge=KIB, le=64 * MIB, description="Largest body of a request, in bytes."
    )
    max_header_bytes: int = Field(
        16 * KIB, ge=KIB, le=MIB, description="Largest head of a request, in bytes."
    )
    log_prompts: bool = Field(
        False, description="Write prompts and replies into the log, too (they are private)."
    )

    @property
    def is_class(self) -> bool:
        """Whether a class uses the server: file names and training text are nobody's business."""
        return self.class_code is not None

    @field_validator("class_code")
    @classmethod
    def _a_code_can_be_written_on_a_board(cls, code: str | None) -> str | None:
        if code is not None and not re.fullmatch(r"[A-Za-z0-9-]{6,64}", code):
            raise ValueError("must be 6 to 64 letters (a to z), digits and hyphens")
        return code

    @field_validator("cors_origin", mode="before")
    @classmethod
    def _one_origin_may_stand_alone(cls, origins: object) -> object:
        return (origins,) if isinstance(origins, str) else origins
