"""What a failing test looks like: pytest broken_till.py"""

from till import Till


def test_a_sale_without_an_amount(balanced_sandbox):
    till = Till(balanced_sandbox.url, balanced_sandbox.api_key)
    alice = till.sign_up("Alice", "4111111111111111")

    till.sell(alice, -1)
