"""``rtfsc fmt``."""

from __future__ import annotations

import os

from cli_runner import Cli

UGLY, PRETTY = "(def  a   1) ; one\n", "(def a 1) ; one\n"


def test_formats_in_place_once(cli: Cli) -> None:
    path = cli.file("a.rtfs", UGLY)
    assert cli("fmt", "a.rtfs").stdout == "formatted a.rtfs\n"
    assert path.read_text() == PRETTY
    assert cli("fmt", "a.rtfs").stdout == ""


def test_check_lists_what_would_change_and_writes_nothing(cli: Cli) -> None:
    ugly = cli.file("a.rtfs", UGLY)
    cli.file("b.rtfs", PRETTY)
    assert cli("fmt", "--check", ".", code=1).stdout == f".{os.sep}a.rtfs\n"
    assert ugly.read_text() == UGLY
    assert cli("fmt", "--check", "b.rtfs").stdout == ""


def test_standard_input(cli: Cli) -> None:
    assert cli("fmt", "-", input=UGLY).stdout == PRETTY
    assert cli("fmt", "--check", "-", input=UGLY, code=1).stdout == "<stdin>\n"
    assert cli("fmt", "--check", "-", input=PRETTY).stdout == ""


def test_files_with_syntax_errors_are_left_alone(cli: Cli) -> None:
    bad = cli.file("bad.rtfs", "(def  a [1)")
    good = cli.file("good.rtfs", UGLY)
    result = cli("fmt", "bad.rtfs", "good.rtfs", code=1)
    assert "S003" in result.stderr
    assert bad.read_text() == "(def  a [1)"
    assert good.read_text() == PRETTY


def test_permissions_links_and_line_ends(cli: Cli) -> None:
    path = cli.file("a.rtfs", b"\xef\xbb\xbf(f)\r\n(g)\r\n")
    path.chmod(0o640)
    (cli.folder / "link.rtfs").symlink_to(path)
    cli("fmt", "link.rtfs")
    assert (cli.folder / "link.rtfs").is_symlink()
    assert path.read_bytes() == b"(f)\n(g)\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_missing_file(cli: Cli) -> None:
    assert "IO001" in cli("fmt", "none.rtfs", code=1).stderr


def test_standard_input_goes_alone(cli: Cli) -> None:
    cli.file("a.rtfs", PRETTY)
    cli("fmt", "-", "a.rtfs", code=2)
