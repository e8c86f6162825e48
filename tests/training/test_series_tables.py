"""CSV files as people have them: each is read in the one way that can be meant, or refused with what came."""

from pathlib import Path

import numpy as np
import pytest

from lstm_lib.applied import dates
from lstm_lib.applied.tables import read_table

PLAIN = [("2027-01-01", 1.5), ("2027-01-02", -2.0), ("2027-01-03", 1300.25)]


def write(folder: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    """Write a file, its line ends as they are given."""
    path = folder / "file.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


HEATS = ("1.5", "-2", "1300.25")
OTHER_DATES = [
    ("2008-11", "2008-12", "2009-01"),
    ("11/2008", "12/2008", "1/2009"),
    ("Nov 2008", "Dec 2008", "Jan 2009"),
    ("December 2008", "January 2009", "February 2009"),
    ("Nov-08", "Dec-08", "Jan-09"),
    ("18 Jul 2024", "19 Jul 2024", "2 Aug 2024"),
    ("31-JUL-2024", "1-AUG-2024", "2-AUG-2024"),
    ("July 31, 2024", "August 1, 2024", "August 2, 2024"),
    ("31. July 2024 12:00", "31. July 2024 13:00", "31. July 2024 14:00"),
    ("31.12.26", "01.01.27", "02.01.27"),
    ("20241231", "20250101", "20250103"),
    ("2024Q3", "2024Q4", "2025Q1"),
    ("Q3 2024", "Q4 2024", "Q1 2025"),
]
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
    **{
        f"dates such as {days[0]}": "day;heat\n" + "".join(f"{d};{n}\n" for d, n in zip(days, HEATS, strict=True))
        for days in OTHER_DATES
    },
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


@pytest.mark.parametrize("days", OTHER_DATES, ids=lambda days: days[0])
def test_the_newest_row_is_brought_last_however_dates_are_written(days: tuple[str, ...], tmp_path: Path) -> None:
    rows = [f"{day};{heat}\n" for day, heat in zip(days, HEATS, strict=True)]
    one, other = (read_table(write(tmp_path, "day;heat\n" + "".join(some))) for some in (rows, rows[::-1]))
    assert one.times == other.times == days
    assert one.days == other.days
    np.testing.assert_array_equal(one.values, other.values)
    assert (one.notes, other.notes) == ((), ("the newest row came first: turned round",))


@pytest.mark.parametrize("cells", [("20241301", "20241302", "20241303"), ("20240101", "20240301", "20240201")])
def test_eight_digits_are_numbers_where_they_are_no_dates_in_order(cells: tuple[str, ...], tmp_path: Path) -> None:
    path = write(tmp_path, "n,x\n" + "".join(f"{cell},{k * k}\n" for k, cell in enumerate(cells)))
    table = read_table(path, wanted=["n"])
    assert table.column("n").tolist() == [float(cell) for cell in cells]
    assert table.days is None


def test_eight_digits_that_are_said_to_be_dates_must_be_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "n,x\n20240101,1\n20240301,4\n20240201,2\n")
    with pytest.raises(ValueError, match="got 20240201 in line 4 after 20240301, expected rows in order of time"):
        read_table(path, clock="n")


IDS = [3 * n + n % 2 for n in range(8)]
FRACTIONS = [1.7e9 + n + n % 3 / 4 for n in range(50)]


@pytest.mark.parametrize(
    ("numbers", "falls"),
    [
        (IDS[::-1], True),
        ([3, 2, 1], True),
        (IDS[:0:-1], False),
        (IDS[:7], False),
        ([5, 4, 2], False),
        (FRACTIONS[::-1], True),
        (FRACTIONS[:0:-1], False),
        (FRACTIONS, False),
    ],
    ids=["ids", "equal steps", "few", "few that rise", "three", "fractions", "fewer fractions", "fractions that rise"],
)
def test_a_column_that_falls_at_every_row_is_asked_about_and_turned_as_told(
    numbers: list[float], falls: bool, tmp_path: Path
) -> None:
    path = write(tmp_path, "id,x\n" + "".join(f"{n},{n * n % 7}\n" for n in numbers))
    if falls:
        with pytest.raises(ValueError, match="got column 'id', which falls at every row, expected") as refused:
            read_table(path)
        assert "--time 'id' if the newest row came first, --time '' if rows are in order" in str(refused.value)
    else:
        assert read_table(path).names == ("id", "x")
    asked = read_table(path, clock="")
    assert (asked.names, asked.clock, asked.notes) == (("id", "x"), None, ())
    assert read_table(path, wanted=["id"]).column("id").tolist() == numbers
    told = read_table(path, clock="id")
    rises = sorted(numbers)
    assert told.times == tuple(map(str, rises))
    assert told.column("x").tolist() == [n * n % 7 for n in rises]
    assert told.notes == (("the newest row came first: turned round",) if numbers[0] > numbers[1] else ())


