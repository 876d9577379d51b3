"""Codes of DICOM structured reports for the words of `vocabulary`.

SCT and DCM codes are those of the context groups 6000 to 6054 of DICOM PS3.16 (mammography and
breast imaging). What these groups have no code for is in a scheme of our own, "99BREASTSEG", as
DICOM allows. A code is (code, scheme, meaning).
"""

Triple = tuple[str, str, str]
OWN = "99BREASTSEG"

CONCEPTS: dict[str, Triple] = {
    "category": ("111005", "DCM", "Assessment Category"),
    "density": ("111006", "DCM", "Breast composition"),
    "shape": ("300842002", "SCT", "Shape"),
    "margin": ("111037", "DCM", "Margins"),
    "opacity": ("111035", "DCM", "Lesion Density"),
    "morphology": ("111009", "DCM", "Calcification Type"),
    "distribution": ("111008", "DCM", "Calcification Distribution"),
    "clock": ("111014", "DCM", "Clockface or region"),
    "quadrant": ("111048", "DCM", "Quadrant location"),
    "depth": ("111020", "DCM", "Depth"),
    "change": ("129720009", "SCT", "Finding of change since previous mammogram"),
    "form": ("form", OWN, "Form of the finding"),
    "certainty": ("certainty", OWN, "Certainty of the finding"),
    "recommendation": ("111053", "DCM", "Recommended Follow-up"),
    "months": ("111055", "DCM", "Recommended Follow-up Interval"),
    "size_mm": ("410668003", "SCT", "Length"),
    "earlier_size_mm": ("earlier-length", OWN, "Length on an earlier examination"),
    "from_nipple_mm": ("121242", "DCM", "Distance from nipple"),
    "overall": ("111413", "DCM", "Overall Assessment"),
    "breast": ("76752008", "SCT", "Breast"),
    "procedure": ("71651007", "SCT", "Mammography"),
}
"""Names of values, and what they are about."""

