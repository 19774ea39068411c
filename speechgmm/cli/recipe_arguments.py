"""Arguments that make the recipe of a training: --recipe, --set and the options that stand for one setting.

Every one of them becomes a setting, SECTION.NAME=VALUE, in the order of the command line. No heavy imports here.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from speechgmm.cli.console import detail, note
from speechgmm.text.numerals import decimal, whole

if TYPE_CHECKING:
    from speechgmm.training.recipe import Recipe
    from speechgmm.training.run_context import Sizes

DEFAULT = "robust"
"""The recipe where none is named."""

SHORTCUTS = {
    "--components": "training.components={}",
    "--nonspeech": "rejection.nonspeech={text}",
    "--seed": "training.seed={}",
}
"""Options that stand for a setting; `{}` is the value, and `{text}` the value in quotes."""

OLD_OPTIONS = {
    "--balance-by": "training.balance_by={}",
    "--calibration-folds": "calibration.folds={}",
    "--channel-augmentation": "augmentation.channel_share={}",
    "--channel-copies": "augmentation.channel_share={}",
    "--effort-augmentation": "augmentation.effort_share={}",
    "--effort-copies": "augmentation.effort_share={}",
    "--family": "streams.1.features={features}",
    "--front-end": "streams.1.{}",
    "--hard": "em.hard=true",
    "--iterations": "em.max_iterations={}",
    "--map": "training.map_relevance={}",
    "--restarts": "training.restarts={}",
    "--start": "training.start={}",
}
"""Options of earlier versions that still work, and the settings that replace them. Version 0.3.0 has only these."""

OLD_FOLDS = {"--folds": OLD_OPTIONS["--calibration-folds"]}
"""What --folds was in `train`. Elsewhere it is the number of folds of the cross-validation."""

FEATURES_OF = {"gaussian": "cepstra", "bernoulli": "patterns"}
"""The values of --family, and the features that replace them."""

LATER = "the old option will be removed in 0.3.0"


@dataclass(frozen=True)
class Given:
    """A setting as the user gave it.

    Attributes
    ----------
    option : str
        The option, such as ``--seed``.
    said : str
        The option and its value.
    setting : str
        SECTION.NAME=VALUE, if it is right.
    old : bool
        Whether the option is one of an earlier version.
    """

    option: str
    said: str
    setting: str
    old: bool

    @property
    def path(self) -> str:
        """SECTION.NAME."""
        return self.setting.partition("=")[0].strip()

    @property
    def value(self) -> str:
        """VALUE."""
        return self.setting.partition("=")[2]

    @property
    def is_choice(self) -> bool:
        """Whether it is several numbers of components to choose from, and no value of the recipe."""
        return self.option == "--components" and (self.value == "auto" or "," in self.value)


class AsSetting(argparse.Action):
    """Keep an option as the setting it stands for, with those given before.

    Parameters
    ----------
    setting : str
        Such as ``training.seed={}``. Without a placeholder the option takes no value.
    old : bool
        Whether the option is one of an earlier version.
    """

    def __init__(self, *, setting: str, old: bool = False, **keywords: Any) -> None:
        keywords.update(dest="given", default=(), nargs=None if "{" in setting else 0)
        super().__init__(**keywords)
        self.setting = setting
        self.old = old

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Keep the setting. Underscores in a number, which TOML permits, are slips on a command line: 1_5 for 1.5."""
        text = str(values).rpartition("=")[2].strip()
        if "_" in text and decimal(text.replace("_", "")) is not None and "{}" in self.setting:
            raise argparse.ArgumentError(self, f"{text!r} is not a number: write it without underscores")
        words = [option or "", *([values] if isinstance(values, str) else [])]
        quoted = json.dumps(values, ensure_ascii=False)
        setting = self.setting.format(values, text=quoted, features=FEATURES_OF.get(str(values), values))
        given = Given(option=words[0], said=shlex.join(words), setting=setting, old=self.old)
        setattr(namespace, self.dest, (*getattr(namespace, self.dest), given))


