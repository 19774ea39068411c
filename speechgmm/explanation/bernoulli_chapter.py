"""Chapter 7: Bernoulli mixtures, on handwritten digits."""

from __future__ import annotations

import numpy as np

from speechgmm.explanation.borrowed_data import digits
from speechgmm.explanation.material import Material
from speechgmm.explanation.scene import Axis, Chapter, Figure, Floats, Image, Line, Panel, Step, Text, Variant
from speechgmm.explanation.traced_fit import Traced, family_of, options_of, traced
from speechgmm.explanation.views import marker, shaded
from speechgmm.mixture.bernoulli import BernoulliMixture
from speechgmm.mixture.initialisation import start
from speechgmm.mixture.shards import shards_of

N_COMPONENTS, SIDE, COLUMNS = 10, 8, 5
SHOWN_FRAMES = 20
MOST_ITERATIONS = 30

DIGITS_CODE = """\
from sklearn.datasets import load_digits
from speechgmm.mixture import BernoulliMixture

images = (load_digits().data >= 8).astype(float)
mixture = BernoulliMixture(10, random_state=0).fit(images)
print(mixture.weights_, mixture.probabilities_.reshape(10, 8, 8))
"""


def bernoulli_chapter(material: Material) -> Chapter:
    """Component images by iteration. The data are digits, whatever the material is."""
    return Chapter(
        name="bernoulli",
        title="Bernoulli mixtures: pixels that are black or white",
        text="""
            EM does not need Gaussians. Where a frame is a row of zeros and ones, each component has a probability
            p_kd for every feature d, and the features are independent given the component. Everything else stays: the
            E-step, the weights, the bound. Shown as an image, a component is the mean of the frames that it is
            responsible for.
        """,
        figures=(digits_figure(),),
    )


def fitted_digits() -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]], Traced]:
    """The binary images (1797, 64), the digits that they show, and the fit."""
    images, shown = digits()
    family = family_of(images, "bernoulli")
    first = start(shards_of(images), N_COMPONENTS, family, np.random.default_rng(2), method="random")
    return (
        images,
        shown,
        traced(images, first, family, options=options_of(max_iterations=MOST_ITERATIONS, tolerance=1e-4)),
    )


def digits_figure() -> Figure:
    """The probabilities of the components as images, iteration by iteration."""
    images, shown, run = fitted_digits()
    levels = [record.objective for record in run.fit.iterations]
    rows = N_COMPONENTS // COLUMNS
    x, y = Axis(label="", low=0.0, high=COLUMNS), Axis(label="", low=0.0, high=1.25 * rows)
    steps = tuple(
        Step(
            label=f"iteration {iteration}",
            marks=(
                (_components(run, iteration), *_names(run, iteration, images, shown)),
                (
                    Line(x=np.arange(iteration + 1.0), y=np.array(levels[: iteration + 1]), colour=1),
                    marker(iteration, levels[iteration]),
                ),
            ),
            numbers={
                "log-likelihood": record.log_likelihood,
                "log-likelihood + log prior": record.objective,
                "entropy H": record.entropy,
            },
        )
        for iteration, record in enumerate(run.fit.iterations)
    )
    return Figure(
        name="digits",
        title="Ten components for ten digits",
        panels=(
            Panel(title="Probabilities p_kd; below: the digit that is most frequent", x=x, y=y),
            Panel(
                title="The objective: log-likelihood + log prior",
                x=Axis(label="iteration", low=-0.5, high=len(levels) - 0.5),
                y=Axis.of("nats per image", levels),
            ),
        ),
        variants=(Variant(name="", steps=steps),),
        caption="""
            The mixture is not told which image shows which digit. Below each component: the digit that most of its
            images show, and the share of these. Some digits get two components, because people write them in two
            ways, and some share one.
        """,
        source="""
            the 1797 handwritten digits of scikit-learn (load_digits; Alpaydin and Kaynak 1998, UCI), 8 x 8 pixels; a
            pixel is 1 from half of the ink on.
        """,
        formula="p_k(x) = prod_d p_kd^x_d (1 - p_kd)^(1 - x_d),   p_kd = (sum_t g_tk x_td + r m_d) / (n_k + r)",
        symbols={
            "p_kd": "mixture.probabilities_[k, d]",
            "r": "EMOptions.smoothing",
            "log prior": "BernoulliFamily.log_prior(mixture)",
        },
        code=DIGITS_CODE,
    )


def _components(run: Traced, iteration: int) -> Image:
    """All component images side by side, with a margin."""
    mixture = run.mixtures[iteration]
    if not isinstance(mixture, BernoulliMixture):
        raise TypeError(type(mixture).__name__)
    rows = N_COMPONENTS // COLUMNS
    cell = SIDE + 2
    sheet = np.zeros((rows, cell + 1, COLUMNS, cell))
    pictures = mixture.probabilities.reshape(rows, COLUMNS, SIDE, SIDE).transpose(0, 2, 1, 3)
    sheet[:, 1 : SIDE + 1, :, 1 : SIDE + 1] = pictures
    high = 1.25 * rows
    image = shaded(
        sheet.reshape(rows * (cell + 1), -1),
        Axis(label="", low=0, high=COLUMNS),
        Axis(label="", low=0, high=high),
        most=1.0,
    )
    return Image(pixels=image.pixels, extent=image.extent, exact=True)


def _names(run: Traced, iteration: int, images: Floats, shown: np.ndarray[tuple[int], np.dtype[np.intp]]) -> list[Text]:
    """The most frequent digit of each component, and its share."""
    best = run.mixtures[iteration].responsibilities(images).argmax(axis=1)
    rows = N_COMPONENTS // COLUMNS
    names = []
    for k in range(N_COMPONENTS):
        counts = np.bincount(shown[best == k], minlength=10)
        share = counts.max() / max(counts.sum(), 1)
        text = f"{counts.argmax()} ({100 * share:.0f} %)" if counts.sum() else "no image"
        names.append(Text(x=k % COLUMNS + 0.5, y=1.25 * (rows - 1 - k // COLUMNS) + 0.12, text=text))
    return names
