"""WeChat's tables."""

from lumina_cli.data.chats.app_lines import APP, EMPTY, MEDIA
from tests.unit.data.chats.chatting import heard, hours_between, lines
from tests.unit.data.reading import counts

HEADING = (
    "localId,TalkerId,Type,SubType,IsSender,CreateTime,Status,StrContent,StrTime,"
    "Remark,NickName,Sender\n"
)


def test_texts_are_read_under_the_names_that_the_user_gave() -> None:
    text = (
        "\ufeff"
        + HEADING
        + (
            '1,2,1,0,0,1611435900,,"Hello, ""you""\nand more",2021-01-23,Anna,anna91,wxid_1\n'
            "2,2,1,0,1,1611439500,,Hi,2021-01-23 22:05:00,,ben,wxid_2\n"
            "3,2,3,0,1,1611439501,,<img/>,2021-01-23 22:05:01,,ben,wxid_2\n"
            "4,2,10000,0,0,1611439502,,Anna recalled a message,,Anna,anna91,wxid_1\n"
            "5,2,1,0,0,1611439503,,,,Anna,anna91,wxid_1\n"
            "6,3,1,0,0,1611439504,,Other chat,,,,wxid_3\n"
        )
    )
    messages, report = heard(text, name="x.csv")
    assert lines(messages) == [
        ("Anna", 'Hello, "you"\nand more'),
        ("ben", "Hi"),
        ("wxid_3", "Other chat"),
    ]
    assert hours_between(messages) == [1.0, 0.0]
    assert messages[0].thread == messages[1].thread != messages[2].thread
    assert counts(report.left_out) == {MEDIA: 1, APP: 1, EMPTY: 1}


def test_an_older_version_names_nobody() -> None:
    heading = "localId,TalkerId,Type,SubType,IsSender,CreateTime,Status,StrContent,StrTime\n"
    rows = "1,2,1,0,0,1611435900,,Hello,x\n2,2,1,0,1,1611435901,,Hi,x\n"
    assert lines(heard(heading + rows, name="x.csv")[0]) == [("2", "Hello"), ("Me", "Hi")]
