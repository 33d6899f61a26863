"""Bad files for every reader for some seconds; `python -m benchmarks.fuzz` goes on without end. What it found stands here by name."""

import json
import os
import time
from pathlib import Path

import pytest

from benchmarks import fuzz
from skinapp.errors import LONGEST_VALUE, LabelError, ModelError
from skinapp.i18n.messages import Message
from skinapp.metrics import ground_truth
from skinapp.model.spec import ModelSpec
from tests import TINY_MODEL
from tests.support import mutations

SECONDS = 5.0


def test_bad_files_are_answered_or_refused_in_a_sentence() -> None:
    tried, complaints = fuzz.run(first=0, count=2**40, seconds=SECONDS, workers=1)
    assert tried >= fuzz.BATCH and complaints == []


@pytest.mark.parametrize("what", ["crash", "hang", "gigabyte", "wrong answer", "no sentence"])
def test_the_fuzzer_tells_of_what_it_looks_for(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(given: mutations.Input, folder: Path) -> str:
        if what == "crash":
            os.abort()
        elif what == "hang":
            time.sleep(60)
        elif what == "gigabyte":
            assert bytearray(b"\1") * (fuzz.HEAVY_BYTES + 2**26)
        elif what == "wrong answer":
            raise KeyError("b")
        else:
            raise LabelError(Message("unusable_labels.no_text", detail="a" * 5000))
        return ""

    monkeypatch.setattr(fuzz, "_read", stumble)
    monkeypatch.setattr(fuzz, "HANGS_S", 1.0 if what == "hang" else fuzz.HANGS_S)
    number = mutations.READERS.index("labels")
    tried, complaints = fuzz.run(number, 1, SECONDS, 1)
    expected = {"crash": "kills the process (-6)", "hang": "hangs over", "gigabyte": "took 1", "wrong answer": "KeyError: 'b'"}
    assert tried == 1 and [(n, said.startswith(expected.get(what, "not a sentence: "))) for n, said in complaints] == [
        (number, True)
    ]


def test_a_number_names_one_file_for_ever() -> None:
    assert mutations.make(1) == mutations.make(1) != mutations.make(2)


# What was found


def config(tmp_path: Path, **changed: object) -> Path:
    made = json.loads((TINY_MODEL / "config.json").read_text())
    made["skinapp"] |= changed
    (tmp_path / "config.json").write_text(json.dumps(made))
    return tmp_path


def test_a_config_nested_without_end_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match=r"config\.json can't be read as JSON \(maximum recursion depth"):
        ModelSpec.read(tmp_path)


def test_a_number_too_long_for_any_float_is_not_finite(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"skinapp\.temperature is 10+\.\.\.0+; it must be finite\.$"):
        ModelSpec.read(config(tmp_path, temperature=10**400))


def test_an_error_shows_no_more_of_a_value_than_can_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        ModelSpec.read(config(tmp_path, **{"x" * 10_000: 1}))
    assert len(str(caught.value)) < len(str(tmp_path)) + 2 * LONGEST_VALUE
    for content in (b"file,dx\n" + b"a" * 100_000 + b",none\n", b"a" * 100_000 + b",b\n1,2\n"):
        with pytest.raises(LabelError) as refused:
            ground_truth.read(content)
        assert len(str(refused.value)) < 3 * LONGEST_VALUE
