"""The live source: one harvest of a wiki's recent changes through its API and query service.

Terms, each with one meaning in this code:

- harvest: a run that fetches one window of a wiki, and the folder it leaves. On disk and in the manifest it is called
  a visit (`visits/`, `visit.json`, `visit`); these names stay, so that released state folders can be read.
- window: the span of time whose changes are harvested.
- state folder: where a wiki's fetched data is kept between runs.
- base and head revision: the last revision of an item before the window, and the last one in it.
- subject: an item that facts of the release may be about, because it changed or because its page is popular.

`harvest` runs the steps in this order: `fetch_window`, `compare`, `undone`, `surroundings`, `build_tables`. Each reads
what earlier steps left in the folder of the harvest; no step calls another.
"""
