"""Which files go along."""

from pathlib import Path

from optiq_quant.companions import companions


def test_what_belongs_to_the_weights_or_is_written_anew_stays(tmp_path: Path) -> None:
    names = {
        *("tokenizer.json", "tokenizer_config.json", "vocab.txt", "tokenizer.model", "chat_template.jinja"),
        *("generation_config.json", "LICENSE", "USAGE_POLICY"),
    }
    others = {
        *("config.json", "README.md", "optiq.json", "model.safetensors", "model.safetensors.index.json"),
        *(
            "pytorch_model.bin.index.json",
            "pytorch_model.bin",
            "hf_quant_config.json",
            "weights.gguf",
            "manifest.json",
            "adapter_config.json",
        ),
    }
    for name in names | others:
        (tmp_path / name).touch()
    (tmp_path / "tokenizer.json.jinja").mkdir()

    assert [path.name for path in companions(tmp_path)] == sorted(names)
