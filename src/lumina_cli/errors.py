"""What can go wrong for a person, as a tree of errors.

    LuminaError                 exit  1   anything a user can mend
    ├── ExportError                   1   an export that does not do what the model does
    ├── UsageError                    2   a wrong option, setting or command
    ├── DataError                    65   data that can't be read as what it should be
    │   └── ModelFileError           65   a model file that is damaged, foreign or forged
    ├── MissingInputError            66   a file or a data set that is not there
    ├── HubError                     69   the hub can't be reached or won't give
    ├── GroupError                   71   one of the processes that train together was lost
    ├── OutputError                  73   a result that can't be created, or is in use
    ├── StorageError                 74   disk full, I/O error
    ├── OutOfMemoryError             75   no smaller step was left to try
    └── DivergedError                76   the loss is no longer a number
        └── NotFiniteError           76   a number that must not be saved

An error says what happened and where, and its hint names the next command to type.
`lumina_cli.cli.errors` turns it into two lines and the exit code (as in sysexits.h);
a programmer's mistake is an assertion and shows its traceback.
"""


class LuminaError(Exception):
    """A failure that a user can mend.

    Args:
        message: what happened and where, one line, no trailing full stop.
        hint: what to do next, one line; empty when there is nothing to say.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ExportError(LuminaError):
    """An export does not compute what the model does, so it is not kept."""


class UsageError(LuminaError):
    """A command, option or setting that can't be meant."""

    exit_code = 2


class DataError(LuminaError):
    """Data that can't be read as what it should be."""

    exit_code = 65


class ModelFileError(DataError):
    """A model file or checkpoint that is damaged, foreign or forged."""


class MissingInputError(LuminaError):
    """A file, folder or data set that is not there."""

    exit_code = 66


class HubError(LuminaError):
    """The Hugging Face hub can't be reached, or refuses."""

    exit_code = 69


class GroupError(LuminaError):
    """One of the processes that train together was lost, or has left.

    Args:
        code: of its end, where it said itself why it left.
    """

    exit_code = 71

    def __init__(self, message: str, *, hint: str = "", code: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.exit_code = code or self.exit_code


class OutputError(LuminaError):
    """A result that can't be created, or that another run holds."""

    exit_code = 73


class StorageError(LuminaError):
    """A full disk or another input/output error."""

    exit_code = 74


class OutOfMemoryError(LuminaError):
    """Memory ran out and no smaller step was left to try."""

    exit_code = 75


class DivergedError(LuminaError):
    """Training ended in numbers that are not finite."""

    exit_code = 76


class NotFiniteError(DivergedError):
    """A number that is to be saved is infinite, or not one at all."""
