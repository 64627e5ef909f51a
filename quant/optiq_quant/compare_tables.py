"""A comparison's figures as tables of text. Pure."""

from optiq_quant.divergence_summary import DivergenceSummary
from optiq_quant.tables import TextTable, nats_text


def comparison_table(summary: DivergenceSummary) -> TextTable:
    """One figure a row."""
    interval = "needs two prompts or more"
    if summary.low is not None and summary.high is not None:
        interval = f"{nats_text(summary.low)} to {nats_text(summary.high)}"
    return TextTable(
        caption="KL divergence in nats per token",
        columns=("figure", "value"),
        rows=(
            ("prompts", str(summary.prompts)),
            ("tokens", str(summary.tokens)),
            ("mean", nats_text(summary.mean)),
            ("95 % interval of the mean, by prompt", interval),
            ("median", nats_text(summary.median)),
            ("99 % are below", nats_text(summary.p99)),
            ("99.9 % are below", nats_text(summary.p999)),
            ("largest", nats_text(summary.greatest)),
            ("likeliest token differs", f"{summary.flips:.2%}"),
            ("perplexity of the reference", f"{summary.reference_perplexity:.4f}"),
            ("perplexity of the candidate", f"{summary.candidate_perplexity:.4f}"),
        ),
    )


def band_table(summary: DivergenceSummary) -> TextTable:
    return TextTable(
        caption="By position in the prompt",
        columns=("positions", "tokens", "mean", "likeliest token differs"),
        rows=tuple(
            (f"{band.first} to {band.end - 1}", str(band.tokens), nats_text(band.mean), f"{band.flips:.2%}")
            for band in summary.bands
        ),
    )
