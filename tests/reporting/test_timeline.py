"""The page of a segmented recording."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.errors import AudioError
from speechgmm.reporting import lanes, sound
from speechgmm.reporting.lanes import clock
from speechgmm.reporting.page import Origin
from speechgmm.reporting.sound import Sound, address, sound_of
from speechgmm.reporting.timeline import timeline_page
from speechgmm.segmentation.segment import NONSPEECH, Segment
from speechgmm.segmentation.speaking_time import Tally

html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed")

ORIGIN = Origin(command="speechgmm segment a.wav", made="2026-01-02T03:04:05+00:00", versions={"numpy": "2.0"})
INSIDE = Sound(
    duration_s=60.0,
    extremes=np.array([[-0.5, 0.25], [-0.1, 0.5], [0, 0]], np.float32),
    bin_s=20.0,
    address="data:audio/mpeg;base64,AAAA",
    inside=True,
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
    segments: Sequence[Segment] = SOME, *, classes: Sequence[str] = TWO, sound: Sound = INSIDE, name: str = "a.wav"
) -> str:
    tally = Tally(classes)
    for one in segments:
        tally.add(one)
    return timeline_page(segments, summary=tally.summary(name), sound=sound, origin=ORIGIN)


def parsed(page: str) -> Any:
    """The page's tree; html5lib raises on the first fault of the syntax."""
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    for node in tree.iter():
        node.tag = str(node.tag).removeprefix("{http://www.w3.org/2000/svg}")
    return tree


def text_of(node: Any) -> str:
    return "".join(node.itertext())


def turns(n_segments: int, classes: Sequence[str], duration_s: float) -> list[Segment]:
    """Segments of all the classes in turn, of equal length."""
    length = duration_s / n_segments
    return [
        Segment(start=i * length, end=(i + 1) * length, label=classes[i % len(classes)], probability=0.75)
        for i in range(n_segments)
    ]


def rows_of(tree: Any) -> list[list[str]]:
    body = tree.find(".//section[@aria-labelledby='segments']//tbody")
    return [] if body is None else [[text_of(cell) for cell in row] for row in body]


def test_every_segment_is_in_the_table() -> None:
    """In order of time, with label, probability and reason; starts are buttons that hold the time in seconds."""
    tree = parsed(made())
    assert rows_of(tree) == [
        ["0:00:00.00", "0:00:01.25", "nonspeech", "", ""],
        ["0:00:01.25", "0:00:31.50", "female", "0.875", ""],
        ["0:00:31.50", "0:00:50.00", "male", "0.500", ""],
        ["0:00:50.00", "0:01:00.00", "unknown", "", "too little speech"],
    ]
    assert [button.attrib["value"] for button in tree.findall(".//tbody//button")] == [
        *("0.000", "1.250", "31.500", "50.000")
    ]
    assert [data.attrib["value"] for data in tree.findall(".//tbody//data")] == ["1.250", "31.500", "50.000", "60.000"]


def test_each_label_has_a_lane_with_its_bars() -> None:
    """A bar begins and is as wide as its segment, in percent of the recording; nonspeech has none."""
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
    """Steps as high as each bin's extremes, over the loudest; the last bin ends where the sound does."""
    wave = parsed(made()).find(".//div[@class='lane wave']/svg")
    assert wave.attrib["viewBox"] == "0 -1.02 3 2.04"
    steps = re.findall(r"V(\S+?)H(\d)", wave.find("path").attrib["d"])
    assert [(float(height), int(to)) for height, to in steps] == [
        *((-0.5, 1), (-1.0, 2), (0.0, 3)),  # above, from left to right: SVG counts downwards
        *((0.0, 2), (0.2, 1), (1.0, 0)),  # below, back to the left
    ]


def test_silence_is_a_flat_line() -> None:
    """No division by nothing."""
    silent = lanes.waveform(np.zeros((2, 2), np.float32), 1.0, 2.0)
    assert "V-0.000H1V-0.000H2V-0.000H1V-0.000H0" in silent


