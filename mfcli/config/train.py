"""The options of train: three independent choices, and what each of them brings along."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

from mfcli.config.choices import (
    BASELINES,
    MODES,
    ON_DEVICES,
    Confidence,
    Device,
    Engine,
    Mode,
    ModelKind,
    Objective,
    Optimizer,
    Order,
    PositiveWeight,
    Reduction,
    Schedule,
    Setting,
    defaults_for,
    inapplicable,
    refusal,
)
from mfcli.config.metrics import LONGEST_LIST, check_metrics
from mfcli.config.options import Config, _coerce, field_types, flag, nearest, option
from mfcli.errors import UsageError

_CHOICE = "What is trained"
_LEARN = "How it learns"
_WATCH = "Validation and stopping"
_START = "Where it starts"
_RUN = "How it runs"


DECAYING = (Schedule.exponential, Schedule.inverse)


class Init(NamedTuple):
    """A start distribution: ``normal`` with standard deviation b, or ``uniform`` from a to b.

    ``scaled`` is normal with standard deviation b/√F over F factors, so that a dot product starts
    with one that does not depend on the width.
    """

    kind: str
    a: float
    b: float


def parse_init(name: str, text: str) -> Init:
    """Read ``normal:STD``, ``scaled:STD`` or ``uniform:LOW:HIGH``; raises UsageError."""
    kind, *numbers = text.split(":")
    try:
        values = [float(each) for each in numbers]
    except ValueError:
        values = []
    if kind in ("normal", "scaled") and len(values) == 1 and 0 <= values[0] < 1e6:
        return Init(kind, 0.0, values[0])
    if kind == "uniform" and len(values) == 2 and -1e6 < values[0] <= values[1] < 1e6:
        return Init("uniform", values[0], values[1])
    raise UsageError(f"{name} {text!r} should look like normal:0.05, scaled:0.1 or uniform:0:0.05")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Config):
    """Options of ``mfcli train``; None stands for "by mode" until ``resolved`` fills it."""

    mode: Mode = option(
        Mode.explicit, "A named default of model, objective and engine.", panel=_CHOICE
    )
    model: ModelKind | None = option(None, "What is scored.", shown="by mode", panel=_CHOICE)
    objective: Objective | None = option(None, "What is minimised.", shown="by mode", panel=_CHOICE)
    engine: Engine | None = option(None, "How it is minimised.", shown="by mode", panel=_CHOICE)
    factors: int | None = option(
        None,
        "Width of an embedding; 0 leaves the biases.",
        low=0,
        high=65536,
        shown="by mode",
        panel=_CHOICE,
    )
    item_factors: int | None = option(
        None,
        "Width of the items' embeddings of --model neural.",
        low=1,
        high=65536,
        shown="as --factors",
        panel=_CHOICE,
    )
    hidden: list[int] | None = option(
        None,
        "Width of a hidden layer of --model neural; repeat for several.",
        low=1,
        high=65536,
        shown="10",
        panel=_CHOICE,
    )
    global_mean: bool | None = option(
        None, "Start predictions from the mean rating.", shown="by objective", panel=_CHOICE
    )
    rating_unit: float | None = option(
        None,
        "Of mse: train on ratings divided by this, so that rates and regularisation mean "
        "the same on any scale.",
        low=1e-30,
        high=1e30,
        shown="by their standard deviation: 1 for stars",
        panel=_LEARN,
    )
    dropout: float | None = option(
        None,
        "Probability that a factor is dropped in training.",
        low=0.0,
        high=0.99,
        shown="0",
        panel=_CHOICE,
    )

    epochs: int | None = option(
        None, "Passes over the ratings.", low=1, high=1_000_000, shown="by mode", panel=_LEARN
    )
    learning_rate: float | None = option(None, "Step size.", low=0.0, shown="by mode", panel=_LEARN)
    schedule: Schedule | None = option(
        None, "How the learning rate changes by epoch.", shown="by mode", panel=_LEARN
    )
    decay: float | None = option(
        None,
        "Rate of the exponential (lr·decay^e) and inverse (lr/(1+decay·e)) schedules.",
        low=0.0,
        shown="0.95",
        panel=_LEARN,
    )
    regularization: float | None = option(
        None,
        "L2 per observed sample on the factors it touches.",
        low=0.0,
        shown="by mode",
        panel=_LEARN,
    )
    bias_regularization: float | None = option(
        None,
        "The same on the biases.",
        low=0.0,
        shown="as --regularization, else by mode",
        panel=_LEARN,
    )
    weight_decay: float | None = option(
        None, "torch's own decay of all factors at each step.", low=0.0, shown="0", panel=_LEARN
    )
    bias_weight_decay: float | None = option(
        None, "The same on the biases.", low=0.0, shown="as --weight-decay", panel=_LEARN
    )
    optimizer: Optimizer | None = option(
        None, "torch optimizer of the minibatch engine.", shown="by mode", panel=_LEARN
    )
    sparse: bool | None = option(
        None, "Sparse gradients: a step touches the batch's rows only.", shown="no", panel=_LEARN
    )
    batch_size: str | None = option(
        None, "Samples a step, or 'full' for all of them.", shown="by mode", panel=_LEARN
    )
    reduction: Reduction | None = option(
        None, "Whether a batch's loss is a sum or a mean.", shown="mean", panel=_LEARN
    )
    clip_norm: float | None = option(
        None, "Scale gradients down to this norm.", low=1e-12, shown="off", panel=_LEARN
    )
    negatives: int | None = option(
        None,
        "Sampled negatives a positive; for warp, the most draws.",
        low=1,
        high=10_000,
        shown="by mode",
        panel=_LEARN,
    )
    negative_power: float | None = option(
        None,
        "Draw negatives by popularity to this power; 0 is uniform.",
        low=0.0,
        high=2.0,
        shown="0",
        panel=_LEARN,
    )
    positive_weight: PositiveWeight | None = option(
        None,
        "Weight of a positive in a sampled loss by its value (play count): none, in "
        "proportion, or by log(1 + value); the mean weight is 1.",
        shown="none",
        panel=_LEARN,
    )
    unobserved_weight: float | None = option(
        None,
        "Of ials: weight of every pair of a user and an item, whose target is 0; an "
        "interaction adds a weight of 1 with target 1.",
        low=0.0,
        shown="by density",
        panel=_LEARN,
    )
    regularization_exponent: float | None = option(
        None,
        "Of ials: λ is scaled by (a user's interactions + unobserved weight · all items) "
        "to this power; items likewise.",
        low=0.0,
        high=10.0,
        shown="1",
        panel=_LEARN,
    )
    confidence: Confidence | None = option(
        None,
        "Of ials: weight of an interaction of value r (play count): 1, 1 + alpha · r, or "
        "1 + alpha · log(1 + r).",
        shown="none",
        panel=_LEARN,
    )
    alpha: float | None = option(
        None, "Of --confidence linear and log.", low=0.0, shown="1", panel=_LEARN
    )
    block_size: int | None = option(
        None,
        "Of als: factors solved for at once; more of them go block by block (iALS++).",
        low=1,
        high=65536,
        shown="128",
        panel=_LEARN,
    )
    damping: float | None = option(
        None,
        "Of --model bias: ratings that pull a bias towards 0.",
        low=0.0,
        shown="5",
        panel=_LEARN,
    )

    init: str | None = option(
        None,
        "Start of the factors: normal:STD, scaled:STD (STD/√factors) or uniform:LOW:HIGH.",
        shown="by mode",
        panel=_START,
    )
    bias_init: str | None = option(
        None, "Start of the biases, in the same form.", shown="0", panel=_START
    )
    init_from: str | None = option(
        None, "Go on from this checkpoint's weights, with a fresh optimizer.", panel=_START
    )

    valid: str | None = option(None, "Validation .npz of the same split.", panel=_WATCH)
    metric: list[str] = option(
        [],
        "Also this metric of evaluate at each evaluation; the first one drives --patience.",
        shown="validation loss",
        panel=_WATCH,
    )
    k: list[int] = option(
        [10], "Length of the ranked list of the metrics.", low=1, high=LONGEST_LIST, panel=_WATCH
    )
    eval_every: int = option(1, "Evaluate every N epochs.", low=1, panel=_WATCH)
    patience: int | None = option(
        None,
        "Stop after N evaluations without improvement, and keep the best epoch.",
        low=1,
        shown="off",
        panel=_WATCH,
    )
    time_limit: float | None = option(
        None,
        "Stop after this many seconds, at the last whole epoch.",
        low=0.001,
        shown="off",
        panel=_WATCH,
    )

    device: Device = option(Device.auto, "Where the minibatch and als engines compute.", panel=_RUN)
    order: Order | None = option(
        None,
        "Of hogwild with mse: a grid of blocks that share no row and no column (the same "
        "bits for any number of workers), or free of any order.",
        shown="grid",
        panel=_RUN,
    )
    workers: int | None = option(
        None,
        "Threads; torch uses one for small steps unless told.",
        low=1,
        high=1024,
        shown="the cores available",
        panel=_RUN,
    )
    stages: list[dict[str, Any]] = option([], "[[train.stages]] of a configuration file", cli=False)

    def check(self) -> None:
        """Refuse malformed values; which options go together is for ``resolved`` to say."""
        self.check_values()
        if (self.metric or self.patience) and self.valid is None:
            asked = "--metric" if self.metric else "--patience"
            raise UsageError(f"{asked} needs --valid FILE.npz to measure on")

    def check_values(self) -> None:
        """Refuse malformed values of single options."""
        check_metrics(self.metric)
        for name in ("init", "bias_init"):
            if getattr(self, name) is not None:
                parse_init(flag(name), getattr(self, name))
        if self.batch_size is not None and self.batch_size != "full":
            digits = self.batch_size.isascii() and self.batch_size.isdigit()
            if not digits or int(self.batch_size) < 1:
                raise UsageError(f"--batch-size {self.batch_size!r} should be 'full' or at least 1")
        for number, stage in enumerate(self.stages, 1):
            _check_stage(stage, number)
        if self.stages:
            self.stage_configs()

    def resolved(self) -> TrainConfig:
        """Return a copy in which every choice is made; raises UsageError for one that cannot work.

        An option of the result is None where it means nothing, or where None means "off".
        """
        setting = self._setting()
        if problem := refusal(*setting):
            raise UsageError(problem)
        for given in [self, *self.stage_configs()]:
            _check_applies(given, setting)
        defaults = defaults_for(setting)
        if self.regularization is not None:
            defaults.pop("bias_regularization", None)  # it follows
        if self.optimizer is Optimizer.sparse_adam:
            defaults["sparse"] = True
        filled: dict[str, Any] = dict(setting._asdict())
        filled |= {name: value for name, value in defaults.items() if getattr(self, name) is None}
        done = dataclasses.replace(self, **filled)
        if done.confidence in (Confidence.linear, Confidence.log):
            done = dataclasses.replace(done, alpha=1.0 if done.alpha is None else done.alpha)
        elif done.alpha is not None:
            raise UsageError("--alpha weighs values: it needs --confidence linear or log")
        if done.model is ModelKind.mf and done.factors == 0:
            raise UsageError("--factors 0 leaves --model mf nothing to learn: use biased-mf")
        if setting.biased:
            apart = {
                name: getattr(done, name.removeprefix("bias_"))
                for name in ("bias_regularization", "bias_weight_decay")
                if getattr(done, name) is None
            }
            done = dataclasses.replace(done, stages=self._stages_with_biases(), **apart)
        for stage in [done, *done.stage_configs()]:
            check_optimizer(stage)
        return done if self._decays(done) else dataclasses.replace(done, decay=None)

    def _decays(self, done: TrainConfig) -> bool:
        """Tell whether a schedule uses --decay; refuse one that none does."""
        stages = done.stage_configs()
        decays = [stage.schedule in DECAYING for stage in stages]
        if self.decay is not None and not any(decays):
            raise UsageError(
                f"--decay has no meaning with --schedule {done.schedule}: it belongs to "
                f"--schedule {' or '.join(DECAYING)}"
            )
        for number, (stage, used) in enumerate(zip(self.stages, decays, strict=False), 1):
            if "decay" in stage and not used:
                raise UsageError(
                    f"[[train.stages]] {number}: decay has no meaning with --schedule "
                    f"{stages[number - 1].schedule}"
                )
        return any(decays)

    @property
    def sampled(self) -> bool:
        """Whether a resolved objective draws negatives."""
        assert self.model is not None
        assert self.engine is not None
        return Setting(self.model, self.objective, self.engine).sampled

    def _setting(self) -> Setting:
        """Return model, objective and engine: as given, else by mode, else as the model implies."""
        model, objective, engine = MODES[self.mode]
        model = self.model or model
        if model in BASELINES:
            implied = Objective.mse if model is ModelKind.bias else None
            return Setting(model, self.objective or implied, self.engine or Engine.closed_form)
        if model is ModelKind.svdpp:  # it learns ratings, in one way
            return Setting(model, self.objective or Objective.mse, self.engine or Engine.hogwild)
        objective = self.objective or objective
        if objective is Objective.ials:  # there is one way to minimise it
            return Setting(self.model or ModelKind.mf, objective, self.engine or Engine.als)
        return Setting(model, objective, self.engine or engine)

    def _stages_with_biases(self) -> list[dict[str, Any]]:
        """Return the stages with the biases' options: as given for train, else the factors'."""
        stages = [{key.replace("-", "_"): each[key] for key in each} for each in self.stages]
        for stage in stages:
            for name in ("regularization", "weight_decay"):
                if name in stage:
                    given = getattr(self, f"bias_{name}")
                    stage.setdefault(f"bias_{name}", stage[name] if given is None else given)
        return stages

    def stage_configs(self) -> list[TrainConfig]:
        """Return one configuration a stage of training: [self] where there are no stages."""
        if not self.stages:
            return [self]
        hints = field_types(TrainConfig)
        configs = []
        for number, stage in enumerate(self.stages, 1):
            where = f"[[train.stages]] {number}: "
            values = {
                key.replace("-", "_"): _coerce(key, value, hints[key.replace("-", "_")], where)
                for key, value in stage.items()
            }
            if values.get("optimizer") is Optimizer.sparse_adam:
                values.setdefault("sparse", True)
            try:
                configs.append(dataclasses.replace(self, stages=[], **values))
            except UsageError as error:
                raise UsageError(f"{where}{error}") from None
        return configs


# What a stage of [[train.stages]] may change; the model itself stays what it is.
STAGE_KEYS = (
    "epochs",
    "learning_rate",
    "schedule",
    "decay",
    "regularization",
    "bias_regularization",
    "weight_decay",
    "bias_weight_decay",
    "optimizer",
    "sparse",
    "batch_size",
    "reduction",
    "clip_norm",
    "negatives",
    "patience",
    "eval_every",
)


def _check_stage(stage: dict[str, Any], number: int) -> None:
    if len({key.replace("-", "_") for key in stage}) < len(stage):
        raise UsageError(f"[[train.stages]] {number}: a key is given twice")
    for key in stage:
        if key.replace("-", "_") not in STAGE_KEYS:
            known = [each.replace("_", "-") for each in STAGE_KEYS]
            raise UsageError(f"[[train.stages]] {number}: unknown key {key!r}{nearest(key, known)}")


def _check_applies(given: TrainConfig, setting: Setting) -> None:
    """Refuse options that would be accepted and ignored."""
    for name, reason in inapplicable(setting).items():
        if getattr(given, name) is not None:
            raise UsageError(f"{flag(name)} has no meaning with {_named(setting)}: {reason}")
    if given.device is Device.cuda and setting.engine not in ON_DEVICES:
        raise UsageError(f"--device cuda has no meaning with --engine {setting.engine}")


def _named(setting: Setting) -> str:
    return " ".join(f"--{name} {value}" for name, value in setting._asdict().items() if value)


def check_optimizer(config: TrainConfig) -> None:
    """Refuse what torch's optimizers cannot do with sparse gradients."""
    if config.optimizer is Optimizer.sparse_adam and not config.sparse:
        raise UsageError("--optimizer sparse-adam needs sparse gradients: leave out --no-sparse")
    if config.optimizer is Optimizer.sparse_adam and config.model is ModelKind.neural:
        raise UsageError("--optimizer sparse-adam cannot work with the layers of --model neural")
    if config.sparse and config.optimizer is Optimizer.adam:
        raise UsageError("--sparse cannot work with --optimizer adam: use sparse-adam")
    if config.sparse and (config.weight_decay or config.bias_weight_decay):
        raise UsageError(
            "--weight-decay touches every row and cannot work with --sparse: use --regularization"
        )
    if config.sparse and config.clip_norm is not None:
        raise UsageError("--clip-norm cannot work with --sparse gradients")
