"""The words of mammography reports, as tables: value -> ways to write it.

A way is a regular expression. A blank in it also matches a hyphen, a slash or a line break, nothing
matches inside a word, and case does not count, but inside `(?-i:...)`. Values are those of the
BI-RADS atlas, fifth edition.
"""

Table = dict[str, tuple[str, ...]]

SECTIONS: Table = {
    "exam": ("exam(?:ination)?", "study", "exam type"),
    "history": (
        "(?:(?:additional|clinical|patient|relevant|medical) )*history", "hx",
        "clinical (?:notes|statement|summary|details|information|indication|data)",
        "(?:provided )?(?:clinical )?indications?", "reason for (?:exam(?:ination)?|study)",
    ),
    "technique": ("technique", "procedure", "views", "protocol"),
    "comparison": ("comparisons?", "comp", "compared? (?:with|to)", "prior(?:s| studies| exams?)"),
    "density": (
        "(?:breast |tissue )?(?:density|composition)", "breast tissue", "dens",
        "parenchymal pattern", "tissue",
    ),
    "findings": (
        "findings?", "findings? and impression", "report",
        "(?:screening |diagnostic )?mammogra(?:ms?|phy)(?: findings)?", "ultrasound(?: findings)?",
        "(?:mammographic|sonographic) findings?",
        "description", "tomosynthesis", "result",
    ),
    "impression": (
        "(?:final |overall )?impressions?", "imp", "conclusions?", "opinion",
        "(?:final |overall )?assessment", "summary",
        "diagnosis",
    ),
    "recommendation": (
        "recommendations?", "rec", "advice", "adv(?:ise)?", "management", "plan", "follow ?up",
    ),
    "addendum": ("addend(?:um|a)",),
}  # fmt: skip
"""Headings."""

KINDS: Table = {
    "mass": (
        "mass(?:es)?(?: lesions?)?", "nodules?", "nodular densit(?:y|ies)", "opacit(?:y|ies)",
        "lesions?", "tumou?rs?", "fibroadenomas?", "lumps?",
    ),
    "cyst": ("(?:micro)?cysts?",),
    "calcification": (
        "(?:micro ?|macro ?)?calcifications?", "(?:micro)?calcs?", "clusters?(?! of)",
    ),
    "asymmetry": ("asymmetr(?:y|ies)", "asymmetric(?:al)? densit(?:y|ies)"),
    "architectural distortion": (
        "(?:architectural |parenchymal |stromal )?distortions?", "dist\\.",
        "parenchymal deformit(?:y|ies)",
    ),
    "lymph node": (
        "lymph nodes?", "(?:axillary )?(?:lymph)?adenopathy", "nodes?", "nodal enlargement",
    ),
    "skin change": (
        "(?:skin|dermal|cutaneous) (?:thickening|retraction|dimpling|lesions?)",
        "skin(?= (?:and|or) (?:trabecular|nipple) \\w+)",
    ),
    "nipple change": (
        "nipple (?:retraction|inversion)",
        "(?:retraction|inversion) of (?:the )?(?:left |right )?nipple",
        "(?:retracted|inverted) nipples?",
        "nipple(?= (?:and|or) skin (?:retraction|thickening))",
    ),
    "trabecular thickening": ("trabecular thickening", "(?:breast )?o?edema"),
    "dilated duct": ("dilated ducts?", "duct(?:al)? ectasia", "duct(?:al)? dilatation"),
    "implant": ("implants?", "(?:breast )?prosthes[ie]s"),
    "postsurgical change": (
        "post ?(?:surgical|operative|lumpectomy|treatment) (?:changes?|scar(?:ring)?)",
        "(?:surgical )?scar(?:ring)?", "lumpectomy changes?",
    ),
    "marker clip": ("(?:biopsy |surgical |marker |tissue marker )?clips?", "biopsy markers?"),
}  # fmt: skip
"""Kinds of findings."""

NO_FINDING = (
    "implant displaced", "clip placement", "marker placement", "lumpectomy (?:site|bed)",
    "scar markers?", "skin markers?",
    "cystic fibrosis", "(?:small|other|dense) masses may", "obscure (?:small )?(?:masses|lesions)",
    "small masses could", "lymph nodes? (?:(?:are|appear) )?(?:normal|unremarkable)",
    "(?:normal|unremarkable)(?: appearing)?(?: axillary)? lymph nodes?", "breast mass clinic",
    "body mass index",
)  # fmt: skip
"""Phrases with a word of `KINDS` that speak of no finding."""

