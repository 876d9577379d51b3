"""Which precision `auto` means: a rule by what the processor can do, the same on every machine of
one kind.

The figures behind it are in docs/decisions/precision.md; `breastseg doctor` prints the choice and
its reason, `breastseg bench` measures whether it holds.
"""

from breastseg.processor import cpu_features, vendor

_EXACT_INT8 = frozenset({"amx_int8", "avx512_vnni", "avx_vnni", "asimddp"})
"""Features that add up products of 8-bit numbers in 32 bits. Without one of them sums are kept in
16 bits and overflow, unsaid: of real tissue 9 % of the pixels then have another label than in fp32,
in place of 5 %."""


def has_exact_int8() -> bool:
    """Return whether int8 networks compute exactly on this processor."""
    return not _EXACT_INT8.isdisjoint(cpu_features())


def auto_precision(has_int8: bool) -> tuple[str, str]:
    """Return fp32, bf16 or int8, and why.

    Args:
        has_int8: whether the bundle holds an int8 network.
    """
    features = set(cpu_features())
    if {"amx_int8", "amx_bf16"} <= features:
        return (
            "bf16",
            "the processor has AMX: bf16 is nearly as fast as int8 there and loses no accuracy",
        )
    if has_int8 and has_exact_int8():
        return "int8", "the processor has VNNI or its like, and no AMX: int8 is the fastest"
    rest = "the bundle has no int8 network"
    if has_int8:
        rest = "int8 overflows on this processor, which has no VNNI"
    if "avx512_bf16" in features and vendor() == "AuthenticAMD":
        return "bf16", f"{rest}; AVX-512 of this maker computes bf16 twice as fast as fp32"
    return "fp32", f"{rest}; bf16 is not known to be faster than fp32 here"
