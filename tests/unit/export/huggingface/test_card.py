from dataclasses import replace

from lumina_cli.export.huggingface.card import model_card
from tests.unit.export.tiny_exports import METADATA, tiny_file


def test_the_card_tells_what_a_finder_should_know() -> None:
    card = model_card(tiny_file(), name="Model")
    assert card.startswith("---\nlibrary_name: transformers\n")
    for told in ("# Model", "`diary.txt`, `letters.txt`", "1,234 characters", "1.2500 nats"):
        assert told in card
    assert "the replies of held-out conversations" in card
    assert "Put the licence of your model here" in card


def test_no_path_is_in_the_card() -> None:
    card = model_card(tiny_file(), name="Model")
    assert "secret" not in card
    assert "Users" not in card


def test_a_tuned_model_names_all_that_it_learnt_from() -> None:
    lineage = [{"base_trained_on": ["a.txt"], "trained_on": ["b.txt"]}, {"trained_on": ["c.txt"]}]
    file = replace(tiny_file(), metadata={**METADATA, "lineage": lineage})
    card = model_card(file, name="Model")
    assert card.index("`a.txt`") < card.index("`b.txt`") < card.index("`c.txt`")


def test_names_are_no_markup_and_little_may_be_known() -> None:
    file = replace(tiny_file(), metadata={"trained_on": ["a`b\n# <x>.txt"]})
    assert "`ab # x.txt`" in model_card(file, name="Model\n# Other")
    assert "Quality" not in model_card(file, name="Model")