SHAPES: Table = {
    "oval": ("oval", "ovoid"),
    "round": ("round(?:ed)?",),
    "lobulated": ("lobulated", "lobular"),
    "irregular": ("irregular(?:ly shaped)?(?! (?:margins?|borders?))", "irreg\\.?"),
}
MARGINS: Table = {
    "circumscribed": (
        "(?:well )?circumscribed", "circ\\.", "well defined", "sharply (?:defined|marginated)",
        "smooth(?:ly)? (?:margins?|marginated|borders?)",
    ),
    "obscured": ("obscured",),
    "microlobulated": ("microlobulated",),
    "indistinct": (
        "indistinct", "ill defined", "poorly defined", "irregular (?:margins?|borders?)",
    ),
    "spiculated": ("spiculat(?:ed?|ions?|ing)", "spic\\.?", "stellate"),
}  # fmt: skip
OPACITIES: Table = {
    "high": (
        "high density",
        "hyper ?dense",
        "dense(?= (?:irregular|spiculated|oval|round)? ?mass)",
    ),
    "equal": ("equal density", "isodense"),
    "low": ("low density",),
    "fat-containing": ("fat containing", "radiolucent"),
}
MORPHOLOGIES: Table = {
    "skin": ("skin(?= calcif\\w+)", "dermal(?= calcif\\w+)"),
    "vascular": ("vascular", "arterial"),
    "coarse": ("coarse(?: popcorn(?: like)?)?", "popcorn(?: like)?"),
    "large rod-like": ("(?:large )?rod like", "secretory"),
    "round": ("round(?:ed)?",),
    "punctate": ("punctate",),
    "rim": ("rim", "egg ?shell", "lucent cent(?:er|re)d"),
    "dystrophic": ("dystrophic",),
    "milk of calcium": ("milk of calcium", "tea ?cup(?:ping)?", "layering"),
    "suture": ("suture",),
    "amorphous": ("amorphous",),
    "coarse heterogeneous": ("coarse(?:,)? heterogeneous",),
    "fine pleomorphic": ("(?:fine )?pleomorphic",),
    "fine linear": (
        "fine linear(?:,? (?:and |or )?branching)?", "linear,? (?:and )?(?:fine )?branching",
        "casting", "fine (?:linear )?branching",
    ),
}  # fmt: skip
DISTRIBUTIONS: Table = {
    "diffuse": ("diffuse(?:ly)?(?: distribut\\w+)?",),
    "regional": ("regional(?:ly)?(?: distribut\\w+)?",),
    "grouped": ("group(?:ed|s)?(?: of)?", "cluster(?:ed|s)?(?: of)?", "grouped distribution"),
    "linear": ("linear(?: distribut\\w+)?",),
    "segmental": ("segmental(?: distribut\\w+)?",),
}
FORMS: Table = {
    "focal": ("focal",),
    "global": ("global",),
    "developing": ("developing",),
    "axillary": ("axillary(?! tail)",),
    "intramammary": ("intra ?mammary",),
    "saline": ("saline",),
    "silicone": ("silicone",),
}

_MASSES = frozenset({"mass", "cyst"})
_CALCIFICATIONS = frozenset({"calcification"})
DESCRIPTORS: dict[str, tuple[frozenset[str], Table]] = {
    "shape": (_MASSES, SHAPES),
    "margin": (_MASSES, MARGINS),
    "opacity": (frozenset({"mass"}), OPACITIES),
    "morphology": (_CALCIFICATIONS, MORPHOLOGIES),
    "distribution": (_CALCIFICATIONS, DISTRIBUTIONS),
    "form": (frozenset({"asymmetry", "lymph node", "implant"}), FORMS),
}
"""Field of a finding -> the kinds that can have it, and its words."""

FORMS_OF = {
    "asymmetry": {"focal", "global", "developing"},
    "lymph node": {"axillary", "intramammary"},
    "implant": {"saline", "silicone"},
}

