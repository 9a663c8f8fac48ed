"""WeChat: the tables (CSV) of WeChatMsg and of the programs that it became.

localId,TalkerId,Type,SubType,IsSender,CreateTime,Status,StrContent,StrTime,Remark,NickName,Sender
1,2,1,0,0,1611435900,,Hello,2021-01-23 21:05:00,Anna,anna91,wxid_1

Who exports has no name of their own in some versions: then it is Me.
"""

from collections.abc import Iterator, Mapping

from lumina_cli.data.chats.app_lines import APP, EMPTY, MEDIA
from lumina_cli.data.chats.message import ChatMessage, ExportFile, clean_name
from lumina_cli.data.chats.table import names_of, rows_of
from lumina_cli.data.report import ReadReport

FORMAT = "wechat"

_COLUMNS = {"type", "issender", "createtime", "strcontent"}
_TEXT, _SYSTEM = "1", "10000"


def matches_csv(sample: str) -> bool:
    """Say whether a text begins with the heading of this export."""
    return set(names_of(sample.partition("\n")[0])) >= _COLUMNS


def messages_of_csv(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages; what nobody said is counted in the report."""
    with file.open() as text:
        for row, location in rows_of(text, file, report, columns=_COLUMNS):
            report.saw_row(file.path, FORMAT)
            said = row.get("strcontent", "").strip()
            if (kind := row.get("type")) != _TEXT:
                report.left_out.add(APP if kind == _SYSTEM else MEDIA, location)
            elif not said:
                report.left_out.add(EMPTY, location)
            else:
                talker = row.get("talkerid", "")
                time, name = _seconds(row.get("createtime", "")), clean_name(_name(row))
                yield ChatMessage(name, said, time, location, f"{file.path}: {talker}")


def _name(row: Mapping[str, str]) -> str:
    names = (row.get(key, "").strip() for key in ("remark", "nickname", "sender"))
    if name := next(filter(None, names), ""):
        return name
    return "Me" if row.get("issender") == "1" else row.get("talkerid") or "?"


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() and len(text) < 12 else None
