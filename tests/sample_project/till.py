"""A shop's till, which takes money through Balanced."""

import base64
import json
import urllib.request


class Till:
    def __init__(self, url, api_key):
        self.url = url
        self.authorization = "Basic " + base64.b64encode(f"{api_key}:".encode()).decode()

    def sign_up(self, name, card_number):
        customer = self._ask("POST", "/v1/customers", {"name": name})
        card = {"card_number": card_number, "expiration_month": 12, "expiration_year": 2030}
        self._ask("POST", customer["cards_uri"], card)
        return customer["uri"]

    def sell(self, customer_uri, cents):
        debit = self._ask("POST", f"{customer_uri}/debits", {"amount": cents})
        return debit["status"]

    def customers(self):
        return [customer["name"] for customer in self._ask("GET", "/v1/customers")["items"]]

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", self.authorization)
        request.add_header("Content-Type", "application/json")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data) as answer:
            return json.load(answer)