SIDES: Table = {
    "L": ("left(?: sided)?", "lt\\.?", "(?-i:L)(?= ?(?:br\\b|breast|:|\\d{1,2}:\\d\\d|[UL][OI]Q))"),
    "R": (
        "right(?: sided)?",
        "rt\\.?",
        "(?-i:R)(?= ?(?:br\\b|breast|:|\\d{1,2}:\\d\\d|[UL][OI]Q))",
    ),
    "B": (
        "bilateral(?:ly)?",
        "(?-i:B/L)",
        "both",
        "either (?:breast|side)",
        "(?:each|neither) breast",
    ),
}
QUADRANTS: Table = {
    "upper outer": (
        "upper outer(?: quadrant)?", "outer upper(?: quadrant)?", "(?-i:UOQ)", "supero ?lateral",
    ),
    "upper inner": (
        "upper inner(?: quadrant)?", "inner upper(?: quadrant)?", "(?-i:UIQ)", "supero ?medial",
    ),
    "lower outer": (
        "lower outer(?: quadrant)?", "outer lower(?: quadrant)?", "(?-i:LOQ)", "infero ?lateral",
    ),
    "lower inner": (
        "lower inner(?: quadrant)?", "inner lower(?: quadrant)?", "(?-i:LIQ)", "infero ?medial",
    ),
    "upper": ("upper(?: half| breast| pole)?", "superior(?:ly)?"),
    "lower": ("lower(?: half| breast| pole)?", "inferior(?:ly)?"),
    "outer": ("outer(?: half| breast)?", "lateral (?:half|breast|aspect)"),
    "inner": ("inner(?: half| breast)?", "medial (?:half|breast|aspect)"),
    "central": ("centrally", "central(?: to the nipple| breast| third| portion| region)"),
    "subareolar": ("(?:sub|retro|peri) ?areolar", "behind the (?:left |right )?nipple"),
    "axillary tail": ("axillary tail",),
    "axilla": ("axillae?",),
}  # fmt: skip
DEPTHS: Table = {
    "anterior": ("anterior(?:ly)?(?: (?:depth|third))?",),
    "middle": ("mid(?:dle)? (?:depth|third)",),
    "posterior": (
        "posterior(?:ly)?(?: (?:depth|third))?(?! (?:acoustic|shadow\\w*|enhancement|features?))",
    ),
}
CHANGES: Table = {
    "new": (
        "new", "newly (?:seen|developed)",
        "(?:was |were )?not (?:present|seen|visible) (?:in|on) (?:the )?(?:\\d{4}|prior"
        "|previous)(?: \\w+)?",
    ),
    "increased": (
        "(?:has |have )?increas(?:ed|ing)(?: in (?:size|number|extent))?(?! (?:density|risk))",
        "enlarging", "has enlarged", "(?:has |have )?grown", "larger", "bigger", "growing",
        "growth",
    ),
    "decreased": (
        "(?:has |have )?decreas(?:ed|ing)(?: in (?:size|number))?", "smaller", "shrunk",
        "shrinking", "regressed",
    ),
    "unchanged": (
        "unchanged", "stable", "no (?:significant |interval |appreciable )*change",
        "not (?:significantly )?changed", "without (?:significant |interval )*change", "stability",
    ),
    "resolved": (
        "resolve[ds]", "disperse[ds]", "dissipates?", "effaces?", "does not persist",
        "no longer (?:seen|visible|present|identified)",
    ),
}  # fmt: skip
CERTAINTIES: Table = {
    "possible": (
        "possibl[ey]", "questionable", "suspected", "equivocal", "vague", "may (?:be|represent)",
        "not possible to (?:exclude|rule out)", "cannot (?:be )?(?:excluded?|ruled? out)",
        "could (?:be|represent)",
    ),
}  # fmt: skip

DENSITIES: Table = {
    "a": (
        "(?:almost |predominantly |mostly )(?:entirely )?(?:of )?fat(?:ty)?", "entirely fat(?:ty)?",
        "fatty (?:breasts?|replaced|tissue)",
    ),
    "b": (
        "scattered (?:areas of )?fibro ?glandular (?:densit(?:y|ies)|tissue|elements|parenchyma)",
    ),
    "c": ("heterogeneous(?:ly)? dense",),
    "d": ("extremely dense",),
}  # fmt: skip
CATEGORY_WORDS: Table = {
    "0": ("incomplete", "need(?:s|ed)? additional imaging"),
    "1": ("negative",),
    "2": ("benign(?: findings?)?",),
    "3": ("probably benign(?: findings?)?",),
    "4": ("suspicious(?: abnormality| findings?)?", "suspicious for malignancy"),
    "5": ("highly suggestive of malignancy",),
    "6": ("known (?:biopsy proven )?malignancy", "biopsy proven (?:malignancy|carcinoma)"),
}
CATEGORY_NUMBERS: Table = {
    "0": ("0", "zero"),
    "1": ("1", "one", "(?-i:I)"),
    "2": ("2", "two", "(?-i:II)"),
    "3": ("3", "three", "(?-i:III)"),
    "4": ("4", "four", "(?-i:IV)"),
    "4a": ("(?:4|(?-i:IV)) ?a",),
    "4b": ("(?:4|(?-i:IV)) ?b",),
    "4c": ("(?:4|(?-i:IV)) ?c",),
    "5": ("5", "five", "(?-i:V)"),
    "6": ("6", "six", "(?-i:VI)"),
}
CONCERN = ("1", "2", "3", "6", "0", "4", "4a", "4b", "4c", "5")
"""Categories from the least to the most concern, as the BI-RADS atlas orders them for a whole
examination."""
