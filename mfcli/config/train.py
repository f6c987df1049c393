"""How the options of train become a recipe: defaults filled in, contradictions refused."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from mfcli.config.applies import inapplicable
from mfcli.config.budget import check_budget
from mfcli.config.choices import (
    CLOSED_FORM,
    COSINE,
    MODES,
    ON_DEVICES,
    Confidence,
    Device,
    Engine,
    Mode,
    ModelKind,
    Objective,
    Optimizer,
    Schedule,
    Setting,
)
from mfcli.config.combinations import (
    refusal,
)
from mfcli.config.metrics import check_metrics, expand_metrics
from mfcli.config.options import coerce, field_types, flag, names_with, nearest
from mfcli.config.recipe import Recipe, parse_init
from mfcli.config.roles import Role
from mfcli.config.train_options import TrainOptions
from mfcli.config.ways import defaults_for
from mfcli.errors import UsageError

DECAYING = (Schedule.exponential, Schedule.inverse)


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainOptions):
    """Options of ``mfcli train``; None stands for "by mode" until ``resolved`` fills it."""

    def check(self) -> None:
        """Refuse malformed values; which options go together is for ``resolved`` to say."""
        self.check_values()
        if self.init_from is not None and self.init_from_if_any is not None:
            raise UsageError("--init-from and --init-from-if-any name one model: give one of them")
        if self.valid_history is not None and self.valid is None:
            raise UsageError("--valid-history is of the users of --valid FILE.npz: give both")
        if self.budget is not None:
            check_budget(self)
        elif (self.metric or self.patience) and self.valid is None:
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

    def ready(self) -> TrainConfig:
        """Refuse, with UsageError, what cannot work, before anything is read; return itself."""
        if self.budget is None:
            self.resolved()
        return self

    def resolved(self) -> TrainConfig:
        """Return a copy in which every choice is made; raises UsageError for one that cannot work.

        An option of the result is None where it means nothing, or where None means "off".
        """
        setting = self.setting
        if problem := refusal(*setting):
            raise UsageError(problem)
        for given in [self, *self.stage_configs()]:
            _check_applies(given, setting)
        defaults = defaults_for(setting)
        if self.regularization is not None:
            defaults.pop("bias_regularization", None)  # it follows
        if self.optimizer is Optimizer.sparse_adam:
            defaults["sparse"] = True
        filled: dict[str, Any] = {**setting._asdict(), "mode": self.mode or Mode.explicit}
        filled |= {name: value for name, value in defaults.items() if getattr(self, name) is None}
        done = dataclasses.replace(self, **filled)
        if done.confidence in (Confidence.linear, Confidence.log):
            done = dataclasses.replace(done, alpha=1.0 if done.alpha is None else done.alpha)
        elif done.alpha is not None:
            raise UsageError("--alpha weighs values: it needs --confidence linear or log")
        _check_model(done)
        if done.stages and setting.engine is Engine.closed_form:
            raise UsageError(
                f"[[train.stages]] has no meaning with {_named(setting)}: --engine closed-form "
                "takes no steps"
            )
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

    def recipe(self) -> Recipe:
        """Return what training follows; raises UsageError for choices that cannot work."""
        done = self.resolved()
        metrics = tuple(expand_metrics(done.metric, done.k))
        stages = done.stage_configs() if done.stages else []
        return Recipe.read(
            done.options(),
            metrics=metrics,
            stages=tuple(Recipe.read(stage.options(), metrics=metrics) for stage in stages),
            options=done.stored(),
            chosen=self.asked(),
        )

    @property
    def setting(self) -> Setting:
        """Model, objective and engine: as given, else by mode, else as the model implies."""
        model, objective, engine = MODES[self.mode or Mode.explicit]
        model = self.model or model
        if model in CLOSED_FORM:
            implied = Objective.mse if model is ModelKind.bias else None
            return Setting(model, self.objective or implied, self.engine or Engine.closed_form)
        if model is ModelKind.svdpp:  # it learns ratings, in one way
            return Setting(model, self.objective or Objective.mse, self.engine or Engine.hogwild)
        objective = self.objective or objective
        if objective in COSINE:  # of vectors alone
            return Setting(self.model or ModelKind.mf, objective, self.engine or engine)
        if objective is Objective.ials:  # there is one way to minimise it
            return Setting(self.model or ModelKind.mf, objective, self.engine or Engine.als)
        return Setting(model, objective, self.engine or engine)

    def _stages_with_biases(self) -> list[dict[str, Any]]:
        """Return the stages with the biases' options: as given for train, else the factors'."""
        stages = [
            {key.replace("-", "_"): value for key, value in stage.items()} for stage in self.stages
        ]
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
                key.replace("-", "_"): coerce(key, value, hints[key.replace("-", "_")], where)
                for key, value in stage.items()
            }
            if values.get("optimizer") is Optimizer.sparse_adam:
                values.setdefault("sparse", True)
            try:
                configs.append(dataclasses.replace(self, stages=[], **values))
            except UsageError as error:
                raise UsageError(f"{where}{error}") from None
        return configs


def _check_stage(stage: dict[str, Any], number: int) -> None:
    if len({key.replace("-", "_") for key in stage}) < len(stage):
        raise UsageError(f"[[train.stages]] {number}: a key is given twice")
    changing = names_with(TrainOptions, Role.stage)  # the model itself stays what it is
    for key in stage:
        if key.replace("-", "_") not in changing:
            known = [name.replace("_", "-") for name in changing]
            raise UsageError(f"[[train.stages]] {number}: unknown key {key!r}{nearest(key, known)}")


def _check_applies(given: TrainConfig, setting: Setting) -> None:
    """Refuse options that would be accepted and ignored."""
    for name, reason in inapplicable(setting).items():
        if getattr(given, name) is not None:
            raise UsageError(f"{flag(name)} has no meaning with {_named(setting)}: {reason}")
    if given.valid_history is not None and setting.model is ModelKind.neural:
        raise UsageError(
            "--valid-history needs a model whose users can be solved for: --model neural has "
            "layers between them and the items"
        )
    if given.device is Device.cuda and setting.engine not in ON_DEVICES:
        raise UsageError(f"--device cuda has no meaning with --engine {setting.engine}")


def _check_model(done: TrainConfig) -> None:
    """Refuse values with which a model has nothing to learn, or no solution."""
    if done.model is ModelKind.mf and done.factors == 0:
        raise UsageError("--factors 0 leaves --model mf nothing to learn: use biased-mf")
    if done.model is ModelKind.ease and not done.regularization:
        raise UsageError(
            "--regularization 0 leaves --model ease a matrix that has no inverse: give more"
        )


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
