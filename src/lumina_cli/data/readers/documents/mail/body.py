"""What a person wrote in a message: the text without what it quotes and the signature.

Both are known by their form: quoted lines begin with `>`, a signature with a line of two hyphens.
Programs that quote below a line of their own, such as Outlook, are known by that line.
"""

import re
from collections.abc import Callable

Count = Callable[[str], None]

QUOTED = "a message that is quoted in its answer"
SIGNATURE = "a signature"
LIST_FOOTER = "the footer of a mailing list"
SEAL = "a seal (PGP) around a text"
ENCRYPTED = "an encrypted text"

_QUOTE = re.compile(r"[ ]?>")
_INTRODUCES = re.compile(
    r"(?=.*(?:\d|@|wrote|writes|schrieb|écrit|escribió|escreveu|scritto|schreef|skrev|napisał"
    r"|kirjoitti|написал|пишет|写道|寫道|のメール))(?!.*[.!?]:).*[:：]\s*",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"\s*[-_]{2,}\s*(?:Original Message|Original-Nachricht|Ursprüngliche Nachricht"
    r"|Message d'origine|Mensaje original|Mensagem original|Messaggio originale"
    r"|Oorspronkelijk bericht|Oprindelig meddelelse|Original(?:t )?meddelande"
    r"|Исходное сообщение|原始邮件|元のメッセージ)\s*[-_]{2,}\s*",
    re.IGNORECASE,
)
_SENDER = re.compile(r"\*?(?:From|Von|De|Da|Van|Fra|Från|От|发件人|差出人)\*?\s?[:：]\*? .*\S")
_HEADER = re.compile(
    r"\*?(?:Sent|Date|To|Cc|Subject|Gesendet|Datum|An|Betreff|Envoyé|Date|À|Objet|Enviado|Fecha|Para"
    r"|Asunto|Assunto|Data|Inviato|A|Oggetto|Verzonden|Aan|Onderwerp|Sendt|Til|Emne|Skickat|Till|Ämne"
    r"|Отправлено|Дата|Кому|Тема|发送时间|收件人|主题|送信日時|宛先|件名)\*?\s?[:：]\*?(?: .*)?"
)
_DEVICE = re.compile(
    r"(?:Sent from my|Sent from Mail for|Get Outlook for|Von meinem .{1,40} gesendet"
    r"|Gesendet von (?:meinem|Mail)|Envoyé de(?:puis)? mon|Enviado desde mi|Enviado do meu"
    r"|Inviato da|Verzonden vanaf mijn|Skickat från min|Отправлено с).{0,60}",
)
_LIST_RULE = re.compile(r"[_\-=]{30,}")
_LIST_WORDS = re.compile(r"mailing list|mailman|unsubscribe|listinfo", re.IGNORECASE)
_SEAL_BEGIN, _SEAL_END = "-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNATURE-----"
_SECRET = "-----BEGIN PGP MESSAGE-----"
_STRICT_SIGNATURE = "-- "
_MAX_SIGNATURE_LINES = 15
_MAX_INTRODUCTION_CHARS = 500
_MAX_INTRODUCTION_LINES = 3


def own_text(text: str, *, count: Count) -> str:
    """Return what the sender wrote.

    Args:
        text: of a plain part.
        count: called with what is left out, once for each.
    """
    lines = [line if line == _STRICT_SIGNATURE else line.rstrip() for line in text.split("\n")]
    lines = _without_seal(lines, count)
    lines = _without_devices(_cut_below(lines, count), count)
    lines = _without_quotes(lines, count)
    return "\n".join(lines).strip("\n")


def unflow(text: str, *, without_space: bool) -> str:
    """Return a text whose lines were broken for the way (format=flowed) with its own lines."""
    whole: list[str] = []
    goes_on = False
    depth_before = 0
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        line = line[depth:].removeprefix(" ")
        is_signature = line == "-- "
        if goes_on and depth == depth_before and not is_signature:
            whole[-1] += line
        else:
            whole.append(">" * depth + " " * bool(depth) + line)
        goes_on = line.endswith(" ") and not is_signature
        if goes_on and without_space:
            whole[-1] = whole[-1][:-1]
        depth_before = depth
    return "\n".join(whole)


