"""Agreement with lm-evaluation-harness on the same tokens: another program, written by others, for the same numbers."""

from collections.abc import Mapping

import pytest
from transformers import PreTrainedTokenizerFast

from pipeline.lm.encoding import Reader, encode, to_encoded
from tests.scorers import HfScorer
from tests.unit.lm.conftest import CONFIGS, VOCABULARY, requests
from tests.unit.lm.test_hf_scorer import SENTENCES, TOLERANCE

huggingface = pytest.importorskip(
    "lm_eval.models.huggingface",
    reason="lm-eval is heavy and not installed; pip install -e '.[bench]'",
    exc_type=ImportError,
)


@pytest.mark.filterwarnings("ignore")  # what another program warns of is not ours to mend
@pytest.mark.parametrize("family", CONFIGS)
def test_sums_agree_with_lm_evaluation_harness(family: str, scorers: Mapping[str, HfScorer]) -> None:
    scorer = scorers[family]
    _, pairs = encode(requests(SENTENCES), Reader(scorer.tokenizer, scorer.bos_id, scorer.max_positions, ""))
    wrapper = PreTrainedTokenizerFast(tokenizer_object=scorer.tokenizer)
    wrapper.eos_token = wrapper.pad_token = wrapper.convert_ids_to_tokens(VOCABULARY - 1)
    harness = huggingface.HFLM(
        pretrained=scorer.network, tokenizer=wrapper, batch_size=4, softmax_dtype="float32", backend="causal"
    )
    asked = [
        ((str(number), ""), list(item.ids[: -item.scored]), list(item.ids[-item.scored :]))
        for number, item in enumerate(to_encoded(pairs))
    ]
    theirs = [total for total, _ in harness._loglikelihood_tokens(asked, disable_tqdm=True)]
    ours = scorer.score(requests(SENTENCES))["log_likelihood_sum"].to_pylist()
    assert ours == pytest.approx(theirs, abs=TOLERANCE, rel=0)
