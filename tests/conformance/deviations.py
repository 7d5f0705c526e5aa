"""Where the sandbox answers otherwise than the recordings, on purpose: the one table, and its page in the docs.

Each row turns the recorded forms (:mod:`tests.conformance.recordings`) into those that are answered, so a row whose
deviation no longer occurs makes its exchanges fail. ``python -m tests.conformance.deviations`` writes the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from tests.conformance.recordings import LATE, SEED_WEEK, Forms

V = TypeVar("V")

PAGE = Path(__file__).parents[2] / "docs" / "deviations.md"
COMMAND = "python -m tests.conformance.deviations"


EVERYWHERE = ("*",)


@dataclass(frozen=True, slots=True)
class Change:
    """What is answered where something else was recorded; None for nothing there, ``…`` for whatever it was.

    ``*`` in the path stands for any part of it, except in that of something added.
    """

    path: str
    recorded: str | None
    answered: str | None

    def __call__(self, recorded: Forms) -> dict[str, str]:
        """Return the forms with this change made."""
        if self.recorded is None:
            return {**recorded, self.path: self.answered or ""}
        changed: dict[str, str] = {}
        for path, form in recorded.items():
            answered = self.of(form) if fnmatchcase(path, self.path) else form
            if answered is not None:
                changed[path] = answered
        return changed

    def gives(self, form: str) -> bool:
        """Return whether a form is one that is answered."""
        return bool(_pattern(self.answered or "").fullmatch(form))

    def of(self, form: str) -> str | None:
        """Return what is answered for a recorded form; the form itself where another one is meant."""
        match = _pattern(self.recorded or "").fullmatch(form)
        if not match or self.answered is None:
            return None if match else form
        parts = iter(match.groups())
        return re.sub("…", lambda _: next(parts), self.answered)


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the recordings of the seed's week have what the sandbox answers."""

    exchange: str
    path: str
    form: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """One decision to answer otherwise: where, what, why, and the document that decides."""

    title: str
    exchanges: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    moves: Mapping[str, str] | None = None
    """Parts of the body that stand elsewhere, by the beginning of their path."""
    because: str
    decided_by: str
    seen: tuple[Seen, ...] = ()

    def concerns(self, exchange: str) -> bool:
        """Return whether an exchange is among those meant."""
        return any(fnmatchcase(exchange, pattern) for pattern in self.exchanges)

    def places(self, leaves: Mapping[str, V]) -> dict[str, V]:
        """Return the leaves of a body where this deviation has them."""
        return {self._place(path): value for path, value in leaves.items()}

    def _place(self, path: str) -> str:
        for before, after in (self.moves or {}).items():
            if path.startswith(before):
                return after + path.removeprefix(before)
        return path

    def __call__(self, recorded: Forms) -> dict[str, str]:
        """Return the forms that are answered for recorded ones."""
        forms = self.places(recorded)
        for change in self.changes:
            forms = change(forms)
        return forms


