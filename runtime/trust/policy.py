"""What a module must have besides a fitting signature."""

from __future__ import annotations

from typing import Any, NamedTuple

from runtime.trust import strict

PUBLISH, REVIEW, REVOKE = ROLES = ("publish", "review", "revoke")
"""``publish``: signs modules. ``review``: countersigns them. ``revoke``: its revocations of any key and
module count, not only those of itself and of what it signed."""


class Policy(NamedTuple):
    """``signatures``: how many trusted keys must have signed. ``least_inputs``: how many inputs the
    certificate must count. ``engines``: those that it must name. ``roles``: how many of the signatures must
    come from keys in a role. ``logged``: the publication must be on record in the store's log.
    ``modules``: the names that this is about: ``*``, ``a.b``, ``a.*``."""

    signatures: int = 1
    least_inputs: int = 0
    engines: tuple[str, ...] = ()
    roles: tuple[tuple[str, int], ...] = ()
    logged: bool = False
    modules: str = "*"

    def to_json(self) -> dict[str, Any]:
        rule: dict[str, Any] = {
            "signatures": self.signatures,
            "least_inputs": self.least_inputs,
            "engines": list(self.engines),
            "roles": dict(self.roles),
            "logged": self.logged,
        }
        return rule if self.modules == "*" else {"modules": self.modules, **rule}

    @classmethod
    def read(cls, fields: strict.Fields) -> Policy:
        """Fields that are left out have their defaults."""
        modules = fields.text("modules") if fields.has("modules") else "*"
        policy = cls(
            _count(fields, "signatures", 1),
            _count(fields, "least_inputs", 0),
            fields.texts("engines") if fields.has("engines") else (),
            _roles(fields.object("roles")) if fields.has("roles") else (),
            fields.take("logged", bool) if fields.has("logged") else False,
            modules,
        )
        fields.done()
        if not is_pattern(modules):
            raise fields.fault(f"{modules!r} is no pattern of names like '*', 'a.b', 'a.*'", "modules")
        return policy

    def describe(self) -> str:
        """For people."""
        parts = [f"at least {self.signatures} signature{'s' if self.signatures > 1 else ''}"]
        parts += [f"{count} of them in role {role}" for role, count in self.roles]
        parts += [f"certified on {self.least_inputs} inputs"] if self.least_inputs else []
        parts += [f"certified on {' and '.join(self.engines)}"] if self.engines else []
        parts += ["on record in the log"] if self.logged else []
        return ", ".join(parts)


def covers(pattern: str, module: str) -> bool:
    """``*`` is every name, ``a.b`` that name, ``a.*`` every name below ``a``."""
    if pattern == "*" or pattern == module:
        return True
    return pattern.endswith(".*") and module.startswith(pattern[:-1])


def is_pattern(text: str) -> bool:
    """Whether the text can cover anything: a star stands alone or after the last dot."""
    return bool(text) and (text == "*" or "*" not in text.removesuffix(".*")) and text != ".*"


def _count(fields: strict.Fields, name: str, least: int) -> int:
    if not fields.has(name):
        return least
    value = fields.take(name, int)
    if value < least:
        raise fields.fault(f"{name} is out of range: {value}, the least is {least}", name)
    return value


def _roles(fields: strict.Fields) -> tuple[tuple[str, int], ...]:
    roles = tuple((role, _count(fields, role, 1)) for role in ROLES if fields.has(role))
    fields.done()
    return roles
