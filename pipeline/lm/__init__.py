"""Language models: what is asked of them, and the one place that runs them.

How a score comes about, module by module:

    scorer.py      what a request and a score are; a scorer without a model, for tests
    encoding.py    text -> tokens: the tokens of the span (`spans.py`), BOS in front, cut at the end of the name
    batches.py     which sentences go through the model together: those of one length
    trie.py        or all of them as a tree, in which a common beginning is read once
    forward.py     tokens -> log-likelihoods and ranks; halves its batches when memory runs out
    loading.py     model and tokenizer, and the refusal of those that cannot score
    hf_scorer.py   the above as a Scorer: requests in memory -> scores in memory
    score_file.py  `editmill score`: a file of requests, in shards that are never scored twice
    audit.py       how far scores in half precision are from float32

PyTorch and transformers are imported by `forward.py`, `loading.py`, `hf_scorer.py` and `audit.py` alone.
"""
