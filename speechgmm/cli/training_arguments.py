"""Arguments of the commands that train, and the options and run context made from them. No heavy imports here."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgmm.cli.arguments import (
    add_renamed_argument,
    add_set_argument,
    add_work_arguments,
    at_least,
    component_counts,
)
from speechgmm.cli.console import note, progress_for, reporting_failures

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Corpus
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.mixture.mmi import MMIOptions
    from speechgmm.training.options import TrainingOptions
    from speechgmm.training.run_context import Run, Sizes


def add_training_arguments(parser: argparse.ArgumentParser, *, components: int = 64, iterations: int = 50) -> None:
    """Add the options of training, except for the seed and the folds of calibration.

    `components` and `iterations` are the defaults without a recipe.
    """
    parser.set_defaults(default_components=components, default_iterations=iterations)
    _add_recipe_arguments(parser)
    _add_fit_arguments(parser, components, iterations)
    _add_front_end_arguments(parser)
    _add_mmi_arguments(parser)
    _add_resource_arguments(parser)
    add_work_arguments(parser)


def add_calibration_argument(parser: argparse.ArgumentParser, *names: str, folds: int = 5) -> None:
    """Add the number of folds of calibration, under the command's own name for it."""
    parser.set_defaults(default_folds=folds)
    parser.add_argument(
        *names,
        dest="calibration_folds",
        type=int,
        metavar="N",
        help=f"folds of speakers for the calibration, where there is no dev split (default: {folds})",
    )


def add_seed_argument(parser: argparse.ArgumentParser) -> None:
    """Add the seed."""
    parser.add_argument("--seed", type=int, metavar="N", help="seed of all random numbers (default: 0)")


def _add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--recipe",
        metavar="RECIPE",
        help="start from this recipe: robust, plain, a .toml file or a model file; the other options change it "
        "(see speechgmm recipe)",
    )
    add_set_argument(parser)


def _add_fit_arguments(parser: argparse.ArgumentParser, components: int, iterations: int) -> None:
    parser.add_argument(
        "--components",
        type=component_counts,
        metavar="K",
        help=f"components per class (default: {components}); 'auto', or several such as 16,32,64, chooses by the "
        "likelihood of held-out speakers",
    )
    parser.add_argument(
        "--map",
        type=float,
        metavar="RELEVANCE",
        help="MAP adaptation of each class from the background model, instead of EM, with this relevance factor, such "
        "as 16",
    )
    parser.add_argument(
        "--start",
        metavar="METHOD",
        help="initialisation of EM: kmeans, random, medoids or split (default: kmeans)",
    )
    parser.add_argument(
        "--restarts",
        type=int,
        metavar="N",
        help="number of starts; the fit of highest likelihood is kept (default: 1)",
    )
    parser.add_argument(
        "--family",
        metavar="FAMILY",
        help="components: gaussian, on cepstra, or bernoulli, on binary spectral patterns (default: gaussian)",
    )
    parser.add_argument(
        "--iterations",
        type=int,
        metavar="N",
        help=f"maximum iterations of EM (default: {iterations})",
    )
    parser.add_argument(
        "--hard", action="store_true", help="Viterbi training: assign each frame to its most likely component"
    )


def _add_front_end_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--front-end",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the front end, such as n_coefficients=13 (all are in docs/method.md); "
        "may be given several times",
    )
    parser.add_argument(
        "--stream",
        action="append",
        default=[],
        metavar="NAME=VALUE,...",
        help="add a stream with its own mixtures and a front end that differs in these options, such as "
        "window_s=0.064,n_mels=80; the scores of all streams are fused; may be given several times",
    )
    parser.add_argument(
        "--nonspeech",
        metavar="CLASS",
        help="the class whose recordings are non-speech: the model rejects what sounds like it as unknown",
    )


def _add_mmi_arguments(parser: argparse.ArgumentParser) -> None:
    add_renamed_argument(
        parser,
        "--mmi-steps",
        "--discriminative",
        type=at_least(0),
        metavar="STEPS",
        help="steps of discriminative training (maximum mutual information) that move the means, such as 300 "
        "(default: 0, maximum likelihood only)",
    )
    add_renamed_argument(
        parser,
        "--channel-augmentation",
        "--channel-copies",
        type=float,
        metavar="SHARE",
        help="share of the MMI steps' utterances with channel augmentation: room, noise, telephone; above 0, maximum "
        "likelihood also trains on one such version of each recording (default: 0)",
    )
    add_renamed_argument(
        parser,
        "--effort-augmentation",
        "--effort-copies",
        type=float,
        metavar="SHARE",
        help="share of the MMI steps' utterances with vocal effort augmentation: raised and shouted voices; above 0, "
        "maximum likelihood also trains on such versions of each recording (default: 0)",
    )
    parser.add_argument(
        "--balance-by",
        metavar="COLUMN",
        help="a column of the manifest, such as corpus, whose values the MMI steps sample more evenly",
    )


