"""Recipes: what is written reads back, and what is wrong is named with the remedy."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from speechgmm import FrontEndOptions
from speechgmm.classifier.model import DecisionOptions
from speechgmm.classifier.model_file import save
from speechgmm.corpus import read_corpus
from speechgmm.errors import OptionError
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.training.recipe import NAMES, Augmentation, Recipe, SmallData
from speechgmm.training.recipe_document import value_at
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from tests.builders import RunCommand

EVERYTHING = Recipe(
    n_components=7,
    start="random",
    restarts=2,
    background_iterations=3,
    map_relevance=2.5,
    speaker_share=1.5,
    balance_by="room",
    seed=9,
    em=EMOptions(max_iterations=4, hard=True),
    front_end=FrontEndOptions(n_mels=30),
    further_front_ends=(FrontEndOptions(window_s=0.064, n_mels=80), FrontEndOptions(delta_order=1)),
    mmi=MMIOptions(iterations=5, i_smoothing=0.5),
    mmi_raised_by="acted",
    augmentation=Augmentation(channel_share=0.25, effort_share=0.5),
    nonspeech="noise",
    packaged_nonspeech=True,
    calibration_folds=3,
    calibration_by="house",
    decision=DecisionOptions(min_speech_s=0.5, min_probability=0.75),
    small_data=(SmallData(fewer_speakers_than=9, settings=("mmi.iterations=2",)), SmallData(fewer_speakers_than=3)),
)


@pytest.mark.parametrize("options", [Recipe(), EVERYTHING, Recipe.load("robust")])
def test_what_is_written_reads_back(options: Recipe, tmp_path: Path) -> None:
    """Every option survives TOML, in a file as in a document."""
    file = tmp_path / "mine.toml"
    file.write_text(options.to_toml(), encoding="utf-8")
    assert Recipe.load(str(file)) == options
    assert Recipe.of_document(options.to_document(), "x") == options


def test_every_option_is_in_the_recipe() -> None:
    """Each value of EVERYTHING differs from the default, so a forgotten one would not read back."""
    default = Recipe()
    same = [name for name in vars(default) if getattr(default, name) == getattr(EVERYTHING, name)]
    assert same == []


def test_plain_is_the_default_and_robust_that_of_the_shipped_model() -> None:
    """The named recipes: the defaults of the Python API, and three streams with MMI and augmentation."""
    assert Recipe.load("plain") == Recipe()
    robust = Recipe.load("robust")
    assert [front_end.window_s for front_end in robust.front_ends] == [0.025, 0.064, 0.025]
    assert robust.rejecting_stream == 1
    assert robust.mmi == MMIOptions(iterations=15, i_smoothing=3.0)
    assert robust.augmentation == Augmentation(channel_share=0.3, effort_share=0.18)
    assert (robust.mmi_raised_by, robust.balance_by, robust.calibration_by) == ("acted", "corpus", "corpus")
    assert robust.small_data == ()


def test_what_is_left_out_is_plain(tmp_path: Path) -> None:
    """A recipe may name what it changes only."""
    file = tmp_path / "mine.toml"
    file.write_text("[training]\ncomponents = 5\n[[streams]]\n[[streams]]\nn_mels = 30\n", encoding="utf-8")
    expected = replace(Recipe(), n_components=5, further_front_ends=(FrontEndOptions(n_mels=30),))
    assert Recipe.load(str(file)) == expected


def test_settings_change_single_values() -> None:
    """Numbers, text with and without quotes, truth values, and values of a stream, counted from 1."""
    robust = Recipe.load("robust")
    changed = robust.with_settings(
        "training.components=8", 'training.start="random"', "em.hard=true", "streams.2.window_s=0.05"
    )
    assert (changed.n_components, changed.start, changed.em.hard) == (8, "random", True)
    second, third = robust.further_front_ends
    assert changed.further_front_ends == (replace(second, window_s=0.05), third)
    assert robust.with_settings("training.start=split").start == "split"
    no_mmi = ["mmi.iterations=0", "augmentation.channel_share=0", "augmentation.effort_share=0"]
    assert robust.with_settings(*no_mmi).mmi is None
    assert robust.with_settings() == robust


def test_settings_repair_a_faulty_recipe(tmp_path: Path) -> None:
    """A recipe file is checked after the settings; what is still wrong names both."""
    file = tmp_path / "mine.toml"
    file.write_text("[augmentation]\nchannel_share = 0.3\n", encoding="utf-8")
    repaired = Recipe.load(file, "mmi.iterations=3")
    assert (repaired.mmi, repaired.augmentation) == (MMIOptions(iterations=3), Augmentation(channel_share=0.3))
    with pytest.raises(
        OptionError, match=r"mine\.toml with the settings: streams\.1\.n_mels is 1, but it must be 2 to"
    ):
        Recipe.load(file, "mmi.iterations=3", "streams.1.n_mels=1")


def test_text_may_look_like_a_number() -> None:
    """Where text is expected, the value is text."""
    assert Recipe().with_settings("rejection.nonspeech=3").nonspeech == "3"
    assert Recipe().with_settings('rejection.nonspeech="3"').nonspeech == "3"


def test_settings_are_checked_together() -> None:
    """Several settings may lead from one valid recipe to another over an invalid one."""
    apart = Recipe.load("robust").with_settings(*(f"streams.{number}.hop_s=0.02" for number in (1, 2, 3)))
    assert {front_end.hop_s for front_end in apart.front_ends} == {0.02}


RULES = Recipe(
    mmi=MMIOptions(iterations=300),
    small_data=(
        SmallData(fewer_speakers_than=10, settings=("mmi.iterations=20", "training.components=8")),
        SmallData(fewer_speakers_than=50, settings=("mmi.iterations=100", "mmi.i_smoothing=1")),
    ),
)


def test_rules_for_small_data_change_what_they_say() -> None:
    """The rule for fewer speakers prevails; what already has the value is not told; the result has no rules."""
    recipe, changes = RULES.for_speakers(9)
    assert recipe == replace(RULES, n_components=8, mmi=MMIOptions(iterations=20), small_data=())
    assert changes == (
        "mmi.iterations is 20 instead of 300: a class has fewer than 10 speakers",
        "training.components is 8 instead of 64: a class has fewer than 10 speakers",
    )
    recipe, changes = RULES.for_speakers(10)
    assert recipe == replace(RULES, mmi=MMIOptions(iterations=100), small_data=())
    assert changes == ("mmi.iterations is 100 instead of 300: a class has fewer than 50 speakers",)
    assert RULES.for_speakers(50) == (replace(RULES, small_data=()), ())


def test_a_setting_prevails_over_the_rules() -> None:
    """What the user sets is not changed by a rule."""
    recipe, changes = RULES.with_settings("mmi.iterations=7").for_speakers(9)
    assert (recipe.mmi, recipe.n_components) == (MMIOptions(iterations=7), 8)
    assert len(changes) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["components=8"], "'components=8' is not SECTION.NAME=VALUE, such as training.components=32"),
        (["training.components"], "'training.components' is not SECTION.NAME=VALUE"),
        (["trainig.seed=1"], "there is no section 'trainig', expected training, em, .*; did you mean 'training'?"),
        (["em.tolerence=1"], "there is no em.tolerence, expected max_iterations, .*; did you mean 'tolerance'?"),
        (["em.hard=1"], "em.hard is 1, expected true or false"),
        (["em.max_iterations=2.5"], "em.max_iterations is 2.5, expected a whole number"),
        (["em.max_iterations=true"], "em.max_iterations is True, expected a whole number"),
        (["em.tolerance=small"], "em.tolerance is 'small', expected a number"),
        (["training.start=3"], "the recipe with the settings: training.start is '3', but it must be one of kmeans, "),
        (["streams.2.n_mels=30"], "there is no streams.2, expected streams.N.NAME with N from 1 to 1"),
        (["streams.n_mels=30"], "there is no streams.n_mels, expected streams.N.NAME with N from 1 to 1"),
        (
            ["augmentation.channel_share=0.5"],
            "augmentation is given, but without MMI nothing is augmented: set mmi.iterations, or both shares to 0",
        ),
        (["mmi.i_smoothing=-1"], "the settings: mmi.i_smoothing is -1.0, but it must be 0 or more and finite"),
        (["mmi.i_smoothing=inf", "mmi.iterations=3"], "the settings: mmi.i_smoothing is inf, but it must be 0 or more"),
        (["mmi.iterations=-2"], "the settings: mmi.iterations is -2, but it must be 1 or more"),
        (["mmi.raised_by=3.5", "mmi.iteration=2"], "there is no mmi.iteration, expected iterations, i_smoothing"),
        (["mmi.steps=100"], "there is no mmi.steps, expected iterations, i_smoothing, raised_by"),
        (
            ["mmi.iterations=3", "augmentation.channel_share=0.5", "augmentation.effort_share=0.5"],
            "augmentation.channel_share is 0.5 and effort_share 0.5, but both must be 0 or more and their sum below 1",
        ),
        (["mmi.iterations=3", "augmentation.effort_share=-0.1"], "effort_share -0.1, but both must be 0 or more"),
        (["mmi.iterations=3", "augmentation.effort_share=nan"], "effort_share nan, but both must be 0 or more"),
        (
            ["mmi.iterations=3", "streams.1.features=patterns"],
            "mmi needs cepstra in all streams: set mmi.iterations to 0, or features to cepstra",
        ),
        (["small_data.1.settings=[]"], "there is no small_data.1, expected small_data.N.NAME but the recipe has none"),
        (["training.components=0"], "the settings: training.components is 0, but it must be 1 to 4096"),
    ],
)
def test_wrong_settings_are_refused(settings: list[str], message: str) -> None:
    """The setting, what is expected and the nearest name are given."""
    with pytest.raises(OptionError) as caught:
        Recipe().with_settings(*settings)
    assert re.search(message.replace("?", r"\?"), str(caught.value))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = 2\n", "the recipe has version 2, and this speechgmm reads up to 1: update speechgmm"),
        ("version = 'x'\n", "version is 'x', expected a whole number from 1 to 1"),
        ("[em]\nmax_iterations = \n", "not a TOML file: Invalid value (at line 2, column 18)"),
        ("training = 3\n", "training is 3, expected a table: write [training] before its values"),
        ("[streams]\nn_mels = 3\n", "streams is not a list of tables: write [[streams]] before each"),
        ("[[streams]]\nn_mel = 3\n", "there is no streams.1.n_mel, expected sampling_rate, "),
        ("[[streams]]\n[[streams]]\nhop_s = 0.02\n", "the streams of a model must have the same sampling_rate"),
        ("[colour]\n", "there is no section 'colour', expected training, em, streams, mmi, "),
        ("[mmi]\niterations = 1\ni_smoothing = -1\n", "mmi.i_smoothing is -1.0"),
        ("streams = []\n", "streams is empty, expected one table or more: write [[streams]] before each"),
        ("[[small_data]]\nsettings = 3\n", "small_data.1.settings is 3, expected a list of texts"),
        ("[[small_data]]\nfewer_speakers_than = -1\n", "fewer_speakers_than is -1, but it must be 0 or more"),
        (
            "[[small_data]]\nsettings = ['mmi.step=3']\n",
            "small_data.1: mmi.step=3: there is no mmi.step, expected iterations",
        ),
        (
            "[[small_data]]\nsettings = ['em.tolerance=-1']\n",
            "small_data.1: the recipe with the settings: em.tolerance is -1.0, but",
        ),
        (b"\xff", "not a TOML file: "),
    ],
)
def test_faulty_recipes_are_refused(text: str | bytes, message: str, tmp_path: Path) -> None:
    """The file, the place and what is expected are named."""
    file = tmp_path / "mine.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(OptionError) as caught:
        Recipe.load(str(file))
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)


def test_recipes_that_are_not_there_are_refused(tmp_path: Path) -> None:
    """A name is compared with those that exist; a file that cannot be read is named."""
    with pytest.raises(OptionError, match=r"there is no recipe 'robst': give one of plain, robust, .*'robust'\?$"):
        Recipe.load("robst")
    with pytest.raises(OptionError, match=r"gone\.toml: the recipe cannot be read: No such file or directory$"):
        Recipe.load(str(tmp_path / "gone.toml"))


def test_a_model_carries_its_recipe(voices: Path, tmp_path: Path) -> None:
    """Training with the recipe of a model repeats the model byte for byte; a model without one is refused."""
    corpus = read_corpus(voices)
    rule = SmallData(fewer_speakers_than=50, settings=("mmi.iterations=2",))
    options = replace(
        Recipe.load("robust"),
        n_components=2,
        calibration_folds=2,
        em=EMOptions(max_iterations=2),
        mmi=MMIOptions(iterations=5),
        augmentation=Augmentation(),
        packaged_nonspeech=False,
        small_data=(rule,),
    )
    model = train(corpus, Run(recipe=options)).model
    assert model.card["scaled"] == ["mmi.iterations is 2 instead of 5: a class has fewer than 50 speakers"]
    save(model, tmp_path / "first.npz")

    recipe = Recipe.load(str(tmp_path / "first.npz"))

    assert recipe == options
    save(train(corpus, Run(recipe=recipe)).model, tmp_path / "second.npz")
    assert (tmp_path / "second.npz").read_bytes() == (tmp_path / "first.npz").read_bytes()
    bare = replace(model, card={})
    with pytest.raises(OptionError, match=r"^old\.npz: the model carries no recipe, it is of an earlier version: give"):
        Recipe.of_model(bare, "old.npz")


def test_the_command_line_trains_by_recipe(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """A recipe file, --set and the recipe of the model give the same bytes; further options change the recipe."""
    file = tmp_path / "mine.toml"
    done = run("recipe", "plain", *[f"--set={each}" for each in ("training.components=2", "em.max_iterations=2")])
    assert (done.returncode, done.stderr) == (0, "")
    file.write_text(done.stdout, encoding="utf-8")

    def trained(*arguments: object) -> bytes:
        model = tmp_path / "model.npz"
        assert run("train", voices, "-o", model, "--force", "-q", *arguments).returncode == 0
        return model.read_bytes()

    by_file = trained("--recipe", file)
    (tmp_path / "kept.npz").write_bytes(by_file)
    assert trained("--recipe", "plain", "--set", "training.components=2", "--set", "em.max_iterations=2") == by_file
    assert trained("--recipe", tmp_path / "kept.npz") == by_file
    assert trained("--recipe", "plain", "--components", 2, "--set", "em.max_iterations=2") == by_file
    other = trained("--recipe", file, "--components", 3)
    assert other != by_file
    (tmp_path / "other.npz").write_bytes(other)
    assert Recipe.load(str(tmp_path / "other.npz")).n_components == 3


@pytest.mark.parametrize(
    "arguments",
    [("train", "-o", "m.npz", "--recipe", "robst"), ("crossvalidate", "--set", "em.x=1"), ("audit", "--set", "a")],
)
def test_wrong_recipes_are_refused_before_the_work(
    run: RunCommand, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Exit code 2 and one line, and nothing is read."""

    def refuse(*_: object) -> None:
        pytest.fail("the work was started")

    monkeypatch.chdir(tmp_path)
    # Where it is called, not where it is defined: a module imported meanwhile would keep the replacement.
    for caller in ("training.train", "crossvalidation.crossvalidate"):
        monkeypatch.setattr(f"speechgmm.{caller}.read_material", refuse)
    command, *others = arguments
    done = run(command, voices, *others)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_named_recipes_are_in_the_package(run: RunCommand) -> None:
    """Each can be printed, and what is printed is the recipe."""
    for name in NAMES:
        assert run("recipe", name).stdout == Recipe.load(name).to_toml()


