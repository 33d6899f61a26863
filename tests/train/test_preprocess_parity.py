import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from skinapp.imaging import preprocess
from skinapp.model.spec import Transform
from tests import drawings

SIZES = [(600, 450), (450, 600), (301, 227), (97, 131), (224, 224), (225, 223), (1023, 341), (33, 500), (1600, 901)]


@pytest.mark.parametrize(("crop_pct", "crop_mode"), [(1.0, "center"), (0.875, "center"), (1.0, "squash"), (0.9, "squash")])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_the_transform_is_timms_on_photos_of_odd_sizes(crop_pct, crop_mode, interpolation):
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ours = Transform((3, 224, 224), mean, std, interpolation, crop_pct, crop_mode)
    timms = create_transform(
        (3, 224, 224), mean=mean, std=std, interpolation=interpolation, crop_pct=crop_pct, crop_mode=crop_mode
    )
    for seed, (width, height) in enumerate(SIZES):
        photo = drawings.lesion(width, height, seed=seed)
        difference = torch.from_numpy(preprocess.batch([photo], ours)[0]) - timms(Image.fromarray(photo))
        assert np.abs(difference.numpy()).max() < 1e-5, (width, height)
