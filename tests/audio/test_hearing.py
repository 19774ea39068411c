"""Channels that are silent or cancel each other are noticed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from speechgmm.audio.hearing import Heard, Listener
from tests.builders import sine, white_noise

RATE = 16_000
A = white_noise(RATE, 0.1, seed=1)
B = white_noise(RATE, 0.1, seed=2)
HUM = sine(1.0, RATE, hertz=50.0, amplitude=0.5)


def remarks_on(
    *channels: NDArray[np.floating], channel: int | None = None, n_before: int = 0, step: int = 3000
) -> list[str]:
    """Remarks on a recording with these channels, heard in pieces."""
    heard = Heard()
    listener = Listener(heard, rate=RATE, channel=channel, n_before=n_before)
    frames = np.stack(channels, axis=1)
    pieces = [frames[first : first + step] for first in range(0, len(frames), step)]
    np.testing.assert_array_equal(np.concatenate(list(listener.passing(iter(pieces)))), frames)
    assert heard.seconds == len(frames) / RATE
    return list(listener.remarks())


@pytest.mark.parametrize(
    "channels",
    [(A,), (A, B), (A, A), (A, 0.1 * A), (A, A + 0.3 * B), (0 * A, 0 * A), (A, B, A - B, B - A, A + B), (A, 0.01 * B)],
)
def test_usual_channels(channels: tuple[NDArray[np.float32], ...]) -> None:
    """One channel, equal or independent ones, a quiet one, and silence in all are not odd."""
    assert remarks_on(*channels) == []


@pytest.mark.parametrize(
    "channels",
    [(A, -A), (A, -0.9 * A), (A + HUM, HUM - A), (A + 0.5, 0.5 - A), (A, -A, B, -B), (A, 0.02 * B - A)],
)
def test_channels_that_cancel(channels: tuple[NDArray[np.float32], ...]) -> None:
    """Opposite polarity is noticed also under a hum or an offset that the channels share."""
    (remark,) = remarks_on(*channels)

    assert remark.startswith("its channels cancel each other in their mean, which was heard: use --channel ")
    assert remarks_on(*channels, channel=1) == []


def test_silent_channels() -> None:
    """The remark names the silent channels and the loudest one."""
    assert remarks_on(A, 0 * A) == ["channel 2 is silent, and in the mean that was heard: use --channel 1"]
    assert remarks_on(0 * A, A * 0.1, 0 * A, B, 0 * A) == [
        "channels 1, 3 and 5 are silent, and in the mean that was heard: use --channel 4"
    ]


def test_silent_channel_that_was_selected() -> None:
    """Another channel is named; channels of other tracks count."""
    assert remarks_on(A, 0 * A, channel=2) == ["channel 2 is silent, and others are not: --channel 1 is the loudest"]
    assert remarks_on(A, 0 * A, channel=5, n_before=3) == [
        "channel 5 is silent, and others are not: --channel 4 is the loudest"
    ]
    assert remarks_on(A, -A, n_before=2)[0].endswith(("use --channel 3", "use --channel 4"))


def test_samples_that_are_not_finite() -> None:
    """They are refused elsewhere, and raise nothing here."""
    broken = A.copy()
    broken[100] = np.inf

    with np.errstate(all="raise"):
        assert isinstance(remarks_on(broken, A), list)


def test_warning() -> None:
    """Remarks are joined to one line."""
    assert Heard().warning == ""
    assert Heard(remarks=["one", "two"]).warning == "one; two"
