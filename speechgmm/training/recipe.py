"""The recipe: everything a model depends on besides its recordings.

A recipe is a frozen object, and a TOML document with the sections ``training``, ``em``, ``streams`` (one table per
stream), ``mmi``, ``augmentation``, ``rejection``, ``calibration``, ``decision`` and ``small_data`` (one table per
rule). What a file leaves out has the value of the recipe ``plain``. The package contains the recipes `NAMES`; a model
carries its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import tomli_w

from speechgmm.argument_checks import conform_fields, instance_of, items
from speechgmm.classifier import model_file
from speechgmm.classifier.model import DecisionOptions, Model
from speechgmm.classifier.scorer import check_streams
from speechgmm.errors import OptionError
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.initialisation import check_method
from speechgmm.mixture.mmi import MMIOptions
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.restarts import check_restarts
from speechgmm.training import recipe_document
from speechgmm.training.recipe_document import VERSION, Table

NAMES = ("plain", "robust")
"""The recipes that the package contains."""

DEFAULT = "robust"
"""The recipe of a training that names none."""

FAMILY_OF = {"cepstra": "gaussian", "patterns": "bernoulli"}
"""Component family of a stream by the features of its front end."""

SUFFIX, MODEL_SUFFIX = ".toml", ".npz"


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Shares of augmented versions in discriminative training.

    Attributes
    ----------
    channel_share, effort_share : float
        Shares of utterances with channel and with vocal effort augmentation; not negative, sum below 1.
    """

    channel_share: float = 0.0
    effort_share: float = 0.0

    def __post_init__(self) -> None:
        conform_fields(self)
        if not (self.channel_share >= 0 and self.effort_share >= 0 and self.channel_share + self.effort_share < 1):
            raise OptionError(
                f"channel_share is {self.channel_share} and effort_share {self.effort_share}, but both must be 0 or "
                "more and their sum below 1"
            )


