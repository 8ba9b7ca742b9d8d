"""A member for MoLRE in peft's closed list of methods.

peft registers a method only under a member of its ``PeftType`` enum, and offers no way to add one
from outside. A plain string survives peft's own save and load but not transformers'
``load_adapter``, so a real member is made. This is the one place that touches the enum's private
attributes; it goes when the method is part of peft.
"""

from __future__ import annotations

from peft import PeftType


def _member(name: str) -> PeftType:
    if name in PeftType.__members__:
        return PeftType[name]
    member = str.__new__(PeftType, name)
    member._name_ = name
    member._value_ = name
    PeftType._member_names_.append(name)
    PeftType._member_map_[name] = member
    PeftType._value2member_map_[name] = member
    return member


MOLRE = _member("MOLRE")
