"""The characters that a model was given, in words."""

from lumina_cli.recipes.finetune.new_characters import NewCharacters

COUNTS = {"к": 9, "о": 7, "т": 5, "日": 2, "é": 1}


def new_characters(added: str, *, expands: bool = True) -> NewCharacters:
    return NewCharacters(added, COUNTS, min_count=2, expands=expands)


def test_what_was_added_is_told_by_script_the_most_frequent_first() -> None:
    said = str(new_characters("кот日"))
    assert said == "4 added (3 Cyrillic, 1 Han: кот日); 1 too rare for an id, left to bytes"


def test_what_the_cap_left_out_is_told_with_the_way_to_add_it() -> None:
    (notice,) = new_characters("ко").notices(max_new_chars=2)
    assert "2 characters more than 2" in notice
    assert "(т日…)" in notice
    assert "--max-new-chars 4" in notice
    assert new_characters("кот日").notices(max_new_chars=4) == []


def test_a_full_vocabulary_is_told_as_such() -> None:
    (notice,) = new_characters("ко").notices(max_new_chars=4_000)
    assert notice.startswith("the vocabulary is full: 2 characters")
    assert "--max-new-chars" not in notice


def test_without_expansion_all_are_left_to_bytes() -> None:
    assert (
        str(new_characters("", expands=False)) == "none (--no-expand-vocab): 5 are spelled in bytes"
    )
    assert new_characters("", expands=False).notices(max_new_chars=2) == []


def test_a_model_that_knows_all_is_told_so() -> None:
    assert str(NewCharacters("", {}, min_count=2, expands=True)).startswith("none: the model knows")