def test_a_column_that_falls_while_another_counts_is_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path, "row,epoch,x\n" + "".join(f"{n},{99 - 3 * n},{n * n % 7}\n" for n in range(5)))
    with pytest.raises(ValueError, match="got column 'epoch', which falls at every row, while 'row' rises"):
        read_table(path)
    assert read_table(path, clock="row").names == ("epoch", "x")
    assert read_table(path, clock="epoch").column("x").tolist() == [n * n % 7 for n in range(4, -1, -1)]


def test_whole_numbers_that_rise_at_each_of_many_rows_say_when(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "stamp,x\n" + "".join(f"{n},{n * n % 7}\n" for n in IDS)))
    assert (table.names, table.clock, table.times[-1]) == (("x",), "stamp", str(IDS[-1]))
    (note,) = table.notes
    assert note == "column 'stamp' rises at every row: taken as what says when, and not read (--time '' reads it)"


FOLLOWS = {
    "months": ("2027-10-01 2027-11-01 2027-12-01", "2028-01-01 2028-02-01"),
    "months alone": ("2027-10 2027-11 2027-12", "2028-01 2028-02"),
    "ends of months": ("2027-11-30 2027-12-31 2028-01-31", "2028-02-29 2028-03-31"),
    "the 30th": ("2027-11-30 2027-12-30 2028-01-30", "2028-02-29 2028-03-30"),
    "quarters": ("01.04.2027 01.07.2027 01.10.2027", "01.01.2028 01.04.2028"),
    "named quarters": ("2027Q2 2027Q3 2027Q4", "2028Q1 2028Q2"),
    "years": ("1999-01-01 2000-01-01 2001-01-01 2002-01-01", "2003-01-01 2004-01-01"),
    "leap years": ("2022-02-28 2023-02-28 2024-02-29", "2025-02-28 2026-02-28"),
    "a month that is missing": ("2027-01 2027-02 2027-03 2027-05", "2027-06 2027-07"),
    "days": ("2027-02-26 2027-02-27 2027-02-28", "2027-03-01 2027-03-02"),
    "a day that is missing before the last": ("2027-02-25 2027-02-26 2027-02-27 2027-03-01", "2027-03-02 2027-03-03"),
    "weeks": ("5/3/2027 5/10/2027 5/17/2027", "5/24/2027 5/31/2027"),
    "weekdays": ("2027-01-08 2027-01-11 2027-01-12 2027-01-13 2027-01-14 2027-01-15", "2027-01-18 2027-01-19"),
    "hours": ("2027-12-31T21:00Z 2027-12-31T22:00Z 2027-12-31T23:00Z", "2028-01-01T00:00Z 2028-01-01T01:00Z"),
    "eight digits": ("20271229 20271230 20271231", "20280101 20280102"),
    "months in words": ("30-Nov-2027 31-Dec-2027 31-Jan-2028", "29-Feb-2028 31-Mar-2028"),
    "months in capitals": ("OCT-27 NOV-27 DEC-27", "JAN-28 FEB-28"),
    "no usual step": ("2027-01-01 2027-01-02 2027-01-05 2027-01-09", ""),
    "one row": ("2027-01-01", ""),
    "the end of time": ("9999-12-29 9999-12-30 9999-12-31", ""),
}


@pytest.mark.parametrize("name", FOLLOWS)
def test_dates_go_on_by_the_calendar_and_as_the_file_writes_them(name: str, tmp_path: Path) -> None:
    given, expected = (told.split() for told in FOLLOWS[name])
    table = read_table(write(tmp_path, "day,x\n" + "".join(f"{day},{k * k}\n" for k, day in enumerate(given))))
    assert dates.follow(table.times, table.days, 2) == expected
    longer = [note for note in table.notes if "longer than the usual" in note]
    assert len(longer) == ("missing" in name)


def test_dates_with_blanks_go_on_as_they_are_written(tmp_path: Path) -> None:
    path = write(tmp_path, "day;x\n12/30/2027 9:00 PM;1\n12/30/2027 10:30 PM;2\n12/31/2027 12:00 AM;3\n")
    table = read_table(path)
    assert dates.follow(table.times, table.days, 1) == ["12/31/2027 1:30 AM"]


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
