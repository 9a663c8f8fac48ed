"""What the metadata of a model file and of a checkpoint may say, checked before it is believed.

Values beyond these are kept as they are: a newer version may tell more.
"""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lumina_cli.core.checkpoint.file_errors import damaged

Word = Annotated[str, Field(max_length=1_000)]
PathText = Annotated[str, Field(max_length=40_000, pattern=r"^[^\x00]*$")]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Loss = Annotated[float, Field(ge=0, lt=1e9)]
Share = Annotated[float, Field(ge=0, le=1)]
Scalar = None | bool | int | float | str


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class TextRecord(_Record):
    """How a text is found again that a model learnt from."""

    paths: list[PathText] = Field(min_length=1)
    val_paths: list[PathText] = []
    fingerprint: Word = ""
    settings: dict[str, Any]
    seed: Seed = 0


class LineageRecord(_Record):
    """One time that a model was fine-tuned."""

    base: PathText = ""
    base_digest: Word = ""
    base_trained_on: list[PathText] = []
    trained_on: list[PathText] = []
    data_fingerprint: Word = ""
    characters_added: str = ""
    when: Word = ""


class ModelMetadata(_Record):
    """What a model file tells of its model."""

    created: Word | None = None
    lumina_version: Word | None = None
    trained_on: list[PathText] = []
    train_chars: Count = 0
    conversations: Count = 0
    steps: Count = 0
    loss_on: Word = ""
    seed: Seed = 0
    optimizer: Word = ""
    sampling: dict[str, Scalar | list[str]] = {}
    learnt_from: list[TextRecord] = []
    lineage: list[LineageRecord] = []
    kept_nats_per_char: Loss | None = None
    share_of_learnt: Share = 1.0
    val_nats_per_char: Loss | None = None
    val_accuracy: Share | None = None


class LossBefore(_Record):
    """The loss of a base model in nats per character, on new text and on what it learnt from."""

    new: Loss | None
    kept: Loss | None


class BaseFacts(_Record):
    """What a checkpoint tells of the model that its run began with; older ones count characters."""

    path: PathText
    digest: Word
    vocab_size: Count | None = None
    num_characters: Count | None = None
    metadata: ModelMetadata
    before: LossBefore

    @model_validator(mode="after")
    def _tells_a_size(self) -> Self:
        if self.vocab_size is None and self.num_characters is None:
            raise ValueError("the size of the vocabulary is missing")
        return self


class RunMetadata(_Record):
    """What a checkpoint tells of its run."""

    created: Word | None = None
    lumina_version: Word | None = None
    settings: dict[str, Scalar | list[str]]
    preset: Word | None = None
    data: list[PathText] = []
    val_data: list[PathText] = []
    corpus: Word | None = None
    machine: dict[str, Scalar] = {}
    base: BaseFacts | None = None
    replay_fingerprint: Word = ""


def check_metadata(
    metadata: dict[str, Any], kind: type[ModelMetadata] | type[RunMetadata], *, path: Path
) -> dict[str, Any]:
    """Return metadata as it is, if it says what it may.

    Raises:
        ModelFileError: it does not.
    """
    try:
        kind.model_validate(metadata)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, details["loc"]))[:100]
        raise damaged(path, f"what it tells of {where or 'its model'} can't be") from error
    return metadata
