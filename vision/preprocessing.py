"""Turns a decoded image into the network's input tensor, the same way for training and serving."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vision.decoding import ImageLimits, decode_image
from vision.errors import CorruptArtifactError, ImageSizeError

Box = tuple[float, float, float, float]
Triple = tuple[float, float, float]

# Up to this size a border is too precious to be cropped away.
TINY_IMAGE_SIZE = 64
# An image that is over three times too large is first shrunk by whole factors: as good, and much faster.
_REDUCING_GAP = 3.0
_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Resize the shorter side, crop the centre, scale to [0, 1], normalise.

    Attributes:
        image_size: Side of the network's square input in pixels.
        resize_size: Pixels to which the shorter side is resized before the centre is cropped.
        mean: Mean of each channel, in [0, 1].
        std: Standard deviation of each channel, over 0.
        interpolation: "nearest", "bilinear", "bicubic" or "lanczos".
    """

    image_size: int
    resize_size: int
    mean: Triple = (0.485, 0.456, 0.406)
    std: Triple = (0.229, 0.224, 0.225)
    interpolation: str = "bilinear"

    def to_tensor(self, image: Image.Image) -> Tensor:
        """Return the network's input, float32 (3, image_size, image_size), of an RGB image of any size."""
        return self.normalise(self.pixels(image))

    def pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return what `to_tensor` normalises: resized and cropped, uint8 (image_size, image_size, 3)."""
        return self.resample(image, self.centre_box(image.width, image.height))

    def centre_box(self, width: int, height: int) -> Box:
        """Return (left, upper, right, lower) of the centre crop, in pixels of an image of that size.

        It is the region that torchvision gets by resizing and then cropping. The resized image is not made:
        one of 1 × 10,000 pixels would become one of 256 × 2,560,000.
        """
        resized_long = int(self.resize_size * max(width, height) / min(width, height))
        resized_width = self.resize_size if width <= height else resized_long
        resized_height = resized_long if width <= height else self.resize_size
        scale_x, scale_y = width / resized_width, height / resized_height
        left = round((resized_width - self.image_size) / 2.0) * scale_x
        upper = round((resized_height - self.image_size) / 2.0) * scale_y
        right, lower = left + self.image_size * scale_x, upper + self.image_size * scale_y
        return left, upper, min(right, float(width)), min(lower, float(height))

    def resample(self, image: Image.Image, box: Box) -> NDArray[np.uint8]:
        """Return the box of the image at the network's size, uint8 (image_size, image_size, 3)."""
        size = (self.image_size, self.image_size)
        resampling = _RESAMPLING[self.interpolation]
        return np.array(image.resize(size, resampling, box=box, reducing_gap=_REDUCING_GAP), dtype=np.uint8)

    def normalise(self, pixels: NDArray[np.uint8] | NDArray[np.float32]) -> Tensor:
        """Return pixels (..., H, W, 3), in 0 to 255, as float32 (..., 3, H, W), each channel normalised."""
        std = np.array(self.std, dtype=np.float32).reshape(3, 1, 1)
        offset = np.array(self.mean, dtype=np.float32).reshape(3, 1, 1) / std
        # The result has its channels first. This is one pass over the pixels and one over the result.
        channels_first = np.moveaxis(pixels, -1, -3)
        normalised = np.empty(channels_first.shape, dtype=np.float32)
        np.multiply(channels_first, 1 / (255 * std), out=normalised)
        normalised -= offset
        return torch.from_numpy(normalised)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as values that JSON can hold."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "Preprocessing":
        """Return what `to_json` was called on.

        Raises:
            CorruptArtifactError: A field is missing, unknown, or has no possible value.
        """
        try:
            preprocessing = cls(**{**fields, "mean": _triple(fields["mean"]), "std": _triple(fields["std"])})
        except (TypeError, ValueError, KeyError) as error:
            raise CorruptArtifactError(f"Expected a preprocessing, got {fields!r} ({error}).") from error
        sizes = (preprocessing.image_size, preprocessing.resize_size)
        if not all(type(size) is int and size > 0 for size in sizes) or sizes[0] > sizes[1]:
            raise CorruptArtifactError(f"Expected 0 < image_size <= resize_size, got {sizes}.")
        if preprocessing.interpolation not in _RESAMPLING or min(preprocessing.std) <= 0:
            raise CorruptArtifactError(f"Expected a known interpolation and std over 0, got {fields!r}.")
        return preprocessing


def preprocessing_for(backbone: str, image_size: int | None = None) -> Preprocessing:
    """Return the preprocessing that a backbone's pretrained weights were made with.

    Args:
        backbone: A name in the zoo.
        image_size: Another input size than the weights'. The resize grows in proportion; up to 64 pixels no
            border is cropped.

    Raises:
        UnknownBackboneError: No such backbone.
        ImageSizeError: The backbone can't take images that small.
    """
    # Imported here: torchvision takes as long as torch, and a server knows its preprocessing already.
    from vision.zoo import find_backbone

    entry = find_backbone(backbone)
    transforms = entry.weights.transforms()
    native = int(transforms.crop_size[0])
    native_resize = int(transforms.resize_size[0])
    base = Preprocessing(
        image_size=native,
        resize_size=native_resize,
        mean=_triple(transforms.mean),
        std=_triple(transforms.std),
        interpolation=str(transforms.interpolation.value),
    )
    if image_size is None or image_size == native:
        return base
    if image_size < entry.min_image_size:
        raise ImageSizeError(
            f"{backbone} takes images of {entry.min_image_size} pixels or more, got {image_size}. "
            "Choose a larger size."
        )
    resize_size = image_size if image_size <= TINY_IMAGE_SIZE else round(image_size * native_resize / native)
    return replace(base, image_size=image_size, resize_size=resize_size)


def prepare(content: bytes, preprocessing: Preprocessing, limits: ImageLimits) -> Tensor:
    """Decode an image's bytes and return the network's input, float32 (3, image_size, image_size).

    Raises:
        ImageError: The bytes can't be used; the subclass and the message say why.
    """
    return preprocessing.to_tensor(decode_image(content, limits))


def _triple(values: Any) -> Triple:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
