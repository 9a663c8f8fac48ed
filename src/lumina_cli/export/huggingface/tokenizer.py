"""The tokenizer as `tokenizer.json`: byte pair encoding with byte fallback, and no more.

Nothing is normalized, and the text is split before as it is here or not at all: its ids are those
that they are here.
"""

from lumina_cli.errors import DataError
from lumina_cli.export.tags import byte_name, chat_template, tag
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import Special


def tokenizer_json(tokenizer: Tokenizer) -> dict[str, object]:
    """Return what `tokenizer.json` holds.

    Raises:
        DataError: two ids would have the same name.
    """
    table = tokenizer.bpe_table()
    vocabulary = {tag(special): int(special) for special in Special}
    vocabulary |= {byte_name(byte): id_ for byte, id_ in enumerate(table.byte_ids)}
    vocabulary |= table.text_ids
    if len(vocabulary) != tokenizer.vocab_size:
        raise DataError("the vocabulary holds a text that is the name of a byte or a tag")
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(special) for special in Special],
        "normalizer": None,
        "pre_tokenizer": _split(table.split_pattern),
        "post_processor": _begins_with(Special.BEGIN),
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [list(pair) for pair in table.merges],
        },
    }


def tokenizer_config(*, seq_length: int) -> dict[str, object]:
    """Return what `tokenizer_config.json` holds."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": tag(Special.BEGIN),
        "eos_token": tag(Special.END),
        "pad_token": tag(Special.PAD),
        "model_max_length": seq_length,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        "add_prefix_space": False,
        "padding_side": "left",
        "chat_template": chat_template(),
    }


def _split(pattern: str | None) -> dict[str, object] | None:
    """Return what splits a text into words before they are encoded one by one."""
    if pattern is None:
        return None
    kind = {"type": "Split", "behavior": "Isolated", "invert": False}
    return {**kind, "pattern": {"Regex": pattern}}


def _added_token(special: Special) -> dict[str, object]:
    return {
        "id": int(special),
        "content": tag(special),
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _begins_with(special: Special) -> dict[str, object]:
    name = tag(special)
    begin = {"SpecialToken": {"id": name, "type_id": 0}}
    first, second = ({"Sequence": {"id": which, "type_id": 0}} for which in "AB")
    return {
        "type": "TemplateProcessing",
        "single": [begin, first],
        "pair": [begin, first, second],
        "special_tokens": {name: {"id": name, "ids": [int(special)], "tokens": [name]}},
    }
