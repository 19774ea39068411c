"""Timeline page of a segmented recording, and its audio source."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import math
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import pytest
import soundfile

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.errors import AudioError
from speechgmm.reporting import embedded_sound, timeline_lanes
from speechgmm.reporting.embedded_sound import Sound, address, sound_of
from speechgmm.reporting.report_page import Origin
from speechgmm.reporting.timeline import timeline_page
from speechgmm.segmentation.segment import NONSPEECH, Segment, clock
from speechgmm.segmentation.speaking_time import Tally
from tests.builders import only, parsed, sine, text_of

ORIGIN = Origin(command="speechgmm segment a.wav", made="2026-01-02T03:04:05+00:00", versions={"numpy": "2.0"})
EMBEDDED = Sound(
    duration_s=60.0,
    extremes=np.array([[-0.5, 0.25], [-0.1, 0.5], [0, 0]], np.float32),
    bin_s=20.0,
    address="data:audio/mpeg;base64,AAAA",
    embedded=True,
)
STRANGE = ("صوت أنثوي", "a" * 60, "<script>alert(1)</script>", 'x" onload="alert(1)', "</title>&amp;", "\x1b[31m")
TWO = ("female", "male")
SOME = (
    Segment(start=0.0, end=1.25, label=NONSPEECH),
    Segment(start=1.25, end=31.5, label="female", probability=0.875),
    Segment(start=31.5, end=50.0, label="male", probability=0.5),
    Segment(start=50.0, end=60.0, label=UNKNOWN, reason="too little speech"),
)


def made(
    segments: Sequence[Segment] = SOME, *, classes: Sequence[str] = TWO, sound: Sound = EMBEDDED, name: str = "a.wav"
) -> str:
    """The page of some segments."""
    tally = Tally(classes)
    for segment in segments:
        tally.add(segment)
    return timeline_page(segments, summary=tally.summary(name), sound=sound, origin=ORIGIN)


def turns(n_segments: int, classes: Sequence[str], duration_s: float) -> list[Segment]:
    """Segments of equal length, cycling through the classes."""
    length = duration_s / n_segments
    return [
        Segment(start=i * length, end=(i + 1) * length, label=classes[i % len(classes)], probability=0.75)
        for i in range(n_segments)
    ]


def rows_of(tree: Element) -> list[list[str]]:
    body = tree.find(".//section[@aria-labelledby='segments']//tbody")
    return [] if body is None else [[text_of(cell) for cell in row] for row in body]


def test_every_segment_is_in_the_table() -> None:
    """In order of time, with label, probability and reason; start times are buttons with the time in seconds."""
    tree = parsed(made())
    assert rows_of(tree) == [
        ["0:00:00.00", "0:00:01.25", "nonspeech", ""],
        ["0:00:01.25", "0:00:31.50", "female", "0.875"],
        ["0:00:31.50", "0:00:50.00", "male", "0.500"],
        ["0:00:50.00", "0:01:00.00", "unknown (too little speech)", ""],
    ]
    assert [button.attrib["value"] for button in tree.findall(".//tbody//button")] == [
        *("0.000", "1.250", "31.500", "50.000")
    ]
    assert [data.attrib["value"] for data in tree.findall(".//tbody//data")] == ["1.250", "31.500", "50.000", "60.000"]


def test_each_label_has_a_lane_with_bars() -> None:
    """A bar has start and width of its segment, in percent of the recording; non-speech has no bars."""
    svgs = parsed(made()).findall(".//figure//svg[@role='img']")
    drawn = {
        svg.attrib["aria-label"]: [(bar.attrib["x"], bar.attrib["width"]) for bar in svg.findall("g/rect")]
        for svg in svgs
        if svg.find("g") is not None
    }
    assert drawn == {
        "female: 0:00:30.2, 62.1\N{NO-BREAK SPACE}%": [("2.083333%", "50.41667%")],
        "male: 0:00:18.5, 37.9\N{NO-BREAK SPACE}%": [("52.5%", "30.83333%")],
        "unknown: 0:00:10.0": [("83.33333%", "16.66667%")],
    }


def test_the_waveform_is_the_envelope() -> None:
    """Steps at each bin's extremes divided by the largest sample; the last bin ends with the recording."""
    wave = only(parsed(made()).find(".//div[@class='lane wave']/svg"))
    assert wave.attrib["viewBox"] == "0 -1.02 3 2.04"
    steps = re.findall(r"V(\S+?)H(\d)", only(wave.find("path")).attrib["d"])
    assert [(float(height), int(to)) for height, to in steps] == [
        *((-0.5, 1), (-1.0, 2), (0.0, 3)),  # maxima, from left to right; the y axis of SVG points down
        *((0.0, 2), (0.2, 1), (1.0, 0)),  # minima, from right to left
    ]


