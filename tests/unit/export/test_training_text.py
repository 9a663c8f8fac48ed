import json

from lumina_cli.export.training_text import without_training_text
from lumina_cli.recipes.run.saving.metadata import is_of_replies
from tests.unit.export.tiny_exports import tiny_file


def test_nothing_tells_of_the_text_any_more() -> None:
    file = without_training_text(tiny_file())
    told = json.dumps(file.metadata)
    assert file.draft is None
    for secret in ("diary", "letters", "1234", "home"):
        assert secret not in told
    assert file.metadata["val_nats_per_char"] == 1.25
    assert file.metadata["sampling"] == {"sampler": "greedy"}
    assert is_of_replies(file.metadata)
