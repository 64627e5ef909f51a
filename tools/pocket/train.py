"""Train the pocket model: `python -m tools.pocket.train --ranks o200k_base.tiktoken --out DIR --minutes 90`.

The rate is constant and then falls to zero over the last part of the run. `stable.pt` is the state before the
fall: a later run with `--resume` goes on from there (or from `latest.pt` if the run was interrupted).
"""

# mypy: disallow-subclassing-any=False, disallow-untyped-decorators=False, warn-return-any=False
# (torch is not installed where the gate runs, so its types are unknown there)

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from tools.pocket.batches import IGNORED, Batch, Batches
from tools.pocket.encoding import load_encoding
from tools.pocket.generator import DEFAULT_WEIGHTS, MAKERS, Generator
from tools.pocket.initialise import initialise
from tools.pocket.lexicon import build_lexicon, read_ranks
from tools.pocket.model import PocketModel
from tools.pocket.optimiser import build_optimisers
from tools.pocket.shape import ModelShape
from tools.pocket.vocabulary import RowTable, collect_rows, spelling_features

_BALANCE = 0.01
_CLIP = 1.0
_SAMPLED_SHARE = 0.2
_WARMUP_STEPS = 30
# The tasks begin when induction works; from an informed start that is a matter of minutes.
_DENSE_UNTIL, _DENSE_WINDOW = 0.5, 5
# One batch in so many is dense induction: often at first, so that copying is not unlearned.
_DENSE_EVERY_EARLY, _DENSE_EVERY, _EARLY_TOKENS = 6, 25, 3_000_000
_DECAY = 0.25
_SAVE_SECONDS, _REPORT_SECONDS = 240.0, 150.0
_HELD_OUT = 48


@dataclass(slots=True, kw_only=True)
class Progress:
    """What a checkpoint remembers besides weights and optimisers."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    next_seed: int = 0
    dense_only: bool = True


@dataclass(slots=True, kw_only=True)
class Run:
    """A training run and everything it owns."""

    model: PocketModel
    optimisers: list[torch.optim.Optimizer]
    batches: Batches
    table: RowTable
    progress: Progress
    out: Path
    lr: float

    def save(self, name: str) -> None:
        self.progress.next_seed = self.batches.next_seed
        state = {
            "model": self.model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "tokens": list(self.table.tokens),
            "shape": asdict(self.model.shape),
            "progress": asdict(self.progress),
        }
        temporary = self.out / f"{name}.tmp"
        torch.save(state, temporary)
        temporary.rename(self.out / name)

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(cross-entropy, load-balancing loss) over the places to learn.

        The softmax runs over the rows that the batch holds and a random share of the others, each standing
        for 1/share rows: an unbiased sum at a third of the cost.
        """
        hidden, balance = self.model(batch.prefix, batch.rows, batch.owner, batch.places)
        used = batch.targets != IGNORED
        bonus = torch.full((self.table.rows,), -math.log(_SAMPLED_SHARE))
        bonus[batch.rows] = 0.0
        bonus[batch.prefix] = 0.0
        bonus[-1] = self.table.shared_bonus
        keep = (bonus <= 0) | (torch.rand(self.table.rows) < _SAMPLED_SHARE)
        keep[-1] = True
        rows = keep.nonzero()[:, 0]
        logits = hidden[used] @ F.embedding(rows, self.model.head).T + bonus[rows]
        targets = (keep.cumsum(0) - 1)[batch.targets[used]]
        return F.cross_entropy(logits, targets), balance

    def _logits(self, hidden: Tensor) -> Tensor:
        logits = self.model.logits(hidden)
        bonus = logits.new_zeros(logits.shape[-1])
        bonus[-1] = self.table.shared_bonus
        return logits + bonus

    def step(self, batch: Batch, rate: float) -> float:
        loss, balance = self.loss(batch)
        (loss + _BALANCE * balance).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP)
        warm = min(1.0, (self.progress.step + 1) / _WARMUP_STEPS)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.lr * rate * warm
            optimiser.step()
            optimiser.zero_grad()
        self.progress.step += 1
        self.progress.tokens += (batch.prefix.shape[1] + batch.rows.shape[1]) * batch.rows.shape[0]
        return loss.item()

    @torch.no_grad()
    def accuracy(self, count: int) -> dict[str, float]:
        """Share of held-out replies whose every token is the most likely one, by family.

        That is exactly when greedy free-running decoding writes the whole reply, analysis included.
        """
        result = {}
        for family in MAKERS:
            right = total = 0
            for batch in self.batches.held_out(family, count):
                hidden, _ = self.model(batch.prefix, batch.rows, batch.owner, batch.places)
                guess = self._logits(hidden).argmax(dim=-1)
                fine = (guess == batch.targets) | (batch.targets == IGNORED)
                right += int(fine.all(dim=-1).sum())
                total += len(batch.rows)
            result[family] = right / total
        return result


