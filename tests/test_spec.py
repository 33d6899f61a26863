import json
import shutil

import pytest

from skinapp.errors import ModelError
from skinapp.model.spec import ModelSpec
from tests import TINY_MODEL


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(TINY_MODEL, tmp_path / "model")


def change(folder, *path, value=None, delete=False):
    """Set or delete one key of config.json."""
    config = json.loads((folder / "config.json").read_text())
    place = config
    for key in path[:-1]:
        place = place[key]
    if delete:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    (folder / "config.json").write_text(json.dumps(config))


def complaint(folder) -> str:
    with pytest.raises(ModelError) as caught:
        ModelSpec.read(folder)
    return str(caught.value).removeprefix(f"{folder}/config.json: ")


def test_what_is_written_is_read_back(folder, tmp_path):
    spec = ModelSpec.read(folder)
    (tmp_path / "again").mkdir()
    spec.write(tmp_path / "again")
    assert ModelSpec.read(tmp_path / "again") == spec
    assert (tmp_path / "again" / "config.json").read_text() == (folder / "config.json").read_text()


def test_another_activation_is_told_as_timm_reads_it(folder, tmp_path):
    assert ModelSpec.read(folder).activation == ""
    change(folder, "model_args", value={"act_layer": "relu"})
    spec = ModelSpec.read(folder)
    assert spec.activation == "relu"
    spec.write(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_args"] == {"act_layer": "relu"}
    change(folder, "model_args", value={"drop_rate": 0.1})
    assert complaint(folder) == "model_args.drop_rate is 0.1; this key is unknown; remove it or update skinapp."


def keys(value, path=()):
    """Every key of config.json that the runtime reads, as a path."""
    for key, inner in value.items():
        if path != ("skinapp",) or key != "provenance":
            yield (*path, key)
        if isinstance(inner, dict) and key != "provenance":
            yield from keys(inner, (*path, key))


@pytest.mark.parametrize(
    "path",
    [path for path in keys(json.loads((TINY_MODEL / "config.json").read_text())) if path[-1] != "model_fp32.onnx"],
    ids=".".join,
)
def test_every_missing_key_is_named(folder, path):
    change(folder, *path, delete=True)
    assert complaint(folder) == f"{'.'.join(path)} is missing; build the model folder again."


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("skinapp", "colour"), 1, "skinapp.colour is 1; this key is unknown; remove it or update skinapp."),
        (("skinapp", "format"), 3, "skinapp.format is 3; this version reads formats 1 to 2; export the model again."),
        (("skinapp", "temperature"), 0, "skinapp.temperature is 0.0; it must be a positive number."),
        (("skinapp", "temperature"), "1", "skinapp.temperature is '1'; it must be of type float."),
        (("skinapp", "temperature"), True, "skinapp.temperature is True; it must be of type float."),
        (("skinapp", "thresholds", "mel"), 1.0, "skinapp.thresholds.mel is 1.0; a probability threshold lies between 0 and 1."),
        (("skinapp", "thresholds", "near_mel"), 0.26, "skinapp.thresholds.near_mel is 0.26; it can't lie above that of mel."),
        (("skinapp", "thresholds", "nv"), 0.1, "skinapp.thresholds.nv is 0.1; this key is unknown; remove it or update skinapp."),
        (("skinapp", "quality", "warn", "max_haste"), 1, "skinapp.quality.warn.max_haste is 1; this key is unknown; remove it or update skinapp."),
        (("skinapp", "heatmap", "floor", "mel"), 9.0, "skinapp.heatmap.floor.mel is 9.0; it must be at least 0 and below full (5.0)."),
        (("num_classes",), 8, "num_classes is 8; it must be 7, one a lesion."),
        (("pretrained_cfg", "interpolation"), "random", "pretrained_cfg.interpolation is 'random'; it must be one of bilinear, bicubic, lanczos."),
        (("pretrained_cfg", "crop_mode"), "border", "pretrained_cfg.crop_mode is 'border'; it must be one of center, squash."),
        (("pretrained_cfg", "crop_pct"), 1.5, "pretrained_cfg.crop_pct is 1.5; it must be at most 1."),
        (("pretrained_cfg", "std"), [1, 1], "pretrained_cfg.std is [1, 1]; it must be three numbers."),
        (("pretrained_cfg", "std"), [1, 0, 1], "pretrained_cfg.std is [1, 0, 1]; it must be positive."),
        (("pretrained_cfg", "input_size"), [3, 32, 16], "pretrained_cfg.input_size is [3, 32, 16]; height and width must be equal where crop_mode is center."),
        (("skinapp", "files", "../evil"), {}, "skinapp.files.../evil is {}; a file lies directly in the model folder."),
        (("skinapp", "lesion_head", "weights"), ["a"], "skinapp.lesion_head.weights is ['a']; it must be a list of numbers, one a feature of the embedding."),
        (("skinapp", "lesion_head", "bias"), float("nan"), "skinapp.lesion_head.bias is nan; it must be finite."),
        (("skinapp", "frame_head", "weights"), [1.0], "skinapp.frame_head.weights is [1.0]; it must be a list of 21 numbers, or of none."),
        (("skinapp", "quality", "refuse", "min_sharpness"), float("inf"), "skinapp.quality.refuse.min_sharpness is inf; it must be finite."),
        (("pretrained_cfg", "mean"), [0.5, float("nan"), 0.5], "pretrained_cfg.mean is [0.5, nan, 0.5]; it must be finite."),
        (("skinapp",), [], "skinapp is []; it must be of type dict."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_cure(folder, path, value, said):
    change(folder, *path, value=value)
    assert complaint(folder) == said


def test_another_order_of_the_lesions_is_refused(folder):
    change(folder, "label_names", value=["mel", "akiec", "bcc", "bkl", "df", "nv", "vasc"])
    assert complaint(folder) == (
        "label_names is ['mel', 'akiec', 'bcc', 'bkl', 'df', 'nv', 'vasc']; "
        "the lesions must be akiec, bcc, bkl, df, mel, nv, vasc, in this order."
    )


def test_timms_own_keys_are_let_be(folder):
    change(folder, "pretrained_cfg", "license", value="apache-2.0")
    change(folder, "num_features", value=1280)
    ModelSpec.read(folder)


def test_a_folder_without_config_and_a_broken_one_are_named(folder, tmp_path):
    with pytest.raises(ModelError, match=r"holds no config\.json; give a model folder made by 'python -m export build'\.$"):
        ModelSpec.read(tmp_path)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json can't be read as JSON \(.+\); fetch or build the model folder again\.$"):
        ModelSpec.read(folder)


def test_a_file_with_another_hash_is_refused(folder):
    spec = ModelSpec.read(folder)
    assert spec.verify(folder, "model_fp32.onnx") == folder / "model_fp32.onnx"
    with (folder / "model_fp32.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(
        ModelError, match=r"model_fp32\.onnx is not the file that config\.json describes \(sha256 \w{12}, expected \w{12}\); "
    ):
        spec.verify(folder, "model_fp32.onnx")


def test_a_missing_file_is_named(folder):
    (folder / "model_fp32.onnx").unlink()
    with pytest.raises(ModelError, match=r"model_fp32\.onnx is missing; fetch the model folder again or export it\.$"):
        ModelSpec.read(folder).verify(folder, "model_fp32.onnx")


@pytest.fixture
def own(folder):
    """The tiny model, as one of seven classes of somebody's own."""
    for key in ("thresholds", "lesion_head", "frame_head", "quality"):
        change(folder, "skinapp", key, delete=True)
    change(folder, "skinapp", "subject", value="own")
    return folder


def test_a_model_of_ones_own_names_its_classes_and_is_read_back(own, tmp_path):
    names = ["cat", "dog", "猫", "a b", "5", "x", "<y>"]
    change(own, "label_names", value=names)
    for part in ("floor", "full"):
        change(own, "skinapp", "heatmap", part, value=dict.fromkeys(names, 1.0 if part == "floor" else 2.0))
    spec = ModelSpec.read(own)
    assert spec.labels == tuple(names) and spec.thresholds == {} and spec.subject == "own"
    spec.write(tmp_path)
    assert ModelSpec.read(tmp_path) == spec
    assert "猫" in (tmp_path / "config.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("skinapp", "subject"), "lesion", "skinapp.subject is 'lesion'; it must be own, or left out by a model of the seven lesions."),
        (("skinapp", "subject"), 3, "skinapp.subject is 3; it must be of type str."),
        (("skinapp", "thresholds"), {}, "skinapp.thresholds is {}; this key is unknown; remove it or update skinapp."),
        (("label_names",), ["cat"], "label_names is ['cat']; it must be a list of 2 to 1000 names."),
        (("label_names",), ["cat", 5], "label_names is ['cat', 5]; it must be a list of 2 to 1000 names."),
        (("label_names",), ["cat", "cat"], "label_names is 'cat'; a name is printable, not empty, and stands there once."),
        (("label_names",), ["cat", " "], "label_names is ' '; a name is printable, not empty, and stands there once."),
        (("label_names",), ["cat", "do\ng"], "label_names is 'do\\ng'; a name is printable, not empty, and stands there once."),
        (("label_names",), ["cat", "dog"], "num_classes is 7; it must be 2, one a name."),
        (("skinapp", "heatmap", "floor", "mel"), 9.0, "skinapp.heatmap.floor.mel is 9.0; it must be at least 0 and below full (5.0)."),
        (("skinapp", "heatmap", "floor", "cat"), 1.0, "skinapp.heatmap.floor.cat is 1.0; this key is unknown; remove it or update skinapp."),
    ],
)  # fmt: skip
def test_a_wrong_value_of_ones_own_model_is_named_with_its_cure(own, path, value, said):
    ModelSpec.read(own)
    change(own, *path, value=value)
    assert complaint(own) == said