def _add_resource_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--features",
        type=Path,
        metavar="FOLDER",
        help="keep features in this folder instead of in memory, for large corpora and for the next training",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FOLDER",
        help="keep the state of the training in this folder: the same command resumes an interrupted training",
    )
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="run on the workers of the Dask scheduler at this address, such as tcp://host:8786; needs --features",
    )


def sizes_of(options: argparse.Namespace) -> Sizes:
    """The numbers of components to choose from; empty for a single one."""
    components: Sizes = options.components or ()
    return () if len(components) == 1 else components


def read_training_options(options: argparse.Namespace) -> TrainingOptions:
    """The recipe, changed by the options that were given."""
    from speechgmm.training.recipe import with_settings

    recipe = with_settings(_recipe(options), options.set)
    first, others = _front_ends(options, recipe)
    em = {"max_iterations": options.iterations, "hard": options.hard or None}
    changes = {
        "n_components": None if sizes_of(options) or options.components is None else options.components[0],
        "start": options.start,
        "restarts": options.restarts,
        "calibration_folds": options.calibration_folds,
        "seed": options.seed,
        "map_relevance": options.map,
        "balance_by": options.balance_by,
        "nonspeech": options.nonspeech,
    }
    return replace(
        recipe,
        front_end=first,
        further_front_ends=others,
        em=replace(recipe.em, **_given(em)),
        mmi=_mmi(options, recipe.mmi),
        **_given(changes),
    )


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _recipe(options: argparse.Namespace) -> TrainingOptions:
    """The recipe that was asked for; by default `plain` with the command's own defaults."""
    from speechgmm.training.recipe import load

    if options.recipe is not None:
        return load(options.recipe)
    plain = load("plain")
    return replace(
        plain,
        n_components=options.default_components,
        calibration_folds=options.default_folds,
        em=replace(plain.em, max_iterations=options.default_iterations),
    )


def _front_ends(
    options: argparse.Namespace, recipe: TrainingOptions
) -> tuple[FrontEndOptions, tuple[FrontEndOptions, ...]]:
    """The front end of the first stream and those of the others."""
    from speechgmm.errors import OptionError
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.training.options import FAMILY_OF

    features_of = {family: features for features, family in FAMILY_OF.items()}
    if options.family not in (None, *features_of):
        raise OptionError(f"--family is {options.family!r}, expected one of {', '.join(features_of)}")
    default = [f"features={features_of[options.family]}"] if options.family else []
    first = FrontEndOptions.parse([*default, *options.front_end], recipe.front_end)
    if options.family not in (None, FAMILY_OF[first.features]):
        raise OptionError(
            f"--family {options.family} and --front-end features={first.features} contradict: give one of them"
        )
    others = tuple(FrontEndOptions.parse(each.split(","), first) for each in options.stream)
    return first, others or recipe.further_front_ends


def check_balance(options: argparse.Namespace, training_options: TrainingOptions, corpus: Corpus) -> None:
    """Refuse a column to balance by that no recording has; one that only the recipe names is noted."""
    from speechgmm.errors import OptionError

    column = training_options.balance_by
    if not (training_options.mmi and column) or any(each.value_of(column) for each in corpus.recordings):
        return
    if options.balance_by:
        raise OptionError(f"--balance-by {column}: no recording of {corpus.source} has a value in this column")
    note(options, f"no recording has the column {column!r} that the recipe balances by: speakers are sampled evenly")


def check_workers(options: argparse.Namespace) -> None:
    """Refuse a cluster without a folder for the features of its workers."""
    from speechgmm.errors import OptionError

    if options.dask and not options.features:
        raise OptionError("--dask needs --features: a folder in which the workers keep the features")


def _mmi(options: argparse.Namespace, recipe: MMIOptions | None) -> MMIOptions | None:
    """The options of discriminative training, if there is any."""
    from speechgmm.errors import OptionError
    from speechgmm.mixture.mmi import MMIOptions

    steps = options.mmi_steps if options.mmi_steps is not None else recipe.steps if recipe else 0
    if not steps:
        if options.channel_augmentation or options.effort_augmentation or options.balance_by:
            raise OptionError("--channel-augmentation, --effort-augmentation and --balance-by need --mmi-steps STEPS")
        return None
    shares = {"channel_share": options.channel_augmentation, "effort_share": options.effort_augmentation}
    return replace(recipe or MMIOptions(), steps=steps, **_given(shares))


@contextmanager
def training_run(options: argparse.Namespace, training_options: TrainingOptions) -> Iterator[Run]:
    """The run context of the command, connected to a cluster where one is asked for."""
    from speechgmm.mixture.checkpoint import Checkpoint
    from speechgmm.training.folder_checkpoint import FolderCheckpoint
    from speechgmm.training.run_context import Run
    from speechgmm.workers.dask import connected
    from speechgmm.workers.local import LocalExecutor

    with connected(options.dask) if options.dask else nullcontext(LocalExecutor(options.jobs)) as executor:
        yield Run(
            options=training_options,
            sizes=sizes_of(options),
            channel=options.channel,
            feature_folder=options.features,
            executor=executor,
            checkpoint=FolderCheckpoint(options.checkpoint) if options.checkpoint else Checkpoint(),
            progress=reporting_failures(progress_for(options)),
        )
