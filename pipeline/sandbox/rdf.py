"""The wiki's items as RDF in a real SPARQL engine: statements, qualifiers, references and English labels."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyoxigraph as ox

from pipeline.sandbox.history import Json
from pipeline.sandbox.server import Answer

_ENTITY, _PROP = "http://www.wikidata.org/entity/", "http://www.wikidata.org/prop/"
_ONTOLOGY, _PROV = "http://wikiba.se/ontology#", "http://www.w3.org/ns/prov#"
_LABEL = ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#label")
_RESULTS = "application/sparql-results+json"


def load(entities: Iterable[Json]) -> ox.Store:
    """A store with the statements of all entities."""
    store = ox.Store()
    store.bulk_extend(quad for entity in entities for quad in _quads(entity))
    return store


def answer(store: ox.Store, query: str) -> Answer:
    """What a SPARQL service answers to a SELECT."""
    try:
        found = store.query(query)
        if not isinstance(found, ox.QuerySolutions):
            return Answer(b"Only SELECT is answered here.", "text/plain", 400)
        body = found.serialize(format=ox.QueryResultsFormat.JSON)
    except SyntaxError as error:
        return Answer(str(error).encode(), "text/plain", 400)
    except OSError as error:  # a federated query: nothing outside can be reached
        return Answer(str(error).encode(), "text/plain", 500)
    return Answer(body or b"", _RESULTS)


def _node(base: str, name: str) -> ox.NamedNode:
    return ox.NamedNode(base + name)


def _quads(entity: Json) -> Iterator[ox.Quad]:
    subject = _node(_ENTITY, entity["id"])
    label = (entity.get("labels") or {}).get("en")
    if label:
        yield ox.Quad(subject, _LABEL, ox.Literal(label["value"], language="en"))
    claims: Mapping[str, list[Any]] = entity.get("claims") or {}
    for name, statements in claims.items():
        yield ox.Quad(_node(_ENTITY, name), _node(_ONTOLOGY, "directClaim"), _node(_PROP + "direct/", name))
        yield ox.Quad(_node(_ENTITY, name), _node(_ONTOLOGY, "claim"), _node(_PROP, name))
        best = "preferred" if any(one["rank"] == "preferred" for one in statements) else "normal"
        for one in statements:
            node = _node(_ENTITY + "statement/", one["id"].replace("$", "-"))
            yield ox.Quad(subject, _node(_PROP, name), node)
            value = _value(one["mainsnak"])
            if value is not None and one["rank"] == best:
                yield ox.Quad(subject, _node(_PROP + "direct/", name), value)
            yield from _of_statement(node, one)


def _of_statement(node: ox.NamedNode, statement: Json) -> Iterator[ox.Quad]:
    main = statement["mainsnak"]
    yield from _snaks(node, "statement/", {main["property"]: [main]})
    yield from _snaks(node, "qualifier/", statement.get("qualifiers") or {})
    for reference in statement.get("references") or ():
        source = _node("http://www.wikidata.org/reference/", reference["hash"])
        yield ox.Quad(node, _node(_PROV, "wasDerivedFrom"), source)
        yield from _snaks(source, "reference/", reference["snaks"] or {})


def _snaks(node: ox.NamedNode, kind: str, groups: Mapping[str, list[Json]]) -> Iterator[ox.Quad]:
    for name, snaks in groups.items():
        for snak in snaks:
            value = _value(snak)
            if value is not None:
                yield ox.Quad(node, _node(_PROP + kind, name), value)


def _value(snak: Json) -> ox.NamedNode | ox.Literal | None:
    """An entity as its address, a text as such; no query reads other values."""
    value = snak.get("datavalue", {}).get("value")
    if isinstance(value, dict) and "numeric-id" in value:
        return _node(_ENTITY, ("P" if value.get("entity-type") == "property" else "Q") + str(value["numeric-id"]))
    return ox.Literal(value) if isinstance(value, str) else None
