"""Patterns of automatic edit summaries: which statements an edit touched (wikidata.md, summary grammar)."""

NO_STATEMENT = (
    r"^/\* (wbsetlabel|wbsetdescription|wbsetaliases|wbsetsitelink|wblinktitles|clientsitelink)-"
    r"|^/\* wbeditentity-update-languages(-short)?:"
)
"""Summaries of edits that touch no statement. An edit with any other summary may touch any statement."""

NAMES_PROPERTY = (
    r"^/\* wb(createclaim|setclaim|setclaimvalue|removeclaims|setreference|removereferences|setqualifier"
    r"|removequalifiers)-?[a-z-]*:.*\[\[Property:P"
)
"""Summaries that name the only property whose statements the edit touched."""
