"""Defaults of the objectives of cosines, softmax and ccl, and where tune draws them from.

Chosen on validation rows inside train, by ndcg@20 with 64 factors; ``losses`` says what each is.

softmax: a temperature of 0.2 is best on lightgcn-lastfm (41,000 rows, 9 an item: 0.162, where 0.15
has 0.160 and 0.1 has 0.152). On a quarter of the users of amazon-book-kgat 0.1 has 0.107 and 0.2
has 0.101, on a quarter of those of douban-book 0.12 has 0.097 and 0.2 has 0.093. By their defaults
then, bpr and warp had 0.153 and 0.131, 0.080 and 0.076, 0.076 and 0.080 on the three. Twenty epochs
do as well as forty; rates from 0.04 to 0.1 differ little. 64 negatives lose 0.002 to 256. Draws by
popularity, which are corrected for, change little. Softmax of dot products with λ ended at 0.136 on
lightgcn-lastfm, and of cosines with biases at 0.118: so there is neither.

ccl: a weight of 8 is best on lightgcn-lastfm (0.147), 50 on amazon-book-kgat (0.092), both at a
margin of 0.3; its slopes are shorter than softmax's by the temperature, so its rates are larger.
"""

from __future__ import annotations

from typing import Any

from mfcli.config.choices import Engine, Objective, PositiveWeight
from mfcli.config.spaces import Choice, Log, Space, Uniform

_SPACE: Space = {
    "factors": Choice((32, 64, 128)),
    "epochs": Choice((10, 20, 40)),
    "negatives": Choice((128, 256, 512)),
    "negative_power": Choice((0.0, 0.25, 0.5)),
    "positive_weight": Choice((PositiveWeight.none, PositiveWeight.log)),
}
_RATES: dict[Engine, dict[Objective, Log]] = {
    Engine.minibatch: {
        Objective.softmax: Log(0.002, 0.03),
        Objective.ccl: Log(0.002, 0.03),
    },
    Engine.hogwild: {
        Objective.softmax: Log(0.02, 0.2),
        Objective.ccl: Log(0.05, 1.0),
    },
}
_OWN_SPACE: dict[Objective, Space] = {
    Objective.softmax: {"temperature": Log(0.06, 0.3)},
    Objective.ccl: {"margin": Uniform(0.1, 0.8), "negative_weight": Log(5.0, 300.0)},
}

_DEFAULTS: dict[str, Any] = {"epochs": 20, "factors": 64, "negatives": 256}
_MINIBATCH = _DEFAULTS | {"learning_rate": 0.01, "batch_size": "2048"}
_SOFTMAX: dict[str, Any] = {"temperature": 0.15}
_CCL: dict[str, Any] = {"margin": 0.3, "negative_weight": 20.0}

# Beside what all objectives of the engine begin with.
COSINE_DEFAULTS: dict[tuple[Engine, Objective], dict[str, Any]] = {
    (Engine.minibatch, Objective.softmax): _MINIBATCH | _SOFTMAX,
    (Engine.minibatch, Objective.ccl): _MINIBATCH | _CCL,
    (Engine.hogwild, Objective.softmax): _DEFAULTS | _SOFTMAX | {"learning_rate": 0.06},
    (Engine.hogwild, Objective.ccl): _DEFAULTS | _CCL | {"learning_rate": 0.3},
}
COSINE_SPACES: dict[tuple[Engine, Objective], Space] = {
    (engine, objective): {**_SPACE, "learning_rate": rates, **_OWN_SPACE[objective]}
    for engine, by_objective in _RATES.items()
    for objective, rates in by_objective.items()
}