@pytest.mark.parametrize("command", [("train", "-o", "m.npz"), ("crossvalidate",), ("audit",)])
def test_a_column_that_is_not_there_balances_nothing(
    run: RunCommand, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """A column that was set is refused before the work; one that only a recipe file names is noted."""
    monkeypatch.chdir(tmp_path)
    name, *others = command
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        "[training]\ncomponents = 1\nbalance_by = 'korpus'\n[em]\nmax_iterations = 1\n[mmi]\niterations = 1\n",
        encoding="utf-8",
    )
    done = run(name, voices, *others, "--recipe", recipe, "--set", "training.balance_by=room")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"training.balance_by is 'room', but no recording of {voices} has a value in the column" in done.stderr
    done = run(name, voices, *others, "--recipe", recipe)
    assert done.returncode == 0
    assert "the column 'korpus', which the recipe names in training.balance_by: speakers count evenly" in done.stderr


@pytest.mark.parametrize(
    ("key", "consequence"),
    [("mmi.raised_by", "no recording may be a raised voice"), ("calibration.by", "folds of speakers are held out")],
)
def test_other_columns_that_are_not_there_are_treated_alike(
    run: RunCommand, voices: Path, tmp_path: Path, key: str, consequence: str
) -> None:
    """Refused where they were set, noted where a recipe file names them."""
    recipe = tmp_path / "mine.toml"
    small = ["training.components=1", "em.max_iterations=1", "mmi.iterations=1", "calibration.folds=2"]
    recipe.write_text(Recipe().with_settings(*small, f"{key}=korpus").to_toml(), encoding="utf-8")
    arguments = ("train", voices, "-o", tmp_path / "m.npz", "--recipe", recipe)
    refused = run(*arguments, "--set", f"{key}=room")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"{key} is 'room', but no recording of {voices} has a value in the column 'room': name" in refused.stderr
    done = run(*arguments)
    assert done.returncode == 0
    assert f"the column 'korpus', which the recipe names in {key}: {consequence}" in done.stderr


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_components": "2"}, "n_components is '2', but it must be a whole number"),
        ({"n_components": 2.0}, "n_components is 2.0, but it must be a whole number"),
        ({"seed": None}, "seed is None, but it must be a whole number"),
        ({"seed": True}, "seed is True, but it must be a whole number"),
        ({"speaker_share": "4"}, "speaker_share is '4', but it must be a number"),
        ({"map_relevance": None}, "map_relevance is None, but it must be a number"),
        ({"start": 3}, "start is 3, but it must be text"),
        ({"packaged_nonspeech": "yes"}, "packaged_nonspeech is 'yes', but it must be True or False"),
        ({"front_end": None}, "front_end is None, but it must be FrontEndOptions"),
        ({"further_front_ends": None}, "further_front_ends is None, but it must be a tuple of FrontEndOptions"),
        ({"further_front_ends": (1,)}, "a part of further_front_ends is 1, but it must be FrontEndOptions"),
        ({"em": {}}, "em is {}, but it must be EMOptions"),
        ({"decision": 0.5}, "decision is 0.5, but it must be DecisionOptions"),
        ({"mmi": True}, "mmi is True, but it must be MMIOptions or None"),
        ({"mmi_raised_by": None}, "mmi_raised_by is None, but it must be text"),
        ({"calibration_by": 1}, "calibration_by is 1, but it must be text"),
        ({"augmentation": None}, "augmentation is None, but it must be Augmentation"),
        ({"small_data": "mmi.iterations=2"}, "small_data is 'mmi.iterations=2', but it must be a tuple of SmallData"),
        ({"small_data": ("mmi.iterations=2",)}, "a part of small_data is 'mmi.iterations=2', but it must be SmallData"),
    ],
)
def test_values_of_another_type_are_refused(values: dict[str, Any], message: str) -> None:
    """From Python, too, the error names the value and what is expected."""
    with pytest.raises(OptionError) as caught:
        Recipe(**values)
    assert str(caught.value) == message