@dataclass(frozen=True, kw_only=True)
class SmallData:
    """A rule for small data: other values of a recipe where there are few speakers.

    Attributes
    ----------
    fewer_speakers_than : int
        The rule applies if the class with the fewest training speakers has fewer than this; not negative.
    settings : tuple of str
        As for `Recipe.with_settings`, such as ``mmi.iterations=10``.
    """

    fewer_speakers_than: int = 0
    settings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        conform_fields(self)
        for setting in items("settings", self.settings, "a tuple of text"):
            instance_of(str, "a part of settings", setting, "text")
        if self.fewer_speakers_than < 0:
            raise OptionError(f"fewer_speakers_than is {self.fewer_speakers_than}, but it must be 0 or more")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained.

    Attributes
    ----------
    n_components : int
        Components of each class's mixture, 1 to 4096.
    start : str
        Initialisation of the background model: kmeans, random, medoids or split; see `mixture.initialisation.start`.
    restarts : int
        Number of starts from which the background model is fitted, at least 1; the fit of highest likelihood is kept.
    background_iterations : int
        Maximum EM iterations of the background model, from which each class's EM starts; at least 1. With
        `map_relevance` it is fitted with the iterations of `em`.
    map_relevance : float
        Relevance factor, in frames, of MAP adaptation of each class's mixture from the background model; 0 to fit each
        class by EM from the background model.
    speaker_share : float
        Maximum total weight of a speaker's frames, as a multiple of that of the class's median speaker; positive.
    calibration_folds : int
        Without a dev split, the model is calibrated on the scores of each fold of speakers by a fit on the others:
        number of folds, 2 or more.
    calibration_by : str
        A column of the manifest, such as the corpus: the recordings of each of its values are held out in turn instead
        of folds of speakers, if every class has speakers in three values or more. Empty for folds of speakers.
    seed : int
        Seed of all random numbers: folds and starts; not negative.
    mmi : MMIOptions, optional
        Discriminative training of sub-models that are tied to the background mixture of `n_components`, instead of one
        mixture of `n_components` per class; see `training.tied_training`. By default mixtures.
    mmi_raised_by : str
        A column of the manifest: recordings with a value in it, such as acted speech, may be raised voices.
    augmentation : Augmentation
        For MMI only.
    balance_by : str
        A column of the manifest, such as the corpus: MMI weights its values by the square root of their number of
        speakers. Empty to weight all speakers evenly.
    nonspeech : str
        The class whose recordings are non-speech: it is not a label of the model, and what sounds like it is rejected.
    packaged_nonspeech : bool
        Whether, without a class of non-speech, the shipped model's background mixtures and its rejection are used; see
        `training.packaged_rejection`.
    front_end : FrontEndOptions
        Of the first stream.
    further_front_ends : tuple of FrontEndOptions
        Of further streams, each with its own models; the calibration fuses the scores of all streams. They have
        the same sampling rate and hop.
    em : EMOptions
    decision : DecisionOptions
    small_data : tuple of SmallData
        Where several rules apply, one for fewer speakers prevails over one for more.
    """

    n_components: int = 64
    start: str = "kmeans"
    restarts: int = 1
    background_iterations: int = 15
    speaker_share: float = 4.0
    calibration_folds: int = 5
    calibration_by: str = ""
    seed: int = 0
    map_relevance: float = 0.0
    mmi: MMIOptions | None = None
    mmi_raised_by: str = ""
    augmentation: Augmentation = field(default_factory=Augmentation)
    balance_by: str = ""
    nonspeech: str = ""
    packaged_nonspeech: bool = False
    front_end: FrontEndOptions = field(default_factory=FrontEndOptions)
    further_front_ends: tuple[FrontEndOptions, ...] = ()
    em: EMOptions = field(default_factory=EMOptions)
    decision: DecisionOptions = field(default_factory=DecisionOptions)
    small_data: tuple[SmallData, ...] = ()

    def __post_init__(self) -> None:
        conform_fields(self)
        self._check_parts()
        if not 1 <= self.n_components <= 4096:
            raise OptionError(f"n_components is {self.n_components}, but it must be 1 to 4096")
        check_streams(self.front_ends)
        check_method(self.start)
        check_restarts(self.restarts)
        if self.background_iterations < 1:
            raise OptionError(f"background_iterations is {self.background_iterations}, but it must be 1 or more")
        if not (math.isfinite(self.map_relevance) and self.map_relevance >= 0):
            raise OptionError(f"map_relevance is {self.map_relevance}, but it must be a finite number of 0 or more")
        if not self.speaker_share > 0:
            raise OptionError(f"speaker_share is {self.speaker_share}, but it must be positive")
        if self.calibration_folds < 2:
            raise OptionError(f"calibration_folds is {self.calibration_folds}, but it must be 2 or more")
        self._check_mmi()
        if self.seed < 0:
            raise OptionError(f"seed is {self.seed}, but it must be 0 or more")
        for number, rule in enumerate(self.small_data, start=1):
            try:
                replace(self, small_data=()).with_settings(*rule.settings)
            except OptionError as error:
                raise OptionError(f"small_data.{number}: {error}") from error

    def _check_mmi(self) -> None:
        if self.mmi and any(front_end.features != "cepstra" for front_end in self.front_ends):
            raise OptionError("mmi needs cepstra in all streams: set mmi.iterations to 0, or features to cepstra")
        if self.augmentation != Augmentation() and not self.mmi:
            raise OptionError(
                "augmentation is given, but without MMI nothing is augmented: set mmi.iterations, or both shares to 0"
            )

    def _check_parts(self) -> None:
        instance_of(FrontEndOptions, "front_end", self.front_end, "FrontEndOptions")
        for front_end in items("further_front_ends", self.further_front_ends, "a tuple of FrontEndOptions"):
            instance_of(FrontEndOptions, "a part of further_front_ends", front_end, "FrontEndOptions")
        instance_of(EMOptions, "em", self.em, "EMOptions")
        instance_of(DecisionOptions, "decision", self.decision, "DecisionOptions")
        if self.mmi is not None:
            instance_of(MMIOptions, "mmi", self.mmi, "MMIOptions or None")
        instance_of(Augmentation, "augmentation", self.augmentation, "Augmentation")
        for rule in items("small_data", self.small_data, "a tuple of SmallData"):
            instance_of(SmallData, "a part of small_data", rule, "SmallData")

    @property
    def front_ends(self) -> tuple[FrontEndOptions, ...]:
        """The front ends of all streams."""
        return (self.front_end, *self.further_front_ends)

    @property
    def rejecting_stream(self) -> int:
        """The stream of the non-speech model: the one with the longest window, which resolves harmonics."""
        return max(range(len(self.front_ends)), key=lambda index: self.front_ends[index].window_s)

    @property
    def uses_package(self) -> bool:
        """Whether background mixtures and rejection are those of the package: no class of non-speech is named."""
        return self.packaged_nonspeech and not self.nonspeech

    @property
    def least_frames(self) -> int:
        """Minimum speech frames to train a class: enough for its mixture, or 1 s where the package's are used."""
        if self.uses_package:
            return round(1.0 / self.front_end.hop_s)
        return max(self.n_components, round(self.n_components * self.em.min_occupancy))

    @classmethod
    def load(cls, name: str | PathLike[str], *settings: str) -> Recipe:
        """Read a recipe, and change single values.

        Parameters
        ----------
        name : str or path
            One of `NAMES`, or the path of a TOML file or of a model, which carries the recipe that made it.
        *settings : str
            As for `with_settings`. The recipe is checked after the changes.

        Returns
        -------
        Recipe

        Raises
        ------
        OptionError
            If there is no such recipe, or it is faulty; see `of_document`.
        ModelFileError
            If the model cannot be read.

        Examples
        --------
        >>> Recipe.load("plain").n_components
        64
        >>> Recipe.load("robust", "training.components=32").n_components
        32
        """
        name = fspath(name)
        suffix = Path(name).suffix.lower()
        if suffix == MODEL_SUFFIX:
            return cls.of_model(model_file.load(Path(name)), name).with_settings(*settings)
        if name in NAMES:
            content = (resources.files("speechgmm.training") / "recipes" / f"{name}{SUFFIX}").read_bytes()
        elif suffix == SUFFIX:
            try:
                content = Path(name).read_bytes()
            except OSError as error:
                raise OptionError(f"{name}: the recipe cannot be read: {error.strerror or error}") from error
        else:
            raise OptionError(
                f"there is no recipe {name!r}: give one of {', '.join(NAMES)}, or a file that ends in {SUFFIX} or "
                f"{MODEL_SUFFIX}{recipe_document.nearest(name, NAMES)}"
            )
        return cls.of_document(recipe_document.parse(content, name), name, *settings)

    @classmethod
    def of_model(cls, model: Model, source: str) -> Recipe:
        """The recipe that a model carries: with it and the same recordings, training makes the same model.

        Parameters
        ----------
        model : Model
        source : str
            Name of the model in messages.

        Returns
        -------
        Recipe

        Raises
        ------
        OptionError
            If the model carries no recipe, or one that this version cannot read.
        """
        document = model.card.get("recipe")
        if not isinstance(document, dict):
            raise OptionError(
                f"{source}: the model carries no recipe, it is of an earlier version: give one of {', '.join(NAMES)}"
            )
        return cls.of_document(document, source)

    @classmethod
    def of_document(cls, document: Mapping[str, Any], source: str, *settings: str) -> Recipe:
        """Convert a document, which may be incomplete, to a recipe.

        Parameters
        ----------
        document : mapping
            As from `to_document`; what is missing has the value of the recipe ``plain``.
        source : str
            Name of the recipe in messages.
        *settings : str
            As for `with_settings`.

        Returns
        -------
        Recipe

        Raises
        ------
        OptionError
            If the version is newer, a section, a name or the type of a value is wrong, or a value is out of its range.
        """
        recipe_document.check_version(document, source)
        templates = {"streams": asdict(FrontEndOptions()), "small_data": _small_data_table(SmallData())}
        complete = recipe_document.merged(cls().to_document(), templates, document, source)
        if not complete["streams"]:
            raise OptionError(f"{source}: streams is empty, expected one table or more: write [[streams]] before each")
        for setting in settings:
            complete = recipe_document.changed(complete, setting)
        fixed = {recipe_document.key_of(setting) for setting in settings}
        for rule in complete["small_data"]:
            rule["settings"] = [each for each in rule["settings"] if recipe_document.key_of(each) not in fixed]
        try:
            return cls._of_complete(complete)
        except OptionError as error:
            place = f"{source} with the settings" if settings else source
            raise OptionError(f"{place}: {recipe_document.with_key(str(error), complete)}") from error

    @classmethod
    def _of_complete(cls, document: Table) -> Recipe:
        training = {**document["training"]}
        first, *others = [_front_end(stream, number) for number, stream in enumerate(document["streams"], start=1)]
        return cls(
            n_components=training.pop("components"),
            **training,
            em=EMOptions(**document["em"]),
            front_end=first,
            further_front_ends=tuple(others),
            mmi=_mmi(document["mmi"]),
            mmi_raised_by=document["mmi"]["raised_by"],
            augmentation=Augmentation(**document["augmentation"]),
            nonspeech=document["rejection"]["nonspeech"],
            packaged_nonspeech=document["rejection"]["packaged"],
            calibration_folds=document["calibration"]["folds"],
            calibration_by=document["calibration"]["by"],
            decision=DecisionOptions(**document["decision"]),
            small_data=tuple(
                SmallData(fewer_speakers_than=rule["fewer_speakers_than"], settings=tuple(rule["settings"]))
                for rule in document["small_data"]
            ),
        )

    def to_document(self) -> Table:
        """Convert the recipe to a complete document.

        Returns
        -------
        dict
            With ``version`` and the sections; all values are TOML and JSON values.
        """
        mmi = asdict(self.mmi or MMIOptions())
        return {
            "version": VERSION,
            "training": {
                "components": self.n_components,
                "start": self.start,
                "restarts": self.restarts,
                "background_iterations": self.background_iterations,
                "map_relevance": self.map_relevance,
                "speaker_share": self.speaker_share,
                "balance_by": self.balance_by,
                "seed": self.seed,
            },
            "em": asdict(self.em),
            "streams": [asdict(front_end) for front_end in self.front_ends],
            "mmi": {
                **mmi,
                "iterations": mmi["iterations"] if self.mmi else 0,
                "raised_by": self.mmi_raised_by,
            },
            "augmentation": asdict(self.augmentation),
            "rejection": {"nonspeech": self.nonspeech, "packaged": self.packaged_nonspeech},
            "calibration": {"folds": self.calibration_folds, "by": self.calibration_by},
            "decision": asdict(self.decision),
            "small_data": [_small_data_table(rule) for rule in self.small_data],
        }

    def to_toml(self) -> str:
        """Write the recipe as TOML."""
        return tomli_w.dumps(self.to_document())

    def with_settings(self, *settings: str) -> Recipe:
        """The recipe with single values changed. A value that is set here is not changed by the rules for small data.

        Parameters
        ----------
        *settings : str
            Such as ``training.components=32`` or ``streams.2.window_s=0.05``; streams are counted from 1. A value is a
            TOML value; text needs no quotes. The values are checked together, after the last change.

        Returns
        -------
        Recipe

        Raises
        ------
        OptionError
            If a setting is not SECTION.NAME=VALUE of a recipe, or the changed recipe is faulty.

        Examples
        --------
        >>> recipe = Recipe.load("plain").with_settings("em.hard=true", "streams.1.window_s=0.05")
        >>> recipe.em.hard, recipe.front_ends[0].window_s
        (True, 0.05)
        """
        return self.of_document(self.to_document(), "the recipe", *settings) if settings else self

    def for_speakers(self, n_speakers: int) -> tuple[Recipe, tuple[str, ...]]:
        """Apply the rules for small data.

        Parameters
        ----------
        n_speakers : int
            Training speakers of the class that has the fewest.

        Returns
        -------
        recipe : Recipe
            Without rules.
        changes : tuple of str
            What the rules changed, one sentence each.
        """
        rules = sorted(self.small_data, key=lambda rule: -rule.fewer_speakers_than)
        settings = {
            recipe_document.key_of(setting): (setting, rule.fewer_speakers_than)
            for rule in rules
            if n_speakers < rule.fewer_speakers_than
            for setting in rule.settings
        }
        scaled = replace(self, small_data=()).with_settings(*(setting for setting, _ in settings.values()))
        before, after = self.to_document(), scaled.to_document()
        changes = tuple(
            f"{key} is {recipe_document.value_at(after, key)} instead of {recipe_document.value_at(before, key)}: "
            f"a class has fewer than {limit} speakers"
            for key, (_, limit) in settings.items()
            if recipe_document.value_at(after, key) != recipe_document.value_at(before, key)
        )
        return scaled, changes


def _small_data_table(rule: SmallData) -> Table:
    return {"fewer_speakers_than": rule.fewer_speakers_than, "settings": list(rule.settings)}


def _front_end(stream: Table, number: int) -> FrontEndOptions:
    try:
        return FrontEndOptions(**stream)
    except OptionError as error:
        raise OptionError(f"streams.{number}.{error}") from error


def _mmi(section: Table) -> MMIOptions | None:
    """The options of MMI; None without iterations, where the other values are checked all the same."""
    mmi = {name: value for name, value in section.items() if name != "raised_by"}
    if mmi["iterations"]:
        return MMIOptions(**mmi)
    MMIOptions(**{**mmi, "iterations": 1})
    return None
