"""Which roles and policies allow more or less than before."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ceap.cfn.lookup import ROLE, Resource, items, references, resource, resources
from ceap.cfn.template import Template
from ceap.deploy.diff.change import Access, AccessChanged, Direction, Fate, Subject
from ceap.deploy.diff.fate import subject_of, when_removed
from ceap.deploy.diff.grants import Grant, Set, grants, not_included
from ceap.iam.arn import resolve

_BOUNDARY: Final = "PermissionsBoundary"
_MANAGED: Final = "ManagedPolicyArns"
_OPPOSITE: Final = {Direction.WIDER: Direction.NARROWER, Direction.NARROWER: Direction.WIDER}


def access_changes(old: Template | None, new: Template | None) -> Iterator[AccessChanged]:
    """Yield what is allowed more or less, by role or policy, in the order of the new template."""
    before, after = (grants(template) if template else {} for template in (old, new))
    for holder in dict.fromkeys((*after, *before)):
        found = _found(old, new, holder[0])
        if found:
            subject, is_new = found
            had, has = before.get(holder, []), after.get(holder, [])
            if not had and not _was_there(old, new, holder[0]):
                has = [grant for grant in has if grant.effect == "Allow"]  # what was not there was not allowed, either
            changed = [
                *_grouped(not_included(has, had), Direction.WIDER),
                *_grouped(not_included(had, has), Direction.NARROWER),
            ]
            access = Access.TRUST if holder[1] else Access.PERMISSION
            yield from (_change(subject, access, *each, had=had, is_new_role=is_new) for each in changed)
    if new:
        for role in resources(new, ROLE):
            yield from _attachment_changes(old, new, role)


def _found(old: Template | None, new: Template | None, holder: str) -> tuple[Subject, bool] | None:
    """Return a role or policy, and whether it is a new role; None for one whose grants end with itself, or stay."""
    has = resource(new, holder) if new else None
    had = resource(old, holder) if old else None
    if new and has:
        return subject_of(new, has), had is None and has.type == ROLE
    if old is None or new is None or had is None or had.type == ROLE:
        return None
    if when_removed(old, holder) is Fate.KEPT:
        return None
    lasting = any(resource(new, target) for _, target, _ in references(had.properties))
    return (subject_of(old, had), False) if lasting else None


def _was_there(old: Template | None, new: Template | None, policy: str) -> bool:
    """Tell whether a policy is on something that the old template has."""
    has = resource(new, policy) if new else None
    targets = references(has.properties) if has else ()
    return old is not None and any(resource(old, target) for _, target, _ in targets)


def _grouped(found: Iterable[Grant], direction: Direction) -> Iterator[tuple[Direction, Grant, list[str]]]:
    """Yield grants that differ in their actions alone as one, with these; to deny more is to allow less."""
    groups: dict[Grant, list[str]] = {}
    for grant in found:
        groups.setdefault(grant.without_actions(), []).append(str(grant.actions))
    for group, actions in groups.items():
        yield _OPPOSITE[direction] if group.effect == "Deny" else direction, group, actions


def _change(
    subject: Subject,
    access: Access,
    direction: Direction,
    grant: Grant,
    actions: list[str],
    *,
    had: Iterable[Grant],
    is_new_role: bool,
) -> AccessChanged:
    whole = grant._replace(actions=Set(frozenset(actions)))
    stricter = (each.tests - grant.tests for each in had if direction is Direction.WIDER and whole.includes(each))
    return AccessChanged(
        subject,
        direction,
        access,
        on=str(grant.resources),
        effect=grant.effect,
        actions=tuple(actions),
        principal=str(grant.principals or ""),
        tests=(*sorted(map(str, grant.tests)), *sorted(grant.when)),
        dropped=tuple(sorted(map(str, next(filter(None, stricter), ())))),
        is_new_role=is_new_role,
    )


def _attachment_changes(old: Template | None, new: Template, role: Resource) -> Iterator[AccessChanged]:
    """Yield the change of a role's boundary, and of the managed policies whose content is elsewhere."""
    had = resource(old, role.logical_id) if old else None
    subject, is_new = subject_of(new, role), had is None
    sides = [(old, had.properties if had else {}), (new, role.properties)]
    before, after = [_arns(template, properties.get(_MANAGED)) for template, properties in sides]
    for arn in dict.fromkeys((*before, *after)):
        if (arn in before) != (arn in after):
            direction = Direction.WIDER if arn in after else Direction.NARROWER
            yield AccessChanged(subject, direction, Access.MANAGED_POLICY, arn, is_new_role=is_new)
    was, now = (_arns(template, properties.get(_BOUNDARY)) for template, properties in sides)
    if was != now and had:
        direction = Direction.UNKNOWN if was and now else Direction.NARROWER if now else Direction.WIDER
        yield AccessChanged(subject, direction, Access.BOUNDARY, " -> ".join((*was, *now)))


def _arns(template: Template | None, value: Any) -> list[str]:
    return [resolve(template, one) for one in items(value)] if template else []
