"""Texts of .docx and .pdf files: real files, damaged ones, and those without text."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.data.documents import read_documents
from i3core.data.office import paragraphs_of
from i3core.data.records import ReadLimit
from i3core.errors import DataError

WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"


def docx(path: Path, *paragraphs: str, cells: tuple[str, ...] = ()) -> Path:
    """A file as text processors write it, with a table at its end."""
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    row = "".join(f"<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>" for text in cells)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types"/>')
        packed.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships">'
            f'<Relationship Id="rId1" Type="{OFFICE}" Target="word/document.xml"/></Relationships>',
        )
        packed.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{WORDS}"><w:body>{body}<w:tbl><w:tr>{row}</w:tr></w:tbl></w:body></w:document>',
        )
    return path


def pdf(path: Path, *pages: tuple[str, ...], password: str = "") -> Path:
    """A file with a text layer: the lines of each page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    numbers = []
    for lines in pages:
        shown = " T* ".join(f"({line}) Tj" for line in lines)
        content = f"BT /F1 12 Tf 14 TL 72 720 Td {shown} ET".encode()
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects)
        )
        numbers.append(len(objects))
    kids = " ".join(f"{number} 0 R" for number in numbers)
    objects[1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(numbers)} >>".encode()
    written, starts = io.BytesIO(b"%PDF-1.4\n"), []
    written.seek(0, io.SEEK_END)
    for number, content in enumerate(objects, 1):
        starts.append(written.tell())
        written.write(b"%d 0 obj\n%b\nendobj\n" % (number, content))
    start = written.tell()
    table = "".join(f"{each:010} 00000 n \n" for each in starts)
    written.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode())
    written.write(f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    if password:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(written.getvalue()))
        writer.encrypt(password, algorithm="RC4-128")
        written = io.BytesIO()
        writer.write(written)
    path.write_bytes(written.getvalue())
    return path


def texts(path: Path, limit: ReadLimit | None = None) -> list[str]:
    return [document.text for document in read_documents(path, limit=limit)]


def test_docx_gives_a_text_per_paragraph_and_cell(tmp_path):
    path = docx(tmp_path / "a.docx", "Grüße vom Leuchtturm.", " ", "The lamp is lit.", cells=("left", "right"))
    assert texts(path) == ["Grüße vom Leuchtturm.", "The lamp is lit.", "left", "right"]


def test_pdf_gives_paragraphs_without_line_breaks_and_hyphens(tmp_path):
    first = ("The keeper climbs the stairs of the light-", "house every night, and when the fog", "comes he rings.")
    path = pdf(tmp_path / "a.PDF", (*first, "Then he sleeps until the morning comes."), ("Second page.",))
    assert texts(path) == [
        "The keeper climbs the stairs of the lighthouse every night, and when the fog comes he rings.",
        "Then he sleeps until the morning comes.",
        "Second page.",
    ]


@given(st.lists(st.text("ab .-\n", max_size=40), max_size=6))
def test_no_letter_of_a_page_is_lost(lines):
    page = "\n".join(lines)
    letters = "".join(paragraphs_of(page)).replace(" ", "").replace("-", "")
    assert letters == "".join(page.split()).replace("-", "")


def test_reading_ends_at_the_limit(tmp_path):
    path = docx(tmp_path / "a.docx", *["a lamp"] * 50)
    limit = ReadLimit(20)
    assert len(texts(path, limit)) == 4
    assert limit.disk_bytes == path.stat().st_size


def test_files_in_a_folder_are_read_with_the_others(tmp_path):
    docx(tmp_path / "a.docx", "one")
    pdf(tmp_path / "b.pdf", ("two",))
    (tmp_path / "c.txt").write_text("three")
    assert texts(tmp_path) == ["one", "two", "three"]


def test_what_cannot_be_read_has_one_message_with_a_remedy(tmp_path):
    (tmp_path / "old.docx").write_bytes(b"\xd0\xcf\x11\xe0 an old file")
    with zipfile.ZipFile(tmp_path / "other.docx", "w") as packed:
        packed.writestr("a.txt", "x")
    with zipfile.ZipFile(tmp_path / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", b" " * 70_000_000)
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 nothing of it")
    (tmp_path / "empty.pdf").write_bytes(b"")
    pdf(tmp_path / "secret.pdf", ("hello",), password="x")
    pdf(tmp_path / "scan.pdf", ("",))
    docx(tmp_path / "picture.docx")
    for name, words in {
        "old.docx": "no .docx file.*old .doc", "other.docx": "cannot be read.*valid", "bomb.docx": "more than 64 MB",
        "broken.pdf": "cannot be read", "empty.pdf": "cannot be read", "secret.pdf": "protected by a password",
        "scan.pdf": "no text.*scanned", "picture.docx": "no text.*pictures",
    }.items():  # fmt: skip
        with pytest.raises(DataError, match=rf"(?is){name}.*{words}") as raised:
            texts(tmp_path / name)
        assert raised.value.remedy


@pytest.mark.parametrize("module", ["mammoth", "pypdf"])
def test_missing_library_names_the_extra(tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    path = docx(tmp_path / "a.docx", "x") if module == "mammoth" else pdf(tmp_path / "a.pdf", ("x",))
    with pytest.raises(DataError, match=f"need the package {module}") as raised:
        texts(path)
    assert 'pip install "i3desk[documents]"' in raised.value.remedy
