"""Lines that tell who a patient is, covered before anything is read; every character keeps its
place."""

import re

_LINES = (
    r"(?:patient(?:'s)?(?: name| id)|patient(?=[ \t]*:[ \t]*[^\d\s])|name|surname|forename"
    r"|d\.?o\.?b\.?|date of birth|born|mrn"
    r"|medical record(?: number)?|hospital (?:no|number)|nhs (?:no|number)|ssn"
    r"|accession(?: number| no)?"
    r"|address|phone|telephone|(?:referring|attending|ordering)(?: physician| doctor| clinician)?"
    r"|radiologist|reported by|dictated by|read by|requested by|referrer|consultant)"
)
_LABELLED = re.compile(
    rf"^[ \t]*{_LINES}[ \t]*[:#][ \t]*(?P<who>[^\n\r]+)", re.IGNORECASE | re.MULTILINE
)
_SIGNED = re.compile(
    r"(?:electronically |digitally )?(?:signed|verified|authorised"
    r"|authorized)(?: electronically)? by[ \t:]*(?P<who>[^\n\r;]+)",
    re.IGNORECASE,
)
_DOCTOR = re.compile(
    r"(?<!\w)(?:Dr|DR|Mr|Mrs|Ms|Prof)\.?[ \t]+(?P<who>(?:[A-Z][\w'’-]*\.?[ \t]*){1,3}(?<![ \t]))",
)


_LONGEST = 80
_STOP = re.compile(r"[.;,]")


def covered(text: str) -> tuple[str, int]:
    """Return the text with names and numbers of persons as asterisks, and how many places.

    Only lines with a label ("Patient name:", "MRN:"), signatures and names after a title are known.
    This does not make a text anonymous.
    """
    count = 0
    for pattern in (_LABELLED, _SIGNED, _DOCTOR):
        for match in list(pattern.finditer(text)):
            start, end = match.span("who")
            if end - start > _LONGEST:  # a report in one line: only what stands up to a stop
                stop = _STOP.search(text, start, end)
                end = stop.start() if stop else start + _LONGEST
            if set(text[start:end].strip()) <= {"*"}:  # covered by the pattern before
                continue
            # As many asterisks as letters: places in the text stay what they are.
            cover = "*" * (end - start)
            text = text[:start] + cover + text[end:]
            count += 1
    return text, count
