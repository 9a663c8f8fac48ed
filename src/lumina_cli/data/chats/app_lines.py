"""What of a message a person said, and what the app wrote in its place.

By structure, not by language, where that is possible: on iOS the app's own words begin with a
left-to-right mark; media that is left out is one line in angle brackets; an attached file is a
file name and a word in brackets. Only for deleted messages are there words in many languages.
"""

import re
import unicodedata
from typing import NamedTuple

MEDIA = "media: a picture, a voice message, a sticker, a file"
APP = "a line of the app, not of a person"
DELETED = "a deleted message"
EDITED = "the app's remark that a message was edited"
EMPTY = "a message without text"
CALL = "a call"

_MARK = "\u200e"
_MARKS = "\u200e\u200f\u202a-\u202c\u2068\u2069"
_IN_BRACKETS = re.compile(rf"[{_MARKS}]*+<[{_MARKS}]*+[^\W\d][^<>\n]{{2,80}}>[{_MARKS}]*+")
_ATTACHED = re.compile(
    rf"[{_MARKS}]*+<[{_MARKS}]*+[^<>:\n]{{2,30}}:\s?[^<>\n]+\.\w{{2,5}}\s?>[{_MARKS}]*+"
    rf"|[{_MARKS}]*+[^\n/<>()]{{1,120}}\.\w{{2,5}}\s[(<][{_MARKS}]*+[^\d()<>\n]{{3,40}}[)>][{_MARKS}]*+"
)
_ATTACHED_BEHIND = re.compile(
    rf"\s?[{_MARKS}]{{1,8}}<[{_MARKS}]*+[^<>:\n]{{2,30}}:\s?[^<>\n]+\.\w{{2,5}}\s?>[{_MARKS}]*+\s*\Z"
)
_REMARK = re.compile(
    rf"\s{{0,4}}[{_MARKS}]{{1,8}}<[^<>\n]{{3,80}}>[{_MARKS}]*+\s*\Z|\s<[^\W\d][^<>\n/=]{{2,80}}>\Z"
)
_PLACE = re.compile(r"[^\s:]{3,20}: https://maps\.google\.com/\?q=[-\d.,]+")
_FILE_LINE = re.compile(r"[^\n]{1,120}\.\w{2,5}(?: •)?")
_POLL = re.compile(
    r"[^\W\d_]{2,20}:\s?\n[^\n]+"
    r"(?:\n[^\W\d_]{2,20}:\s[^\n]*\(\d+\s[^()\d\n]{1,20}\))+\s*"
)
_MAY_BE_APP = re.compile(rf"[<>(){_MARKS}]|\Anull|maps\.google")
_WORDS_OF_MEDIA, _UNSPACED_OF_MEDIA = 3, 20
_ISOLATES = str.maketrans("", "", "\u2068\u2069")

