"""Chapter 8: vector quantisation of an image and of a spectrogram."""

from __future__ import annotations

import math

import numpy as np

from speechgmm.explanation.borrowed_data import small_image
from speechgmm.explanation.material import Material
from speechgmm.explanation.scene import Axis, Chapter, Figure, Floats, Image, Line, Panel, Pixels, Points, Step, Variant
from speechgmm.explanation.views import marker
from speechgmm.explanation.voices import SYNTHETIC, heard, shipped_model, synthetic_voice
from speechgmm.mixture.kmeans import Clustering, lloyd, seed_plus_plus

SIZES = (2, 4, 16, 64)
UPDATES = 20

IMAGE_CODE = """\
from speechgmm.explanation.borrowed_data import small_image
from speechgmm.mixture import VectorQuantizer

pixels = small_image().reshape(-1, 3)
for n_codewords in (2, 4, 16, 64):
    quantizer = VectorQuantizer(n_codewords, random_state=0).fit(pixels)
    decoded = quantizer.decode(quantizer.encode(pixels))
    print(n_codewords, quantizer.bits_per_vector_, ((pixels - decoded) ** 2).sum(axis=1).mean())
"""
SPECTROGRAM_CODE = """\
from speechgmm.explanation.voices import heard, shipped_model, synthetic_voice
from speechgmm.mixture import VectorQuantizer

log_mel = heard(shipped_model(), synthetic_voice()).log_mel
quantizer = VectorQuantizer(16, random_state=0).fit(log_mel)
print(quantizer.codebook_.shape, quantizer.encode(log_mel)[:20])
"""


def quantisation_chapter(material: Material) -> Chapter:
    """Codebooks of growing size."""
    return Chapter(
        name="quantisation",
        title="Vector quantisation",
        text="""
            A codebook holds K codewords. Each vector is replaced by the number of its nearest codeword, which takes
            log_2 K bits, and decoded as that codeword. k-means makes the codebook: the distortion J is the mean
            squared error of the decoded vectors.
        """,
        figures=(image_figure(), spectrogram_figure()),
    )


def codebooks(vectors: Floats) -> list[Clustering]:
    """A codebook of each of the `SIZES`."""
    return [
        lloyd(vectors, seed_plus_plus(vectors, size, np.random.default_rng(size)), max_iterations=UPDATES)
        for size in SIZES
    ]


def image_figure() -> Figure:
    """An image in 2, 4, 16 and 64 colours."""
    pixels = small_image()
    height, width, _ = pixels.shape
    books = codebooks(pixels.reshape(-1, 3))
    x, y = Axis(label="", low=0.0, high=width), Axis(label="", low=0.0, high=height)

    def picture(colours: Floats) -> Image:
        opaque: Pixels = np.full((height, width, 4), 255, dtype=np.uint8)
        opaque[..., :3] = np.round(colours.reshape(height, width, 3))
        return Image(pixels=opaque, extent=(0.0, width, 0.0, height))

    decoded = [picture(book.centers[book.assignments]) for book in books]
    return Figure(
        name="image-codebook",
        title="An image in K colours",
        panels=(
            Panel(title="Decoded", x=x, y=y),
            Panel(title="Original", x=x, y=y, marks=(picture(pixels),)),
            _rate_panel(books, "squared error per pixel"),
        ),
        variants=(Variant(name="", steps=_steps(books, [((image,), ()) for image in decoded])),),
        caption="""
            Each pixel is a vector of red, green and blue. A codeword is a colour. Every further bit lowers the
            distortion, the first ones most.
        """,
        source=f'the sample image "china" of scikit-learn, reduced to {width} x {height} pixels.',
        formula="rate = log_2 K bits per vector,   J = 1/T sum_t |x_t - c_i(t)|^2,   i(t) = argmin_k |x_t - c_k|",
        symbols={
            "c_k": "quantizer.codebook_[k]",
            "i(t)": "quantizer.encode(X)[t]",
            "c_i(t)": "quantizer.decode(codes)[t]",
            "rate": "quantizer.bits_per_vector_",
        },
        code=IMAGE_CODE,
        start=2,
    )


def spectrogram_figure() -> Figure:
    """A spectrogram whose columns are codewords."""
    log_mel = heard(shipped_model(), synthetic_voice()).log_mel
    books = codebooks(log_mel)
    hop_s = shipped_model().front_end.hop_s
    x = Axis(label="time (s)", low=0.0, high=len(log_mel) * hop_s)
    y = Axis(label="mel band", low=0.0, high=log_mel.shape[1])
    return Figure(
        name="spectrogram-codebook",
        title="A spectrogram in K spectra",
        panels=(
            Panel(title="Decoded", x=x, y=y),
            Panel(title="Original", x=x, y=y, marks=(spectrogram(log_mel, x, y),)),
            _rate_panel(books, "squared error per frame"),
        ),
        variants=(
            Variant(
                name="",
                steps=_steps(
                    books,
                    [((spectrogram(book.centers[book.assignments], x, y, log_mel),), ()) for book in books],
                ),
            ),
        ),
        caption="""
            Each frame of 10 ms is a vector of log mel bands, and a codeword is a spectrum. With 64 of them the sounds
            can be told apart: 6 bits a frame, 600 bits a second.
        """,
        source=SYNTHETIC,
        formula="rate = log_2 K bits per frame",
        symbols={"c_k": "quantizer.codebook_[k]", "J": "assign(log_mel, codebook).distortion"},
        code=SPECTROGRAM_CODE,
        start=2,
    )


def spectrogram(log_mel: Floats, x: Axis, y: Axis, reference: Floats | None = None) -> Image:
    """Log mel bands (T, n_mels) as an image: dark blue to yellow, over the range of the reference."""
    scale = log_mel if reference is None else reference
    low, high = np.quantile(scale, [0.02, 0.995])
    level = np.clip((log_mel.T[::-1] - low) / (high - low), 0.0, 1.0)
    stops = np.array([[12, 16, 60], [88, 30, 120], [200, 60, 90], [250, 150, 60], [250, 240, 160]], dtype=float)
    at = np.linspace(0.0, 1.0, len(stops))
    pixels: Pixels = np.full((*level.shape, 4), 255, dtype=np.uint8)
    for channel in range(3):
        pixels[..., channel] = np.round(np.interp(level, at, stops[:, channel]))
    return Image(pixels=pixels, extent=(x.low, x.high, y.low, y.high))


def _rate_panel(books: list[Clustering], unit: str) -> Panel:
    rates = np.array([math.log2(size) for size in SIZES])
    levels = np.array([book.distortion for book in books])
    return Panel(
        title="Rate against distortion",
        x=Axis(label="rate (bits per vector)", low=0.0, high=rates[-1] + 0.5),
        y=Axis(label=unit, low=0.0, high=1.1 * levels.max()),
        marks=(Line(x=rates, y=levels, colour=1), Points(x=rates, y=levels, colour=1)),
    )


def _steps(books: list[Clustering], marks: list[tuple[tuple[Image, ...], tuple[()]]]) -> tuple[Step, ...]:
    return tuple(
        Step(
            label=f"{size} codewords",
            marks=(*shown, (marker(math.log2(size), book.distortion, 2),)),
            numbers={"rate (bits per vector)": math.log2(size), "distortion J": book.distortion},
        )
        for size, book, shown in zip(SIZES, books, marks, strict=True)
    )
