"""What EXPLAIN knows, as data: plans with what was predicted of them and what was measured.

Seconds of a step are those in which it kept busy: CPU time of their threads for decoding and the
small models, time on the clock for the reference network. `cpu_seconds` count all its cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from vqe.optimizer import Rewrite
from vqe.planner.certificate import Certificate
from vqe.planner.shortfall import Shortfall
from vqe.statistics.rates import ErrorRate

Verdict = Literal["chosen", "rejected", "possible"]


@dataclass(frozen=True)
class Predicted:
    """Frames that a step is expected to see, and seconds: None where nothing was measured yet."""

    frames: float
    seconds: float | None
    cpu_seconds: float | None


@dataclass(frozen=True)
class Taken:
    """What a step has seen and decided, and the seconds that it took."""

    frames: int
    decided: int
    seconds: float


@dataclass(frozen=True)
class Step:
    """A step of a plan: decoding, a stage of the cascade, the reference network, or filling in.

    `rule`: when it answers, in words.
    """

    name: str
    predicted: Predicted | None = None
    measured: Taken | None = None
    rule: str = ""


@dataclass(frozen=True)
class ExplainedPlan:
    """A plan of a scan, and why it was chosen or not; "possible" before that is decided.

    `seconds`: predicted for its steps, as far as those were measured; with `at_least` further
    frames will follow from what the first ones show. `errors` are those of the sample that
    `errors_of` names; `certificate` says what was proved of the rows, `shortfall`
    what a limited effort did not come to.
    """

    name: str
    verdict: Verdict
    reason: str
    steps: tuple[Step, ...] = ()
    seconds: float | None = None
    cpu_seconds: float | None = None
    at_least: bool = False
    errors: tuple[ErrorRate, ...] = ()
    errors_of: str = ""
    certificate: Certificate | None = None
    shortfall: Shortfall | None = None


@dataclass(frozen=True)
class DecodeChoice:
    """A way to decode what is asked for: `delivered` of `asked` frames at most."""

    name: str
    delivered: int
    asked: int
    decoded: int
    seeks: int
    cpu_seconds: float | None
    choice: str


@dataclass(frozen=True)
class ExplainedVideo:
    """The scan of one video: its plans, the chosen one first.

    `summary` says before the query runs how far planning has come, and `floor` what a proof takes
    at least, where one is asked for; `measured_on` are the days of the costs that its seconds rest
    on, where other processes have measured these.
    """

    video: str
    plans: tuple[ExplainedPlan, ...] = ()
    decodings: tuple[DecodeChoice, ...] = ()
    summary: str = ""
    floor: str = ""
    measured_on: tuple[date, ...] = ()


@dataclass(frozen=True)
class Totals:
    """The whole query: seconds on the clock, and CPU seconds of this process meanwhile.

    `predicted_cpu_seconds`: of what was planned with a prediction, and the one-off work before.
    `one_off`: seconds by phase.
    """

    rows: int
    seconds: float
    cpu_seconds: float
    predicted_cpu_seconds: float | None
    one_off: dict[str, float]
    reference_calls: int
    labels_to_plan: int
    labels_from_store: int
    frames_decoded: int


@dataclass(frozen=True)
class Explanation:
    """EXPLAIN of a query; `totals` once it ran. `operators`: the plan as a tree, in text.

    `pattern`: whether it is about the files of a pattern, or several questions; `summary` stands
    for the videos where there are none to plan; `notes` tell of damage; `rewrites` are what the
    rules of the optimizer did, in their order.
    """

    operators: str
    videos: tuple[ExplainedVideo, ...] = ()
    pattern: bool = False
    summary: str = ""
    totals: Totals | None = None
    notes: tuple[str, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
