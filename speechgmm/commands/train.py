"""``speechgmm train``: from labelled recordings to a model file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.commands.arguments import (
    Subparsers,
    add_corpus_arguments,
    add_work_arguments,
    at_least,
    component_counts,
    new_command,
    open_corpus,
)
from speechgmm.commands.console import detail, note, tell_failure_count, telling_failures, watch_for

if TYPE_CHECKING:
    from speechgmm.mixture.discriminative import DiscriminativeOptions
    from speechgmm.mixture.selection import SizeResult
    from speechgmm.parallel import Workers

FAMILIES: dict[str, list[str]] = {"gaussian": [], "bernoulli": ["features=patterns"]}

EXAMPLE = """\
  speechgmm train recordings/ -o voices.npz
      where recordings/ holds female/ and male/ (or any other classes), each with a folder a speaker
  speechgmm train corpus.csv -o voices.npz --components 128 --jobs all
  speechgmm train corpus.csv -o voices.npz --components auto --sizes sizes.csv -v
      tries several numbers of components on speakers held out and takes the best"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(subparsers, "train", "train a model on labelled recordings", EXAMPLE)
    add_corpus_arguments(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL", help="model file to write (.npz)")
    parser.add_argument("--force", action="store_true", help="replace the model file if it exists")
    parser.add_argument(
        "--components",
        type=component_counts,
        default=(64,),
        metavar="K",
        help="components a class (default: 64); 'auto', or several such as 16,32,64, chooses by speakers held out",
    )
    parser.add_argument(
        "--sizes",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="write what the choice of --components rests on: a .csv table, or a .png, .svg or .pdf "
        "picture; may be given several times",
    )
    parser.add_argument(
        "--map",
        type=float,
        default=0.0,
        metavar="RELEVANCE",
        help="adapt each class from the mixture of all classes with this relevance factor, such as 16, instead of "
        "fitting it freely",
    )
    parser.add_argument(
        "--start",
        default="kmeans",
        metavar="METHOD",
        help="where EM starts: kmeans, random, medoids or split (default: kmeans)",
    )
    parser.add_argument(
        "--restarts",
        type=int,
        default=1,
        metavar="N",
        help="how many starts to try; the one that ends with the highest likelihood is kept (default: 1)",
    )
    parser.add_argument(
        "--family",
        default="gaussian",
        choices=list(FAMILIES),
        help="what the components are: gaussian, on cepstra, or bernoulli, on binary spectral patterns "
        "(default: gaussian)",
    )
    parser.add_argument("--iterations", type=int, default=50, metavar="N", help="most iterations of EM (default: 50)")
    parser.add_argument(
        "--folds",
        type=int,
        default=5,
        metavar="N",
        help="parts into which the speakers are divided to calibrate, where there is no dev split (default: 5)",
    )
    parser.add_argument(
        "--hard", action="store_true", help="give each frame to its most likely component alone (Viterbi training)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of all that is random (default: 0)")
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
        help="another view of the same speech, with mixtures of its own and a front end that differs in these options, "
        "such as window_s=0.064,n_mels=80; its scores are joined with the others'; may be given several times",
    )
    parser.add_argument(
        "--nonspeech",
        default="",
        metavar="CLASS",
        help="the class whose recordings are no speech: what sounds like it is answered with unknown",
    )
    parser.add_argument(
        "--discriminative",
        type=at_least(0),
        default=0,
        metavar="STEPS",
        help="move the means by so many steps toward telling the classes apart, such as 300 (default: 0, maximum "
        "likelihood)",
    )
    parser.add_argument(
        "--channel-copies",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the steps' material that is heard through another channel: room, noise, telephone (default: 0)",
    )
    parser.add_argument(
        "--effort-copies",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="share of the steps' material that is made to sound spoken up or shouted (default: 0)",
    )
    parser.add_argument(
        "--balance-by",
        default="",
        metavar="COLUMN",
        help="a column of the manifest, such as corpus, the values of which the steps draw more evenly",
    )
    parser.add_argument(
        "--features",
        type=Path,
        metavar="FOLDER",
        help="keep the features there instead of in memory: for speech that does not fit, and for the next training",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FOLDER",
        help="keep what is done so far there: if the training is killed, the same command goes on from it",
    )
    parser.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="let the workers of the Dask scheduler at this address, such as tcp://host:8786, do the work; "
        "needs --features",
    )
    add_work_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train, write the model and describe it."""
    from speechgmm.commands.describe import to_text
    from speechgmm.decision.modelfile import save
    from speechgmm.errors import OptionError
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.files import check_destination
    from speechgmm.mixture.options import EMOptions
    from speechgmm.options import TrainingOptions
    from speechgmm.training import for_training, train

    sizes = () if len(options.components) == 1 else options.components
    if options.sizes and not sizes:
        raise OptionError(
            "--sizes has nothing to write for one number of components: give --components auto or several"
        )
    _check_sizes_files(options.sizes, options.output)
    if options.dask and not options.features:
        raise OptionError("--dask needs --features: a folder in which the workers keep what they extract")
    first = FrontEndOptions.parse([*FAMILIES[options.family], *options.front_end])
    training_options = TrainingOptions(
        n_components=TrainingOptions.n_components if sizes else options.components[0],
        start=options.start,
        restarts=options.restarts,
        folds=options.folds,
        seed=options.seed,
        adapt=options.map,
        discriminative=_discriminative(options),
        balance_by=options.balance_by,
        nonspeech=options.nonspeech,
        front_end=first,
        further_front_ends=tuple(FrontEndOptions.parse(each.split(","), first) for each in options.stream),
        em=EMOptions(max_iterations=options.iterations, hard=options.hard),
    )
    check_destination(options.output, replace=options.force)
    for file in options.sizes:
        check_destination(file, replace=options.force)
    corpus = open_corpus(options)
    for text in corpus.notes:
        note(options, text)
    detail(options, f"{training_options}")
    watch = telling_failures(watch_for(options))
    with _workers(options) as workers:
        training = train(
            corpus,
            options=training_options,
            sizes=sizes,
            workers=workers,
            channel=options.channel,
            features=options.features,
            checkpoint=options.checkpoint,
            watch=watch,
        )
    tell_failure_count(len(training.failures), len(for_training(corpus).recordings))
    _tell_sizes(options, training.sizes)
    save(training.model, options.output)
    print(to_text(training.model, options.output), end="")
    return 1 if training.failures else 0


def _discriminative(options: argparse.Namespace) -> DiscriminativeOptions | None:
    """How the means are moved, if they are."""
    from speechgmm.errors import OptionError
    from speechgmm.mixture.discriminative import DiscriminativeOptions

    if options.discriminative:
        return DiscriminativeOptions(
            steps=options.discriminative, channel_share=options.channel_copies, effort_share=options.effort_copies
        )
    if options.channel_copies or options.effort_copies or options.balance_by:
        raise OptionError("--channel-copies, --effort-copies and --balance-by need --discriminative STEPS")
    return None


def _workers(options: argparse.Namespace) -> AbstractContextManager[Workers]:
    """Who does the work: a cluster's workers or this machine's."""
    from speechgmm.cluster import connected
    from speechgmm.parallel import LocalWorkers

    return connected(options.dask) if options.dask else nullcontext(LocalWorkers(options.jobs))


def _tell_sizes(options: argparse.Namespace, sizes: Sequence[SizeResult]) -> None:
    """Tell what the numbers of components that were compared achieved, and write it where --sizes says."""
    from speechgmm.files import write_atomically
    from speechgmm.plots import rendered, size_curve
    from speechgmm.sizing import to_csv

    for each in sizes:
        detail(
            options,
            f"{each.n_components} components: log-likelihood a frame {each.held_out:.4f} held out, "
            f"{each.log_likelihood:.4f} in training, AIC {each.aic:.0f}, BIC {each.bic:.0f}",
        )
    for file in options.sizes:
        kind = file.suffix[1:]
        write_atomically(file, to_csv(sizes).encode() if kind == "csv" else rendered(size_curve(sizes), kind))


def _check_sizes_files(files: Sequence[Path], output: Path) -> None:
    """Refuse names for the comparison of sizes that say no known kind of file, or are one another's or the model's."""
    from speechgmm.errors import OptionError
    from speechgmm.plots import FORMATS, require_matplotlib

    kinds = ("csv", *FORMATS)
    for file in files:
        if file.resolve() == output.resolve():
            raise OptionError(f"--sizes and --output are both {output}: give them different names")
        if file.suffix[1:] not in kinds:
            raise OptionError(f"--sizes is {file}, but it must end in one of {', '.join('.' + kind for kind in kinds)}")
        if file.suffix != ".csv":
            require_matplotlib()
    if len({file.resolve() for file in files}) < len(files):
        raise OptionError("--sizes names the same file twice: give each once")
