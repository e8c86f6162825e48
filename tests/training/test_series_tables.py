"""CSV files as people have them: each is read in the one way that can be meant, or refused with what came."""

from pathlib import Path

import numpy as np
import pytest

from lstm_lib.applied.tables import read_table

PLAIN = [("2027-01-01", 1.5), ("2027-01-02", -2.0), ("2027-01-03", 1300.25)]


def write(folder: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    """Write a file, its line ends as they are given."""
    path = folder / "file.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


READ_ALIKE = {
    "commas": "day,heat\n2027-01-01,1.5\n2027-01-02,-2\n2027-01-03,1300.25\n",
    "semicolons and decimal commas": "day;heat\n01.01.2027;1,5\n02.01.2027;-2,0\n03.01.2027;1300,25\n",
    "decimal commas and thousands": "day;heat\n01.01.2027;1,5\n02.01.2027;-2,0\n03.01.2027;1.300,25\n",
    "thousands in quotation marks": 'day,heat\n2027-01-01,1.5\n2027-01-02,-2\n2027-01-03,"1,300.25"\n',
    "decimal commas in quotation marks": 'day,heat\n2027-01-01,"1,5"\n2027-01-02,"-2"\n2027-01-03,"1300,25"\n',
    "tabs": "day\theat\n2027-01-01\t1.5\n2027-01-02\t-2\n2027-01-03\t1300.25\n",
    "bars": "day|heat\n2027-01-01|1.5\n2027-01-02|-2\n2027-01-03|1300.25\n",
    "a byte order mark": "\ufeffday,heat\n2027-01-01,1.5\n2027-01-02,-2\n2027-01-03,1300.25\n",
    "Windows' line ends": "day,heat\r\n2027-01-01,1.5\r\n2027-01-02,-2\r\n2027-01-03,1300.25\r\n",
    "no line end": "day,heat\n2027-01-01,1.5\n2027-01-02,-2\n2027-01-03,1300.25",
    "empty lines": "\n\nday,heat\n\n2027-01-01,1.5\n2027-01-02,-2\n\n2027-01-03,1300.25\n\n\n",
    "blanks": "day , heat\n2027-01-01 , 1.5\n2027-01-02, -2\n2027-01-03,1300.25 \n",
    "the newest row first": "day,heat\n2027-01-03,1300.25\n2027-01-02,-2\n2027-01-01,1.5\n",
    "a delimiter at each end": "day,heat,\n2027-01-01,1.5,\n2027-01-02,-2,\n2027-01-03,1300.25,\n",
    "Excel's line of the delimiter": "sep=;\nday;heat\n2027-01-01;1.5\n2027-01-02;-2\n2027-01-03;1300.25\n",
    "a typographic minus and narrow blanks": "day;heat\n2027-01-01;1,5\n2027-01-02;\u22122\n2027-01-03;1\u202f300,25\n",
    "exponents": "day,heat\n2027-01-01,15e-1\n2027-01-02,-2E0\n2027-01-03,1.30025e3\n",
    "American dates": "day,heat\n12/31/2026,1.5\n1/1/2027,-2\n1/2/2027,1300.25\n",
    "American clocks": "day,heat\n1/1/2027 11:00 AM,1.5\n1/1/2027 12:00 PM,-2\n1/1/2027 1:00 PM,1300.25\n",
    "times with a zone": "day,heat\n2027-01-01T00:00Z,1.5\n2027-01-01T01:00Z,-2\n2027-01-01T02:00Z,1300.25\n",
    "columns in another order": "heat;day\n1,5;01.01.2027\n-2;02.01.2027\n1300,25;03.01.2027\n",
    "text beside it": "day;heat;who\n01.01.2027;1,5;Ada\n02.01.2027;-2;Bo\n03.01.2027;1300,25;\n",
    "numbers of rows": "day,heat\n0,1.5\n1,-2\n2,1300.25\n",
}


@pytest.mark.parametrize("name", READ_ALIKE)
def test_the_same_table_is_read_however_it_is_written(name: str, tmp_path: Path) -> None:
    table = read_table(write(tmp_path, READ_ALIKE[name]))
    assert table.names == ("heat",)
    assert table.clock == "day"
    np.testing.assert_array_equal(table.values[:, 0], [value for _, value in PLAIN])
    assert all(a < b for a, b in zip(table.days or (), (table.days or ())[1:], strict=False))
    assert ("turned round" in " ".join(table.notes)) == (name == "the newest row first")
    assert ("'who' is left out" in " ".join(table.notes)) == (name == "text beside it")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_an_encoding_that_the_file_names_is_taken(encoding: str, tmp_path: Path) -> None:
    assert read_table(write(tmp_path, "Höhe\n1\n5\n2\n", encoding)).names == ("Höhe",)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "iso-8859-15", "mac-roman"])