def test_probabilities_are_drawn_where_there_are_some() -> None:
    """A line for each label given, as high as its probability."""
    lines = parsed(made()).find(".//div[@class='lane probability']/svg/path[@class='line']").attrib["d"]
    assert lines == "M1.250 0.125H31.500M31.500 0.500H50.000"


def test_only_this_script_may_run() -> None:
    """The policy names the script's digest; there is no other script, and no handler in an attribute."""
    page = made(turns(12, STRANGE, 60.0), classes=STRANGE, name='<img src=x onerror="alert(1)">.wav')
    tree = parsed(page)
    script = tree.findall(".//script")
    assert len(script) == 1
    assert not script[0].attrib
    digest = base64.b64encode(hashlib.sha256(script[0].text.encode()).digest()).decode()
    policy = tree.find(".//meta[@http-equiv='Content-Security-Policy']").attrib["content"]
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; media-src data:; img-src data:; script-src 'sha256-{digest}'"
    )
    assert not [key for node in tree.iter() for key in node.attrib if key.startswith("on")]
    assert not tree.findall(".//img")


def test_names_from_files_stay_text() -> None:
    """Markup, letters from right to left and control characters in names are shown, and do nothing else."""
    tree = parsed(made(turns(12, STRANGE, 60.0), classes=STRANGE, name="<b>a</b>&.wav"))
    assert tree.find(".//title").text == tree.find(".//h1").text == "Voices in <b>a</b>&.wav"
    assert [row[2] for row in rows_of(tree)][:6] == [*STRANGE[:5], "\N{REPLACEMENT CHARACTER}[31m"]
    assert {
        cell.find("bdi") is not None for cell in tree.findall(".//section[@aria-labelledby='segments']//td[2]")
    } == {True}


@pytest.mark.parametrize("n_classes", [2, 12])
def test_no_two_lanes_look_alike(n_classes: int) -> None:
    """Colour and pattern together tell up to twelve classes and the unknown apart; neighbours differ in both."""
    classes = [f"class {number}" for number in range(n_classes)]
    svgs = parsed(made(turns(24, classes, 60.0), classes=classes)).findall(".//figure//svg[@class]")
    looks = [
        (svg.attrib["class"], "".join(path.attrib["d"] for path in svg.findall("defs/pattern/path"))) for svg in svgs
    ]
    assert len(looks) == n_classes + 1
    assert len(set(looks[:-1])) == n_classes  # the unknown is grey
    assert all(one[0] != other[0] and one[1] != other[1] for one, other in itertools.pairwise(looks))


