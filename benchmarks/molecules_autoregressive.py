"""The bar for models of strings: a recurrent network that writes the same tokens one after the other.

It learns from the data, and in the tokens, of a trained model of strings, for as much processor time. Segler et al.
made molecules so (2018), and MOSES calls it CharRNN. What it writes goes into a file, a string a line, whether SMILES
or not.

    suffuse train strings data.path=molecules.smi --out runs/strings
    python -m benchmarks.molecules_autoregressive runs/strings --seconds 780 --count 3000 --out recurrent.smi
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from benchmarks.report import parser, tell
from suffuse.domain import examples_at
from suffuse.model import load
from suffuse.rng import permutation
from suffuse.tasks.data import open_splits
from suffuse_molecules.chemistry import fault, smiles, spelled
from suffuse_molecules.strings.codec import StringCodec

BATCH, LONGEST, RATE, WARMUP = 256, 120, 2e-3, 0.03


class Recurrent(nn.Module):
    """The next token from all before it; token 0 ends a text, and begins it.

    Arguments:
        tokens: how many there are.
        width: of the state.
        depth: layers.
    """

    def __init__(self, tokens: int, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Embedding(tokens + 1, width)
        self.states = nn.GRU(width, width, depth, batch_first=True)
        self.leave = nn.Linear(width, tokens + 1)

    def forward(self, before: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits ``[batch, n, tokens + 1]`` of what follows each of ``before [batch, n]``, and the state after it."""
        hidden, state = self.states(self.enter(before), state)
        return self.leave(hidden), state


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write what it makes."""
    about = parser(__doc__)
    about.add_argument("model", type=Path, help="a run's folder, or the file of a model of strings")
    about.add_argument("--seconds", type=float, default=780.0, help="processor time of the training")
    about.add_argument("--count", type=int, default=3000)
    about.add_argument("--width", type=int, default=384)
    about.add_argument("--depth", type=int, default=2)
    about.add_argument("--seed", type=int, default=0)
    about.add_argument("--out", type=Path, required=True, help="a file of what it makes")
    given = about.parse_args(arguments)
    model = load(given.model)
    codec = model.codec
    assert isinstance(codec, StringCodec)
    train = open_splits(model.recipe).train
    texts = [codec.alphabet.numbers(smiles(mol)) for mol in examples_at(train, range(len(train))).items]
    torch.manual_seed(given.seed)
    network = Recurrent(len(codec.tokens), given.width, given.depth)
    seen = fitted(network, texts, given.seconds)
    begun = time.process_time()
    made = [codec.alphabet.text(numbers) for numbers in written(network, given.count)]
    spent = time.process_time() - begun
    given.out.write_text("\n".join(made) + "\n", encoding="utf-8")
    valid = sum(fault(spelled(text)) is None for text in made) / len(made)
    tell(f"{sum(p.numel() for p in network.parameters())} weights, {seen} texts seen; {valid:.1%} valid, {spent:.1f} s")


def fitted(network: Recurrent, texts: Sequence[Sequence[int]], seconds: float) -> int:
    """Train for so much processor time, and tell how many texts were seen."""
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01)
    begun, seen = time.process_time(), 0
    for batch in batches(texts):
        share = (time.process_time() - begun) / seconds
        if share >= 1.0:
            break
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, share / WARMUP + 0.01) * 0.5 * (1.0 + math.cos(math.pi * share))
        with torch.autocast("cpu", torch.bfloat16):
            logits, _ = network(batch[:, :-1].clamp_min(0))
        loss = F.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten(), ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        seen += len(batch)
        if seen // BATCH % 100 == 0:
            tell(f"{seen} texts, {share:.0%} of the time, loss {loss.item():.3f} nats a token")
    return seen


def batches(texts: Sequence[Sequence[int]]) -> Iterator[Tensor]:
    """Texts without end, 0 before and after each, then -1 as padding: int64 ``[batch, n]``."""
    epoch = 0
    while True:
        order = permutation(len(texts), "autoregressive", epoch).tolist()
        for first in range(0, len(order) - BATCH + 1, BATCH):
            rows = [torch.tensor([0, *(n + 1 for n in texts[i]), 0]) for i in order[first : first + BATCH]]
            yield pad_sequence(rows, batch_first=True, padding_value=-1)
        epoch += 1


@torch.no_grad()
def written(network: Recurrent, count: int) -> list[list[int]]:
    """So many texts, each token drawn from what the network believes."""
    before, state = torch.zeros(count, 1, dtype=torch.int64), None
    columns = []
    for _ in range(LONGEST):
        logits, state = network(before, state)
        before = torch.multinomial(logits[:, 0].float().softmax(-1), 1)
        columns.append(before)
    rows = torch.cat(columns, dim=1).tolist()
    return [[number - 1 for number in row[: row.index(0) if 0 in row else None]] for row in rows]


if __name__ == "__main__":
    main()