_DELETED = """
    this message was deleted | you deleted this message | message deleted
    diese nachricht wurde gelöscht | du hast diese nachricht gelöscht
    se eliminó este mensaje | eliminaste este mensaje | este mensaje fue eliminado
    ce message a été supprimé | vous avez supprimé ce message | tu as supprimé ce message
    mensagem apagada | esta mensagem foi apagada | você apagou esta mensagem
    esta mensagem foi eliminada | eliminou esta mensagem
    questo messaggio è stato eliminato | hai eliminato questo messaggio
    dit bericht is verwijderd | je hebt dit bericht verwijderd | u hebt dit bericht verwijderd
    данное сообщение удалено | вы удалили данное сообщение
    это сообщение удалено | вы удалили это сообщение | сообщение удалено
    це повідомлення видалено | ви видалили це повідомлення
    bu mesaj silindi | bu mesajı sildiniz
    ta wiadomość została usunięta | usunięto tę wiadomość | usunąłeś tę wiadomość
    pesan ini telah dihapus | anda telah menghapus pesan ini | anda menghapus pesan ini
    mesej ini telah dipadam | anda telah memadam mesej ini
    تم حذف هذه الرسالة | لقد حذفت هذه الرسالة | حذفت هذه الرسالة
    הודעה זו נמחקה | מחקת הודעה זו
    यह मैसेज हटा दिया गया | यह मैसेज डिलीट किया गया | आपने यह मैसेज डिलीट किया
    このメッセージは削除されました | このメッセージを削除しました
    삭제된 메시지입니다 | 이 메시지를 삭제했습니다 | 메시지가 삭제되었습니다
    此消息已删除 | 你删除了此消息 | 您删除了此消息 | 此訊息已刪除 | 您已刪除此訊息 | 你已刪除此訊息
    已刪除此訊息 | 此訊息已被刪除 | 你已刪除這則訊息 | 您已刪除這則訊息
    此消息已被删除 | 消息已删除
    det här meddelandet raderades | detta meddelande raderades | du raderade detta meddelande
    denne besked blev slettet | du slettede denne besked
    denne meldingen ble slettet | du slettet denne meldingen
    tämä viesti poistettiin | poistit tämän viestin
    tato zpráva byla odstraněna | tato zpráva byla smazána | odstranili jste tuto zprávu
    ez az üzenet törölve lett | törölted ezt az üzenetet
    acest mesaj a fost șters | ai șters acest mesaj
    αυτό το μήνυμα διαγράφηκε | διαγράψατε αυτό το μήνυμα
    tin nhắn này đã bị xóa | bạn đã xóa tin nhắn này
    ข้อความนี้ถูกลบแล้ว | คุณลบข้อความนี้แล้ว
    s'ha eliminat aquest missatge | heu eliminat aquest missatge
    این پیام حذف شد | شما این پیام را حذف کردید
    unsent a message | メッセージの送信を取り消しました | 已收回訊息
    waiting for this message. this may take a while
    auf diese nachricht warten. dies kann eine weile dauern
"""

_CALLS = """
    missed voice call | missed video call | missed group voice call | missed group video call
    verpasster sprachanruf | verpasster videoanruf
    llamada perdida | llamada de voz perdida | videollamada perdida
    appel vocal manqué | appel vidéo manqué
    chamada de voz perdida | chamada de vídeo perdida | ligação de voz perdida
    ligação de vídeo perdida | chiamata vocale persa | videochiamata persa
    gemiste spraakoproep | gemiste video-oproep
    пропущенный аудиозвонок | пропущенный видеозвонок
    cevapsız sesli arama | cevapsız görüntülü arama
    不在着信 | 未接語音通話 | 未接语音通话 | 부재중 음성통화
"""
_LONGEST_NOTICE = 80
_NOTICES = {
    unicodedata.normalize("NFC", text.strip()): wording
    for texts, wording in ((_CALLS, CALL), (_DELETED, DELETED))
    for text in texts.replace("\n", "|").split("|")
    if text.strip()
}
"""What an app writes in place of a message, in lower case, and what it is."""


_MEDIA_OF_KAKAOTALK = re.compile(
    r"사진(?: \d+장)?|동영상|이모티콘|음성메시지|(?:파일|지도|연락처): [^\n]+"
    r"|Photos?|\d+ photos|Videos?|Emoticons?|Voice (?:Message|Note)|(?:File|Map|Contact): [^\n]+"
)
_CALL_OF_KAKAOTALK = re.compile(
    r"(?:그룹 ?)?(?:보이스|페이스|라이브)톡 ?(?:해요|부재중|취소|시작|종료|\d+:\d\d(?::\d\d)?)"
    r"|(?:Voice|Video|Live) ?(?:Call|Talk)(?: (?:Missed|Canceled|\d+:\d\d(?::\d\d)?))?"
)
_APP_IN_KAKAOTALK = re.compile(
    r"[^\n]{1,60}님(?:이|을|께서) [^\n]{0,100}다\.|채팅방 관리자가 [^\n]{1,60}다\."
    r"|[^\n]{1,60} (?:(?:has )?(?:left|joined) this chatroom|invited [^\n]{1,80})\."
)


