"""Books and documents as programs write them, in small."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles><rootfile full-path="OEBPS/content.opf"
    media-type="application/oebps-package+xml"/></rootfiles></container>"""

PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Two days</dc:title></metadata>
<manifest>
<item id="two" href="text/two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="cover" href="cover.xhtml" media-type="application/xhtml+xml"/>
<item id="map" href="map.svg" media-type="image/svg+xml"/>
</manifest>
<spine><itemref idref="cover" linear="no"/><itemref idref="nav"/><itemref idref="one"/>
<itemref idref="map"/><itemref idref="two"/><itemref idref="gone"/></spine></package>"""

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title/><link href="a.css"/></head>
<body><h1>{}</h1>
<p>{}</p></body></html>"""

BOOK = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OEBPS/content.opf": PACKAGE,
    "OEBPS/text/two b.xhtml": PAGE.format("Tuesday", "It is <em>sunny</em>."),
    "OEBPS/text/one.xhtml": PAGE.format("Monday", "It rains&#8230;"),
    "OEBPS/nav.xhtml": PAGE.format("Contents", "Monday Tuesday"),
    "OEBPS/cover.xhtml": PAGE.format("Cover", ""),
    "OEBPS/map.svg": "<svg/>",
}

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

RELATIONS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Target="word/document2.xml"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/>
</Relationships>"""


def paragraph(text: str) -> str:
    return f'<w:p><w:pPr/><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def document(body: str) -> dict[str, str]:
    """Return the parts of a DOCX with this body."""
    begin = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": RELATIONS,
        "word/document2.xml": f"{begin}<w:document {W}><w:body>{body}<w:sectPr/></w:body>"
        "</w:document>",
    }


def write_zip(path: Path, members: Mapping[str, str | bytes], *, packed: bool = True) -> Path:
    """Write an archive."""
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
