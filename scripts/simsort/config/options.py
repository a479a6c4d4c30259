"""Typed options: how one setting is declared, and how a value from any road becomes its type."""

import dataclasses
import difflib
import json
import types
import typing

from simsort.errors import UserError


def option(default, help: str, *, choices=None, minimum=None, maximum=None, aliases=()):
    """Declare one setting of a stage dataclass.

    Parameters
    ----------
    default : Any
        Default value; mappings and lists are copied for each instance.
    help : str
        One line for `--help` and the documentation, with the unit.
    choices : sequence | None, default: None
        Allowed values.
    minimum, maximum : number | None, default: None
        Inclusive bounds.
    aliases : sequence of str, default: ()
        Other names under which the ancestors' users know it.
    """
    metadata = dict(help=help, choices=choices, minimum=minimum, maximum=maximum, aliases=tuple(aliases))
    if isinstance(default, (dict, list)):
        return dataclasses.field(default_factory=lambda: json.loads(json.dumps(default)), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def default_of(field: dataclasses.Field):
    """Return the default value of a dataclass field."""
    return field.default if field.default is not dataclasses.MISSING else field.default_factory()


def normalise_name(name: str) -> str:
    """Turn `--skip-motion-correction` or `skip-motion-correction` into `skip_motion_correction`."""
    return str(name).strip().lstrip("-").replace("-", "_")


def show(prefix: str, name: str) -> str:
    """Name a parameter as the user types it: `--preprocessing.motion-preset`, or `--sorter` for a global one."""
    if prefix and name.islower():  # sorters' own names such as Th_universal stay as they are
        name = name.replace("_", "-")
    return f"--{prefix}.{name}" if prefix else f"--{name}"


def lookup(stage_class) -> dict[str, tuple[dataclasses.Field, bool]]:
    """Map every accepted name of a stage to its field and whether the name negates it (`--no-split-groups`)."""
    names = {}
    for field in dataclasses.fields(stage_class):
        for name in (field.name, *field.metadata["aliases"]):
            names[name] = (field, False)
            if base_type(field) is bool:
                names[f"no_{name}"] = (field, True)
    return names


def unknown_name(prefix: str, name: str, known) -> UserError:
    """Build the error for a name that does not exist, with the closest that does."""
    close = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {show(prefix, close[0])}?" if close else "allowed: " + ", ".join(sorted(known))
    return UserError(f"unknown parameter {show(prefix, name)}", hint)


def base_type(field: dataclasses.Field):
    """Return the type of a field without `None`."""
    if isinstance(field.type, types.UnionType):
        return next(t for t in typing.get_args(field.type) if t is not type(None))
    return typing.get_origin(field.type) or field.type


def is_optional(field: dataclasses.Field) -> bool:
    """Tell whether a field may be None."""
    return isinstance(field.type, types.UnionType) and type(None) in typing.get_args(field.type)


def convert(field: dataclasses.Field, value, prefix: str, negate: bool = False):
    """Turn a value from the command line, JSON, YAML or Nextflow into the field's type, or raise.

    Raises
    ------
    UserError
        If the value has the wrong type, is not among the choices or lies outside the bounds.
    """
    kind, shown = base_type(field), show(prefix, field.name)
    if is_optional(field) and (value is None or (isinstance(value, str) and value.lower() in ("none", "null", ""))):
        return None
    try:
        converted = CONVERTERS[kind](value)
    except (ValueError, TypeError, AttributeError):
        allowed = field.metadata["choices"] or KIND_NAMES[kind]
        raise UserError(f"{shown} was given {value!r}", f"allowed: {describe(allowed)}") from None
    check_allowed(field, converted, shown)
    return (not converted) if negate else converted


def check_allowed(field: dataclasses.Field, value, shown: str) -> None:
    """Raise `UserError` if a value of the right type is not among the field's choices or bounds."""
    choices, low, high = (field.metadata[k] for k in ("choices", "minimum", "maximum"))
    for item in value if isinstance(value, list) else [value]:
        if choices is not None and item not in choices:
            raise UserError(f"{shown} was given {item!r}", f"allowed: {describe(choices)}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not ((low is None or value >= low) and (high is None or value <= high)):
            bounds = [f"at least {low}"] * (low is not None) + [f"at most {high}"] * (high is not None)
            raise UserError(f"{shown} was given {value!r}", f"allowed: {' and '.join(bounds)}")


def describe(allowed) -> str:
    """Spell allowed values."""
    return allowed if isinstance(allowed, str) else ", ".join(map(str, allowed))


BOOLEANS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def _to_bool(value) -> bool:
    text = str(value).lower()
    return BOOLEANS[text] if text in BOOLEANS else _refuse(value)


def _refuse(value):
    raise ValueError(value)


def _to_int(value) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        _refuse(value)
    return int(value)


def _to_float(value) -> float:
    number = _refuse(value) if isinstance(value, bool) else float(value)
    return _refuse(value) if number != number else number


def _to_str(value) -> str:
    return _refuse(value) if isinstance(value, (dict, list, bool)) else str(value)


def _to_dict(value) -> dict:
    parsed = json.loads(value) if isinstance(value, str) else value
    return parsed if isinstance(parsed, dict) else _refuse(value)


def _to_list(value) -> list:
    if isinstance(value, str):
        value = json.loads(value) if value.lstrip().startswith("[") else value.replace(",", " ").split()
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else _refuse(value)


CONVERTERS = {bool: _to_bool, int: _to_int, float: _to_float, str: _to_str, dict: _to_dict, list: _to_list}
KIND_NAMES = {bool: "True or False", int: "a whole number", float: "a number", str: "a text",
              dict: "a JSON object", list: "a list of names"}
