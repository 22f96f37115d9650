"""What models have cost, per tenant, and the end of it."""

from __future__ import annotations

import math
import threading
from fractions import Fraction

from runtime.providers.errors import Refused


class OverBudget(Refused):
    """The budget of a tenant does not allow another call of this model."""

    kind = "budget"


class Spending:
    """Sums since it was made, in the currency of the models' ``cost``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spent: dict[str, Fraction] = {}

    def spend(self, tenant: str, model: str, cost: float, budget: float) -> None:
        """Before a model is asked. Raises `OverBudget` where this would be more than the tenant has."""
        if not cost:
            return
        with self._lock:
            spent = self._spent.get(tenant, Fraction())
            after = spent + _exact(cost)
            if math.isfinite(budget) and after > _exact(budget):
                hint = "a larger budget in [defaults]"
                raise OverBudget(model, f"{float(spent):g} of the budget of {budget:g} is spent", hint=hint)
            self._spent[tenant] = after

    def spent(self) -> dict[str, float]:
        """By tenant."""
        with self._lock:
            return {tenant: float(spent) for tenant, spent in self._spent.items()}


def _exact(amount: float) -> Fraction:
    """The decimal number that somebody wrote: three calls for 0.1 cost 0.3."""
    return Fraction(repr(amount)) if math.isfinite(amount) else Fraction(10**30)
