from lumina_cli.recipes.data.starter_sample import starter_sample
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.special_ids import Special


def test_it_is_conversations_of_the_length_asked_for() -> None:
    tokenizer = CharacterTokenizer("abcdefghijklmnopqrstuvwxyz .?!")
    sample = starter_sample(tokenizer, num_ids=3000)
    assert len(sample) == 3000
    ids = sample.slice(0, 3000).ids
    assert ids[0] == Special.BEGIN
    assert ids[1] in (Special.USER, Special.SYSTEM)
    assert sample.slice(0, 3000).in_loss.mean() > 0.8
