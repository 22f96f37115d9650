"""An S3 server: Ceph's RADOS gateway with one monitor and one store in memory, from Debian's archive."""

from __future__ import annotations

import json
import os
import platform
import secrets
import signal
import sys
import uuid
from pathlib import Path

from services.bucket import make_bucket
from services.debian import unpacked
from services.folder import new_folder, remove
from services.process import Child, answers, free_port, run

BUCKET, REGION = "rtfsc", "us-east-1"
_PACKAGES = ("radosgw", "ceph-mon", "ceph-osd")
_WANTED = r"lib|ceph|radosgw|python3-(ceph|rados|prettytable|wcwidth)"

_CONFIGURATION = """
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}]
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_data_avail_warn = 0
mon_data_avail_crit = 0
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
run_dir = {folder}/run
admin_socket = {folder}/run/$name.asok
log_file = {folder}/log/$name.log
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/rgw
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_class_dir = {library}/rados-classes
erasure_code_dir = {library}/ceph/erasure-code
plugin_dir = {library}/ceph
[client.admin]
keyring = {folder}/admin.keyring
[mon]
keyring = {folder}/mon.keyring
auth_allow_insecure_global_id_reclaim = false
[client.rgw]
keyring = {folder}/rgw.keyring
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw_dynamic_resharding = false
rgw_enable_apis = s3
rgw_run_sync_thread = false
"""


_ALL = {"mon": "allow *", "osd": "allow *", "mgr": "allow *"}
_KEYS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("mon.keyring", "mon.", {"mon": "allow *"}),
    ("admin.keyring", "client.admin", _ALL),
    ("rgw.keyring", "client.rgw", {"mon": "allow rwx", "osd": "allow rwx"}),
    ("osd/keyring", "osd.0", {}),
)


class Ceph:
    """A cluster of its own in a folder of its own, gone when it is closed. The objects are in memory: they
    outlive the gateway, not the cluster."""

    def __init__(self) -> None:
        self._root = unpacked("ceph", _PACKAGES, _WANTED)
        self.folder = new_folder("s3")
        self.port = free_port()
        self._access_key, self._secret = secrets.token_hex(10), secrets.token_hex(20)
        self._children: dict[str, Child] = {}
        library = self._library = self._root / "usr/lib" / f"{platform.machine()}-linux-gnu"
        self._environment = {
            "PATH": f"{self._root}/usr/bin:{os.environ.get('PATH', os.defpath)}",
            "LD_LIBRARY_PATH": ":".join(
                str(path)
                for path in (
                    self._root / "lib" / library.name, library, library / "ceph", self._root / "usr/lib/ceph"
                )
            ),
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "CEPH_CONF": f"{self.folder}/ceph.conf",
            "LC_ALL": "C",
        }  # fmt: skip
        for name in ("mon", "osd", "run", "log", "rgw"):
            (self.folder / name).mkdir()
        self._fsid = str(uuid.uuid4())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        """With the location of an empty bucket."""
        return {
            "RTFSC_TEST_S3": f"s3://{BUCKET}?endpoint={self.url}",
            "AWS_ACCESS_KEY_ID": self._access_key,
            "AWS_SECRET_ACCESS_KEY": self._secret,
            "AWS_REGION": REGION,
        }

    def start(self) -> None:
        self._configure()
        self._make_keys()
        monitor = ["ceph-mon", "-i", "a"]
        self._run(*monitor, "--mkfs", "--keyring", "mon.keyring", "--monmap", "monmap")
        self._spawn("mon", *monitor)
        osd = str(uuid.uuid4())
        self._add_store(osd)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._spawn("osd", "ceph-osd", "-i", "0")
        self.start_gateway()
        self._run(
            "radosgw-admin", "-n", "client.rgw", "user", "create", "--uid=rtfsc", "--display-name=rtfsc",
            f"--access-key={self._access_key}", f"--secret-key={self._secret}",
        )  # fmt: skip
        make_bucket(self.url, BUCKET, self._access_key, self._secret, REGION)

    def start_gateway(self) -> None:
        self._spawn("rgw", "radosgw", "-n", "client.rgw")
        self._children["rgw"].wait_until(lambda: answers(self.port), 180)

    def stop_gateway(self, how: int = signal.SIGKILL) -> None:
        self._children.pop("rgw").stop(how)

    def close(self) -> None:
        for child in reversed(self._children.values()):
            child.stop(signal.SIGKILL)  # all of it is thrown away
        remove(self.folder)

    def _configure(self) -> None:
        v2, v1 = free_port(), free_port()
        text = _CONFIGURATION.format(
            fsid=self._fsid, mon2=v2, mon1=v1, folder=self.folder, library=self._library, port=self.port
        )
        (self.folder / "ceph.conf").write_text(text)
        address = f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]"
        self._run("monmaptool", "--create", "--addv", "a", address, "--fsid", self._fsid, "monmap")

    def _make_keys(self) -> None:
        for ring, name, rights in _KEYS:
            capabilities = [part for kind, right in rights.items() for part in ("--cap", kind, right)]
            self._run("ceph-authtool", "-C", ring, "--gen-key", "-n", name, *capabilities)
        for ring in ("admin.keyring", "rgw.keyring"):
            self._run("ceph-authtool", "mon.keyring", "--import-keyring", ring)

    def _add_store(self, osd: str) -> None:
        secret = self._run("ceph-authtool", "-p", "-n", "osd.0", "osd/keyring").strip()
        command = json.dumps({"prefix": "osd new", "uuid": osd})
        self._run(
            sys.executable, "-m", "services.rados", str(self.folder / "ceph.conf"), command,
            input=json.dumps({"cephx_secret": secret}),
        )  # fmt: skip

    def _run(self, *command: str, input: str | None = None) -> str:
        return run(command, environment=self._environment, input=input, timeout=600, folder=self.folder)

    def _spawn(self, name: str, *command: str) -> None:
        log = self.folder / "log" / f"{name}.out"
        self._children[name] = Child([*command, "-f"], log, self._environment, self.folder)
