"""Values at the boundary between Python and RTFS, the same for both engines.

=================================== ====================================== ====================
Python in                           RTFS                                   Python out
=================================== ====================================== ====================
``None``, ``bool``, 64-bit ``int``, nil, boolean, integer, float, string   the same
``float``, ``str``
`Keyword`, `Symbol`                 keyword, symbol                        the same
``list``, ``tuple`` / `List`        vector / list                          ``list`` / `List`
``dict``                            map, in order                          ``dict``
`HostFunction`                      function                               handle with ``close()``
``uuid.UUID``, `Timestamp`,         uuid, timestamp, resource handle       the same
`Resource`
anything else: TypeError            error                                  `ErrorValue`
=================================== ====================================== ====================
"""

from runtime.values.atoms import HostFunction, Keyword, List, Resource, Symbol, Timestamp
from runtime.values.errors import (
    ArithmeticOverflow,
    ArityError,
    DeadlineExceeded,
    DivisionByZero,
    ErrorValue,
    FuelExhausted,
    HostError,
    IndexOutOfBounds,
    InstanceClosed,
    InvalidArgument,
    LimitExceeded,
    MemoryLimitExceeded,
    OutputLimitExceeded,
    RtfsError,
    RtfsTypeError,
    StackOverflow,
    UndefinedSymbol,
)
from runtime.values.limits import Limits

__all__ = [
    "ArithmeticOverflow",
    "ArityError",
    "DeadlineExceeded",
    "DivisionByZero",
    "ErrorValue",
    "FuelExhausted",
    "HostError",
    "HostFunction",
    "IndexOutOfBounds",
    "InstanceClosed",
    "InvalidArgument",
    "Keyword",
    "LimitExceeded",
    "Limits",
    "List",
    "MemoryLimitExceeded",
    "OutputLimitExceeded",
    "Resource",
    "RtfsError",
    "RtfsTypeError",
    "StackOverflow",
    "Symbol",
    "Timestamp",
    "UndefinedSymbol",
]
