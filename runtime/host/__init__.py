"""What programs may do outside: capabilities, who may use them, context, steps, delegation.

Nothing is allowed unless it was granted, see `runtime.host.policy.Policy`. This file imports nothing: most
programs never ask their host for anything.
"""
