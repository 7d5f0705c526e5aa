import pytest


@pytest.mark.asyncio
async def test_customers_are_signed_up(balanced_sandbox, balanced_sandbox_client):
    async with balanced_sandbox_client.post("/v1/customers", json={"name": "Alice"}) as answer:
        assert answer.status == 201

    assert "Alice" in [customer["name"] for customer in balanced_sandbox.customers()]
