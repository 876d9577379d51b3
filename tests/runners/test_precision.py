"""What `auto` means: a rule by what the processor can do, the same on all of one kind."""

from pathlib import Path

import pytest

from breastseg import processor
from breastseg.bundles.bundle import DEFAULT_MODEL, Bundle, load_bundle
from breastseg.bundles.engine import cpu_has_bf16, hints
from breastseg.errors import InputError
from breastseg.processor import CAP
from breastseg.runners import load_runner
from breastseg.runners.precision import auto_precision, has_exact_int8

AMX = "avx2 avx512f avx512_vnni avx512_bf16 amx_bf16 amx_int8"
ZEN4 = "avx2 avx512f avx512_vnni avx512_bf16"


@pytest.mark.parametrize(
    ("vendor", "flags", "cap", "has_int8", "wanted"),
    [
        ("GenuineIntel", AMX, "", True, "bf16"),  # 87 % of int8's speed, and none of its loss
        ("GenuineIntel", AMX, "", False, "bf16"),
        ("GenuineIntel", AMX, "AVX512_CORE_AMX", True, "bf16"),
        (
            "GenuineIntel",
            AMX,
            "avx512_core_vnni",
            True,
            "int8",
        ),  # kept from AMX, bf16 is three to eight times slower
        ("GenuineIntel", AMX, "AVX512_CORE_BF16", False, "fp32"),
        (
            "GenuineIntel",
            ZEN4,
            "",
            False,
            "fp32",
        ),  # without AMX, bf16 is slower than fp32 on this maker's processors
        ("AuthenticAMD", ZEN4, "", True, "int8"),
        ("AuthenticAMD", ZEN4, "", False, "bf16"),
        ("AuthenticAMD", ZEN4, "AVX2", False, "fp32"),
        (
            "AuthenticAMD",
            ZEN4,
            "AVX512_CORE",
            True,
            "fp32",
        ),  # no VNNI: sums of an int8 network overflow
        ("GenuineIntel", "avx2 avx512f", "", True, "fp32"),
        ("GenuineIntel", "avx2 avx_vnni", "", True, "int8"),
        ("GenuineIntel", "avx2", "", True, "fp32"),
        ("GenuineIntel", "avx2", "", False, "fp32"),
    ],
)
def test_the_rule(
    vendor: str,
    flags: str,
    cap: str,
    has_int8: bool,
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "cpuinfo").write_text(
        f"vendor_id\t: {vendor}\nflags\t\t: fpu {flags}\n", encoding="utf-8"
    )
    monkeypatch.setattr(processor, "_PROC", tmp_path)
    monkeypatch.setenv(CAP, cap)
    assert auto_precision(has_int8)[0] == wanted


def test_where_the_system_tells_nothing_fp32_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_PROC", tmp_path)
    assert [auto_precision(has_int8)[0] for has_int8 in (True, False)] == ["fp32", "fp32"]


def test_a_runner_follows_the_rule(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "breastseg.runners.openvino.auto_precision", lambda has_int8: ("fp32", "asked by a test")
    )
    assert load_runner(tiny_bundle).name == "openvino fp32"


def test_bf16_is_not_replaced_by_another_precision(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breastseg.runners.openvino.cpu_has_bf16", lambda: False)
    with pytest.raises(InputError, match="'bf16': this processor has none; wanted auto, fp32"):
        load_runner(tiny_bundle, precision="bf16")


def test_int8_is_refused_where_its_sums_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without VNNI they are kept in 16 bits: a map that is a little wrong everywhere, and nothing
    says so."""
    monkeypatch.setenv(CAP, "AVX512_CORE")
    assert not has_exact_int8()
    with pytest.raises(
        InputError,
        match=r"'int8': .*overflow on this processor, .*no VNNI",
    ):
        load_runner(load_bundle(DEFAULT_MODEL), precision="int8")


def test_under_a_cap_bf16_is_not_asked_of_layers_that_lack_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenVINO goes by the processor alone, its layers by the cap: an int8 network with bf16
    between gave noise, bf16 alone nothing."""
    monkeypatch.setenv(CAP, "AVX2")
    assert not cpu_has_bf16()
    assert hints("int8")["INFERENCE_PRECISION_HINT"] == "f32"
