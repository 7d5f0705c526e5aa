"""The text a movement of money shows on the payer's or the payee's statement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sandbox.fields import Fault, Find, Text, quote
from sandbox.json_schema import SCALARS, Schema, describe

LONGEST = 22
"""Characters a statement text may have."""

_PRINTED = re.compile(r"""[A-Za-z0-9 .<>(){}\[\]+&!$*;\-%_?:#@~='"^\\`|]*""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A text of the characters every statement can print, kept as it was sent (``money.md`` §15)."""

    required: bool = False
    also: tuple[str, ...] = ()

    def read(self, raw: Any, find: Find) -> str:
        text = Text(most=LONGEST).read(raw, find)
        if not _PRINTED.fullmatch(text):
            raise Fault(f"{quote(text)} must hold only characters that can be printed on a statement")
        return text


@describe.register
def _(reader: Statement) -> Schema:
    return {"type": SCALARS, "maxLength": LONGEST, "pattern": f"^{_PRINTED.pattern}$"}


STATEMENT = Statement()
"""Reads ``appears_on_statement_as``; without one it is the marketplace's ``domain_url``."""