def test_silence_is_a_flat_line() -> None:
    """No division by zero."""
    silent = timeline_lanes.waveform(np.zeros((2, 2), np.float32), 1.0, 2.0)
    assert "V-0.000H1V-0.000H2V-0.000H1V-0.000H0" in silent


def test_probabilities_are_drawn_where_defined() -> None:
    """A line for each segment with a class label, at the height of its probability."""
    lines = only(parsed(made()).find(".//div[@class='lane probability']/svg/path[@class='line']")).attrib["d"]
    assert lines == "M1.250 0.125H31.500M31.500 0.500H50.000"


def test_only_the_script_of_the_page_may_run() -> None:
    """The policy has the hash of the script; there is no other script and no event handler attribute."""
    page = made(turns(12, STRANGE, 60.0), classes=STRANGE, name='<img src=x onerror="alert(1)">.wav')
    tree = parsed(page)
    script = tree.findall(".//script")
    assert len(script) == 1
    assert not script[0].attrib
    digest = base64.b64encode(hashlib.sha256(text_of(script[0]).encode()).digest()).decode()
    policy = only(tree.find(".//meta[@http-equiv='Content-Security-Policy']")).attrib["content"]
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; media-src data:; img-src data:; script-src 'sha256-{digest}'"
    )
    assert not [key for node in tree.iter() for key in node.attrib if key.startswith("on")]
    assert not tree.findall(".//img")


def test_names_from_files_stay_text() -> None:
    """Markup, right-to-left text and control characters in names are shown as text."""
    tree = parsed(made(turns(12, STRANGE, 60.0), classes=STRANGE, name="<b>a</b>&.wav"))
    assert text_of(tree.find(".//title")) == text_of(tree.find(".//h1")) == "Timeline of <b>a</b>&.wav"
    assert [row[2] for row in rows_of(tree)][:6] == [*STRANGE[:5], "\N{REPLACEMENT CHARACTER}[31m"]
    assert {
        cell.find("bdi") is not None for cell in tree.findall(".//section[@aria-labelledby='segments']//td[2]")
    } == {True}


@pytest.mark.parametrize("n_classes", [2, 12])
def test_no_two_lanes_look_alike(n_classes: int) -> None:
    """Colour and pattern together are unique for up to twelve classes; neighbouring lanes differ in both."""
    classes = [f"class {number}" for number in range(n_classes)]
    svgs = parsed(made(turns(24, classes, 60.0), classes=classes)).findall(".//figure//svg[@class]")
    looks = [
        (svg.attrib["class"], "".join(path.attrib["d"] for path in svg.findall("defs/pattern/path"))) for svg in svgs
    ]
    assert len(looks) == n_classes + 1
    assert len(set(looks[:-1])) == n_classes  # unknown is grey
    assert all(upper[0] != lower[0] and upper[1] != lower[1] for upper, lower in itertools.pairwise(looks))


def test_identifiers_are_unique_and_references_have_targets() -> None:
    """Labels and the script refer to existing elements, and every element with an id is used."""
    tree = parsed(made())
    names = [node.attrib["id"] for node in tree.iter() if "id" in node.attrib]
    assert len(names) == len(set(names))
    targets = {node.attrib[key] for node in tree.iter() for key in ("for", "aria-labelledby") if key in node.attrib}
    assert targets <= set(names)
    script = text_of(tree.find(".//script"))
    wanted = set(re.findall(r'part\("(\w+)"\)', script)) | {
        id_ for group in re.findall(r"\[([^\]]*)\]\.map\(part\)", script) for id_ in re.findall(r'"(\w+)"', group)
    }
    assert wanted == set(names) - {"content", "timeline", "times", "segments", "origin"} - {
        name for name in names if name.startswith("pattern-")
    }


@pytest.mark.parametrize(
    "segments",
    [
        (),
        (Segment(start=0.0, end=60.0, label=NONSPEECH),),
        (Segment(start=0.0, end=60.0, label=UNKNOWN, reason="no speech"),),
    ],
)
def test_a_recording_without_labelled_speech_has_a_page(segments: Sequence[Segment]) -> None:
    """It states that no segment has a class label."""
    tree = parsed(made(segments))
    assert text_of(tree.find(".//p[@class='lead']")) == "Duration 0:01:00.0. No segment has a class label."
    assert len(rows_of(tree)) == len(segments)


