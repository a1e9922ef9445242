"""The index of a release: what would take long to find while serving, found once when the release is written.

A SQLite file, derived from the sorted quads alone: `write.write` makes it in one pass, `read.Index` reads it,
`fold` says how texts are compared.

    thing                       every named node: its IRI, kind, best label, notation, description
    words                       full text over labels in every language, codes, descriptions (FTS5; it holds no text)
    exact                       labels, acronyms, identifiers and slugs as they are looked up whole
    place                       from which number to which the things of a kind go
    member, kind                the list of each kind in order, and how many members it has
    uses                        how many statements use each class and property
    reference, reference_count  who refers to a thing by a property, by label, where they are many
    statement, statement_count  the statements about a thing, by IRI, where they are many

A thing's number orders what is found: units, projects and the like come first, statements last, and of one kind
those come first to which most others refer.
"""
