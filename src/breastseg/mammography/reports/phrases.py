"""Phrases that turn what a report says: negation, earlier examinations, advice. Tables as in
`vocabulary`."""

from breastseg.mammography.reports.vocabulary import Table

DENIES_AFTER = (
    "no", "without(?: any)?", "no (?:\\w+ ){0,2}evidence (?:of|for)", "negative for", "absence of",
    "free (?:of|from)", "not", "neither", "nor", "denies", "excludes", "rules out", "fails to show",
)  # fmt: skip
"""What follows these in the clause is not there."""
DENIES_BEFORE = (
    "(?:is|are|was|were|has been|have been) (?:not|no longer) (?:\\w+ )?(?:seen|identified"
    "|present|visible|shown|found|detected|demonstrated|evident)",
    "not (?:seen|identified|present|visible|shown|found|detected|demonstrated|evident)",
    "(?:is|are) absent",
    "(?:is|are) not (?:recommended|needed|indicated|necessary|required|advised|warranted)",
    "(?:has|have) been (?:excluded|ruled out)",
    "[:=] ?(?:no|none|nil|absent|not seen)(?= ?(?:[;,.\\n]|$))",
)  # fmt: skip
"""What stands before these in the clause is not there."""
DENIES_NOTHING = (
    "no (?:significant |interval |appreciable )*(?:change|growth|increase)",
    "not (?:significantly )?changed", "without (?:significant |interval )*change", "not only",
    "no longer", "not (?:present|seen|visible) (?:in|on) (?:the )?(?:\\d{4}|prior|previous)",
    "no doubt", "not possible to (?:exclude|rule out)", "cannot", "not excluded", "no prior",
    "no previous", "no comparison", "no\\. ?\\d",
    "if (?:\\w+ ){1,3}(?:is|are) not", "not well (?:seen|defined)", "not completely",
    "not definitely benign", "neither increased",
)  # fmt: skip
"""Phrases that look like a denial and deny no finding."""
SCOPE_ENDS = (
    ";", "but", "however", "except(?: for)?", "apart from", "other than", "although", "though",
    "while", "whereas", "aside from", "nevertheless", "yet", "there (?:is|are)", "which", "due to",
    "because(?: of)?", "(?:is|are) (?:seen|noted|present|identified|visible|demonstrated)(?= in)",
    "(?:,|and) (?:an?|the|one|two|three|several|multiple|stable|unchanged|there|in the|also)",
    "consistent with", "shows?",
)  # fmt: skip
"""Where a denial ends; "shows" ends none that stands before it in "neither breast shows"."""
CLAUSE_ENDS = (
    ";", "but", "however", "while", "whereas", "although", "apart from", "except for",
    "(?:,|and) (?:in|on) the", "(?:,|and) (?:there|an?|several|multiple|the)",
)  # fmt: skip
"""Where a clause ends: places said in one clause are not those of the next."""

SAME_AGAIN = (
    "the", "this", "these", "that", "those", "its", "previously (?:seen|described|noted|enlarged)",
    "known", "above", "aforementioned", "said",
)  # fmt: skip
"""In front of a kind, these speak of a finding that was named before."""
SUBJECTS = (
    "it", "this", "these", "they", "both", "all", "its", "their", "margins?", "borders?",
    "measur(?:es|ing|ed)",
    "the (?:finding|area|abnormality|change)",
)  # fmt: skip
"""Sentences without a kind that begin with these speak of the finding before."""
KEYS = (
    "(?:laterality|side|location|position|size|shape|margins?|morphology|distribution|depth"
    "|change|distance)(?= ?[:=])",
)
"""A line that begins with one of these is of the finding of the lines before ("Size: 12 mm")."""
INTERPRETS = (
    "(?:typical|suggestive) of",
    "(?:consistent|compatible) with",
    "represent(?:s|ing)",
    "in keeping with",
)
"""In front of a kind that the sentence has named already, these tell what it is."""
WITHIN = ("with", "containing")
"""In front of a kind, these make it a part of the finding before; sizes that follow are of that
one."""
BELONGS = (
    "associated",
    "adjacent",
    "overlying",
    "underlying",
    "surrounding",
    "nearby",
    "satellite",
)
"""In front of a kind, these say that it is on the side of the finding before."""
ALL_OF_THEM = ("both", "all", "they", "these")
"""Such a sentence speaks of all findings of the sentence before."""
ONE_OF_THEM = (
    "one(?=,? (?:at|in|is|measur\\w+))", "(?:the |an)?other(?=,? (?:at|in|is|measur\\w+))",
    "(?:a|the) (?:second|third|larger|smaller|largest)(?=,? (?:at|in|is|one|measur\\w+))",
)  # fmt: skip
"""After a kind, two of these in a sentence are two findings of it: "two masses, one at ... and one
at ..."."""
SEEN_BEFORE = (
    "(?:was|were) (?:seen|noted|present|described|reported) (?:on|in|at) (?:the |a )?(?:prior"
    "|previous|outside)",
)
"""After a kind, these say that it is of an earlier examination only."""
BELONGS_AT = (
    "at the (?:lumpectomy|surgical|biopsy|same) (?:site|bed|place)",
    "in (?:this|the same) (?:area|region|quadrant)",
)
"""Anywhere in a sentence, these say the same."""

