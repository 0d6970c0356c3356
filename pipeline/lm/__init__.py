"""Language models: what is asked of them, and the one place that runs them.

How a score comes about, module by module:

    scores.py           what a request and its score are
    model_spec.py       which model, and how it runs: one record for the command line, a build and every worker
    loading.py          tokenizer and model, and the refusal of those that cannot score
    encoding.py         text -> tokens: the tokens of the span (`spans.py`), BOS in front, cut at the end of the name
    batches.py          which sentences go through the model together: those of one length
    prefix_tree.py      or all of them as a tree, in which a common beginning is read once
    forward.py          tokens -> log-likelihoods and ranks; halves its batches when memory runs out
    pair_scores.py      tables of pairs -> tables of their scores
    device_workers.py   a loaded model on each device
    score_file.py       the driver: a file of requests -> a folder of scores, in shards that are never scored twice
    score_folder.py     where the files of such a folder are
    audit.py            how far scores in half precision are from float32
    scoring_process.py  the driver in a process of its own, for a build
    bundled.py          the tiny model that comes with editmill

`scores.py`, `model_spec.py`, `scoring_process.py` and `bundled.py` import neither PyTorch nor transformers, so that a
build can name its model without them.
"""
