"""All layers under many threads, and across a fork."""

from __future__ import annotations

import os
import random
import threading

import pytest
from scripted_model import ScriptedModel, question

from runtime.caches.cold import SqliteCold
from runtime.caches.inference import InferenceCache, decode, encode
from runtime.caches.manager import CacheManager
from runtime.caches.protocol import CacheConfig
from runtime.caches.semantic import SemanticCache
from runtime.caches.shared import Redis, RedisCache
from runtime.caches.vectors_file import FileVectors
from runtime.meaning.embedding import Lexical

WORDINGS = ("Convert amounts from {} to euros", "Transform amounts from {} to euros")
MONEY = [f"currency{number}" for number in range(12)]


@pytest.fixture
def open_manager(tmp_path, redis_url):
    def open_():
        hot = RedisCache(Redis(f"{redis_url}&timeout_ms=60000"), "l2", 60.0, encode, decode)
        l2 = InferenceCache(config=CacheConfig(20), hot=hot, cold=SqliteCold(tmp_path / "answers.sqlite"))
        l3 = SemanticCache(Lexical(), FileVectors(tmp_path / "questions.sqlite", 30))
        return CacheManager(l2=l2, l3=l3)

    return open_


def test_every_answer_is_the_right_one_of_the_right_tenant(open_manager):
    """While others forget, clear, warm and look."""
    managers, failures = [open_manager(), open_manager()], []

    def work(seed):
        chosen = random.Random(seed)
        try:
            for _ in range(60):
                tenant, money = chosen.choice("abc"), chosen.choice(MONEY)
                asked = question(chosen.choice(WORDINGS).format(money))
                manager = chosen.choice(managers)
                model = ScriptedModel(f"{money} of {tenant}")
                assert manager.infer(model, asked, tenant=tenant).text == f"{money} of {tenant}"
                other = chosen.randrange(20)
                if other == 0:
                    manager.forget(model, asked, tenant=tenant)
                elif other == 1:
                    manager.clear(chosen.choice(["", "L2", "L3"]), chosen.choice([None, "a"]))
                elif other == 2:
                    manager.warm(5)
                elif other == 3:
                    manager.stats()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for manager in managers:
        manager.close()
    assert failures == []


def test_after_a_fork_both_go_on(open_manager):
    manager, model = open_manager(), ScriptedModel("one")
    manager.infer(model, question(WORDINGS[0].format("dollars")))
    manager.flush()
    child = os.fork()
    if child == 0:
        right = False
        try:
            right = (
                manager.answer(model, question(WORDINGS[0].format("dollars"))).layer == "L2"
                and manager.answer(model, question(WORDINGS[1].format("dollars"))).layer == "L3"
                and manager.answer(model, question("of the child")).layer == "model"
                and manager.flush()
            )
        finally:
            os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert manager.answer(model, question(WORDINGS[1].format("dollars"))).layer == "L3"
    assert manager.answer(model, question("of the child")).layer == "L2"
    manager.close()