EARLIER_BEFORE = (
    "previous(?:ly)?", "formerly", "earlier", "prior", "from(?! (?:the )?nipple)",
    "compared (?:with|to)", "versus",
    "vs\\.?", "than",
)  # fmt: skip
"""In front of a size, these say that it was earlier; a few words may stand between."""
EARLIER_AFTER = (
    "previously",
    "before",
    "earlier",
    "(?:in|on) (?:the )?(?:prior|previous|(?:\\w+ )?\\d{4})",
)
EARLIER_CATEGORY = (
    "outside report(?: \\w+){0,14}",
    "previous(?:ly)?",
    "prior",
    "earlier",
    "last",
    "formerly",
    "was",
    "were",
)

ADVICE: Table = {
    "biopsy": (
        "tissue (?:sampling|diagnosis)", "histolog\\w+",
        "(?:(?:stereotactic|ultrasound|us|mri|tomosynthesis|vacuum|core|needle|guided|excisional"
        "|skin|punch|assisted) )*(?:biops(?:y|ies)|bx)(?! (?:proven|clips?|markers?|site|changes?"
        "|scar))",
    ),
    "aspiration": ("(?:fine needle |cyst )?aspiration", "(?-i:FNAC?)"),
    "surgery": (
        "surgical (?:consultation|excision|referral|management|opinion|and oncolog\\w+)",
        "surgical resection", "excision",
    ),
    "additional views": (
        "additional (?:views?|imaging|mammographic \\w+)",
        "spot (?:compression|magnification)(?: views?)?",
        "magnification views?", "diagnostic mammogra\\w+", "diagnostic (?:work ?up|evaluation)",
        "(?:further|special) views?",
        "recall(?:ed)? (?:to|for) (?:\\w+ )?assessment",
    ),
    "ultrasound": (
        "(?-i:USG)(?! guid)", "(?:targeted )?(?:ultrasound|sonograph\\w+)(?! guid)",
        "(?-i:US)(?! (?:guid|bx|core|biops))",
    ),
    "MRI": ("(?:supplemental |breast |contrast enhanced )*mri(?! guid)",),
    "short-interval follow-up": (
        "short (?:interval|term) (?:follow ?up|imaging|surveillance)",
        "(?:follow ?up|f/u) ?[:=] ?\\d+ months?",
        "(?:\\d+|three|four|six) months? (?:follow ?up|control|mammogra\\w+|f/u)",
        "(?:follow ?up|control|repeat|mammogra\\w+|f/u)(?: \\w+){0,4}? in (?:\\d+|three|four"
        "|six) months",
    ),
    "routine screening": (
        "routine(?: \\w+){0,2}? (?:\\d+|one|two|three) (?:yrs?|years?)",
        "next (?:\\w+ ){0,2}?mammogra\\w+(?: in)?:? (?:\\d+|one|two|three) years?",
        "check ?up in (?:\\d+|one|two|three) years?",
        "(?:(?:annual|yearly|routine|regular|biennial) )+(?:bilateral |left "
        "|right )?(?:screening(?: mammogra\\w+)?|mammogra\\w+|recall|follow ?up|f/u|surveillance)",
        "screening mammogra\\w+ (?:in|every)",
        "return(?: \\w+){0,3}? in (?:\\d+|one|two|three) years?",
        "return to (?:(?:annual|routine|normal) )*(?:screening|recall)",
        "(?:follow ?up|f/u|mammogra\\w+)(?: \\w+){0,2}? in (?:\\d+|one|two|three) years?",
    ),
    "compare with priors": (
        "(?:prior|outside|previous|old) (?:mammogra\\w+|films?|studies|images|exam\\w*) (?:are "
        "|is |be )?(?:requested|required|needed|obtained|awaited)",
        "obtain(?:ing)? (?:the )?(?:prior|outside|previous)",
        "comparison with (?:prior|outside|previous) \\w+ is",
    ),
    "clinical follow-up": ("clinical (?:correlation|follow ?up|management|exam\\w*|review)",),
}  # fmt: skip
ADVISES = (
    "recommend(?:ed|s|ation)?", "advis(?:ed?|es)", "suggest(?:ed|s)?", "should",
    "(?:is|are) needed",
    "warranted", "indicated", "consider(?:ed)?", "requested", "continue", "return", "plan(?:ned)?",
    "please", "required", "arrange(?:d)?", "refer(?:red|ral)?", "proceed", "needs?", "will be",
)  # fmt: skip
"""A sentence with one of these advises something."""
STANDS_ALONE = frozenset({"routine screening", "short-interval follow-up", "compare with priors"})
"""Advice that an impression gives without such a word."""
DONE = (
    "(?:prior|previous|recent|benign|after|status post|s/p|post|underwent"
    "|had(?: a)?) (?:\\w+ ){0,2}",
)
"""In front of a biopsy, these say that it has been."""
NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
EVERY_MONTHS = {"annual": 12, "yearly": 12, "biennial": 24}
