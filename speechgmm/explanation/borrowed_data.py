"""Digits and an image that scikit-learn has."""

from __future__ import annotations

import numpy as np

from speechgmm.errors import OptionError
from speechgmm.explanation.scene import Floats

INK = 8  # of 16: a pixel of the digits is 1 from here on
IMAGE = "china.jpg"
REDUCTION = 5  # pixels of the image, each way, that become one


def require_pillow() -> None:
    """Check that Pillow is installed, with which scikit-learn reads its image.

    Raises
    ------
    OptionError
        If it is not.
    """
    try:
        import PIL  # noqa: F401  # only to see whether it is installed
    except ImportError as error:
        raise OptionError(
            "its image is read by Pillow, which is not installed: pip install 'speechgmm[report]'"
        ) from error


def digits() -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """The handwritten digits as zeros and ones (1797, 64), and which digit each of them is (1797,)."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images: Floats = (np.asarray(data.data) >= INK).astype(np.float64)
    return images, np.asarray(data.target, dtype=np.intp)


def small_image() -> Floats:
    """The image "china" of scikit-learn, reduced (H, W, 3): red, green and blue from 0 to 255."""
    from sklearn.datasets import load_sample_image

    pixels = np.asarray(load_sample_image(IMAGE), dtype=np.float64)
    height, width = (size // REDUCTION for size in pixels.shape[:2])
    blocks = pixels[: height * REDUCTION, : width * REDUCTION].reshape(height, REDUCTION, width, REDUCTION, 3)
    reduced: Floats = blocks.mean(axis=(1, 3))
    return reduced
