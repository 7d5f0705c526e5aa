"""Filters and sort of the lists, over HTTP: every operator of every type, and what is no question at all."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import clock, queries
from sandbox.errors import Invalid
from tests.api import Api
from tests.conftest import Wall

CARD = {"card_number": "4111111111111111", "expiration_month": 12, "expiration_year": 2020}

PEOPLE: list[dict[str, Any]] = [
    {"name": "Abe", "email_address": "abe@example.org", "meta": {"rank": "2", "color": "red"}},
    {"name": "Bob", "email_address": "bob@example.com", "meta": {"rank": "10"}, "card": CARD},
    {"name": "Cid", "email_address": None, "meta": {"color": "blue", "a.b": "dotted"}},
]
"""Accounts created on the 7th, 8th and 9th of May 2013; the owner's is of the 6th."""


@pytest.fixture(autouse=True)
async def people(api: Api, wall: Wall) -> list[Any]:
    """Return the accounts there are besides the owner's."""
    created = []
    for person in PEOPLE:
        wall.moment += clock.DAY
        answer = await api.post(f"{api.marketplace}/accounts", person)
        assert answer.status == 201, answer.raw
        created.append(answer.body)
    return created


async def asked(api: Api, plural: str, query: str) -> Any:
    """Return the page a query string gives, with everything but its separators percent-encoded."""
    answer = await api.get(f"{api.marketplace}/{plural}?{quote(query, safe='=&')}")
    assert answer.status == 200, answer.raw
    return answer.body


async def names(api: Api, query: str, plural: str = "accounts") -> list[str]:
    """Return the names of the accounts a query string finds."""
    found = [account["name"] for account in (await asked(api, plural, query))["items"]]
    return [name for name in found if name != "William Henry Cavendish III"]


async def refused(api: Api, query: str, plural: str = "accounts") -> tuple[int, str, str, str]:
    """Return why a query string is refused."""
    return (await api.get(f"{api.marketplace}/{plural}?{quote(query, safe='=&')}")).refusal


# Filters


@pytest.mark.parametrize(
    ("query", "found"),
    [
        # text, "=" by default
        ("email_address=abe@example.org", ["Abe"]),
        ("email=abe@example.org", ["Abe"]),
        ("email_address[=]=abe@example.org", ["Abe"]),
        ("email_address=ABE@example.org", []),
        ("email_address[!=]=abe@example.org", ["Bob", "Cid"]),
        ("email_address[startswith]=b", ["Bob"]),
        ("email_address[endswith]=.org", ["Abe"]),
        ("email_address[contains]=@example", ["Abe", "Bob"]),
        ("email_address[!contains]=abe", ["Bob", "Cid"]),
        ("email_address[in]=abe@example.org,bob@example.com", ["Abe", "Bob"]),
        ("email_address[!in]=abe@example.org,bob@example.com", ["Cid"]),
        ("email_address[ilike]=ABE", ["Abe"]),
        ("email_address[!ilike]=ABE", ["Bob", "Cid"]),
        # moments, "=" by default
        ("created_at=2013-05-07T17:18:03.439563Z", ["Abe"]),
        ("created_at[=]=2013-05-07T17:18:03.439563+00:00Z", ["Abe"]),
        ("created_at[!=]=2013-05-07T17:18:03.439563Z", ["Bob", "Cid"]),
        ("created_at[<]=2013-05-08T17:18:03.439563Z", ["Abe"]),
        ("created_at[<=]=2013-05-08T17:18:03.439563Z", ["Abe", "Bob"]),
        ("created_at[>]=2013-05-08T17:18:03.439563Z", ["Cid"]),
        ("created_at[>=]=2013-05-08T19:18:03.439563+02:00", ["Bob", "Cid"]),
        ("created_at[>]=2013-05-08", ["Bob", "Cid"]),
        # meta, a key by default
        ("meta=color", ["Abe", "Cid"]),
        ("meta[contains]=color", ["Abe", "Cid"]),
        ("meta[!contains]=color", ["Bob"]),
        # an entry of meta, text
        ("meta.color=red", ["Abe"]),
        ("meta.color[!=]=red", ["Bob", "Cid"]),
        ("meta.color[in]=red,blue", ["Abe", "Cid"]),
        ("meta.rank=10", ["Bob"]),
        ("meta.a.b=dotted", ["Cid"]),
        ("meta.no_such_key=1", []),
        # lists, a member by default
        ("roles=buyer", ["Bob"]),
        ("roles[contains]=buyer", ["Bob"]),
        ("roles[!contains]=buyer", ["Abe", "Cid"]),
        ("roles[in]=buyer,merchant", ["Bob"]),
        ("roles[!in]=buyer,merchant", ["Abe", "Cid"]),
        # together
        ("meta=color&email_address[endswith]=.org", ["Abe"]),
        ("created_at[>]=2013-05-07&created_at[<]=2013-05-08", ["Abe"]),
        # what is no filter of this list
        ("is_active=true", ["Abe", "Bob", "Cid"]),
        ("name=Abe", ["Abe", "Bob", "Cid"]),
        ("email_address.key=Abe", ["Abe", "Bob", "Cid"]),
        ("email_address[]=Abe", ["Abe", "Bob", "Cid"]),
        ("[=]=Abe", ["Abe", "Bob", "Cid"]),
    ],
)
async def test_a_list_is_filtered(api: Api, query: str, found: list[str]) -> None:
    assert await names(api, query) == found


