"""`optiq compare`: its options, and what it prints. The figures are the quantizer's."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from optiq_server.progress_option import add_progress, reporting
from optiq_server.settings import default_cache_folder

if TYPE_CHECKING:
    from mlx.nn.layers.base import Module

    from optiq_quant.compare import Comparison, Prompt
    from optiq_quant.divergence_summary import DivergenceSummary

_WINDOW = 512
_LONGEST = 2048


def add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", metavar="REFERENCE", help="a checkpoint's folder or repository")
    parser.add_argument("candidate", metavar="CANDIDATE", help="another one of the same vocabulary")
    text = parser.add_mutually_exclusive_group()
    text.add_argument("--text", type=Path, metavar="FILE", help="plain text, cut into windows")
    text.add_argument(
        "--prompts", type=Path, metavar="FILE", help="conversations, one JSON object a line (messages, tools)"
    )
    parser.add_argument(
        "--window",
        type=_tokens,
        default=_WINDOW,
        metavar="TOKENS",
        help="length of the windows of --text (default: %(default)s)",
    )
    parser.add_argument(
        "--longest",
        type=_tokens,
        default=_LONGEST,
        metavar="TOKENS",
        help="longer prompts are cut off there (default: %(default)s)",
    )
    parser.add_argument(
        "--limit", type=_count, metavar="N", help="take the first N prompts only (default: all)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="write a picture (SVG): by position, and how distributed"
    )
    parser.add_argument(
        "--cache-folder",
        type=Path,
        default=default_cache_folder(),
        metavar="FOLDER",
        help="where harmony's vocabulary is unpacked (default: %(default)s)",
    )
    add_progress(parser)


def run_compare(options: argparse.Namespace) -> None:
    """Print how far the candidate is from the reference. Raises QuantError, LoadFailed or OSError."""
    # Imported here, because MLX, mlx-lm and the tokenizers take seconds, which `--help` should not cost.
    import mlx.core as mx

    from optiq_quant.compare import compare_models
    from optiq_quant.divergence_summary import summarize
    from optiq_server.engine.checkpoint import resolve_checkpoint
    from optiq_server.engine.opening import open_file_limit_kept

    with open_file_limit_kept():
        from optiq_server.engine.loader import load_checkpoint
    if mx.default_device().type == mx.DeviceType.cpu:
        # MLX would compile each new kernel with g++ for seconds.
        mx.disable_compile()
    folders = [resolve_checkpoint(each) for each in (options.reference, options.candidate)]
    prompts = _prompts(options, folders[0])

    def opened(folder: Path) -> "Module":
        return load_checkpoint(folder).model

    with reporting(options.progress) as reporter:
        comparison = compare_models(lambda: opened(folders[0]), lambda: opened(folders[1]), prompts, reporter)
    summary = summarize(comparison.prompts)
    if options.plot is not None:
        from optiq_quant.compare_plot import comparison_plot

        options.plot.write_bytes(comparison_plot(comparison, summary))
    _print(options, folders, comparison, summary)


def _prompts(options: argparse.Namespace, reference: Path) -> "list[Prompt]":
    from optiq_quant.calibration_text import Extent, Part, prompts_of_file, shipped_text
    from optiq_server.speech import open_speech

    speech = open_speech(reference, options.cache_folder)
    extent = Extent(window=options.window, longest=options.longest)
    if options.text is None and options.prompts is None:
        prompts = list(shipped_text(speech, extent).parts[Part.REPORT])
    else:
        prompts = prompts_of_file(
            options.text or options.prompts, speech, extent, is_plain=options.text is not None
        )
    return list(prompts[: options.limit])


def _print(
    options: argparse.Namespace,
    folders: list[Path],
    comparison: "Comparison",
    summary: "DivergenceSummary",
) -> None:
    from optiq_quant.compare_tables import band_table, comparison_table
    from optiq_server.text_tables import print_table

    if options.json:
        names = {"reference": str(folders[0]), "candidate": str(folders[1])}
        print(json.dumps({**names, **summary.as_json(), "seconds": round(comparison.seconds, 3)}))
        return
    print_table(comparison_table(summary), sys.stdout)
    print_table(band_table(summary), sys.stdout)


def _tokens(text: str) -> int:
    return _at_least(text, 2)


def _count(text: str) -> int:
    return _at_least(text, 1)


def _at_least(text: str, least: int) -> int:
    """Raises argparse's error."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return value
