"""Offers models of this machine to others, over HTTP: ``rtfsc serve --arbiter``.

``GET /v1/models`` says which there are, ``POST /v1/infer`` asks one. Nothing is kept here: whether an answer
is of use only the one who asked can say. What is asked and answered is in no log.
"""

from __future__ import annotations

import hmac
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from rtfsc.diagnostics.suggest import meant_or_known
from runtime.obs.events import Emit, span
from runtime.providers.base import ModelProvider, Request, Response
from runtime.providers.errors import Interrupted, ProviderError, TimedOut, UnknownModel
from runtime.providers.registry import ModelRegistry
from runtime.providers.waiting import sound

if TYPE_CHECKING:
    from runtime.providers.arbiter_http import Listener

_STEP = 0.05
_LOOK_SECONDS = 3.0
_LOOKED_FOR = 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """``tokens``: of the tenants, by name; without any, everybody who reaches the server may ask, which is
    refused off this machine. ``offered``: ids of models, None for all that are configured; ``most_bytes``:
    of a request; ``most_seconds``: of an answer; ``most_requests``: at a time, ``per_tenant`` of them by one
    tenant; ``grace``: seconds that requests have to end when the server is stopped."""

    host: str = "127.0.0.1"
    port: int = 8080
    tokens: Mapping[str, str] = field(default_factory=dict)
    offered: Collection[str] | None = None
    certificate: str | None = None
    private_key: str | None = None
    most_bytes: int = 1 << 20
    most_seconds: float = 120.0
    most_requests: int = 32
    per_tenant: int = 16
    grace: float = 10.0


