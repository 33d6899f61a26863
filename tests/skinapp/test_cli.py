import json
import os
import subprocess
import sys
import time

import cv2
import pytest

from skinapp import __main__ as cli
from skinapp.assessment import pipeline
from skinapp.assessment.assessor import Assessor
from skinapp.imaging import decode
from tests import TINY_MODEL
from tests.support import drawings
from tests.support.app_server import ROOT

MODEL = ["--model", str(TINY_MODEL)]


@pytest.fixture
def folder(tmp_path):
    """Two photos, one broken file and a text, in a folder with a folder in it."""
    (tmp_path / "more").mkdir()
    (tmp_path / "a.png").write_bytes(drawings.encoded(drawings.lesion(seed=1)))
    (tmp_path / "more" / "b.jpg").write_bytes(drawings.encoded(drawings.lesion(seed=2), "JPEG"))
    (tmp_path / "more" / "c.jpg").write_bytes(b"broken")
    (tmp_path / "notes.txt").write_text("not a photo")
    return tmp_path


def test_json_is_the_assessors_report_of_the_file(folder, capsys):
    assert cli.main([str(folder / "a.png"), "--json", *MODEL]) == 0
    printed = json.loads(capsys.readouterr().out)
    report = Assessor.load(str(TINY_MODEL), "cpu").read_and_assess(folder / "a.png")[1].to_dict()
    assert printed.pop("file") == str(folder / "a.png")
    assert printed.pop("elapsed_ms").keys() == report.pop("elapsed_ms").keys()
    assert printed == report


def test_a_folder_prints_a_line_a_photo_goes_on_after_a_broken_one_and_exits_with_1(folder, capsys):
    assert cli.main([str(folder), "--json", *MODEL]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"] for line in lines] == [str(folder / name) for name in ("a.png", "more/b.jpg", "more/c.jpg")]
    assert lines[2] == {
        "file": str(folder / "more/c.jpg"),
        "error": "The file is not a picture that can be read here (it starts with b'broken'); send one JPEG, PNG or WebP photo.",
    }


def test_rows_for_people_name_priority_lesion_and_advice(folder, capsys):
    assert cli.main([str(folder / "a.png"), *MODEL]) == 0
    report = Assessor.load(str(TINY_MODEL), "cpu").read_and_assess(folder / "a.png")[1]
    said = capsys.readouterr().out
    assert said == f"{folder / 'a.png'}  Low  {report.top.code} {report.chances.max():.3f}  {report.advice()}\n"


def test_the_overlay_is_written_as_a_picture_of_the_photos_size(folder, capsys):
    assert cli.main([str(folder / "a.png"), "--overlay", str(folder / "o.png"), *MODEL]) == 0
    assert cv2.imread(str(folder / "o.png")).shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["{folder}", "--overlay", "o.png"], 2, "--overlay takes one photo, but 3 were given; leave it out or give one.\n"),
        (["{folder}/a.png", "--overlay", "{folder}/none/o.png"], 2, "--overlay {folder}/none/o.png lies in no folder that exists; make the folder first.\n"),
        (["{folder}/more/none"], 1, "{folder}/more/none can't be opened (No such file or directory); check the path."),
        (["{folder}/empty"], 2, "{folder}/empty holds no pictures (.avif, .bmp, .gif, .heic, .heif, .jpeg, .jpg, .png, .tif, .tiff, .webp); give another folder.\n"),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_one_line(folder, capsys, arguments, status, said):
    (folder / "empty").mkdir()
    found = cli.main([*(argument.format(folder=folder) for argument in arguments), *MODEL])
    captured = capsys.readouterr()
    assert found == status and said.format(folder=folder) in captured.out + captured.err


def test_a_model_that_is_not_there_stops_it_before_any_photo(folder, capsys):
    assert cli.main([str(folder), "--model", str(folder / "none")]) == 2
    assert capsys.readouterr().out == ""


def test_a_bad_environment_value_is_said(folder, capsys, monkeypatch):
    monkeypatch.setenv("SKINAPP_THREADS", "many")
    assert cli.main([str(folder), *MODEL]) == 2
    assert capsys.readouterr().err == "SKINAPP_THREADS is 'many'; give a number of threads, or 0 to leave it to ONNX Runtime.\n"


def test_it_runs_as_a_module_and_loads_no_page_and_no_torch(folder):
    code = (
        "import sys, skinapp.__main__ as cli; cli.main(sys.argv[1:]); "
        "print({name.split('.')[0] for name in sys.modules} & {'torch', 'gradio', 'timm', 'transformers'})"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(folder / "a.png"), *MODEL], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "set()"


