"""How special ids are written where other programs look for them in plain text.

These programs find a tag wherever it stands, so a person could type one and forge a turn. Ours
hold a noncharacter, which no keyboard has and no text should hold, and the chat template takes it
out of what people say.
Source: The Unicode Standard, section 23.7 "Noncharacters".
"""

from collections.abc import Callable

from lumina_cli.tokenizer.special_ids import Special

NONCHARACTER = "\ufdd0"

CHAT_TEMPLATE = (
    "{{{{ '{begin}' }}}}"
    "{{% for message in messages %}}"
    "{{% if message['role'] == 'system' %}}{{{{ '{system}' }}}}"
    "{{% elif message['role'] in ['user', 'human'] %}}{{{{ '{user}' }}}}"
    "{{% else %}}{{{{ '{bot}' }}}}{{% endif %}}"
    "{{{{ message['content'] | replace('{mark}', '') }}}}{{{{ '{end}' }}}}"
    "{{% endfor %}}"
    "{{% if add_generation_prompt %}}{{{{ '{bot}' }}}}{{% endif %}}"
)


def tag(special: Special) -> str:
    """Return how a special id is written: `<|end|>` with a noncharacter behind the bar."""
    return f"<|{NONCHARACTER}{special.name.lower()}|>"


def byte_name(byte: int) -> str:
    """Return how the id of a byte is written: `<0x0A>`."""
    return f"<0x{byte:02X}>"


def chat_template(tag_of: Callable[[Special], str] = tag) -> str:
    """Return the chat format as a Jinja template; a role that it doesn't know is the bot's."""
    tags = {special.name.lower(): tag_of(special).replace("\\", r"\\") for special in Special}
    return CHAT_TEMPLATE.format(mark=NONCHARACTER, **tags)
