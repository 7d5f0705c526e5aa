"""What levers take and answer, as types: the rows of the levers name them, and OpenAPI is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from sandbox.codes import CODES
from sandbox.json_schema import Known
from sandbox.resources.events import Status

T = TypeVar("T")

Stamp = Annotated[str, Known(format="date-time")]
"""A time as the API writes it."""

Name = Annotated[str, Known(minLength=1)]

Amount = Annotated[float, Known(minimum=0)]

Fixtures = list[str | Mapping[str, Any]]
"""Names of fixtures that come along, or fixtures themselves."""

Positive = Annotated[int, Known(minimum=1)]


class Items(TypedDict, Generic[T]):
    """All there are, or all that were asked for."""

    items: list[T]


class Problem(TypedDict):
    """Why a lever cannot be pulled; ``field`` is what was wrong in the body, the query or the path."""

    type: Literal["about:blank"]
    status: int
    detail: str
    field: NotRequired[str]


class Health(TypedDict):
    """Whether the process is alive."""

    status: Literal["ok"]


class Ready(TypedDict):
    """Whether the fixtures are loaded and the disk can be written to."""

    status: Literal["ready"]


class Due(TypedDict):
    """What falls due of which record, and when."""

    duty: str
    record: str
    at: Stamp


class Clock(TypedDict):
    """A world's time, whether it runs, and what falls due next."""

    now: Stamp
    running: bool
    next: Due | None


class Schedule(Clock):
    """A world's time, and what falls due, soonest first."""

    due: list[Due]


class MovedClock(Clock):
    """A world's time after it was moved, and how much fell due on the way."""

    done: int


class World(TypedDict):
    """A world, the key that opens it included."""

    id: str
    api_key: str | None
    marketplace_uri: str | None
    seed: str
    clock: Clock
    fixtures: list[str]
    requests: int


class Info(TypedDict):
    """What runs here: its version, how many worlds it has, and the world of the caller."""

    version: str
    worlds: int
    world: World
    clock: Clock
    seed: str


class Invented(TypedDict):
    """How many customers were invented."""

    customers: int


class Settled(TypedDict):
    """How many credits and debits came to their outcome."""

    settled: int


class Checkpoint(TypedDict):
    """A world as it was at a time."""

    name: str
    at: Stamp


class Changes(TypedDict):
    """The ids of what was created, changed and removed in one table."""

    created: list[str]
    changed: list[str]
    removed: list[str]


class ClockState(TypedDict):
    """A clock as it is written down, in microseconds since 1970."""

    stands_at: int | None
    ahead: int
    latest: int


class Dump(TypedDict):
    """A whole world: what it is made of, and the rows of its tables."""

    format: Literal[1]
    seed: str
    clock: ClockState
    requests: int
    sequence: int
    tables: dict[str, list[Mapping[str, Any]]]


class On(TypedDict, total=False):
    """Which requests a fault is about; any other name is a field of the body, with a value or with comparisons."""

    operation: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: Annotated[str, Known(pattern="^/", maxLength=200)]
    nth: Positive


Failing = Annotated[int, Known(minimum=400, maximum=599)]


class Do(TypedDict, total=False):
    """What happens to such a request; one end, and besides it a delay, an outcome or a second delivery."""

    decline: Annotated[str, Known(enum=list(CODES))]
    status: Failing
    status_after_commit: Failing
    delay_ms: Annotated[int, Known(minimum=0, maximum=60_000)]
    drop: Literal["before", "after"]
    bank: Literal["pending", "succeeds", "fails"]
    duplicate_delivery: Literal[True]


class Rule(TypedDict):
    """A fault to be: on which requests, what it does, how many times at most, and with which probability."""

    on: NotRequired[Annotated[On, Known(additionalProperties=True)]]
    do: Annotated[Do, Known(minProperties=1)]
    times: NotRequired[Positive | None]
    probability: NotRequired[Annotated[float, Known(exclusiveMinimum=0, maximum=1)]]


class Fault(TypedDict):
    """A fault that waits for its requests; how many there were, and on how many it fired."""

    id: str
    created_at: Stamp
    on: Mapping[str, Any]
    do: Do
    times: int | None
    probability: float
    matched: int
    fired: int


class Refused(TypedDict):
    """Why a request was refused: the rule, the field, what was expected and got, and where that is written."""

    rule: str
    field: str | None
    expected: str | None
    got: Any
    reference: str | None


class BrieflyRefused(TypedDict):
    """Why a request was refused: the rule and the field."""

    rule: str
    field: str | None


class _Asked(TypedDict):
    """What is told of a request in every place."""

    id: str
    world: str
    at: Stamp
    method: str
    uri: str
    operation: str
    status: int | None
    milliseconds: float | None
    fault: Mapping[str, Any] | None


class Brief(_Asked):
    """A request without what was sent and what was answered."""

    refused: BrieflyRefused | None


class Request(_Asked):
    """A request: what was asked, what was answered, and why; ``curl`` is the line that asks the same."""

    refused: Refused | None
    body: Mapping[str, Any] | None
    answer: Any
    curl: str


class Replayed(TypedDict):
    """The request that asked the same once more."""

    request: Request


Happened = Annotated[Mapping[str, Any], Known(description="The event, as `GET /v1/events/{event}` shows it.")]


class Verdict(TypedDict):
    """Whether the money adds up, and what is wrong with it."""

    good: bool
    violations: list[str]


class Coverage(TypedDict):
    """How often each operation, state and refusal was met."""

    operations: dict[str, int]
    states: dict[str, int]
    refusals: dict[str, int]


class Sent(TypedDict):
    """One attempt to tell a callback."""

    occurred_at: Stamp
    status: Status
    request_body: str | None
    request_mime_type: str | None
    response_body: str | None
    response_mime_type: str | None
    response_status: int | None


class Delivery(TypedDict):
    """One event on its way to one callback."""

    id: str
    event: str
    callback: str
    type: str
    method: Literal["POST", "PUT", "GET"]
    url: str
    status: Status
    attempts: int
    attempt_limit: int
    copies: int
    next_try: Stamp | None
    log: list[Sent]


class Policy(TypedDict):
    """What becomes of what is to be sent: captured, lost on the way by type, or sent newest first."""

    capture: bool
    drop: list[str]
    reorder: bool


class NewPolicy(TypedDict, total=False):
    """What is to become of what is to be sent; what is left out is as in a new world."""

    capture: bool
    drop: list[str]
    reorder: bool


class Taken(TypedDict):
    """One delivery that was captured: what a callback would have been sent."""

    id: str
    method: Literal["POST", "PUT", "GET"]
    url: str
    event: Mapping[str, Any]