def test_the_lead_names_the_most_frequent_classes() -> None:
    """The three classes with the largest shares, and that there are others."""
    segments = [
        Segment(start=start, end=end, label=label, probability=0.9)
        for start, end, label in [(0, 1, "a"), (1, 3, "b"), (3, 6, "c"), (6, 10, "d")]
    ]
    lead = text_of(parsed(made(segments, classes=list("abcde"))).find(".//p[@class='lead']"))
    assert lead.replace("\N{NO-BREAK SPACE}", " ") == (
        "Duration 0:01:00.0. Labelled speech 0:00:10.0: d 40.0 %, c 30.0 %, b 20.0 %, others."
    )


def test_speaking_times_are_on_the_page() -> None:
    """For the whole recording and, from two hours on, per hour."""
    segments = [
        Segment(start=0.0, end=5400.0, label="female", probability=0.9),
        Segment(start=5400.0, end=7200.0, label="male", probability=0.9),
    ]
    long = Sound(duration_s=7200.0, extremes=EMBEDDED.extremes, bin_s=2400.0, address="./a.wav", embedded=False)
    tables = parsed(made(segments, sound=long)).findall(".//section[@aria-labelledby='times']//tbody")
    overall, by_hour = ([[text_of(cell).replace("\xa0", " ") for cell in row] for row in table] for table in tables)
    assert [row[:3] for row in overall] == [["female", "1:30:00.0", "75.0 %"], ["male", "0:30:00.0", "25.0 %"]]
    section = only(parsed(made(segments, sound=long)).find(".//section[@aria-labelledby='times']"))
    assert "Without a class label: unknown 0:00:00.0, nonspeech 0:00:00.0." in text_of(section)
    assert by_hour == [
        ["0:00", "1:00:00 (100.0 %)", "0:00:00 (0.0 %)", "0:00:00", "0:00:00"],
        ["1:00", "0:30:00 (50.0 %)", "0:30:00 (50.0 %)", "0:00:00", "0:00:00"],
    ]
    assert len(parsed(made()).findall(".//section[@aria-labelledby='times']//tbody")) == 1


def test_missing_intervals_are_explained() -> None:
    """One block of a minute is too little for a bootstrap, and has no column of intervals; ten blocks are enough."""
    (head, *_) = parsed(made()).findall(".//section[@aria-labelledby='times']//thead/tr")
    assert [text_of(cell) for cell in head] == ["label", "time", "share of labelled speech"]
    text = text_of(parsed(made()).find(".//section[@aria-labelledby='times']"))
    assert text.endswith("No 95 % intervals: too few units with labelled speech (1 block of 1 min).")
    text = text_of(parsed(made(turns(600, TWO, 600.0))).find(".//section[@aria-labelledby='times']"))
    assert "95 % intervals by bootstrap over 10 blocks of 1 min." in text


@pytest.mark.parametrize(
    ("segments", "text"),
    [
        (SOME[1:3], " Only 0:00:01.2 to 0:00:50.0 was segmented."),
        (SOME[:3], " Only 0:00:00.0 to 0:00:50.0 was segmented."),
        (SOME[1:], " Only 0:00:01.2 to 0:01:00.0 was segmented."),
        (SOME, ""),
    ],
)
def test_a_partial_segmentation_is_stated(segments: Sequence[Segment], text: str) -> None:
    """Outside of the segmented part, a gap does not mean non-speech."""
    caption = text_of(parsed(made(segments)).find(".//figcaption"))
    assert caption == f"Gaps between the bars are non-speech (label nonspeech).{text}"


def test_audio_that_is_not_embedded_is_played_from_its_file() -> None:
    """Player and link have the address of the file, and the policy allows files; nothing else may be loaded."""
    linked = Sound(duration_s=60.0, extremes=EMBEDDED.extremes, bin_s=20.0, address="./a%22b.wav", embedded=False)
    tree = parsed(made(sound=linked))
    assert only(tree.find(".//audio")).attrib["src"] == "./a%22b.wav"
    assert only(tree.find(".//section//p/a")).attrib["href"] == "./a%22b.wav"
    assert "media-src 'self' file:;" in only(tree.find(".//meta[@http-equiv]")).attrib["content"]