def add_set_argument(parser: argparse.ArgumentParser) -> None:
    """Add changes of single values of a recipe."""
    parser.add_argument(
        "--set",
        action=AsSetting,
        setting="{}",
        metavar="SECTION.NAME=VALUE",
        help="change one value of the recipe, such as em.max_iterations=20; may be given several times",
    )


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --recipe, --set, the shortcuts but the seed, and the old options."""
    parser.add_argument(
        "--recipe",
        default=DEFAULT,
        metavar="RECIPE",
        help=f"robust, plain, a .toml file, or a model file, whose recipe made it (default: {DEFAULT}); "
        "'speechgmm recipe' prints it",
    )
    add_set_argument(parser)
    parser.add_argument(
        "--components",
        action=AsSetting,
        setting=SHORTCUTS["--components"],
        type=component_text,
        metavar="K",
        help="components per class (default: the recipe's); 'auto', or several such as 16,32,64, chooses by the "
        "likelihood of held-out speakers",
    )
    parser.add_argument(
        "--nonspeech",
        action=AsSetting,
        setting=SHORTCUTS["--nonspeech"],
        metavar="CLASS",
        help="the class whose recordings are non-speech: the model rejects what sounds like it as unknown",
    )
    add_old_options(parser, OLD_OPTIONS)
    parser.add_argument("--stream", action="append", default=[], help=argparse.SUPPRESS)


def add_seed_argument(
    parser: argparse._ActionsContainer, text: str = "seed of all random numbers (default: the recipe's)"
) -> None:
    """Add the seed; `text` is its help."""
    parser.add_argument(
        "--seed", action=AsSetting, setting=SHORTCUTS["--seed"], type=whole_text, metavar="N", help=text
    )


def add_old_options(parser: argparse.ArgumentParser, options: Mapping[str, str]) -> None:
    """Add options of earlier versions, which are not in the help."""
    for name, setting in options.items():
        parser.add_argument(name, action=AsSetting, setting=setting, old=True, help=argparse.SUPPRESS)


def whole_text(text: str) -> str:
    """An argparse type: a text that is a whole number."""
    if whole(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return text


def component_text(text: str) -> str:
    """An argparse type: a text that `component_counts` can read."""
    component_counts(text)
    return text


def component_counts(text: str) -> Sizes:
    """Read numbers of components: 'auto' or whole numbers separated by commas."""
    if text == "auto":
        return "auto"
    counts = tuple(count for part in text.split(",") if (count := whole(part.strip())) is not None)
    if len(counts) < len(text.split(",")):
        message = f"{text!r} is neither a list of whole numbers, such as 64 or 16,32,64, nor auto"
        raise argparse.ArgumentTypeError(message)
    return counts


def sizes_of(options: argparse.Namespace) -> Sizes:
    """The numbers of components to choose from; empty for a single one."""
    return next((component_counts(each.value) for each in options.given if each.is_choice), ())


def settings_of(options: argparse.Namespace) -> list[str]:
    """The settings of the recipe that were given; old options are noted on stderr.

    Raises
    ------
    OptionError
        If a value is given twice.
    """
    from speechgmm.errors import OptionError

    seen: dict[str, Given] = {}
    for each in options.given:
        if each.path in seen:
            raise OptionError(f"{seen[each.path].said} and {each.said} contradict: give one of them")
        seen[each.path] = each
    for each in seen.values():
        if each.old:
            note(options, f"{each.said} is now {shlex.join(['--set', each.setting])}; {LATER}")
    return [each.setting for each in seen.values() if not each.is_choice]


def read_recipe(options: argparse.Namespace) -> Recipe:
    """The recipe with the settings that were given."""
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.training.recipe import Recipe

    recipe = Recipe.load(options.recipe, *settings_of(options))
    if not options.stream:
        return recipe
    note(options, f"--stream is now a table [[streams]] in a recipe file; {LATER}")
    streams = [FrontEndOptions.parse(each.split(","), recipe.front_end) for each in options.stream]
    return replace(recipe, further_front_ends=tuple(streams))


def detail_recipe(options: argparse.Namespace, recipe: Recipe) -> None:
    """Print the recipe with all of its values if --verbose is given."""
    detail(options, f"the recipe:\n{recipe.to_toml()}")
