"""Makes a tiny language model in GGUF with random weights: for tests of generation, which it does as fast
and as badly as can be.

    python scripts/models/tiny.py FILE [SEED]      writes FILE (0.3 MB) and says its path

The same seed gives the same bytes. The architecture is "llama"; the vocabulary has a token for each of the
256 bytes, each printable ASCII character, and some words of the language. Its answers are noise, but for
one thing: tokens have frequencies, so that blanks and closing brackets come often and texts come to an end.
Needs gguf and numpy. Source of the names: the GGUF specification.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

WIDTH, HEADS, LAYERS, CONTEXT = 32, 2, 2, 4096
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_WORDS = """
    fn def let loop recur case match when if for try catch map filter reduce count first rest str nil true
    false the answer value name Int \u2581x \u2581( \u25811 )) [x λ é →
"""
_OFTEN = {")": 3.0, "]": 3.0, "}": 3.0, '"': 4.0, "\u2581": 3.0, "(": 1.5, "\n": 0.5}
"""Logits above those of the others."""
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def make(path: Path, seed: int = 1, *, template: bool = True) -> Path:
    """The model; ``template``: with one of how chats are written."""
    import gguf
    import numpy as np

    tokens, kinds = _vocabulary()
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int, scale: float) -> np.ndarray:
        return (random.standard_normal((rows, columns)) * scale).astype(np.float32)

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.partial")
    writer = gguf.GGUFWriter(temporary, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0 if kind != _NORMAL else -float(at) for at, kind in enumerate(kinds)])
    writer.add_token_types(kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    if template:
        writer.add_chat_template(TEMPLATE)
    # The first dimension is the same for all tokens: through it the output has its frequencies.
    embedding, output = matrix(len(tokens), WIDTH, 1.0), matrix(len(tokens), WIDTH, 0.25)
    embedding[:, 0] = 2.0
    output[:, 0] = [_OFTEN.get(token, 0.0) / 1.7 for token in tokens]
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, dtype=np.float32))
    for layer in range(LAYERS):
        for name, rows, columns in (
            ("attn_q", WIDTH, WIDTH), ("attn_k", WIDTH, WIDTH), ("attn_v", WIDTH, WIDTH),
            ("attn_output", WIDTH, WIDTH), ("ffn_gate", 2 * WIDTH, WIDTH), ("ffn_up", 2 * WIDTH, WIDTH),
            ("ffn_down", WIDTH, 2 * WIDTH),
        ):  # fmt: skip
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrix(rows, columns, 0.5))
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(WIDTH, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return temporary.rename(path)


def _vocabulary() -> tuple[list[str], list[int]]:
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL] + [_BYTE] * 256
    plain = ["\u2581", "\n", *(chr(code) for code in range(33, 127)), *_WORDS.split()]
    return tokens + plain, kinds + [_NORMAL] * len(plain)


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