VALUES: dict[str, dict[str, Triple]] = {
    "kind": {
        "mass": ("129788004", "SCT", "Mammographic breast mass"),
        "cyst": ("399294002", "SCT", "Cyst of breast"),
        "calcification": ("309587003", "SCT", "Calcification of breast"),
        "asymmetry": ("129790003", "SCT", "Asymmetric breast tissue"),
        "architectural distortion": ("129792006", "SCT", "Architectural distortion of breast"),
        "lymph node": ("59441001", "SCT", "Lymph Node"),
        "trabecular thickening": ("129795008", "SCT", "Trabecular thickening of breast"),
        "dilated duct": ("22049009", "SCT", "Mammary duct ectasia"),
        "implant": ("40388003", "SCT", "Implant"),
        "marker clip": ("77720000", "SCT", "Clip"),
    },
    "side": {
        "L": ("7771000", "SCT", "Left"),
        "R": ("24028007", "SCT", "Right"),
        "B": ("51440002", "SCT", "Bilateral"),
    },
    "category": {
        "0": ("397138000", "SCT", "Category 0 - Need additional imaging evaluation"),
        "1": ("397140005", "SCT", "Category 1 - Negative"),
        "2": ("397141009", "SCT", "Category 2 - Benign finding"),
        "3": ("397143007", "SCT", "Category 3 - Probably benign finding"),
        "4": ("397144001", "SCT", "Category 4 - Suspicious abnormality"),
        "5": ("397145000", "SCT", "Category 5 - Highly suggestive of malignancy"),
    },
    "density": {
        "a": ("129716005", "SCT", "Almost entirely fat"),
        "b": ("129717001", "SCT", "Scattered fibroglandular densities"),
        "c": ("129718006", "SCT", "Heterogeneously dense"),
        "d": ("129719003", "SCT", "Extremely dense"),
    },
    "shape": {
        "oval": ("84360004", "SCT", "Ovoid shape"),
        "round": ("42700002", "SCT", "Round shape"),
        "lobulated": ("40266001", "SCT", "Lobular"),
        "irregular": ("49608001", "SCT", "Irregular"),
    },
    "margin": {
        "circumscribed": ("129738007", "SCT", "Circumscribed lesion"),
        "microlobulated": ("129739004", "SCT", "Microlobulated lesion"),
        "obscured": ("129740002", "SCT", "Obscured lesion"),
        "indistinct": ("129741003", "SCT", "Indistinct lesion"),
        "spiculated": ("129742005", "SCT", "Spiculated lesion"),
    },
    "opacity": {
        "high": ("129744006", "SCT", "High density lesion"),
        "equal": ("129745007", "SCT", "Equal density (isodense) lesion"),
        "low": ("129746008", "SCT", "Low density (not containing fat) lesion"),
        "fat-containing": ("129747004", "SCT", "Fat containing (radiolucent) lesion"),
    },
    "morphology": {
        "skin": ("129757003", "SCT", "Calcified skin of breast"),
        "vascular": ("129759000", "SCT", "Vascular calcification"),
        "coarse": ("129749001", "SCT", "Coarse (popcorn-like) calcification"),
        "large rod-like": ("129752009", "SCT", "Large rod-like calcification"),
        "round": ("129756007", "SCT", "Round shaped calcification"),
        "punctate": ("129755006", "SCT", "Punctate calcification"),
        "rim": ("129751002", "SCT", "Eggshell calcification"),
        "dystrophic": ("129750001", "SCT", "Dystrophic calcification"),
        "milk of calcium": ("129753004", "SCT", "Milk of calcium calcification"),
        "suture": ("129758008", "SCT", "Calcified suture material"),
        "amorphous": ("129760005", "SCT", "Amorphous calcification"),
        "coarse heterogeneous": ("129763007", "SCT", "Heterogeneous calcification"),
        "fine pleomorphic": ("111344", "DCM", "Fine pleomorphic calcification"),
        "fine linear": ("129761009", "SCT", "Fine, linear (casting) calcification"),
    },
    "distribution": {
        "diffuse": ("129764001", "SCT", "Diffuse calcification distribution"),
        "linear": ("129765000", "SCT", "Linear calcification distribution"),
        "grouped": ("129766004", "SCT", "Grouped calcification distribution"),
        "regional": ("129767008", "SCT", "Regional calcification distribution"),
        "segmental": ("129768003", "SCT", "Segmental calcification distribution"),
    },
    "clock": {
        "1": ("129772004", "SCT", "1 o'clock position"),
        "2": ("129773009", "SCT", "2 o'clock position"),
        "3": ("129774003", "SCT", "3 o'clock position"),
        "4": ("129775002", "SCT", "4 o'clock position"),
        "5": ("129776001", "SCT", "5 o'clock position"),
        "6": ("129777005", "SCT", "6 o'clock position"),
        "7": ("129778000", "SCT", "7 o'clock position"),
        "8": ("129779008", "SCT", "8 o'clock position"),
        "9": ("129780006", "SCT", "9 o'clock position"),
        "10": ("129781005", "SCT", "10 o'clock position"),
        "11": ("129782003", "SCT", "11 o'clock position"),
        "12": ("129783008", "SCT", "12 o'clock position"),
    },
    "quadrant": {
        "upper outer": ("76365002", "SCT", "Upper outer quadrant of breast"),
        "upper inner": ("77831004", "SCT", "Upper inner quadrant of breast"),
        "lower outer": ("33564002", "SCT", "Lower outer quadrant of breast"),
        "lower inner": ("19100000", "SCT", "Lower inner quadrant of breast"),
        "central": ("129786000", "SCT", "Central region of breast"),
        "subareolar": ("129784002", "SCT", "Subareolar region"),
        "axillary tail": ("129785001", "SCT", "Axillary tail region"),
        "axilla": ("129791004", "SCT", "Axilla region"),
    },
    "depth": {
        "anterior": ("255549009", "SCT", "Anterior"),
        "posterior": ("255551008", "SCT", "Posterior"),
    },
    "change": {
        "new": ("129721008", "SCT", "New finding"),
        "increased": ("15454001", "SCT", "Increase in size"),
        "decreased": ("19776001", "SCT", "Decrease in size"),
        "unchanged": ("129723006", "SCT", "No significant changes in the finding"),
    },
    "recommendation": {
        "biopsy": ("111143", "DCM", "Biopsy should be considered"),
        "aspiration": ("111147", "DCM", "Cytologic analysis"),
        "surgery": ("111410", "DCM", "Surgical consult"),
        "additional views": ("111135", "DCM", "Additional projections"),
        "ultrasound": ("16310003", "SCT", "Diagnostic ultrasonography"),
        "MRI": ("241615005", "SCT", "MRI of breast"),
        "short-interval follow-up": ("111142", "DCM", "Follow-up at short interval (1-11 months)"),
        "routine screening": ("111140", "DCM", "Normal interval follow-up"),
        "compare with priors": ("111138", "DCM", "Old films for comparison"),
    },
    "form": {},
    "certainty": {},
}
"""Values; the rest of `vocabulary` is in our own scheme."""


_SAID = {"category": "BI-RADS category"}


def triple(field: str, value: str) -> Triple:
    """Return the code of a value: of DICOM's groups, else "VALUE" in our own scheme.

    Examples:
        >>> triple("category", "4b")
        ('category-4b', '99BREASTSEG', 'BI-RADS category 4b')
    """
    standard = VALUES[field].get(value)
    if standard is not None:
        return standard
    # Code Value has 16 letters at most (SH, PS3.5 6.2).
    code = f"{field}-{value}".replace(" ", "-")
    meaning = value if field == "kind" else f"{_SAID.get(field, field)} {value}"
    return code[:16], OWN, meaning