def test_ten_hours_are_a_small_page() -> None:
    """6,000 segments of twelve classes take less than 4 MB, and all are in the table."""
    classes = [f"{number:02} {'x' * 57}" for number in range(12)]
    long = Sound(
        duration_s=36000.0, extremes=np.full((2048, 2), 0.123456, np.float32), bin_s=17.6, address="./a", embedded=False
    )
    page = made(turns(6000, classes, 36000.0), classes=classes, sound=long)
    assert len(page.encode()) < 4e6
    assert page.count('class="start"') == 6000


def test_the_same_segments_give_the_same_page() -> None:
    """The page does not depend on time or place of its creation."""
    assert made() == made()


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [
        *((0, 1, "0:00:00.0"), (59.96, 1, "0:01:00.0"), (3599.996, 2, "1:00:00.00"), (36061.25, 2, "10:01:01.25")),
        *((61, 0, "0:01:01"), (3661.6, 0, "1:01:02")),
    ],
)
def test_clock(seconds: float, decimals: int, text: str) -> None:
    """Rounded once, so seconds never show 60."""
    assert clock(seconds, decimals) == text


@pytest.mark.parametrize("duration_s", [0.5, 3.0, 61.0, 1800.0, 36000.0, 400_000.0])
def test_the_time_axis_has_few_labels(duration_s: float) -> None:
    """At least one, and few enough for a phone."""
    assert 1 <= timeline_lanes.axis(duration_s).count("<text") <= 6


def test_a_short_recording_is_embedded(tmp_path: Path) -> None:
    """As MP3 with a constant bit rate and the recording's duration, with its waveform envelope."""
    file = tmp_path / "a.wav"
    samples = np.concatenate([sine(1.0, 16_000, amplitude=0.25), np.zeros(16_000, np.float32)])
    soundfile.write(file, samples, 16_000)
    result = sound_of(file, page=tmp_path / "a.html")
    assert (result.embedded, result.duration_s) == (True, 2.0)
    content = base64.b64decode(result.address.removeprefix("data:audio/mpeg;base64,"))
    played, rate = soundfile.read(io.BytesIO(content))
    assert rate == 16_000
    assert 2.0 <= len(played) / rate < 2.2
    assert np.std(played[4_000:14_000]) == pytest.approx(0.25 / math.sqrt(2), rel=0.05)
    assert np.abs(played[20_000:]).max() < 0.01
    assert b"Xing" not in content  # header of a variable bit rate
    half = round(1.0 / result.bin_s)
    assert result.extremes[: half - 1, 1].max() == pytest.approx(0.25, abs=1e-3)
    assert not result.extremes[half + 1 :].any()


def test_the_longest_embedded_recording_takes_less_than_7_5_mb(tmp_path: Path) -> None:
    """The size does not depend on the signal: 30 minutes of noise take less than 7.5 MB."""
    file = tmp_path / "a.wav"
    soundfile.write(file, np.random.default_rng(1).uniform(-1, 1, 160_000).astype(np.float32), 16_000)
    result = sound_of(file, page=tmp_path / "a.html")
    assert len(result.address) / result.duration_s * embedded_sound.MAX_EMBEDDED_S < 7.5e6


def test_a_long_recording_is_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is relative to the page; special characters in the name are escaped."""
    monkeypatch.setattr(embedded_sound, "MAX_EMBEDDED_S", 1.0)
    file = tmp_path / "sounds #1" / 'a "b" <i>:ü.wav'
    file.parent.mkdir()
    soundfile.write(file, sine(2.0, 16_000, amplitude=0.25), 16_000)
    result = sound_of(file, page=tmp_path / "pages" / "a.html")
    assert not result.embedded
    assert result.address == "./../sounds%20%231/a%20%22b%22%20%3Ci%3E%3A%C3%BC.wav"
    assert result.duration_s == 2.0


def test_a_file_name_is_never_read_as_a_url_scheme(tmp_path: Path) -> None:
    """``javascript:`` in a file name stays part of a relative address."""
    assert address(tmp_path / "javascript:alert(1)", tmp_path / "a.html") == "./javascript%3Aalert%281%29"


def test_a_single_channel_can_be_shown(tmp_path: Path) -> None:
    """The waveform is that of the segmented channel."""
    file = tmp_path / "a.wav"
    soundfile.write(file, np.column_stack([sine(0.5, 16_000, amplitude=0.25), np.zeros(8_000, np.float32)]), 16_000)
    assert sound_of(file, page=tmp_path / "a.html", channel=1).extremes.any()
    assert not sound_of(file, page=tmp_path / "a.html", channel=2).extremes.any()


def test_a_file_without_audio_is_an_error(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(AudioError, match=r"a\.wav"):
        sound_of(tmp_path / "a.wav", page=tmp_path / "a.html")