def rate_at(share: float, decay: float) -> float:
    """Constant, then a straight line to zero over the last `decay` of the run."""
    return 1.0 if share < 1 - decay else max(0.0, (1 - share) / decay)


def build_run(options: argparse.Namespace) -> Run:
    encoding = load_encoding(options.ranks)
    generator = Generator(lexicon=build_lexicon(read_ranks(options.ranks), encoding))
    latest = options.out / (options.resume or "")
    state = torch.load(latest, weights_only=True) if options.resume else None
    if state is not None:
        table = RowTable(tokens=tuple(state["tokens"]))
    else:
        table = collect_rows(generator, encoding)
    model = PocketModel(ModelShape(rows=table.rows))
    optimisers = build_optimisers(model, options.lr)
    progress = Progress()
    if state is None:
        half = model.shape.hidden // 2
        initialise(model, spelling_features(table, encoding, half, options.seed), options.seed)
    else:
        model.load_state_dict(state["model"])
        for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        progress = Progress(**state["progress"])
    batches = Batches(
        generator=generator,
        encoding=encoding,
        table=table,
        tokens=options.batch_tokens,
        next_seed=progress.next_seed,
    )
    return Run(
        model=model,
        optimisers=optimisers,
        batches=batches,
        table=table,
        progress=progress,
        out=options.out,
        lr=options.lr,
    )


def read_weights(path: Path) -> dict[str, float]:
    """The sampling weights of the families; the file may be changed while the run goes on."""
    if not path.exists():
        return dict(DEFAULT_WEIGHTS)
    return DEFAULT_WEIGHTS | json.loads(path.read_text())


def train(run: Run, minutes: float, decay: float) -> None:
    start = reported = saved = time.monotonic()
    before = run.progress.seconds
    losses: dict[str, list[float]] = defaultdict(list)
    stable_saved = False
    while True:
        recent = losses["dense"][-_DENSE_WINDOW:]
        if len(recent) == _DENSE_WINDOW and sum(recent) < _DENSE_UNTIL * _DENSE_WINDOW:
            run.progress.dense_only = False
        dense_only = run.progress.dense_only
        pool = (
            [run.batches.dense()] if dense_only else run.batches.tasks(read_weights(run.out / "weights.json"))
        )
        for number, batch in enumerate(pool):
            now = time.monotonic()
            share = (now - start) / 60 / minutes
            if share >= 1:
                run.save("latest.pt")
                return
            if share >= 1 - decay and not stable_saved:
                run.save("stable.pt")
                stable_saved = True
            rate = rate_at(share, decay)
            losses["dense" if dense_only else "tasks"].append(run.step(batch, rate))
            every = _DENSE_EVERY_EARLY if run.progress.tokens < _EARLY_TOKENS else _DENSE_EVERY
            if not dense_only and number % every == 0:
                losses["dense"].append(run.step(run.batches.dense(), rate))
            run.progress.seconds = before + now - start
            if now - saved > _SAVE_SECONDS:
                run.save("latest.pt")
                saved = now
            if now - reported > _REPORT_SECONDS or run.progress.step in (20, 100, 200):
                report(run, losses, rate)
                losses.clear()
                reported = time.monotonic()


def report(run: Run, losses: dict[str, list[float]], rate: float) -> None:
    progress = run.progress
    mean = ", ".join(f"{k} {sum(v) / len(v):.4f}" for k, v in losses.items())
    speed = progress.tokens / max(1.0, progress.seconds)
    done = f"step {progress.step} tokens {progress.tokens / 1e6:.2f}M {progress.seconds / 60:.1f} min"
    scores = {} if progress.dense_only else run.accuracy(_HELD_OUT)
    shown = "  ".join(f"{family} {100 * share:.0f}" for family, share in scores.items())
    print(f"{done} {speed:.0f}/s rate {rate:.3f} | loss {mean} | {shown}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=Path, required=True, help="o200k_base.tiktoken")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument(
        "--resume", metavar="NAME", help="checkpoint in --out to go on from: stable.pt or latest.pt"
    )
    parser.add_argument("--lr", type=float, default=0.006)
    parser.add_argument(
        "--decay", type=float, default=_DECAY, help="share of the run over which the rate falls"
    )
    parser.add_argument("--batch-tokens", type=int, default=6144)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    run = build_run(options)
    print(f"{run.table.rows} rows, {sum(p.numel() for p in run.model.parameters()):,} parameters", flush=True)
    train(run, options.minutes, options.decay)
    run.save("final.pt")
    print(json.dumps(run.accuracy(200), indent=1))


if __name__ == "__main__":
    main()
