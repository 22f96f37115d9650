"""What programs may do outside: capabilities, who may use them, context, steps, delegation.

Nothing is allowed unless it was granted, see `runtime.host.policy.Policy`.
"""

from runtime.host.capability import Capability, capability
from runtime.host.policy import Policy
from runtime.host.session import Delegation, Event, Host, Session

__all__ = ["Capability", "Delegation", "Event", "Host", "Policy", "Session", "capability"]
