import pytest

from ceap.policy.finding import Finding
from ceap.policy.vocabulary import KNOWN_RESOURCES
from ceap.policy.vocabulary.echoes import without_echoes


def finding(rule: str, path: str, file: str = "a.yaml") -> Finding:
    return Finding(file, 1, rule, "wrong", path=path)


@pytest.mark.parametrize("place", ["Layers", "Layers/0", "Layers/0/Fn::Sub"])
def test_another_rules_finding_on_a_property_stands_alone(place: str) -> None:
    path = "/Resources/RateFunction/Properties"
    other = finding("SEC09_FUNCTION_CODE", f"{path}/{place}")
    assert without_echoes([finding(KNOWN_RESOURCES, f"{path}/Layers"), other]) == [other]


@pytest.mark.parametrize("place", ["", "/Properties", "/Properties/LayersToo", "/Properties/Code"])
def test_another_rules_finding_elsewhere_leaves_both(place: str) -> None:
    found = [finding(KNOWN_RESOURCES, "/Resources/More/Properties/Layers"), finding("SEC09", f"/Resources/More{place}")]
    assert without_echoes(found) == found


def test_a_resource_that_is_not_known_keeps_its_finding_beside_those_of_rules() -> None:
    found = [finding(KNOWN_RESOURCES, "/Resources/Url"), finding("SEC04", "/Resources/Url/Properties/AuthType")]
    assert without_echoes(found) == found


def test_a_finding_in_another_file_says_nothing_of_this_one() -> None:
    path = "/Resources/Queue/Properties/DelaySeconds"
    found = [finding(KNOWN_RESOURCES, path), finding("SEC09", path, "b.yaml"), finding("SEC09", f"{path}/0", "b.yaml")]
    assert without_echoes(found) == found
