"""Label maps by name, and a person's own from a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from breastseg.errors import LabelError
from breastseg.json_files import read_json, shown
from breastseg.labels.bcss import MAPS
from breastseg.labels.label_map import LabelMap
from breastseg.wording import in_short

_YAML_BYTES = 100_000
"""A map of 253 classes has 20 kB, and YAML is read at 100 kB a second."""

BUILT_IN: Mapping[str, LabelMap] = MAPS
"""By name."""


def label_map_of(value: Any, where: str) -> LabelMap:
    """Read a map from values of JSON or YAML; one that is built in is that one, names and all.

    Raises:
        LabelError: naming `where` and what is wrong.
    """
    label_map = LabelMap.from_dict(value, where)
    # A file holds no names of codes; the built-in map knows them. Equal in all else, it is that.
    built_in = BUILT_IN.get(label_map.name)
    if built_in is not None and built_in == label_map:
        return built_in
    return label_map


def load_label_map(name_or_path: str | Path) -> LabelMap:
    """Return a built-in map by its name, or a person's own from a JSON or YAML file.

    Raises:
        LabelError: no such name or file, or the file is not a label map.
    """
    if str(name_or_path) in BUILT_IN:
        return BUILT_IN[str(name_or_path)]
    path = Path(name_or_path)
    if path.suffix.lower() not in {".json", ".yaml", ".yml"} or not path.is_file():
        raise LabelError(
            f"label map '{name_or_path}': not known; built in are {', '.join(BUILT_IN)}, or give a"
            " .json or .yaml file"
        )
    if path.suffix.lower() == ".json":
        value = read_json(path, LabelError, "a label map as JSON")
    else:
        value = _read_yaml(path, "a label map as YAML")
    return label_map_of(value, str(path))


class _PlainYaml(yaml.loader.BaseLoader):
    """YAML whose every value stays as it was written: a class may be called no, on, null, 1e3 or
    2001-01-01."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse a value that stands for another: nine lines of them can stand for a billion
        values."""
        if self.check_event(yaml.events.AliasEvent):
            here: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="a value is named by * that stands elsewhere, write it out",
                problem_mark=here.start_mark,
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a name that stands twice, of which one value would be lost."""
        names = set()
        for key, _ in node.value:
            problem = None
            if not isinstance(key.value, str):
                problem = "a name is a list or has names itself"
            elif key.value in names:
                problem = f"{shown(key.value)} stands twice"
            if problem:
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            names.add(key.value)
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path, what: str) -> Any:
    with path.open("rb") as file:
        data = file.read(_YAML_BYTES + 1)
    if len(data) > _YAML_BYTES:
        raise LabelError(f"{path}: more than {_YAML_BYTES // 1000} kB, wanted {what}")
    # JSON is YAML, but for its tabs.
    if data.lstrip().startswith(b"{") and b"\t" in data:
        return read_json(path, LabelError, what)
    try:
        # This loader makes nothing but text, lists and dictionaries: no file runs code.
        return yaml.load(data, _PlainYaml)
    except yaml.MarkedYAMLError as cause:
        line = f" in line {cause.problem_mark.line + 1}" if cause.problem_mark else ""
        problem = in_short(cause.problem or cause.context)
        tab = "; YAML is indented by spaces, not by tabs" if "\\t" in problem else ""
        raise LabelError(f"{path}: not YAML ({problem}{line}{tab}), wanted {what}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as cause:
        raise LabelError(f"{path}: not YAML ({in_short(cause)}), wanted {what}") from None
    except RecursionError:
        raise LabelError(f"{path}: not YAML (nested too deeply), wanted {what}") from None
