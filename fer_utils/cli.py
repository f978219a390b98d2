"""The command `fer`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from fer_utils import paths, quiet
from fer_utils.data import registry
from fer_utils.errors import UserError
from fer_utils.landmarks.detectors import DETECTORS


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        raise UserError(f"{message} (see {self.prog} --help)")

    def parse_known_args(self, args=None, namespace=None):
        known, others = super().parse_known_args(args, namespace)
        if others:  # here, so that the message names the help of the command, not that of `fer`
            self.error(f"unrecognized arguments: {' '.join(others)}")
        return known, others


def main(arguments: list[str] | None = None) -> int:
    """Run `fer` with `arguments`, by default those of the command line, and return the exit status.

    A user's mistake ends with one line on standard error and status 2.
    """
    quiet.open_closed_streams()
    quiet.write_any_text()
    for name in {"SIGTERM", "SIGHUP"} & set(vars(signal)):  # they act as Ctrl-C, unless nohup has them ignored
        if signal.getsignal(getattr(signal, name)) == signal.SIG_DFL:
            signal.signal(getattr(signal, name), signal.default_int_handler)
    args = None
    try:
        args = _parser().parse_args(arguments)
        status = args.command(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # nobody reads any more, as behind `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it ends
        return 1
    except KeyboardInterrupt:
        logging.getLogger("asyncio").disabled = True  # else papermill's tasks end in pages of traceback
        several = args and (args.command is _study or (args.command is _predict and args.out))
        print(f"fer: interrupted{'; what was finished is kept' if several else ''}", file=sys.stderr)
        return 130
    except UserError as error:
        message = str(error)
    except ModuleNotFoundError as error:
        extra = getattr(args, "extra", "")
        if error.name == "fer-utils":  # a folder of sources has no version
            message = "fer-utils is not installed; run in its folder: pip install -e ."
        elif extra and not (error.name or "").startswith("fer_utils"):
            message = f"{error.name} is not installed; pip install 'fer-utils[{extra}]'"
        else:
            raise
    except OSError as error:  # whatever the system refuses, such as a name that is too long
        message = (f"{error.filename}: " if error.filename else "") + (error.strerror or str(error))
    print(f"fer: {message}", file=sys.stderr)
    return 2


def _parser() -> _Parser:
    parser = _Parser("fer", description="Sequential facial expression analysis from geometric features.")
    parser.add_argument("--version", action="version", version=f"fer_utils {version('fer-utils')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    study = commands.add_parser("study", help="run the notebooks in order and make the report")
    study.add_argument("--datasets", nargs="+", choices=registry.NAMES, metavar="NAME",
                       help=f"which of {', '.join(registry.NAMES)}; all that are there by default")  # fmt: skip
    study.add_argument("--data", type=_folder, metavar="DIR",
                       help="folder of your licensed data; rendered stand-ins without it")  # fmt: skip
    study.add_argument("--reader", nargs="+", type=_reader_option, default=(), metavar="NAME.OPTION=VALUE",
                       help="options of the datasets' readers, as oulu_vis.light=Dark or mmi.views=[0,1]")  # fmt: skip
    study.add_argument("--out", type=_path, metavar="DIR", help="where to write; runs/study (or runs/quick) by default")
    study.add_argument("--quick", action="store_true", help="two stand-ins, few subjects and epochs: does it run?")
    study.add_argument("--paper-network", action="store_true",
                       help="ask the open questions of the paper's network, not of the compact one: hours")  # fmt: skip
    study.add_argument("--splits", type=_folder, metavar="DIR",
                       help="take notebook 03's folds from an earlier study's folder")  # fmt: skip
    study.add_argument("--views", type=_count, metavar="N",
                       help="average points over N views of each frame: 8 takes eight times as long")  # fmt: skip
    study.add_argument("--folds", type=_count, metavar="N", help="of each cross-validation; 5 by default")
    study.add_argument("--seeds", type=_count, metavar="N",
                       help="draws of folds and initial weights; by default 1 in notebook 03, 3 in 03b")  # fmt: skip
    study.add_argument("--jobs", type=_count, metavar="N", help="worker processes; one a core by default")
    study.add_argument("--scheduler", default="", metavar="ADDRESS",
                       help="let the workers of a Dask cluster do the work; local starts one here")  # fmt: skip
    study.set_defaults(command=_study, extra="study")

    bench = commands.add_parser("bench", help="measure how fast each stage is on this machine")
    bench.add_argument("--out", type=_path, metavar="DIR", help="where to write; runs/bench by default")
    bench.add_argument("--frames", type=_count, default=300, metavar="N", help="frames a stage; 300 by default")
    bench.add_argument("--jobs", type=_count, metavar="N", help="processes of the last rows; one a core by default")
    bench.set_defaults(command=_bench, extra="study")

    demo = commands.add_parser("demo", help="open the camera's notebook in JupyterLab, on this machine alone")
    demo.add_argument("--app", action="store_true", help="as a page without code, by Voila: needs fer-utils[demo]")
    demo.add_argument("--model", type=Path, metavar="PATH",
                      help="your exported classifier; by default the one that ships")  # fmt: skip
    demo.set_defaults(command=_demo, extra="demo")

    predict = commands.add_parser("predict", help="recognise the expressions in videos, folders of frames and pictures")
    predict.add_argument("inputs", nargs="+", type=_path, metavar="INPUT",
                         help="videos; folders of videos, or of a recording's pictures; one picture; "
                         "or - for a video that is piped in")  # fmt: skip
    predict.add_argument("-o", dest="file", type=_output, metavar="FILE.csv",
                         help="where the rows of one input go, - for standard output; by default the input's name "
                         "with .csv, in this folder")  # fmt: skip
    predict.add_argument("--out", type=_path, metavar="DIR", help="folder for the files of several inputs")
    predict.add_argument("--jobs", type=_count, metavar="N", help="processes for several inputs; one a core by default")
    predict.add_argument("--format", action="append", default=[], choices=("csv", "openface", "elan", "bids"),
                         help="files of other tools besides; can be repeated")  # fmt: skip
    predict.add_argument("--report", action="store_true", help="write a page for the browser besides")
    predict.add_argument("--show-subjects", action="store_true", help="pictures of people on that page")
    predict.add_argument("--faces", type=_count, default=1, metavar="N",
                         help="follow up to N faces; the largest one by default")  # fmt: skip
    predict.add_argument("--neutral", type=_path, metavar="PICTURE",
                         help="for a single picture: one of the same person at rest")  # fmt: skip
    predict.add_argument("--video", type=_path, metavar="OUT.mp4",
                         help="write a copy of one input with points and labels drawn")  # fmt: skip
    predict.add_argument("--model", type=Path, metavar="PATH",
                         help="your exported classifier; by default the one that ships")  # fmt: skip
    predict.add_argument("--detector", choices=DETECTORS, default="face_landmarker",
                         help="face_mesh is faster and less exact; face_landmarker by default")  # fmt: skip
    predict.set_defaults(command=_predict)

    check = commands.add_parser("doctor", help="check this machine and its data, and tell how to fix what is wrong")
    check.add_argument("--data", type=_folder, metavar="DIR", help="folder of your licensed data")
    check.set_defaults(command=_doctor)
    return parser


def _folder(text: str) -> str:
    with suppress(OSError):  # a folder that nobody may look into, or a name that is too long
        if text and (folder := paths.expand_user(text)).is_dir():
            return str(folder.resolve())
    raise argparse.ArgumentTypeError(f"{text!r} is no folder; name one that is there")


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("an empty name; name a file or folder")
    return paths.expand_user(text)


def _output(text: str) -> Path:
    return paths.STANDARD_OUTPUT if text == "-" else _path(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _reader_option(text: str) -> tuple[str, str, object]:
    named, _, value = text.partition("=")
    name, _, option = named.partition(".")
    known = registry.options(name) if name in registry.NAMES else {}
    if option not in known:
        every = [f"{name}.{option}" for name in registry.NAMES for option in registry.options(name)]
        raise argparse.ArgumentTypeError(f"{text!r} is no option of a reader; those are {', '.join(every)}")
    try:
        return name, option, json.loads(value)
    except ValueError:  # a word
        return name, option, value


def _study(args: argparse.Namespace) -> int:
    from fer_utils.study import findings, report, runner  # papermill and nbconvert take a second to import

    data, reader = args.data or "", {}
    for name, option, value in args.reader:
        reader.setdefault(name, {})[option] = value
    settings = (runner.QUICK if args.quick else runner.FULL) | (runner.PAPER_NETWORK if args.paper_network else {})
    chosen = {"reader": reader, "folds": args.folds, "seeds": args.seeds, "views": args.views}
    settings |= {name: value for name, value in chosen.items() if value}
    names = runner.choose(args.datasets, data, args.quick, reader, args.folds or 5)
    splits = args.splits and Path(args.splits)
    if overruled := [f"--{name}" for name in ("folds", "seeds") if splits and getattr(args, name)]:
        print(f"notebook 03 takes folds and seeds from --splits; {' and '.join(overruled)} count for the others alone",
              file=sys.stderr)  # fmt: skip
    done, out = runner.run(names, data, args.out, settings, args.jobs, splits, args.scheduler)
    print(f"\n{report.outcome(done).to_string(index=False)}\n")
    summary, left_out = (report.joined(done, out, kind) for kind in ("summary", "left_out"))
    print("no results" if summary.empty else findings.readable(summary).to_string(index=False))
    if len(left_out):
        print(f"\n{len(left_out)} left out; reasons in the report")
    print(f"\nreport: {out / 'report' / 'index.html'}")
    missing_sets = set(args.datasets or ()) - set(names)  # the reason was printed first, and is far up by now
    if missing_sets:
        print(f"not studied, since they are not under {data}: {', '.join(sorted(missing_sets))}", file=sys.stderr)
    return int(bool(missing_sets) or any(result.error for result in done))


def _bench(args: argparse.Namespace) -> int:
    from fer_utils.plots import charts, faces
    from fer_utils.study import bench

    out = (args.out or paths.runs() / "bench").resolve()
    paths.check_output_folder(out)
    ledger = bench.run(args.frames, args.jobs)
    path = bench.write(ledger, out)
    faces.save(charts.ledger(ledger), out, paths.ALL, "ledger")
    for name, value in bench.header().items():
        print(f"{name}: {value}")
    print(f"\n{ledger.to_string(index=False, float_format='%.2f', na_rep='')}\n")
    print(bench.aims(ledger).to_string(index=False, float_format="%.2f"))
    print(f"\nledger: {path}")
    return 0


def _demo(args: argparse.Namespace) -> int:
    from fer_utils.realtime import serving

    return serving.serve(args.app, args.model)


def _predict(args: argparse.Namespace) -> int:
    from fer_utils.prediction import command  # it takes a second to import

    return command.run(args)


def _doctor(args: argparse.Namespace) -> int:
    from fer_utils.data import inventory
    from fer_utils.study import doctor

    checks = list(doctor.checks())
    for check in checks:
        print(f"{check.verdict:5}  {check.what}: {check.found}" + (f"\n       fix: {check.fix}" if check.fix else ""))
    surveyed, missing = inventory.survey(args.data) if args.data else ([], {})
    if args.data:
        print(f"\ndatasets under {args.data}\n{inventory.report(surveyed, missing)}")
    return int(any(check.good is False for check in checks) or bool(args.data and not surveyed))