async def test_the_older_face_is_found_by_the_newer_ones_name_only(api: Api) -> None:
    by_customer = await api.get("/v1/customers?email=abe@example.org")
    ignored = await api.get("/v1/customers?email_address=abe@example.org")

    assert [one["name"] for one in by_customer.body["items"]] == ["Abe"]
    assert ignored.body["total"] == 6


@pytest.mark.parametrize(
    ("spelled", "valid"), [("True", True), ("1", True), ("true", True), ("False", False), ("0", False)]
)
@pytest.mark.parametrize("plural", ["cards", "bank_accounts"])
async def test_a_flag_is_read_in_every_spelling_of_the_clients(
    api: Api, plural: str, spelled: str, valid: bool
) -> None:
    items = (await asked(api, plural, ""))["items"]
    await api.put(items[0]["uri"], {"is_valid": False})
    after = (await asked(api, plural, ""))["items"]

    page, others = await asked(api, plural, f"is_valid={spelled}"), await asked(api, plural, f"is_valid[!=]={spelled}")

    assert page["items"] == [one for one in after if one["is_valid"] is valid]
    assert others["items"] == [one for one in after if one["is_valid"] is not valid]


async def test_a_card_is_found_by_its_hash(api: Api) -> None:
    (token,) = (await asked(api, "cards", ""))["items"]

    assert (await asked(api, "cards", f"hash={token['hash']}"))["total"] == 1
    assert (await asked(api, "cards", f"hash[!=]={token['hash']}"))["total"] == 0


@pytest.mark.parametrize(
    ("amount", "found"),
    [
        ("amount=2000", [2000]),
        ("amount[!=]=2000", [1000, 3000]),
        ("amount[<]=2000", [1000]),
        ("amount[<=]=2000", [1000, 2000]),
        ("amount[>]=2000", [3000]),
        ("amount[>=]=2000", [2000, 3000]),
        ("amount[in]=1000,3000", [1000, 3000]),
        ("amount[!in]=1000,3000", [2000]),
    ],
)
async def test_numbers_are_compared_as_numbers(api: Api, people: list[Any], amount: str, found: list[int]) -> None:
    for cents in (3000, 1000, 2000):
        await api.post(people[1]["holds_uri"], {"amount": cents})

    page = await asked(api, "holds", f"{amount}&sort=amount,asc")

    assert [hold["amount"] for hold in page["items"]] == found


@pytest.mark.parametrize(
    ("path", "total"),
    [
        ("/v1/marketplaces?name=Test Marketplace", 1),
        ("/v1/marketplaces?name=Another", 0),
        ("/v1/marketplaces?meta=key", 0),
        ("/v1/marketplaces?sort=name,desc", 1),
        ("/v1/merchants?email_address=whc@example.org&sort=email_address,asc", 1),
        ("/v1/merchants?name[startswith]=Henry", 0),
        ("/v1/api_keys?meta=key", 0),
        ("/v1/api_keys?created_at[<]=2013-05-07&sort=created_at,desc", 1),
        ("/v1/callbacks?created_at[<]=2013-05-07&sort=created_at,desc", 0),
        ("/v1/customers?email[endswith]=poundpay.com&sort=email,asc", 2),
    ],
)
async def test_every_list_has_its_filters(api: Api, path: str, total: int) -> None:
    answer = await api.get(path)

    assert (answer.status, answer.body["total"]) == (200, total)


# Sort


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Abe", "Bob", "Cid"]),
        ("sort=created_at,asc", ["Abe", "Bob", "Cid"]),
        ("sort=created_at,desc", ["Cid", "Bob", "Abe"]),
        ("sort=created_at", ["Abe", "Bob", "Cid"]),
        ("sort=email_address,asc", ["Cid", "Abe", "Bob"]),
        ("sort=email,desc", ["Bob", "Abe", "Cid"]),
        ("sort=created_at,desc&meta=color", ["Cid", "Abe"]),
    ],
)
async def test_a_list_is_sorted(api: Api, query: str, found: list[str]) -> None:
    assert await names(api, query) == found


async def test_sorts_apply_one_after_the_other(api: Api) -> None:
    for month in (5, 4):
        for _ in range(2):
            await api.post(f"{api.marketplace}/cards", CARD | {"expiration_month": month})

    by_hash = await asked(api, "cards", "sort=hash,asc&sort=created_at,desc&limit=100")
    reverse = await asked(api, "cards", "sort=hash,desc&sort=created_at,asc&limit=100")

    hashes = [one["hash"] for one in by_hash["items"]]
    assert hashes == sorted(hashes)
    assert [one["hash"] for one in reverse["items"]] == sorted(hashes, reverse=True)
    assert len(set(hashes)) == 3


# Pages


