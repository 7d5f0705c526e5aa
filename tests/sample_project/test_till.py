import unittest
import urllib.error

import pytest
from till import Till

GOOD = "4111111111111111"


@pytest.fixture
def till(balanced_sandbox):
    return Till(balanced_sandbox.url, balanced_sandbox.api_key)


def test_a_sale(till, balanced_sandbox):
    alice = till.sign_up("Alice", GOOD)

    assert till.sell(alice, 1500) == "succeeded"
    assert balanced_sandbox.client.get(balanced_sandbox.marketplace_uri)["in_escrow"] == 1500
    balanced_sandbox.verify()


@pytest.mark.parametrize("name", ["Alice", "Bob", "Carol"])
def test_every_test_begins_with_a_world_of_its_own(till, name):
    till.sign_up(name, GOOD)

    assert name in till.customers()
    assert not {"Alice", "Bob", "Carol"} - {name} & set(till.customers())


def test_a_declined_card(till, balanced_sandbox):
    balanced_sandbox.faults.add({"operation": "debits.create"}, {"decline": "card-declined"}, times=1)
    alice = till.sign_up("Alice", GOOD)

    with pytest.raises(urllib.error.HTTPError, match="402"):
        till.sell(alice, 1500)

    assert till.sell(alice, 1500) == "succeeded"


@pytest.mark.balanced_sandbox(fixtures="shop", clock="2013-05-06T17:18:00Z")
def test_the_shop_of_may_2013(till, balanced_sandbox):
    till.sign_up("Alice", GOOD)

    assert "Ishmael" in till.customers()
    assert balanced_sandbox.customers()[0]["created_at"] == "2013-05-06T17:18:00.000000Z"


class TillTest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _open(self, till):
        self.till = till

    def test_a_sale(self):
        self.assertEqual(self.till.sell(self.till.sign_up("Alice", GOOD), 1500), "succeeded")
