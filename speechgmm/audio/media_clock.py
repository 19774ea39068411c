"""Time stamps of media files, compared with the samples before them."""

from __future__ import annotations

from collections.abc import Iterator

from speechgmm.errors import AudioError

GAP_S = 0.05
"""Smaller gaps come from rounded time stamps and from drift between the recorder's clocks."""

_LONGEST_PAUSE_S = 7200.0  # of a recorder that writes an index
_LONGEST_LOSS_S = 10.0  # of a transmission; after more, the clock is another one
_MOST_SILENCE_S = 4 * 3600.0


class Clock:
    """Tells the gaps in the time stamps of a track.

    A recorder with an index pauses for as long as its time stamps say. The clock of a transmission is sometimes set,
    and differs between recordings that were joined: then the samples are joined too, without silence.

    Parameters
    ----------
    name : str
        Of the file, for error messages.
    rate : int
        In Hz.
    has_index : bool
        Whether the format has an index of all samples.

    Attributes
    ----------
    skew : int
        Samples by which the clock was set forward so far.
    """

    def __init__(self, name: str, rate: int, *, has_index: bool) -> None:
        self.skew = 0
        self._name, self._rate, self._has_index = name, rate, has_index
        self._silence = 0
        self._jumps: list[float] = []

    def silence(self, offset: int, index: int) -> int:
        """Number of samples of silence before a frame.

        Parameters
        ----------
        offset : int
            Samples before the frame.
        index : int
            Number of samples before the frame by its time stamp.

        Raises
        ------
        AudioError
            If the format has an index, and the pause is so long that the index must be damaged.
        """
        gap = index - self.skew - offset
        if gap <= GAP_S * self._rate and (self._has_index or gap > -_LONGEST_LOSS_S * self._rate):
            return 0
        longest_s = _LONGEST_PAUSE_S if self._has_index else _LONGEST_LOSS_S
        is_pause = 0 < gap <= longest_s * self._rate and self._silence + gap <= _MOST_SILENCE_S * self._rate
        if is_pause:
            self._silence += gap if offset else 0
            return gap
        if self._has_index:
            raise AudioError(
                f"{self._name}: its time stamps jump from {offset / self._rate:.3f} s to {index / self._rate:.3f} s, "
                f"expected no gap longer than {longest_s:,.0f} s, and {_MOST_SILENCE_S:,.0f} s in all"
            )
        self.skew += gap
        self._jumps.append(offset / self._rate)
        return 0

    def remarks(self) -> Iterator[str]:
        """What was odd about the clock."""
        if self._silence:
            yield f"its time stamps have gaps, which are filled with {self._silence / self._rate:.1f} s of silence"
        if self._jumps:
            times = f"{self._jumps[0]:.1f} s{' and later' if self._jumps[1:] else ''}"
            yield f"its clock is set at {times}, which is no pause: no silence was added"
