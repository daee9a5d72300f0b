from service.routes.bodies import clean_group


def test_a_group_typed_in_two_ways_is_one_group() -> None:
    assert clean_group(" cafe\u0301 ") == clean_group("caf\u00e9") == "caf\u00e9"
    assert clean_group("  ") is None
