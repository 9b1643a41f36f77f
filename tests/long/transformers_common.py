"""Run the transformers library's own common tests of models and configurations on the i3 classes.

    python tests/long/transformers_common.py SOURCE

SOURCE is the unpacked source archive of the installed version (transformers-X.Y.Z.tar.gz of the package index), or a
checkout of it. The archive lacks two of the modules that its tests import, so the tests of `generate` need a checkout;
what those check is in tests/core/hf/test_transformers.py as well. Needs the package parameterized.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = """
import unittest

import torch
from i3core.hf import I3Config, I3ForCausalLM, I3Model

from .generation.test_utils import GenerationTesterMixin
from .test_configuration_common import ConfigTester
from .test_modeling_common import ModelTesterMixin, ids_tensor


class Sizes:
    batch_size, seq_length, vocab_size, hidden_size, num_hidden_layers, num_attention_heads = 3, 7, 99, 32, 2, 4
    is_training = False

    def get_config(self):
        return I3Config(
            vocab_size=99, d_model=32, n_heads=4, d_state=8, conv_layers=1, attn_layers=1, max_seq_len=512, ffn_width=37
        )

    def prepare_config_and_inputs_for_common(self):
        ids = ids_tensor([self.batch_size, self.seq_length], self.vocab_size)
        return self.get_config(), {"input_ids": ids, "attention_mask": torch.tril(torch.ones_like(ids))}


class I3Test(ModelTesterMixin, GenerationTesterMixin, unittest.TestCase):
    all_model_classes = (I3Model, I3ForCausalLM)
    all_generative_model_classes = (I3ForCausalLM,)
    pipeline_model_mapping = {}

    def setUp(self):
        self.model_tester = Sizes()
        self.config_tester = ConfigTester(self, config_class=I3Config, d_model=32)

    def test_config(self):
        self.config_tester.run_common_tests()


class TrainedSizes(Sizes):
    is_training = True


class I3TrainingTest(I3Test):
    all_model_classes = (I3ForCausalLM,)  # the base model has no loss, which the library knows of its own models only

    def setUp(self):
        super().setUp()
        self.model_tester = TrainedSizes()

    def _prepare_for_class(self, inputs, model_class, return_labels=False):
        return inputs | ({"labels": inputs["input_ids"]} if return_labels else {})
"""

DOES_NOT_APPLY = {
    "test_attention_outputs": "expects the weights of every block; half of the blocks here have none",
    "test_model_base_model_prefix": "the weights lie at the top, as in i3 checkpoints, not under a prefix",
}


def main(source: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        tests = Path(folder) / "tests"
        shutil.copytree(source / "tests", tests)
        has_generation = (tests / "generation" / "test_utils.py").is_file()
        absent = {
            "exporters/test_export.py": "class ExportTesterMixin: pass",
            "generation/test_utils.py": "class GenerationTesterMixin: pass",
            "utils/test_configuration_utils.py": "config_common_kwargs = {}",
        }
        for name, text in absent.items():
            if not (tests / name).is_file():
                (tests / name).parent.mkdir(exist_ok=True)
                (tests / name).write_text(text)
        for package in ("", "exporters", "generation", "utils"):
            (tests / package / "__init__.py").touch()
        (tests / "test_i3.py").write_text(TESTS)
        left_out = [*DOES_NOT_APPLY, *([] if has_generation else ["test_generation_tester_mixin_inheritance"])]
        command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--disable-warnings", "tests/test_i3.py"]
        chosen = " and ".join(f"not {name}" for name in left_out)
        offline = os.environ | {"HF_HUB_OFFLINE": "1"}
        return subprocess.run([*command, "-k", chosen], cwd=folder, env=offline).returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