def test_an_encoding_that_is_told_is_taken(encoding: str, tmp_path: Path) -> None:
    assert read_table(write(tmp_path, "Höhe\n1\n5\n2\n", encoding), encoding=encoding).names == ("Höhe",)


def test_what_is_missing_is_no_number(tmp_path: Path) -> None:
    words = ["", "NA", "n/a", "NaN", "null", "None", "-", "?", "#N/A"]
    lines = [f"{n * n},{word}" for n, word in enumerate(words)]
    table = read_table(write(tmp_path, "x,y\n" + "\n".join(lines) + "\n-7,3\n"))
    assert np.isnan(table.column("y")).tolist() == [True] * len(words) + [False]


def test_longer_steps_of_time_are_told(tmp_path: Path) -> None:
    days = ["01", "02", "03", "04", "07", "08"]
    table = read_table(write(tmp_path, "day,x\n" + "".join(f"2027-01-{day},1\n" for day in days)))
    (note,) = table.notes
    assert note.startswith("1 steps of time are longer than the usual 1 day, 0:00:00, the first after 2027-01-04")


EXCHANGED = {
    "days in a row": (["05/04/2027", "06/04/2027", "07/04/2027", "08/04/2027"], "2027-04-08", True),
    "the newest first": (["08/04/2027", "07/04/2027", "06/04/2027", "05/04/2027"], "2027-04-08", True),
    "months in a row": (["01/05/2027", "01/06/2027", "01/07/2027"], "2027-01-07", True),
    "a day above twelve": (["05/04/2027", "06/04/2027", "13/04/2027"], "2027-04-13", False),
    "the newest first, one order of time": (["03/04/2027", "02/04/2027", "12/03/2027"], "2027-04-03", False),
    "one order of time": (["03/04/2027", "02/05/2027", "01/06/2027"], "2027-06-01", False),
}


@pytest.mark.parametrize("name", EXCHANGED)
def test_day_and_month_are_told_apart_and_what_could_be_otherwise_is_told(name: str, tmp_path: Path) -> None:
    days, last, is_told = EXCHANGED[name]
    table = read_table(write(tmp_path, "day,x\n" + "".join(f"{day},{k * k}\n" for k, day in enumerate(days))))
    assert str(table.days[-1])[:10] == last
    notes = [note for note in table.notes if "is read as" in note]
    assert bool(notes) is is_told
    if is_told:
        assert notes[0].startswith(f"'{days[0]}' in column 'day' is read as 2027-0")