def test_identifiers_are_unique_and_labels_point_at_something() -> None:
    """What refers to a part of the page finds exactly one."""
    tree = parsed(made())
    names = [node.attrib["id"] for node in tree.iter() if "id" in node.attrib]
    assert len(names) == len(set(names))
    targets = {node.attrib[key] for node in tree.iter() for key in ("for", "aria-labelledby") if key in node.attrib}
    assert targets <= set(names)
    script = tree.find(".//script").text
    wanted = set(re.findall(r'part\("(\w+)"\)', script)) | {
        one for group in re.findall(r"\[([^\]]*)\]\.map\(part\)", script) for one in re.findall(r'"(\w+)"', group)
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
def test_without_a_voice_there_is_still_a_page(segments: Sequence[Segment]) -> None:
    """It says that no voice got a label."""
    tree = parsed(made(segments))
    assert text_of(tree.find(".//p[@class='lead']")) == "0:01:00.0 of sound; no voice in it got a label."
    assert len(rows_of(tree)) == len(segments)


def test_the_lead_names_the_classes_heard_most() -> None:
    """Three of them, the most heard first, and that there are others."""
    segments = [
        Segment(start=start, end=end, label=label, probability=0.9)
        for start, end, label in [(0, 1, "a"), (1, 3, "b"), (3, 6, "c"), (6, 10, "d")]
    ]
    lead = text_of(parsed(made(segments, classes=list("abcde"))).find(".//p[@class='lead']"))
    assert lead.replace("\N{NO-BREAK SPACE}", " ") == (
        "0:01:00.0 of sound; of 0:00:10.0 of labelled speech: d 40.0 %, c 30.0 %, b 20.0 %, and others."
    )


def test_speaking_times_stand_on_the_page() -> None:
    """Overall and, where there are two or more, by hour."""
    segments = [
        Segment(start=0.0, end=5400.0, label="female", probability=0.9),
        Segment(start=5400.0, end=7200.0, label="male", probability=0.9),
    ]
    long = Sound(duration_s=7200.0, extremes=INSIDE.extremes, bin_s=2400.0, address="./a.wav", inside=False)
    tables = parsed(made(segments, sound=long)).findall(".//section[@aria-labelledby='times']//tbody")
    overall, by_hour = ([[text_of(cell).replace("\xa0", " ") for cell in row] for row in table] for table in tables)
    assert [row[:3] for row in overall] == [
        ["female", "1:30:00.0", "75.0 %"],
        ["male", "0:30:00.0", "25.0 %"],
        ["unknown", "0:00:00.0", ""],
        ["nonspeech", "0:00:00.0", ""],
    ]
    assert by_hour == [
        ["0:00", "1:00:00 (100.0 %)", "0:00:00 (0.0 %)", "0:00:00", "0:00:00"],
        ["1:00", "0:30:00 (50.0 %)", "0:30:00 (50.0 %)", "0:00:00", "0:00:00"],
    ]
    assert len(parsed(made()).findall(".//section[@aria-labelledby='times']//tbody")) == 1


@pytest.mark.parametrize(
    ("segments", "told"),
    [
        (SOME[1:3], " Only the stretch from 0:00:01.2 to 0:00:50.0 was listened to."),
        (SOME[:3], " Only the stretch from 0:00:00.0 to 0:00:50.0 was listened to."),
        (SOME[1:], " Only the stretch from 0:00:01.2 to 0:01:00.0 was listened to."),
        (SOME, ""),
    ],
)
def test_a_stretch_says_what_was_not_listened_to(segments: Sequence[Segment], told: str) -> None:
    """Where the segments are of a part only, no bar does not mean no voice."""
    caption = text_of(parsed(made(segments)).find(".//figcaption"))
    assert caption == f"Where no bar stands, there is no voice (nonspeech).{told}"


def test_a_sound_outside_is_played_from_its_file() -> None:
    """The player's address, a link and the policy name the file; nothing else may be loaded."""
    outside = Sound(duration_s=60.0, extremes=INSIDE.extremes, bin_s=20.0, address="./a%22b.wav", inside=False)
    tree = parsed(made(sound=outside))
    assert tree.find(".//audio").attrib["src"] == "./a%22b.wav"
    assert tree.find(".//section//p/a").attrib["href"] == "./a%22b.wav"
    assert "media-src 'self' file:;" in tree.find(".//meta[@http-equiv]").attrib["content"]


def test_ten_hours_are_a_small_page() -> None:
    """6,000 segments of twelve classes stay far below 10 MB, with every one of them in the table."""
    classes = [f"{number:02} {'x' * 57}" for number in range(12)]
    long = Sound(
        duration_s=36000.0, extremes=np.full((2048, 2), 0.123456, np.float32), bin_s=17.6, address="./a", inside=False
    )
    page = made(turns(6000, classes, 36000.0), classes=classes, sound=long)
    assert len(page.encode()) < 4e6
    assert page.count('class="start"') == 6000


def test_the_same_segments_give_the_same_page() -> None:
    """Nothing on it depends on when or where it is made."""
    assert made() == made()


@pytest.mark.parametrize(
    ("seconds", "decimals", "told"),
    [
        *((0, 1, "0:00:00.0"), (59.96, 1, "0:01:00.0"), (3599.996, 2, "1:00:00.00"), (36061.25, 2, "10:01:01.25")),
        *((61, 0, "0:01:01"), (3661.6, 0, "1:01:02")),
    ],
)
def test_clock(seconds: float, decimals: int, told: str) -> None:
    """Rounded once, so that no minute has sixty seconds."""
    assert clock(seconds, decimals) == told


@pytest.mark.parametrize("duration_s", [0.5, 3.0, 61.0, 1800.0, 36000.0, 400_000.0])
def test_times_below_the_lanes_are_few(duration_s: float) -> None:
    """There is at least one, and room for all on a telephone."""
    assert 1 <= lanes.axis(duration_s).count("<text") <= 6


def tone(n_samples: int, rate: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (0.25 * np.sin(2 * np.pi * 300 * np.arange(n_samples) / rate)).astype(np.float32)


def test_a_short_recording_is_inside(tmp_path: Path) -> None:
    """As MP3 of a constant bit rate and the recording's length, with its outline."""
    file = tmp_path / "a.wav"
    samples = np.concatenate([tone(16_000, 16_000), np.zeros(16_000, np.float32)])
    soundfile.write(file, samples, 16_000)
    found = sound_of(file, page=tmp_path / "a.html")
    assert (found.inside, found.duration_s) == (True, 2.0)
    content = base64.b64decode(found.address.removeprefix("data:audio/mpeg;base64,"))
    played, rate = soundfile.read(io.BytesIO(content))
    assert rate == 16_000
    assert 2.0 <= len(played) / rate < 2.2
    assert np.std(played[4_000:14_000]) == pytest.approx(0.25 / math.sqrt(2), rel=0.05)
    assert np.abs(played[20_000:]).max() < 0.01
    assert b"Xing" not in content  # what a variable bit rate begins with
    half = round(1.0 / found.bin_s)
    assert found.extremes[: half - 1, 1].max() == pytest.approx(0.25, abs=1e-3)
    assert not found.extremes[half + 1 :].any()


def test_half_an_hour_of_noise_would_leave_room(tmp_path: Path) -> None:
    """The size of what is inside does not depend on the sound: 30 minutes are less than 7.5 MB."""
    file = tmp_path / "a.wav"
    soundfile.write(file, np.random.default_rng(1).uniform(-1, 1, 160_000).astype(np.float32), 16_000)
    found = sound_of(file, page=tmp_path / "a.html")
    assert len(found.address) / found.duration_s * sound.LONGEST_S < 7.5e6


def test_a_long_recording_stays_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address leads from the page to the file, whatever its name."""
    monkeypatch.setattr(sound, "LONGEST_S", 1.0)
    file = tmp_path / "sounds #1" / 'a "b" <i>:ü.wav'
    file.parent.mkdir()
    soundfile.write(file, tone(32_000, 16_000), 16_000)
    found = sound_of(file, page=tmp_path / "pages" / "a.html")
    assert not found.inside
    assert found.address == "./../sounds%20%231/a%20%22b%22%20%3Ci%3E%3A%C3%BC.wav"
    assert found.duration_s == 2.0


def test_no_file_name_becomes_another_kind_of_address(tmp_path: Path) -> None:
    """A name that looks like a scheme is a name."""
    assert address(tmp_path / "javascript:alert(1)", tmp_path / "a.html") == "./javascript%3Aalert%281%29"


def test_one_channel_is_shown_alone(tmp_path: Path) -> None:
    """The channel that was segmented."""
    file = tmp_path / "a.wav"
    soundfile.write(file, np.column_stack([tone(8_000, 16_000), np.zeros(8_000, np.float32)]), 16_000)
    assert sound_of(file, page=tmp_path / "a.html", channel=1).extremes.any()
    assert not sound_of(file, page=tmp_path / "a.html", channel=2).extremes.any()


def test_a_file_that_is_no_sound_is_an_error(tmp_path: Path) -> None:
    """It names the file."""
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(AudioError, match=r"a\.wav"):
        sound_of(tmp_path / "a.wav", page=tmp_path / "a.html")
