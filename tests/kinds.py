"""Resources of the tests' own, declared in every way there is: the machinery must not know those of the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sandbox import resource as resources
from sandbox.fields import Address, Integer, Meta, Text
from sandbox.records import REMOVED
from sandbox.resource import (
    ABSENT,
    KINDS,
    NOT_CUSTOMERS,
    NOT_ROOT,
    Absent,
    Family,
    Place,
    Record,
    Snapshot,
    as_it_was,
    embeds,
    given,
    hidden,
    kept,
    points_to,
    resource,
)

MARKETPLACE = "/v1/marketplaces/TEST-MP1"

# What is declared here is known only where a test says so, see :func:`declared`.
with patch.dict(resources.KINDS), patch.dict(resources._PREFIXES):

    @resource("sender", plural="senders", prefix="SE", collections=("parcels",), sortable=("name",))
    class Sender(Record):
        """Who sends; its parcels hang from its place under the marketplace."""

        name: str = given(Text(required=True))
        password: str = hidden(default="")

        def home(self, at: Place) -> str:
            """Return the uri that the parcels hang from."""
            return f"{at.marketplace}/senders/{self.id}"

    @resource(
        "parcel",
        plural="parcels",
        prefix="PA",
        listed_under=("sender",),
        filterable={"weight": "integer", "meta": "meta", "insured": "integer"},
        sortable=("weight",),
        emits="parcel",
    )
    class Parcel(Record):
        """What is sent; ``weight`` is grams."""

        weight: int = given(Integer(required=True, least=1))
        meta: Mapping[str, str] = given(Meta(), default_factory=dict)
        address: Mapping[str, str] | Absent | None = given(Address(parts=("line1",)), default=ABSENT)
        insured: int | None = given(Integer(), default=None, key="insured_for")
        is_lost: bool = False
        stamps: int = kept(default=1, views=NOT_ROOT)
        sender: str | Mapping[str, str] | None = embeds("sender", default=None)
        payer: str | None = embeds("customer", default=None, account=NOT_CUSTOMERS, account_listed_as="customer")
        back_to: str | None = points_to("sender", default=None)
        next: str | None = points_to(default=None, listed=False, through=Family.MARKETPLACE)
        shelf: str | None = hidden(default=None)

        def uri(self, at: Place) -> str:
            """Return the uri in the family it is reached through."""
            return f"/v1/parcels/{self.id}" if at.family is Family.ROOT else f"{at.marketplace}/parcels/{self.id}"

    @resource("letter", plural="letters", prefix="LE", table="parcels", wire_type="mail", newest_first=False)
    class Letter(Record):
        """The other face of a parcel."""

        weight: int
        text: str | None = given(Text(), default=None, key="shelf")

        def more(self, at: Place) -> Mapping[str, Any]:
            """Return what follows from the weight."""
            return {"is_heavy": self.weight > 20}

    @resource("receipt", plural="receipts", prefix="RE")
    class Receipt(Record):
        """A parcel as it was."""

        parcel: Snapshot = as_it_was()
        amount: int = 0


DECLARED: Mapping[str, type[Record]] = {one.shape.kind: one for one in (Sender, Parcel, Letter, Receipt)}

TABLES: Mapping[str, tuple[str, ...]] = {
    "senders": (),
    "parcels": ("sender",),
    "receipts": (),
    "customers": (),
    "marketplaces": (),
    REMOVED: (),
}
"""The tables these resources need."""


@contextmanager
def declared() -> Iterator[None]:
    """Have these resources known for as long as this lasts."""
    prefixes = {one.shape.prefix: kind for kind, one in DECLARED.items()}
    with patch.dict(KINDS, DECLARED), patch.dict(resources._PREFIXES, prefixes):
        yield
