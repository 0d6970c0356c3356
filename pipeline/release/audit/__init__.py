"""Reading a release: a drawn sample of its rows, the verdicts of those who read them, and the rates that follow.

    sample.py     draws rows, so that rare relations appear
    cards.py      a row in words, with its evidence
    page.py       the same as one HTML page, or as plain text
    verdicts.py   files of verdicts, and which of them hold for a release
    rates.py      shares of faulty rows with intervals
    faults.py     what can be wrong with a row (templates/audit.yaml)

A release never changes once it is in place. So verdicts are an input of a build, as exclusions are: `editmill build
--verdicts FILE` counts those of rows that are word for word the same, puts them beside the rows as `verdicts.json`,
and writes the rates into manifest and card. The stages before are cached, so that takes seconds. Writing into a
finished release instead would give two releases of one name, and the same inputs would no longer give the same bytes.
"""
