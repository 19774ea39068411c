"""Arguments of the commands that train, and the options and run context made from them. No heavy imports here."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import add_renamed_argument, add_work_arguments, at_least, component_counts
from speechgmm.cli.console import progress_for, reporting_failures

if TYPE_CHECKING:
    from speechgmm.mixture.mmi import MMIOptions
    from speechgmm.training.options import TrainingOptions
    from speechgmm.training.run_context import Run, Sizes


def add_training_arguments(parser: argparse.ArgumentParser, *, components: int = 64, iterations: int = 50) -> None:
    """Add the options of training, except for the seed and the folds of calibration."""
    _add_fit_arguments(parser, components, iterations)
    _add_front_end_arguments(parser)
    _add_mmi_arguments(parser)
    _add_resource_arguments(parser)
    add_work_arguments(parser)


def add_calibration_argument(parser: argparse.ArgumentParser, *names: str, folds: int = 5) -> None:
    """Add the number of folds of calibration, under the command's own name for it."""
    parser.add_argument(
        *names,
        dest="calibration_folds",
        type=int,
        default=folds,
        metavar="N",
        help=f"folds of speakers for the calibration, where there is no dev split (default: {folds})",
    )


def add_seed_argument(parser: argparse.ArgumentParser) -> None:
    """Add the seed."""
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all random numbers (default: 0)")


def _add_fit_arguments(parser: argparse.ArgumentParser, components: int, iterations: int) -> None:
    parser.add_argument(
        "--components",
        type=component_counts,
        default=(components,),
        metavar="K",
        help=f"components per class (default: {components}); 'auto', or several such as 16,32,64, chooses by the "
        "likelihood of held-out speakers",
    )
    parser.add_argument(
        "--map",
        type=float,
        default=0.0,
        metavar="RELEVANCE",
        help="MAP adaptation of each class from the background model, instead of EM, with this relevance factor, such "
        "as 16",
    )
    parser.add_argument(
        "--start",
        default="kmeans",
        metavar="METHOD",
        help="initialisation of EM: kmeans, random, medoids or split (default: kmeans)",
    )
    parser.add_argument(
        "--restarts",
        type=int,
        default=1,
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
        default=iterations,
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
        default="",
        metavar="CLASS",
        help="the class whose recordings are non-speech: the model rejects what sounds like it as unknown",
    )


def _add_mmi_arguments(parser: argparse.ArgumentParser) -> None:
    add_renamed_argument(
        parser,
        "--mmi-steps",
        "--discriminative",
        type=at_least(0),
        default=0,
        metavar="STEPS",
        help="steps of discriminative training (maximum mutual information) that move the means, such as 300 "
        "(default: 0, maximum likelihood only)",
    )
    add_renamed_argument(
        parser,
        "--channel-augmentation",
        "--channel-copies",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the MMI steps' utterances with channel augmentation: room, noise, telephone; above 0, maximum "
        "likelihood also trains on one such version of each recording (default: 0)",
    )
    add_renamed_argument(
        parser,
        "--effort-augmentation",
        "--effort-copies",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the MMI steps' utterances with vocal effort augmentation: raised and shouted voices; above 0, "
        "maximum likelihood also trains on such versions of each recording (default: 0)",
    )
    parser.add_argument(
        "--balance-by",
        default="",
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
    sizes: Sizes = () if len(options.components) == 1 else options.components
    return sizes


def read_training_options(options: argparse.Namespace) -> TrainingOptions:
    """The training options from the arguments."""
    from speechgmm.errors import OptionError
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.mixture.options import EMOptions
    from speechgmm.training.options import FAMILY_OF, TrainingOptions

    features_of = {family: features for features, family in FAMILY_OF.items()}
    if options.family not in (None, *features_of):
        raise OptionError(f"--family is {options.family!r}, expected one of {', '.join(features_of)}")
    default = [f"features={features_of[options.family]}"] if options.family else []
    first = FrontEndOptions.parse([*default, *options.front_end])
    if options.family not in (None, FAMILY_OF[first.features]):
        raise OptionError(
            f"--family {options.family} and --front-end features={first.features} contradict: give one of them"
        )
    return TrainingOptions(
        n_components=TrainingOptions.n_components if sizes_of(options) else options.components[0],
        start=options.start,
        restarts=options.restarts,
        folds=options.calibration_folds,
        seed=options.seed,
        adapt=options.map,
        mmi=_mmi(options),
        balance_by=options.balance_by,
        nonspeech=options.nonspeech,
        front_end=first,
        further_front_ends=tuple(FrontEndOptions.parse(each.split(","), first) for each in options.stream),
        em=EMOptions(max_iterations=options.iterations, hard=options.hard),
    )


def check_workers(options: argparse.Namespace) -> None:
    """Refuse a cluster without a folder for the features of its workers."""
    from speechgmm.errors import OptionError

    if options.dask and not options.features:
        raise OptionError("--dask needs --features: a folder in which the workers keep the features")


def _mmi(options: argparse.Namespace) -> MMIOptions | None:
    """The options of discriminative training, if there is any."""
    from speechgmm.errors import OptionError
    from speechgmm.mixture.mmi import MMIOptions

    if options.mmi_steps:
        return MMIOptions(
            steps=options.mmi_steps,
            channel_share=options.channel_augmentation,
            effort_share=options.effort_augmentation,
        )
    if options.channel_augmentation or options.effort_augmentation or options.balance_by:
        raise OptionError("--channel-augmentation, --effort-augmentation and --balance-by need --mmi-steps STEPS")
    return None


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
