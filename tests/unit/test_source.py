from __future__ import annotations

from pathlib import Path

import pytest

from rtfsc.diagnostics import DiagnosticError
from rtfsc.source import MAX_BYTES, SourceFile, Span


def test_lines_and_columns() -> None:
    source = SourceFile("a", "ab\r\n日\n\nx")
    places = [source.line_column(at) for at in (0, 2, 4, 5, 6, 7, 8, 99)]
    assert places == [(1, 1), (1, 3), (2, 1), (2, 2), (3, 1), (4, 1), (4, 2), (4, 2)]
    assert [source.line_text(line) for line in range(1, 5)] == ["ab", "日", "", "x"]
    assert source.line_start(3) == 6
    assert source.line_count == 4


def test_empty_text_has_one_line() -> None:
    source = SourceFile("a", "")
    assert (source.line_count, source.line_column(0), source.line_text(1)) == (1, (1, 1), "")


def test_span_is_half_open() -> None:
    assert "abcd"[slice(*Span(1, 3))] == "bc"


def test_read(tmp_path: Path) -> None:
    path = tmp_path / "a.rtfs"
    path.write_bytes('\ufeff(f "é")\n'.encode())
    source = SourceFile.read(path)
    assert (source.name, source.text) == (str(path), '(f "é")\n')


def refusal(path: Path | str) -> DiagnosticError:
    with pytest.raises(DiagnosticError) as caught:
        SourceFile.read(path)
    return caught.value


def test_missing_file_folder_and_impossible_name(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.rtfs").message
    assert refusal(tmp_path).code == "IO001"
    assert refusal("a\0b").code == "IO001"


@pytest.mark.parametrize(
    ("data", "byte", "line"),
    [(b"ab\n\xffc", 3, 2), (b"\xef\xbb\xbfa\xe9", 4, 1), (b"\xc3", 0, 1), (b"a\xed\xa0\x80", 1, 1)],
)
def test_invalid_utf8_names_the_byte(tmp_path: Path, data: bytes, byte: int, line: int) -> None:
    path = tmp_path / "a.rtfs"
    path.write_bytes(data)
    error = refusal(path)
    assert error.code == "IO003"
    assert error.message == f"The file is not valid UTF-8: byte {byte} is 0x{data[byte]:02x}"
    assert error.source is not None and error.span is not None
    assert error.source.line_column(error.span.start)[0] == line
    assert error.source.text[error.span.start] == "\ufffd"


def test_size_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.rtfs"
    path.write_bytes(b" " * MAX_BYTES)
    assert len(SourceFile.read(path).text) == MAX_BYTES
    path.write_bytes(b" " * (MAX_BYTES + 1))
    assert refusal(path).code == "IO002"
