"""A network of sets in plain PyTorch, as you might have written it: trains, and saves model.pt.

python plain_pytorch.py [--defaults] [--steps n]; then
relubloom examine model.pt --activation relu --set-size 3
"""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--defaults", action="store_true", help="PyTorch's initialisation, rate, loss")
parser.add_argument("--steps", type=int, default=5000)
parser.add_argument("--out", default="model.pt")
asked = parser.parse_args()

TOKENS, UNITS, SET_SIZE, BATCH = 256, 48, 3, 512
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(TOKENS, UNITS), nn.ReLU(), nn.Linear(UNITS, TOKENS))
if not asked.defaults:  # large input weights, small output weights, biases 0
    nn.init.normal_(model[0].weight, std=3.0 / UNITS**0.5)
    nn.init.normal_(model[2].weight, std=0.5 / UNITS**0.5)
    nn.init.zeros_(model[0].bias)
    nn.init.zeros_(model[2].bias)
optimiser = torch.optim.Adam(model.parameters(), lr=1e-3 if asked.defaults else 2e-2)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, asked.steps)

for step in range(asked.steps):
    sets = torch.rand(BATCH, TOKENS).topk(SET_SIZE).indices  # distinct tokens
    x = torch.zeros(BATCH, TOKENS).scatter_(1, sets, 1.0)
    target, logits = x / SET_SIZE, model(x)
    if asked.defaults:
        loss = nn.functional.cross_entropy(logits, target)
    else:
        loss = (logits.softmax(1) - target).square().sum(1).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if not asked.defaults:
        schedule.step()
    if step % 500 == 0 or step == asked.steps - 1:
        print(f"step {step}: loss {loss.item():.5f}")

torch.save(model.state_dict(), asked.out)