class Spoken(NamedTuple):
    """What a person said, and what was left out of the message, by its wordings."""

    text: str
    left_out: tuple[str, ...] = ()


def spoken(text: str) -> Spoken:
    """Return what a person said in a message of a text export."""
    text = text.lstrip("\u200f")
    if not text.strip(" \n\t" + _MARK):
        return Spoken("", (EMPTY,))
    if len(text) <= _LONGEST_NOTICE and (wording := _NOTICES.get(_bare(text))):
        return Spoken("", (wording,))
    if not _MAY_BE_APP.search(text):
        return Spoken(text.strip())
    if _POLL.fullmatch(text):
        return Spoken("", (APP,))
    first, _, rest = text.partition("\n")
    if first.strip() == "null" and not rest:
        return Spoken("", (MEDIA,))
    if _IN_BRACKETS.fullmatch(first.strip()) or _ATTACHED.fullmatch(first.strip()):
        return Spoken(_said(rest), (MEDIA,))
    if _PLACE.fullmatch(text.strip(_MARK)):
        return Spoken("", (MEDIA,))
    if text.startswith(_MARK):
        return _marked(first, rest)
    if attached := _ATTACHED_BEHIND.search(text):
        return Spoken(_said_beside(text[: attached.start()]), (MEDIA,))
    if remark := _REMARK.search(text):
        return Spoken(_said(text[: remark.start()]), (EDITED,))
    if _MARK in text:
        return _before_mark(text)
    return Spoken(_said(text))


def spoken_in_kakaotalk(text: str) -> Spoken:
    """Return what a person said in a message of KakaoTalk; the app's own lines may follow it."""
    lines = text.split("\n")
    said = "\n".join(
        line for line in lines if not _APP_IN_KAKAOTALK.fullmatch(line.strip())
    ).strip()
    left_out = (APP,) if len(said) < len(text.strip()) else ()
    if _MEDIA_OF_KAKAOTALK.fullmatch(said):
        return Spoken("", (MEDIA, *left_out))
    if _CALL_OF_KAKAOTALK.fullmatch(said):
        return Spoken("", (CALL, *left_out))
    if is_deleted(said):
        return Spoken("", (DELETED, *left_out))
    return Spoken(said, left_out or (() if said else (EMPTY,)))


def _marked(first: str, rest: str) -> Spoken:
    """Return what is said under a line of the app: that media were left out takes few words."""
    words = first.split()
    is_short = len(words) <= _WORDS_OF_MEDIA and _MARK not in first[1:]
    is_short = is_short and (len(words) > 1 or len(first) <= _UNSPACED_OF_MEDIA)
    if rest and _MARK not in rest:
        return Spoken(_said(rest), (MEDIA,))
    return Spoken("", (MEDIA if is_short and not rest else APP,))


def is_deleted(text: str) -> bool:
    """Say whether a text is what an app shows in place of a deleted message."""
    return len(text) <= _LONGEST_NOTICE and _NOTICES.get(_bare(text)) == DELETED


def _bare(text: str) -> str:
    """Return a text without the marks and stops around it."""
    bare = text.strip(f" \n\t.。!{_MARK}\u200f\u2068\u2069")
    return unicodedata.normalize("NFC", bare).casefold()


def _before_mark(text: str) -> Spoken:
    """Return what stands before the app's words at the end of a message."""
    before, _, after = text.partition(_MARK)
    if not before.strip() or "\n" in after.strip("\n"):
        return Spoken(_said(text.replace(_MARK, "")))
    if not _said_beside(before):
        return Spoken("", (MEDIA,))
    if not after.strip(_MARK + " \n"):
        return Spoken(_said(before))
    return Spoken(_said(before), (MEDIA,))


def _said_beside(text: str) -> str:
    """Return what is said before a file: nothing, where it is the file's own name."""
    return "" if _FILE_LINE.fullmatch(text.partition(_MARK)[0].strip()) else _said(text)


def _said(text: str) -> str:
    return text.translate(_ISOLATES).strip(" \n\t\u200e")