REFUSED = {
    "nothing": ("", "got 0 bytes with nothing but blanks"),
    "blanks": (" \n\n", "got 3 bytes with nothing but blanks"),
    "names alone": ("a,b\n", "got a line of names and no rows"),
    "numbers in the first line": ("1,2\n3,4\n", "got 1, 2 in the first line, expected the names"),
    "a name twice": ("a,b,a\n1,2,3\n", "got 'a' as the name of columns 1 and 3, expected each name once"),
    "a cell too many": ("a,b\n1,2\n3,4,5\n", "got 3 cells in line 3, expected 2"),
    "a cell too few": ("a,b\n1,2\n\n3\n", "got 1 cells in line 4, expected 2"),
    "decimal commas between commas": ("a,b\n1,5,2\n", "a decimal comma beside commas needs quotation marks"),
    "a wrong byte": (b"name\n1\nH\xf6he\n", "got byte 0xf6 in line 3, which is not utf-8"),
    "a spreadsheet": (b"PK\x03\x04abc", "got a ZIP archive (as .xlsx and .docx files are), expected a CSV file"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "got byte 0x89 in line 1"),
    "zeros": (b"a\n1\0\n", "got a character of number 0"),
    "half a quotation": ('a,b\n1,"2\n3,4\n', "where a quotation mark is out of place"),
    "text alone": ("a,b\nx,y\nz,w\n", "got no numbers (column 'a' is left out: it holds text, first 'x' in line 2"),
    "a time twice": ("day,x\n2027-01-01,1\n2027-01-01,2\n", "got 2027-01-01 in column 'day' twice, in lines 2 and 3"),
    "no order": (
        "day,x\n2027-01-02,1\n2027-01-01,2\n2027-01-03,2\n",
        "got 2027-01-01 in line 3 after 2027-01-02, expected rows in order of time",
    ),
    "a date that is none": (
        "day,x\n2027-01-01,1\n2027-01-02,2\nsoon,3\n",
        "got 'soon' in column 'day' of line 4, expected a date as in line 2, '2027-01-01'",
    ),
    "a day that no month has": ("day,x\n2027-02-28,1\n2027-02-29,2\n", "got '2027-02-29' in column 'day' of line 3"),
    "a date that is missing": ("day,x\n2027-01-01,1\n,2\n", "got '' in column 'day' of line 3"),
    "dates in two ways": (
        "day,x\n2027-01-01,1\n2027-01-02,2\n03.01.2027,3\n",
        "got '03.01.2027' in column 'day' of line 4, expected every date written as in line 2, '2027-01-01'",
    ),
    "month first, then day first": (
        "day,x\n01/14/2027,1\n01/15/2027,2\n16/01/2027,3\n",
        "got '16/01/2027' in column 'day' of line 4, expected every date written as in line 2, '01/14/2027'",
    ),
    "a first date that is missing": (
        "day,x\n,1\n2027-01-02,2\n",
        "got '' in column 'day' of line 2, expected a date as in line 3, '2027-01-02'",
    ),
    "two zones": ("day,x\n2027-01-01T00:00Z,1\n2027-01-01T01:00,2\n", "got '2027-01-01T01:00' in column 'day'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_meant_is_refused_with_file_place_and_reason(name: str, tmp_path: Path) -> None:
    content, message = REFUSED[name]
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match="got ") as refused:
        read_table(path)
    assert str(refused.value).startswith(f"{path}: got ")
    assert message in str(refused.value)


WANTED = {
    "no such column": ("heat", "a,Heat\n1,2\n", "got column 'heat', expected one of 'a', 'Heat'; did you mean 'Heat'?"),
    "text": ("b", "a,b\n1,2\n3,warm\n", "got column 'b', which holds text, first 'warm' in line 3, expected numbers"),
    "nothing": ("b", "a,b\n1,\n3,NA\n", "got column 'b', which holds nothing, expected numbers"),
    "no end": ("b", "a,b\n1,inf\n", "got column 'b', which holds a number without end, first 'inf' in line 2"),
    "too large": ("b", "a,b\n1,1e999\n", "got column 'b', which holds text, first '1e999' in line 2"),
    "two readings": ("b", "a;b\n1;1,234\n2;2,500\n", "got column 'b', which holds '1,234', which can be two numbers"),
    "units": ("b", "a,b\n1,5 kg\n", "got column 'b', which holds text, first '5 kg' in line 2"),
}


@pytest.mark.parametrize("name", WANTED)
def test_a_wanted_column_that_is_not_of_numbers_is_refused_by_name(name: str, tmp_path: Path) -> None:
    target, text, message = WANTED[name]
    with pytest.raises(ValueError, match="file.csv: got ") as refused:
        read_table(write(tmp_path, text), wanted=[target])
    assert message in str(refused.value)


@pytest.mark.parametrize(("decimal", "expected"), [(".", [1234.0, 2500.0]), (",", [1.234, 2.5])])
def test_what_has_two_readings_is_read_as_told(decimal: str, expected: list[float], tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "a;b\n1;1,234\n2;2,500\n"), decimal=decimal, wanted=["b"])
    np.testing.assert_array_equal(table.column("b"), expected)


@pytest.mark.parametrize(("other", "expected"), [("1,5", 1234.0), ("1.5", 1.234)])
def test_other_columns_say_what_a_point_means(other: str, expected: float, tmp_path: Path) -> None:
    table = read_table(write(tmp_path, f"a;b\n{other};1.234\n{other};2\n"), wanted=["a", "b"])
    assert table.column("b")[0] == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "latin-17"}, "got encoding 'latin-17', expected one that Python knows"),
        ({"delimiter": "::"}, "got delimiter '::', expected one character"),
        ({"decimal": "'"}, "got decimal"),
        ({"clock": "when"}, "got column 'when', expected one of 'day', 'x'"),
        ({"clock": "x"}, "got '1' in column 'x', expected dates written in one way, or numbers that rise"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_an_option_that_does_not_fit_is_refused(options: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got ") as refused:
        read_table(write(tmp_path, "day,x\n2027-01-01,1\n2027-01-02,1\n"), **options)
    assert message in str(refused.value)


def test_no_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(ValueError, match="expected a CSV file"):
            read_table(path)