async def test_what_was_asked_stays_in_every_link_and_can_be_followed(api: Api) -> None:
    query = "meta=color&created_at[>]=2013-05-07&sort=created_at,desc&limit=1"

    page = await asked(api, "accounts", query)

    kept = "meta=color&created_at%5B%3E%5D=2013-05-07&sort=created_at%2Cdesc"
    assert page["uri"] == f"{api.marketplace}/accounts?{kept}&limit=1&offset=0"
    assert page["last_uri"] == page["next_uri"] == f"{api.marketplace}/accounts?{kept}&limit=1&offset=1"
    assert (page["total"], page["items"][0]["name"]) == (2, "Cid")
    following = (await api.get(page["next_uri"])).body
    assert (following["items"][0]["name"], following["next_uri"]) == ("Abe", None)
    assert following["previous_uri"] == page["first_uri"] == page["uri"]


async def test_the_total_is_of_what_was_found(api: Api) -> None:
    page = await asked(api, "accounts", "meta=color&limit=1&offset=5")

    assert (page["total"], page["items"], page["next_uri"]) == (2, [], None)


async def test_an_operator_that_was_not_encoded_is_read_all_the_same(api: Api) -> None:
    answer = await api.get(f"{api.marketplace}/accounts?email_address[!=]=abe@example.org&created_at[>=]=2013-05-07")

    assert [one["name"] for one in answer.body["items"]] == ["Bob", "Cid"]


# Refusals


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("sort=shoe_size,asc", 'Unable to sort on unknown field "shoe_size"'),
        ("sort=name,asc", 'Unable to sort on unknown field "name"'),
        ("sort=meta,asc", 'Unable to sort on unknown field "meta"'),
        ("sort=", 'Unable to sort on unknown field ""'),
        ("sort=created_at,up", 'Invalid field [sort] - "up" must be one of asc, desc'),
        ("created_at=noon", 'Invalid field [created_at] - "noon" is not an ISO 8601 date or time'),
        ("created_at[>]=", 'Invalid field [created_at[>]] - "" is not an ISO 8601 date or time'),
        (
            "created_at[contains]=2013",
            'Invalid field [created_at[contains]] - "contains" must be one of = != < <= > >=',
        ),
        ("created_at[in]=2013-05-07", 'Invalid field [created_at[in]] - "in" must be one of = != < <= > >='),
        ("meta[=]=color", 'Invalid field [meta[=]] - "=" must be one of contains !contains'),
        ("roles[=]=buyer", 'Invalid field [roles[=]] - "=" must be one of contains !contains in !in'),
        (
            "email_address[>]=a",
            'Invalid field [email_address[>]] - ">" must be one of = != startswith endswith contains !contains in !in '
            "ilike !ilike",
        ),
        ("limit=0", 'Invalid field [limit] - "0" must be >= 1'),
        ("offset=-1", 'Invalid field [offset] - "-1" must be >= 0'),
    ],
)
async def test_a_question_that_cannot_be_answered_is_refused(api: Api, query: str, sentence: str) -> None:
    assert await refused(api, query) == (400, "request", "request", sentence)


@pytest.mark.parametrize(
    ("plural", "query", "sentence"),
    [
        ("cards", "is_valid=maybe", 'Invalid field [is_valid] - "maybe" is not a boolean'),
        ("cards", "is_valid[in]=true", 'Invalid field [is_valid[in]] - "in" must be one of = !='),
        ("cards", "sort=is_valid,asc", 'Unable to sort on unknown field "is_valid"'),
        ("bank_accounts", "sort=name,asc", 'Unable to sort on unknown field "name"'),
        ("holds", "amount=52.12", 'Invalid field [amount] - "52.12" is not an integer'),
        ("holds", "amount[in]=1,x", 'Invalid field [amount[in]] - "x" is not an integer'),
    ],
)
async def test_every_type_refuses_what_it_is_not(api: Api, plural: str, query: str, sentence: str) -> None:
    assert await refused(api, query, plural) == (400, "request", "request", sentence)


FILTERABLE = {"at": "datetime", "count": "integer", "name": "text", "on": "boolean", "kinds": "list", "meta": "meta"}


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=4))
def test_any_query_string_is_read_or_refused(parameters: list[tuple[str, str]]) -> None:
    try:
        found = queries.read(parameters, FILTERABLE, ("at",))
    except Invalid:
        return
    assert 1 <= found.limit <= queries.MOST


@given(
    st.sampled_from([*FILTERABLE, "meta.key"]),
    st.sampled_from(["", "[=]", "[!=]", "[<]", "[>=]", "[in]", "[!in]", "[contains]", "[ilike]", "[nonsense]"]),
    st.text(max_size=12),
)
def test_a_condition_can_be_asked_of_any_row(field: str, operator: str, value: str) -> None:
    try:
        where = queries.read([(f"{field}{operator}", value)], FILTERABLE, ()).where
    except Invalid:
        return
    full = {
        "at": "2013-05-06T17:18:03.439563Z",
        "count": 5,
        "name": "x",
        "on": True,
        "kinds": ["a"],
        "meta": {"a": "1"},
    }
    assert where is not None
    for row in (full, dict.fromkeys(full) | {"kinds": [], "meta": {}}, {}):
        assert where(row) in (True, False)