class Unsafe(ValueError):
    """The server would be open to others."""


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class ArbiterServer:
    """Listens from `start` on, in threads of its own, until `stop`. ``log``: told a line per request."""

    def __init__(
        self,
        registry: ModelRegistry,
        settings: Settings | None = None,
        *,
        emit: Emit | None = None,
        log: Callable[[str], None] | None = None,
        metrics: Callable[[], str] | None = None,
    ) -> None:
        """``metrics``: what ``GET /metrics`` says, in Prometheus' format.

        Raises `Unsafe`, `UnknownModel` for an offered model that is not configured."""
        self.settings = settings = settings or Settings()
        if not is_loopback(settings.host) and not settings.tokens:
            raise Unsafe(f"{settings.host} can be reached from elsewhere: that needs tokens")
        self.registry, self.emit, self.log, self.metrics = registry, emit, log, metrics
        ids = registry.ids()
        self.offered = sorted(ids if settings.offered is None else settings.offered)
        for id in self.offered:
            if id not in ids:
                raise UnknownModel(id, f"no model {id!r} is configured", hint=meant_or_known(id, ids))
        self.slots = Slots(settings.most_requests, settings.per_tenant)
        self.answering = Slots(1 << 30, 1 << 30)
        self.stopping = False
        self._looking = threading.Lock()
        self._looked: tuple[float, list[bool]] | None = None
        self._http: Listener | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises OSError where the address is taken, or a certificate cannot be read."""
        from runtime.providers.arbiter_http import Listener

        self._http = Listener(self)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_STEP,), name="rtfsc arbiter", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        assert self._http is not None
        scheme = "https" if self.settings.certificate else "http"
        host = self.settings.host
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self._http.server_address[1]}"

    def stop(self) -> bool:
        """No new requests; those that run have `Settings.grace` seconds. Whether all ended."""
        http, self._http = self._http, None
        if http is None:
            return True
        self.stopping = True
        http.shutdown()
        end = time.monotonic() + self.settings.grace
        ended = self.slots.wait(self.settings.grace)
        ended = self.answering.wait(max(1.0, end - time.monotonic())) and ended
        http.server_close()
        assert self._thread is not None
        self._thread.join()
        return ended

    # -- what handlers need

    def tenant_of(self, header: str | None) -> str | None:
        """None: not admitted. All tokens are compared, so that time tells nothing."""
        if not self.settings.tokens:
            return ""
        given = (header or "").removeprefix("Bearer ").encode()
        found = None
        for tenant, token in self.settings.tokens.items():
            if hmac.compare_digest(given, token.encode()):
                found = tenant
        return found

    def models(self) -> list[dict[str, Any]]:
        """What is offered, in the words of the protocol. All are looked at at once, and whoever takes long to
        say how it is counts as not ready; what was found out is said for a moment."""
        from concurrent.futures import ThreadPoolExecutor, wait

        with self._looking:
            if self._looked is None or time.monotonic() - self._looked[0] > _LOOKED_FOR:
                pool = ThreadPoolExecutor(max(1, len(self.offered)), "rtfsc arbiter health")
                healths = [pool.submit(self._healthy, id) for id in self.offered]
                wait(healths, _LOOK_SECONDS)
                pool.shutdown(wait=False, cancel_futures=True)
                found = [h.done() and not h.cancelled() and h.result() for h in healths]
                self._looked = (time.monotonic(), found)
            return [self._description(id, ok) for id, ok in zip(self.offered, self._looked[1], strict=True)]

    def _healthy(self, id: str) -> bool:
        try:
            return self.registry.get(id).health().ok
        except Exception:  # also of a provider of somebody else
            return False

    def _description(self, id: str, ok: bool) -> dict[str, Any]:
        """What is wrong is for those who look after this server."""
        try:
            model = self.registry.get(id)
            revision, able = str(model.revision), sorted(map(str, model.capabilities()))
        except Exception:  # also of a provider of somebody else: the others are offered all the same
            ok, revision, able = False, "", []
        detail = "ready" if ok else "not ready"
        return {"id": id, "revision": revision, "capabilities": able, "ok": ok, "detail": detail}

    def provider(self, id: str) -> ModelProvider:
        if id not in self.offered:
            raise UnknownModel(id, "no such model is offered here")
        return self.registry.get(id)


class Slots:
    """How many requests run, in all and by tenant."""

    def __init__(self, most: int, per_tenant: int) -> None:
        self._most, self._per_tenant = most, per_tenant
        self._taken: dict[str, int] = {}
        self._changed = threading.Condition()

    def take(self, tenant: str) -> bool:
        with self._changed:
            mine = self._taken.get(tenant, 0)
            if mine >= self._per_tenant or sum(self._taken.values()) >= self._most:
                return False
            self._taken[tenant] = mine + 1
            return True

    def give_back(self, tenant: str) -> None:
        with self._changed:
            self._taken[tenant] -= 1
            if not self._taken[tenant]:
                del self._taken[tenant]
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Until none is taken."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._taken, seconds)


class Inference:
    """One request to a model, in a thread of its own: so it can be left behind when its time is up, or nobody
    listens any more. ``done`` is told when the model has let go."""

    def __init__(
        self,
        model: ModelProvider,
        request: Request,
        *,
        stream: bool,
        done: Callable[[], None],
        emit: Emit | None = None,
    ) -> None:
        self._stream = stream
        self._events: queue.Queue[str | Response | ProviderError] = queue.Queue(1024)
        self._left = threading.Event()
        self._model, self._request, self._done, self._emit = model, request, done, emit
        threading.Thread(target=self._run, name=f"rtfsc arbiter {model.id}", daemon=True).start()

    def next(self, seconds: float) -> str | Response | ProviderError:
        """A piece of the answer, the whole of it at the end, or what went wrong."""
        with suppress(queue.Empty):
            if seconds > 0:  # also where a model says more than can be read in time
                return self._events.get(timeout=seconds)
        self.leave()
        return TimedOut(self._model.id, f"no answer within {self._request.timeout:g} s")

    def leave(self) -> None:
        self._left.set()

    def _run(self) -> None:
        try:
            event = self._answer()
        finally:
            self._done()  # first: who has the answer may ask again at once
        self._put(event)

    def _answer(self) -> Response | ProviderError:
        try:
            with span(self._emit, "model.asked", "model.failed", model=self._model.id) as told:
                answer = self._model.infer(self._request, self._put if self._stream else None)
                response = sound(answer, self._model.id)
                told.update(
                    stop_reason=response.stop_reason, input_tokens=response.input_tokens,
                    output_tokens=response.output_tokens, cost=self._model.cost_per_call(),
                )  # fmt: skip
            return response
        except ProviderError as error:
            return error
        except Exception as error:  # a provider of somebody else
            return Interrupted(self._model.id, f"the model failed ({type(error).__name__})")

    def _put(self, event: str | Response | ProviderError) -> None:
        while not self._left.is_set():
            try:
                self._events.put(event, timeout=_STEP)
                return
            except queue.Full:
                continue
        if isinstance(event, str):
            raise Interrupted(self._model.id, "nobody listens any more")
