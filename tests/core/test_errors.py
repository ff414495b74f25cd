from circulant.core.errors import UnknownNameError


def test_an_unknown_name_suggests_near_ones():
    error = UnknownNameError("operator", "LongConv", ["LongConv1d", "Dcls2d"])
    assert "did you mean LongConv1d?" in str(error)


def test_an_unknown_name_far_from_all_lists_what_is_known():
    assert str(UnknownNameError("backend", "zzz", ["torch", "native"])).endswith("known: native, torch")
