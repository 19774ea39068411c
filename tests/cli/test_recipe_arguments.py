"""The options that make a recipe: settings, shortcuts, and options of earlier versions."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from speechgmm.cli import parse
from speechgmm.cli.recipe_arguments import (
    DEFAULT,
    OLD_FOLDS,
    OLD_OPTIONS,
    SHORTCUTS,
    read_recipe,
    settings_of,
    sizes_of,
)
from speechgmm.errors import OptionError
from speechgmm.features.options import FrontEndOptions
from speechgmm.training import recipe
from speechgmm.training.recipe import Recipe
from tests.builders import RunCommand

TRAIN = ("train", "recordings", "-o", "voices.npz")
COMMANDS = {"train": TRAIN, "crossvalidate": ("crossvalidate", "recordings"), "audit": ("audit", "recordings")}

VALUES = {
    "--balance-by": "room",
    "--calibration-folds": "3",
    "--channel-augmentation": "0.25",
    "--channel-copies": "0.25",
    "--effort-augmentation": "0.125",
    "--effort-copies": "0.125",
    "--family": "bernoulli",
    "--front-end": "n_mels=30",
    "--iterations": "4",
    "--map": "2.5",
    "--restarts": "2",
    "--start": "random",
}
"""A value of each old option that takes one."""


def parsed(*arguments: str, command: str = "train") -> argparse.Namespace:
    return parse([*COMMANDS[command], *arguments])


@pytest.mark.parametrize(
    ("command", "further"),
    [
        ("train", {"--channel"}),
        ("crossvalidate", {"--channel", "--checkpoint", "--features", "--no-audio", "--resamples", "--seed"}),
        ("audit", {"--channel", "--checkpoint", "--features", "--seed"}),
    ],
)
def test_the_help_is_short(run: RunCommand, command: str, further: set[str]) -> None:
    """At most 16 options are explained, further ones are named, and old ones are not in it."""
    shown = run(command, "-h").stdout
    assert len(re.findall(r"^  -", shown, flags=re.MULTILINE)) <= 16
    (named,) = re.findall(r"^further options:\n(.*)", shown, flags=re.MULTILINE)
    assert set(re.findall(r"--[a-z-]+", named)) == further
    old = {*OLD_OPTIONS, "--dask", "--stream", "--sizes", *(OLD_FOLDS if command == "train" else ())}
    assert not old & set(re.findall(r"--[a-z][a-z-]*", shown))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_default_recipe_is_that_of_training(command: str) -> None:
    """`training.recipe` is not imported for the help, so its default is repeated there."""
    assert recipe.DEFAULT == DEFAULT
    assert read_recipe(parsed(command=command)) == Recipe.load(DEFAULT)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", OLD_OPTIONS)
def test_old_options_are_settings(option: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each changes the recipe as its setting does, and stderr says how it is written now."""
    value = VALUES.get(option)
    words = [option] if value is None else [option, value]
    others = ("--set", "em.smoothing=0", *(("--recipe", "plain") if option == "--family" else ()))  # MMI needs cepstra
    old = parsed(*words, *others, command=command)
    setting, _ = settings_of(old)
    line = f"speechgmm: {' '.join(words)} is now --set {setting}; the old option will be removed in 0.3.0\n"
    assert capsys.readouterr().err == line
    new = read_recipe(parsed("--set", setting, *others, command=command))
    assert read_recipe(old) == new != read_recipe(parsed(*others, command=command))
    settings_of(parsed(*words, "-q", command=command))
    assert capsys.readouterr().err == line, "-q silences the note"


def test_folds_of_train_were_those_of_the_calibration() -> None:
    """Elsewhere --folds is the number of folds of the cross-validation, and not a setting."""
    assert settings_of(parsed("--folds", "3")) == ["calibration.folds=3"]
    for command in ("crossvalidate", "audit"):
        options = parsed("--folds", "3", command=command)
        assert (settings_of(options), options.folds) == ([], 3)


def test_old_streams_replace_those_of_the_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Each says what differs from the first stream."""
    made = read_recipe(
        parsed("--recipe", "plain", "--stream", "window_s=0.05,n_mels=60", "--set", "streams.1.fmin_hz=80")
    )
    first = FrontEndOptions(fmin_hz=80.0)
    assert made.front_ends == (first, FrontEndOptions(fmin_hz=80.0, window_s=0.05, n_mels=60))
    assert "--stream is now a table [[streams]] in a recipe file" in capsys.readouterr().err


def test_shortcuts_are_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """They are the same, without a note; a class may be called like a number."""
    words = ("--components", "8", "--seed", "3", "--nonspeech", "1")
    made = read_recipe(parsed(*words))
    assert (made.n_components, made.seed, made.nonspeech) == (8, 3, "1")
    assert capsys.readouterr().err == ""
    assert {*SHORTCUTS} == {"--components", "--seed", "--nonspeech"}


def test_numbers_of_components_to_choose_from_are_no_setting() -> None:
    """'auto' and lists are compared; the recipe keeps its own number."""
    for text, sizes in (("auto", "auto"), ("4,8", (4, 8)), ("4", ())):
        options = parsed("--components", text)
        assert sizes_of(options) == sizes
        assert settings_of(options) == ([] if sizes else ["training.components=4"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seed", "3", "--set", "training.seed=4"), "--seed 3 and --set training.seed=4"),
        (("--set", "training.seed = 4", "--seed", "3"), "--set 'training.seed = 4' and --seed 3"),
        (
            ("--components", "auto", "--set", "training.components=4"),
            "--components auto and --set training.components=4",
        ),
        (("--set", "em.hard=true", "--hard"), "--set em.hard=true and --hard"),
        (("--iterations", "3", "--set", "em.max_iterations=4"), "--iterations 3 and --set em.max_iterations=4"),
        (("--set", "em.hard=true", "--set", "em.hard=false"), "--set em.hard=true and --set em.hard=false"),
        (
            ("--family", "gaussian", "--front-end", "features=patterns"),
            "--family gaussian and --front-end features=patterns",
        ),
    ],
)
def test_a_value_is_given_once(words: tuple[str, ...], said: str) -> None:
    """Otherwise one of them would be lost silently."""
    with pytest.raises(OptionError, match=f"^{re.escape(said)} contradict: give one of them$"):
        settings_of(parsed(*words))


def test_a_recipe_that_is_faulty_as_a_whole_can_be_repaired() -> None:
    """Settings are checked together."""
    settings = ("mmi.iterations=0", "augmentation.channel_share=0", "augmentation.effort_share=0")
    whole = [word for setting in settings for word in ("--set", setting)]
    assert read_recipe(parsed(*whole)).mmi is None
    with pytest.raises(OptionError, match="without MMI nothing is augmented"):
        read_recipe(parsed(*whole[:2]))


def test_the_recipe_of_a_training_can_be_printed(run: RunCommand, tmp_path: Path) -> None:
    """`recipe` takes the same settings and has the same default."""
    done = run("recipe", "--set", "training.seed=5")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "mine.toml").write_text(done.stdout, encoding="utf-8")
    assert Recipe.load(tmp_path / "mine.toml") == read_recipe(parsed("--seed", "5"))
