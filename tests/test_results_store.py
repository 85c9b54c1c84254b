"""A results file loses nothing: cut at any byte it reads as what was finished before, and takes further records."""

import dataclasses
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxbench.errors import UserError
from mxbench.results import store
from mxbench.results.record import OK, Cell, Record, Speed, from_line, to_line

RECORD = Record(Cell("nin", 10), OK, speed=Speed(100.0), message="größer als ein Byte")


def numbered(count):
    return [dataclasses.replace(RECORD, repeat=number) for number in range(count)]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_file_cut_at_any_byte_reads_as_what_was_finished_before_and_takes_more(data):
    records = numbered(3)
    lines = [to_line(record).encode() + b"\n" for record in records]
    cut = data.draw(st.integers(0, sum(map(len, lines))))
    content = b"".join(lines)[:cut]
    whole, torn = 0, content
    while whole < 3 and len(torn) >= len(lines[whole]) - 1:  # the newline itself does not matter
        torn, whole = torn[len(lines[whole]):], whole + 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.jsonl"
        path.write_bytes(content)
        found, problems = store.read(path)
        assert found == records[:whole]
        assert [problem.line_number for problem in problems] == ([whole + 1] if torn else [])
        added = dataclasses.replace(RECORD, repeat=9)
        store.append(path, added)
        found, again = store.read(path)
        assert found == [*records[:whole], added]
        assert again == problems
        assert path.read_bytes().startswith(content)


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(to_line(RECORD).encode())), max_size=6))
@settings(max_examples=100, deadline=None)
def test_foreign_lines_are_reported_one_by_one_and_make_no_other_unreadable(lines):
    lines = [part for line in lines for part in line.split(b"\n")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.jsonl"
        path.write_bytes(b"\n".join(lines))
        found, problems = store.read(path)
    records = [number for number, line in enumerate(lines, start=1) if line == to_line(RECORD).encode()]
    blank = [number for number, line in enumerate(lines, start=1) if not line.strip()]
    assert found == [RECORD] * len(records)
    assert sorted([problem.line_number for problem in problems] + records + blank) == list(range(1, len(lines) + 1))


def test_a_problem_is_one_line_that_names_the_place(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"\xff\n" + to_line(RECORD).encode() + b"\r\n{}\n")
    found, problems = store.read(path)
    assert found == [RECORD]
    assert [str(problem) for problem in problems] == [
        f"{path}:1: skipped: not text: torn or foreign",
        f"{path}:3: skipped: JSON, but no mxbench record (no schema number)",
    ]


def test_a_file_that_is_not_there_or_a_folder_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        assert not store.exists(path)
        with pytest.raises(UserError, match="cannot read the results file"):
            store.read(path)


def _append_many(path, first):
    for number in range(first, first + 25):
        store.append(path, dataclasses.replace(RECORD, repeat=number))


def test_several_processes_append_to_one_file_and_lose_nothing(tmp_path):
    path = tmp_path / "results.jsonl"
    context = multiprocessing.get_context("spawn")  # a fork of a process with MXNet in it can hang
    processes = [context.Process(target=_append_many, args=(path, 100 * number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    found, problems = store.read(path)
    assert not problems
    assert sorted(record.repeat for record in found) == sorted(100 * one + two for one in range(4) for two in range(25))


class FullDisk:
    """Stands between the store and its file: after so many bytes there is no space."""

    def __init__(self, room):
        self.room = room

    def __call__(self, file, data):
        file.write(data[:self.room])
        if len(data) > self.room:
            raise OSError(28, "No space left on device")
        self.room -= len(data)


@pytest.mark.parametrize("room", [0, 1, 2, 50])
@pytest.mark.parametrize("before", [b"", b"torn", to_line(RECORD).encode() + b"\n"])
def test_what_a_full_disk_let_through_is_taken_back(tmp_path, monkeypatch, before, room):
    path = tmp_path / "results.jsonl"
    path.write_bytes(before)
    monkeypatch.setattr(store, "_write", FullDisk(room))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(store.NotSaved, match=r"cannot write to .*results.jsonl \(No space left on device\)"):
        store.append(path, RECORD)
    assert path.read_bytes() == before
    assert [store.read(rescued)[0] for rescued in tmp_path.glob("mxbench-rescued-*")] == [[RECORD]]


def test_a_device_that_takes_nothing_is_told_as_such(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(store.NotSaved, match=r"/dev/full \(No space left on device\): the finished measurement is in"):
        store.append("/dev/full", RECORD)


def test_with_no_room_anywhere_the_record_itself_is_in_the_message(tmp_path):
    script = f"""if True:
        import resource
        from mxbench.results import store
        from mxbench.results.record import from_line
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        try:
            store.append("results.jsonl", from_line({to_line(RECORD)!r}))
        except store.NotSaved as error:
            print(error)
        """
    done = subprocess.run([sys.executable, "-c", script], cwd=str(tmp_path), stdout=subprocess.PIPE, check=True,
                          env={**os.environ, "TMPDIR": str(tmp_path)})
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
    said = done.stdout.decode()
    assert said.startswith("cannot write to results.jsonl (File too large): append this finished measurement ")
    assert from_line(said[said.index("{"):]) == RECORD
    assert (tmp_path / "results.jsonl").read_bytes() == b""


def test_a_temporary_folder_that_is_gone_does_not_hide_the_record(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(store.NotSaved) as error:
        store.append(tmp_path, RECORD)
    assert str(error.value).startswith(f"cannot write to {tmp_path} (Is a directory): append this")
    assert from_line(str(error.value)[str(error.value).index("{"):]) == RECORD


def test_a_path_is_checked_without_writing_anything(tmp_path):
    store.check_writable(tmp_path / "new.jsonl")
    (tmp_path / "old.jsonl").write_text("kept")
    (tmp_path / "link.jsonl").symlink_to("old.jsonl")
    (tmp_path / "coming.jsonl").symlink_to("new.jsonl")
    for name in ("old.jsonl", "link.jsonl", "coming.jsonl"):
        store.check_writable(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coming.jsonl", "link.jsonl", "old.jsonl"]
    assert (tmp_path / "old.jsonl").read_text() == "kept"


@pytest.mark.parametrize("name, reason", [
    (".", r"is a folder: name a file in it, such as .*results.jsonl"),
    ("missing/results.jsonl", "there is no folder .*missing: create it"),
    ("astray.jsonl", "there is no folder .*elsewhere: create it"),
    ("file/results.jsonl", "there is no folder .*file"),
    ("pipe", "is a device or a pipe"),
    ("x" * 300, "cannot be written .File name too long.: choose another"),
])
def test_a_path_that_cannot_take_records_is_refused(tmp_path, name, reason):
    (tmp_path / "astray.jsonl").symlink_to(tmp_path / "elsewhere" / "results.jsonl")
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=reason):
        store.check_writable(tmp_path / name)


def test_a_path_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # permissions do not bind root
    with pytest.raises(UserError, match="read-only"):
        store.check_writable(tmp_path / "results.jsonl")
