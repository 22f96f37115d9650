"""What models have cost, per tenant, and the end of it."""

from __future__ import annotations

import threading

from runtime.providers.errors import Refused


class OverBudget(Refused):
    """The budget of a tenant does not allow another call of this model."""

    kind = "budget"


class Spending:
    """Sums since it was made, in the currency of the models' ``cost``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, float] = {}

    def spend(self, tenant: str, model: str, cost: float, budget: float) -> None:
        """Before a model is asked. Raises `OverBudget` where this would be more than the tenant has."""
        if not cost:
            return
        with self._lock:
            spent = self._spent.get(tenant, 0.0)
            if spent + cost > budget:
                hint = "a larger budget in [defaults]"
                raise OverBudget(model, f"{spent:g} of the budget of {budget:g} is spent", hint=hint)
            self._spent[tenant] = spent + cost

    def spent(self) -> dict[str, float]:
        """By tenant."""
        with self._lock:
            return dict(self._spent)