def _without_seal(lines: list[str], count: Count) -> list[str]:
    """Return the lines without armour around or below them."""
    if _SECRET in lines:
        count(ENCRYPTED)
        lines = lines[: lines.index(_SECRET)]
    if _SEAL_BEGIN not in lines:
        return lines
    count(SEAL)
    begin = lines.index(_SEAL_BEGIN)
    end = lines.index(_SEAL_END) if _SEAL_END in lines else len(lines)
    signed = lines[begin + 1 : end]
    body = signed[signed.index("") + 1 :] if "" in signed else signed
    return [*lines[:begin], *(line.removeprefix("- ") for line in body)]


def _cut_below(lines: list[str], count: Count) -> list[str]:
    """Return the lines above a signature, the footer of a list, or a quoted message below."""
    for index, line in enumerate(lines):
        if _ORIGINAL.fullmatch(line) or _is_header(lines, index):
            count(QUOTED)
            above = lines[:index]
            while above and (not above[-1] or _LIST_RULE.fullmatch(above[-1])):
                above.pop()
            return above
        if line == _STRICT_SIGNATURE or (
            line == "--" and len(lines) - index - 1 <= _MAX_SIGNATURE_LINES
        ):
            count(SIGNATURE)
            return lines[:index] + _quoted_from(lines[index + 1 :])
        if _LIST_RULE.fullmatch(line) and _LIST_WORDS.search("\n".join(lines[index : index + 6])):
            count(LIST_FOOTER)
            return lines[:index]
    return lines


def _quoted_from(lines: list[str]) -> list[str]:
    """Return the lines from the first quotation on: some sign above what they quote."""
    return next((lines[at:] for at, line in enumerate(lines) if _QUOTE.match(line)), [])


def _without_devices(lines: list[str], count: Count) -> list[str]:
    """Return the lines without those in which a device tells of itself."""
    own = [line for line in lines if not (len(line) < 120 and _DEVICE.fullmatch(line))]
    if len(own) < len(lines):
        count(SIGNATURE)
    return own


def _is_header(lines: list[str], index: int) -> bool:
    """Say whether a quoted message begins here with its sender, date and subject."""
    if index == 0 or not _SENDER.fullmatch(lines[index]):
        return False
    follow = [line for line in lines[index + 1 : index + 8] if line][:4]
    return sum(_HEADER.fullmatch(line) is not None for line in follow) >= 2


def _without_quotes(lines: list[str], count: Count) -> list[str]:
    """Return the lines that are not quoted, without those that introduce a quotation."""
    own: list[str] = []
    in_quote = False
    for line in lines:
        if _QUOTE.match(line):
            if not in_quote:
                count(QUOTED)
                _drop_introduction(own)
            in_quote = True
        elif line or not in_quote:
            if in_quote and own and own[-1]:
                own.append("")
            in_quote = False
            own.append(line)
    return own


def _drop_introduction(own: list[str]) -> None:
    """Drop the lines that say who wrote what is quoted below: "On Monday, Ann wrote:"."""
    end = len(own)
    while end and not own[end - 1]:
        end -= 1
    begin = end
    while begin and own[begin - 1] and end - begin < _MAX_INTRODUCTION_LINES:
        begin -= 1
        introduction = " ".join(own[begin:end])
        if len(introduction) > _MAX_INTRODUCTION_CHARS:
            return
        if _INTRODUCES.fullmatch(introduction):
            if begin and own[begin - 1] and _goes_on(own[begin]):
                continue
            del own[begin:]
            return


def _goes_on(line: str) -> bool:
    """Say whether a line of an introduction is not its first one."""
    return len(line) < 40 or line[:1] in "<("