DEVIATIONS = (
    Deviation(
        title="A customer has the seed's 26 keys",
        exchanges=EVERYWHERE,
        changes=(
            Change("*customer.reversals_uri", '"…"', None),
            Change("*customer._uris.reversals_uri.*", '"…"', None),
        ),
        because="Reversals came in July; the seed's customers have no link to them. The route answers all the same.",
        decided_by="the seed; decisions.md, One party, two faces",
    ),
    Deviation(
        title="A customer's links are the account's",
        exchanges=EVERYWHERE,
        changes=(Change("*customer.*_uri", '"/v1/customers/<CU>/…"', '"/v1/marketplaces/<MP>/accounts/<CU>/…"'),),
        because="The seed's links of a customer, source_uri and destination_uri too, are under the account; "
        "what was recorded in November resolves as well.",
        decided_by="the seed; decisions.md, One party, two faces",
    ),
    Deviation(
        title="What is born an account has an AC id",
        exchanges=("account_*", "card_list", "event_*"),
        changes=(Change("*", "…<CU>…", "…<AC>…"),),
        because="By November every party's id began with CU, however it was made.",
        decided_by="the seed's list; decisions.md, One party, two faces",
        seen=(
            Seen("account_create", "account.id", '"<AC>"'),
            Seen("account_create", "account.cards_uri", '"/v1/marketplaces/<MP>/accounts/<AC>/cards"'),
            Seen("event_show", "event.entity.id", '"<AC>"'),
        ),
    ),
    Deviation(
        title="The account of a business has the name of the business",
        exchanges=("account_underwrite_business",),
        changes=(Change("account.name", '"Timmy Q. CopyPasta"', '"Skripts4Kids"'),),
        because="By November it had the name of the principal.",
        decided_by="entities.md §8.4 and §13, no. 12",
        seen=(Seen("account_underwrite_business", "account.name", '"Skripts4Kids"'),),
    ),
    Deviation(
        title="The fingerprint of a bank account shows what becomes of its credits",
        exchanges=EVERYWHERE,
        changes=(Change("*.fingerprint", '"<64 hex>"', '"<base62>_pn"'),),
        because="In October the fingerprints of kept bank accounts became plain digests of the number; those of "
        "described ones stayed as they were.",
        decided_by="entities.md §10.5 and §13, no. 10",
        seen=(Seen("bank_account_create", "bank_account.fingerprint", '"<base62>_pn"'),),
    ),
    Deviation(
        title="A credit to a kept bank account with a test number for pending is pending",
        exchanges=(
            "credit_bank_account_list",
            "credit_create_existing_bank_account",
            "credit_list",
            "credit_customer_list",
            "customer_credit",
        ),
        changes=(
            Change("*.status", '"paid"', '"pending"'),
            Change("*.state", '"cleared"', '"pending"'),
            Change("*.available_at", '"<moment>"', "null"),
        ),
        because="The test numbers are documented; the same number was paid for a kept bank account in November, and "
        "pending for a described one, as if the new fingerprints had lost what the number means.",
        decided_by="decisions.md, The rest; money.md §14.3 and §18, A-5",
        seen=(
            Seen("credit_create_existing_bank_account", "credit.status", '"pending"'),
            Seen("credit_account_merchant_create", "credit.state", '"pending"'),
            Seen("credit_account_merchant_create", "credit.available_at", "null"),
        ),
    ),
    Deviation(
        title="A verification is pending until it is confirmed",
        exchanges=("bank_account_verification_create", "bank_account_verification_show"),
        changes=(Change("bank_account_authentication.state", '"deposit_succeeded"', '"pending"'),),
        because="The documented states are pending, verified and failed; clients poll for nothing else.",
        decided_by="decisions.md, The rest; entities.md §13, no. 9",
        seen=(
            Seen("bank_account_verification_create", "bank_account_authentication.state", '"pending"'),
            Seen("bank_account_verification_show", "bank_account_authentication.state", '"pending"'),
        ),
    ),
    Deviation(
        title="Invalidating a card answers the whole card",
        exchanges=("card_invalidate",),
        changes=(
            Change("card.account", None, "null"),
            Change("card.country_code", None, "null"),
            Change("card.created_at", None, '"<moment>"'),
            Change("card.customer", None, "null"),
            Change("card.id", None, '"<CC>"'),
            Change("card.is_valid", None, "false"),
            Change("card.is_verified", None, "true"),
            Change("card.postal_code", None, "null"),
            Change("card.postal_code_check", None, '"unknown"'),
            Change("card.security_code_check", None, '"passed"'),
            Change("card.street_address", None, "null"),
            Change("card.uri", None, '"/v1/marketplaces/<MP>/cards/<CC>"'),
        ),
        because="From July to November the answer lacked even the id.",
        decided_by="decisions.md, The rest; entities.md §9.8",
        seen=(
            Seen("card_invalidate", "card.is_valid", "false"),
            Seen("card_invalidate", "card.id", '"<CC>"'),
            Seen("card_invalidate", "card.uri", '"/v1/marketplaces/<MP>/cards/<CC>"'),
            Seen("card_invalidate", "card.account", "null"),
        ),
    ),
    Deviation(
        title="The type of the owner's bank account is in lower case",
        exchanges=("event_*",),
        changes=(Change("*.entity.type", '"CHECKING"', '"checking"'),),
        because="From August to November it was echoed as it had been typed in.",
        decided_by="entities.md §6.2 and §10.2",
        seen=(Seen("bank_account_list", "page.items.1.type", '"checking"'),),
    ),
    Deviation(
        title="Events are listed in the order they happened",
        exchanges=("event_list",),
        moves={"page.items.0": "page.items.1", "page.items.1": "page.items.0"},
        because="The two recorded ones stand the other way round, a quarter of a second apart; nothing explains it.",
        decided_by="money.md §4.4 and §11.4",
        seen=(Seen("event_list", "page.items.0.type", '"account.created"'),),
    ),
)
"""All of them."""


def applied(exchange: str, recorded: Forms) -> dict[str, str]:
    """Return the forms that are answered where these were recorded."""
    forms = dict(recorded)
    for deviation in DEVIATIONS:
        if deviation.concerns(exchange):
            forms = deviation(forms)
    return forms


def places(exchange: str, leaves: Mapping[str, V]) -> dict[str, V]:
    """Return recorded leaves by the paths they have in what is answered."""
    for deviation in DEVIATIONS:
        if deviation.concerns(exchange):
            leaves = deviation.places(leaves)
    return dict(leaves)


def page() -> str:
    """Return the table as Markdown."""
    return "\n".join([_HEAD, *(line for deviation in DEVIATIONS for line in _section(deviation))])


_HEAD = f"""\
# Where the sandbox answers otherwise than the recordings

<!-- Written by `{COMMAND}` from tests/conformance/deviations.py. -->

Every exchange recorded of the real service on {LATE} is asked again by `tests/conformance/test_recordings.py`, and
answered the same way, but for what is listed here. Ids stand as `<CU>`, moments as `<moment>`; `*` is any part of a
path, `…` any part of a value.
"""


def _section(deviation: Deviation) -> Iterator[str]:
    yield f"## {deviation.title}\n"
    yield f"{deviation.because}\n"
    yield f"- Decided by: {deviation.decided_by}."
    yield "- Wherever it is shown." if deviation.exchanges == EVERYWHERE else f"- In {_listed(deviation.exchanges)}."
    if deviation.seen:
        seen = "; ".join(f"{_code(one.path)} {_code(one.form)} in {_code(one.exchange)}" for one in deviation.seen)
        yield f"- The same was recorded in the seed's week, on {SEED_WEEK}: {seen}."
    yield "\n| path | recorded | answered |\n| --- | --- | --- |"
    for change in deviation.changes:
        yield f"| {_code(change.path)} | {_code(change.recorded)} | {_code(change.answered)} |"
    for before, after in (deviation.moves or {}).items():
        yield f"| {_code(before)} | | stands at {_code(after)} |"
    yield ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(_code, names))


def _code(text: str | None) -> str:
    return "nothing" if text is None else "any" if text == "*" else f"`{text}`"


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.escape(template).replace("…", "(.*)"))


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
