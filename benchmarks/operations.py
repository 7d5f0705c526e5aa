"""What clients ask for over and over, what it is held against, and how near to that it has to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.served import Mode

GROWTH = 0.10
"""How much slower an operation may get from the smallest world to the largest."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of the API, and the answer of the bare application that it is compared with."""

    name: str
    method: str
    size: int
    """Of the answer, in bytes, about."""
    status: int = 200
    targets: Mapping[Mode, float] = field(default_factory=dict)
    """The least share of the bare application's requests a second."""

    @property
    def changes(self) -> bool:
        """Whether it leaves the world another one."""
        return self.method != "GET"


_READ: Mapping[Mode, float] = {"memory": 0.75, "os": 0.75, "always": 0.75}
_PAGE: Mapping[Mode, float] = {"memory": 0.65, "os": 0.65, "always": 0.65}
_WRITE: Mapping[Mode, float] = {"memory": 0.50, "os": 0.50, "always": 0.35}

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("get", "GET", 1900, targets=_READ),
        Operation("page", "GET", 18_000, targets=_PAGE),
        Operation("filter", "GET", 2400),
        Operation("verify", "GET", 30),
        Operation("update", "PUT", 1900, targets=_WRITE),
        Operation("create", "POST", 1800, 201, targets=_WRITE),
        Operation("debit", "POST", 4000, 201),
    )
}
"""``page`` is a page of ten customers, ``filter`` the customers of an email address, ``verify`` the money of one."""

NUMBER = "<number>"
"""Stands in a body for a number that no other request has: who puts the same twice may change nothing."""

PERSON = {
    "name": "Alice Liddell",
    "email": "alice.liddell@example.com",
    "phone": "(415) 555-0104",
    "business_name": "Three Bears Porridge & Oats",
    "ein": "001234567",
    "dob": "1975-12",
    "ssn_last4": "1843",
    "facebook": "https://facebook.example.com/alice",
    "twitter": "@alice",
    "address": {
        "line1": "12 Note G Street",
        "line2": "Floor 7",
        "city": "Seattle",
        "state": "WA",
        "postal_code": "98101",
        "country_code": "US",
    },
    "meta": {"found us by": "fell into the basement", "orders": NUMBER},
}
"""What is posted and put: every field of a customer, and something new each time."""
