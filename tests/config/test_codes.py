from tallystick.config import codes


def test_na_is_namibia_and_the_nine_are_there() -> None:
    assert codes.country_alpha2_to_alpha3()["NA"] == "NAM"
    assert set(codes.almaty_states()) == {"AFG", "AZE", "KAZ", "KGZ", "TJK", "TUR", "TKM", "IRN", "PAK"}
    for state, facts in codes.almaty_states().items():
        assert codes.country_alpha2_to_alpha3()[facts["alpha2"]] == state


def test_every_country_that_a_record_may_name_has_a_name() -> None:
    names = set(codes.country_names())
    assert set(codes.country_alpha2_to_alpha3().values()) <= names
    assert codes.subregional_countries() <= names


def test_hidden_totals_are_no_totals() -> None:
    totals = codes.published_totals()
    assert totals["KAZ"] == {2010: 134, 2011: 141, 2012: 153, 2017: 86, 2018: 88, 2019: 44, 2020: 92, 2021: 29}
    assert 2017 not in totals["KGZ"]


def test_the_standards_are_whole() -> None:
    assert len(codes.htcds_fields()) == 84
    assert codes.crosswalk("sex/gender")["Feminine"] == "F"
    assert "DebtBondage" in codes.code_list("HTCDS.vic_MethodsOfControl")