def test_a_folder_named_like_a_photo_is_no_photo(folder, capsys):
    (folder / "d.jpg").mkdir()
    (folder / "d.jpg" / "e.png").write_bytes(drawings.encoded(drawings.lesion(seed=3)))
    assert cli.main([str(folder / "d.jpg"), "--json", *MODEL]) == 0
    assert cli.main([str(folder), "--json", *MODEL]) == 1
    files = [json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()]
    assert files == [str(folder / name) for name in ("d.jpg/e.png", "a.png", "d.jpg/e.png", "more/b.jpg", "more/c.jpg")]


def test_a_photo_whose_name_is_no_text_is_answered_under_an_escaped_name(folder):
    odd = os.fsencode(folder) + b"/\xff.png"
    (folder / "a.png").rename(os.fsdecode(odd))
    command = [sys.executable, "-m", "skinapp", odd, "--json", *MODEL]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert json.loads(ran.stdout)["file"] == os.fsdecode(odd)
    ran = subprocess.run([*command[:4], *MODEL], cwd=ROOT, capture_output=True, check=True)
    assert ran.stdout.startswith(os.fsencode(folder) + b"/\\udcff.png  ")


def many(folder, count=21):
    """Photos in two folders, of which each fifth can't be read."""
    (folder / "many" / "b").mkdir(parents=True)
    for number in range(count):
        path = folder / "many" / ("b" if number % 3 == 0 else ".") / f"{number:02}.jpg"
        path.write_bytes(
            b"broken" if number % 5 == 4 else drawings.encoded(drawings.lesion(160 + number, 120, seed=number), "JPEG")
        )
    return folder / "many"


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("options", [[], ["--careful"], ["--centred"]])
def test_many_photos_get_the_answers_that_each_gets_alone_in_their_order(folder, capsys, options):
    place = many(folder)
    assert cli.main([str(place), "--json", *options, *MODEL]) == 1
    together = lines(capsys)
    paths = sorted(place.rglob("*.jpg"))
    assert [line["file"] for line in together] == [str(path) for path in paths]
    alone = options if "--careful" in options else [*options, "--no-careful"]
    for path, line in zip(paths, together, strict=True):
        cli.main([str(path), "--json", *alone, *MODEL])
        (one,) = lines(capsys)
        assert one.pop("elapsed_ms", {}).keys() == line.pop("elapsed_ms", {}).keys()
        assert one.pop("probabilities", {}) == pytest.approx(line.pop("probabilities", {}), abs=1e-6)
        for report in (one, line):
            report.get("top", {}).pop("probability", None)
            (report.get("reason") or {}).pop("probability", None)
            report.get("quality", {}).pop("lesion_evidence", None)
        assert one == line


def test_a_photo_given_twice_is_answered_twice(folder, capsys):
    assert cli.main([str(folder / "a.png")] * 3 + ["--json", *MODEL]) == 0
    assert [line["file"] for line in lines(capsys)] == [str(folder / "a.png")] * 3


def test_few_photos_are_read_ahead_of_what_is_taken(folder, monkeypatch):
    """However many there are: what is answered and not yet asked for stays in memory."""
    assessor, read = Assessor.load(str(TINY_MODEL), "cpu", 1), list[object]()
    reading = decode.read_reduced
    monkeypatch.setattr(decode, "read_reduced", lambda *given: read.append(given) or reading(*given))
    answers = pipeline.assess(assessor, [folder / "a.png"] * 1000, threads=2)
    next(answers)
    time.sleep(1)
    answers.close()
    assert len(read) <= (2 * 2 + 1) * pipeline.MAX_PASS


def test_large_photos_of_one_pass_are_answered_before_memory_is_full(folder, monkeypatch):
    assessor, passes = Assessor.load(str(TINY_MODEL), "cpu", 1), list[int]()
    answering = assessor.assess_decoded
    monkeypatch.setattr(
        assessor, "assess_decoded", lambda read, *given, **ways: passes.append(len(read)) or answering(read, *given, **ways)
    )
    monkeypatch.setattr(pipeline, "MAX_DECODED_BYTES", 2 * 320 * 240 * 3)
    assert len(list(pipeline.assess(assessor, [folder / "a.png"] * 8, threads=1))) == 8
    assert passes == [3, 3, 2]


def test_a_fault_of_ours_ends_the_run_as_it_is(folder, monkeypatch):
    assessor = Assessor.load(str(TINY_MODEL), "cpu", 1)
    monkeypatch.setattr(assessor, "answer", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(pipeline.assess(assessor, [folder / "a.png"] * 40, threads=2))