def test_numbers_of_numpy_can_be_written() -> None:
    """They become numbers of Python, as a model file and TOML need."""
    recipe = Recipe(
        n_components=np.int64(8),  # type: ignore[arg-type]
        speaker_share=np.float32(2),  # type: ignore[arg-type]
        front_end=FrontEndOptions(n_mels=np.int32(30), hop_s=np.float64(0.01)),  # type: ignore[arg-type]
        small_data=(SmallData(fewer_speakers_than=np.int16(9)),),  # type: ignore[arg-type]
    )

    assert json.loads(json.dumps(recipe.to_document())) == recipe.to_document()
    assert recipe == Recipe(
        n_components=8,
        speaker_share=2.0,
        front_end=FrontEndOptions(n_mels=30),
        small_data=(SmallData(fewer_speakers_than=9),),
    )


@pytest.mark.parametrize("number", ["٢", "２", "02", "9" * 5000])
def test_the_number_of_a_stream_is_written_in_digits(number: str) -> None:
    """Digits of other scripts, zeros before them and numbers too long to read are no number of a stream."""
    recipe = replace(Recipe(), further_front_ends=(FrontEndOptions(n_mels=30),))

    with pytest.raises(
        OptionError, match=rf"there is no streams\.{number[:99]}.*, expected streams\.N\.NAME with N from 1 to 2$"
    ):
        recipe.with_settings(f"streams.{number}.n_mels=20")
    assert value_at(recipe.to_document(), f"streams.{number}.n_mels") is None
    assert value_at(recipe.to_document(), "streams.2.n_mels") == 30


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000])
def test_values_that_cannot_be_parsed_are_refused(value: str, tmp_path: Path) -> None:
    """Numbers with more digits, and nesting deeper, than Python reads."""
    file = tmp_path / "mine.toml"
    file.write_text(f"[training]\nseed = {value}\n")

    with pytest.raises(OptionError, match=r"mine\.toml: not a TOML file: "):
        Recipe.load(str(file))
    with pytest.raises(OptionError, match=r"training\.seed is '.*', expected a whole number$"):
        Recipe().with_settings(f"training.seed={value}")
