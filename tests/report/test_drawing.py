"""Markup, scales, label places and pixels."""

from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from random import Random

import numpy as np
import pytest
from PIL import Image

from circulant.report.fragment import breakable, drawing, element, join
from circulant.report.labels import Box, Point, place_labels
from circulant.report.picture_row import Picture, picture_row
from circulant.report.png import colours, photo_uri, png, signed_colours
from circulant.report.scale import ErrorScale, LinearScale, LogScale
from circulant.report.series_strip import series_strip
from circulant.report.share_bars import ShareBar, share_bars
from circulant.report.share_matrix import share_matrix
from circulant.report.text_width import shortened, text_width


class Reader(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words += data


HOSTILE = "</text><script>alert(1)</script>\" onload='x' & <b>"


def test_text_and_attributes_of_an_element_are_escaped():
    read = Reader(element("text", HOSTILE, aria_label=HOSTILE, class_="a", x=1.25).text)
    assert read.tags == [("text", {"aria-label": HOSTILE, "class": "a", "x": "1.2"})]
    assert read.words == HOSTILE


def test_finished_fragments_are_not_escaped_again():
    assert join([element("b", "&"), "<"]).text == "<b>&amp;</b>&lt;"


def test_a_drawing_without_description_is_hidden_from_screen_readers():
    assert 'aria-hidden="true"' in drawing(1, 1, []).text
    described = drawing(1, 1, [], "what it shows").text
    assert 'role="img" aria-label="what it shows"' in described
    assert "aria-hidden" not in described


def test_names_break_where_words_begin_and_stay_literal():
    found = breakable("DilatedReparamBlock<b>2dX_y")
    assert found.text == "Dilated<wbr>Reparam<wbr>Block&lt;b&gt;2d<wbr>X_<wbr>y"
    assert Reader(found.text).words == "DilatedReparamBlock<b>2dX_y"


def labels(scale, apart):
    return [tick.label for tick in scale.ticks(apart)]


def test_linear_ticks_are_round_and_keep_their_distance():
    scale = LinearScale(0.923, 0.987, 0, 300, 100.0)
    assert labels(scale, 40) == ["93", "94", "95", "96", "97", "98"]
    assert labels(scale, 60) == ["94", "96", "98"]
    assert labels(scale, 20)[:3] == ["92.5", "93", "93.5"]


def test_linear_ticks_take_in_the_ends():
    assert labels(LinearScale(0.0, 0.3, 0, 100), 30) == ["0", "0.1", "0.2", "0.3"]


def test_log_ticks_are_in_their_unit():
    assert labels(LogScale(4e-3, 40e-3, 0, 300, 1e-3), 34) == ["5", "7", "10", "15", "20", "30"]


def test_halving_the_error_is_one_step_everywhere():
    scale = ErrorScale(0.5, 0.999, 0, 100)
    steps = [scale.place(b) - scale.place(a) for a, b in ((0.8, 0.9), (0.9, 0.95), (0.98, 0.99))]
    assert steps == pytest.approx([steps[0]] * 3)
    assert labels(scale, 8) == ["50", "80", "90", "95", "98", "99", "99.5", "99.8", "99.9"]


def test_perfect_accuracy_has_a_place():
    scale = ErrorScale(0.5, 0.9995, 0, 100, 0.0005)
    assert scale.place(1.0) == pytest.approx(100)


def crowd(count, width, seed=3):
    random = Random(seed)
    return [
        Point(
            f"Operator{'Long' * (i % 3)}{i}", 40 + random.random() * (width - 60), 40 + random.random() * 300
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("width", [350.0, 490.0])
@pytest.mark.parametrize("count", [1, 9, 20])
def test_names_cover_neither_points_nor_one_another(width, count):
    points = crowd(count, width)
    frame = Box(30, 10, width, 380)
    placed = place_labels(points, frame, 12)
    assert len(placed) >= 0.8 * count
    for label in placed:
        assert label.box.within(frame)
        assert not any(label.box.overlaps(point.box()) for point in points)
        assert not any(label.box.overlaps(other.box) for other in placed if other is not label)


def test_places_are_the_same_every_time():
    points = crowd(12, 400)
    frame = Box(30, 10, 400, 380)
    assert place_labels(points, frame, 12) == place_labels(points, frame, 12)


def test_a_name_far_from_its_point_has_a_leader():
    heap = [Point(f"Operator{i}", 200 + i, 200 + i % 2, 5.0) for i in range(7)]
    placed = place_labels(heap, Box(0, 0, 400, 400), 12)
    assert len(placed) == 7
    for label in placed:
        near = label.box.nearest(label.point.x, label.point.y)
        off = np.hypot(near[0] - label.point.x, near[1] - label.point.y)
        assert label.leader == (off > 14)
    assert any(label.leader for label in placed)


def test_important_points_are_named_first():
    heap = [Point(f"Operator{i}", 100 + i, 60.0, 5.0, first=i == 7) for i in range(12)]
    placed = place_labels(heap, Box(0, 30, 200, 90), 12)
    assert len(placed) < 12
    assert "Operator7" in [label.point.name for label in placed]


def test_long_names_are_cut_in_the_middle():
    cut = shortened("LargeKernelAttention2d", 12, 80)
    assert text_width(cut, 12) <= 80
    head, tail = cut.split("…")
    assert "LargeKernelAttention2d".startswith(head)
    assert "LargeKernelAttention2d".endswith(tail)
    assert shortened("Conv", 12, 80) == "Conv"


def test_wide_letters_take_more_room():
    assert text_width("一二三", 12) == 36
    assert text_width("ill", 12) < text_width("WWW", 12)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_pixels_survive_the_png(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(np.array(Image.open(BytesIO(png(pixels)))), pixels)


def test_maps_go_from_paper_to_navy_darker_all_the_way():
    ramp = colours(np.linspace(0, 1, 50)[None]).astype(float)[0]
    assert ramp[0].tolist() == [255, 255, 255]
    assert (np.diff(ramp @ [0.2126, 0.7152, 0.0722]) < 0).all()


def test_photos_with_gaps_or_out_of_range_are_clipped():
    photo = np.array([[-1.0, np.nan, 0.5, 2.0]], dtype=np.float32)
    head, body = photo_uri(photo).split(",")
    assert head == "data:image/png;base64"
    assert np.array(Image.open(BytesIO(b64decode(body)))).tolist() == [[0, 0, 128, 255]]


def test_signed_maps_go_from_blue_over_paper_to_red():
    blue, paper, red = signed_colours(np.array([[-1.0, 0.0, 1.0]]))[0].tolist()
    assert paper == [255, 255, 255]
    assert blue[2] > blue[0] and red[0] > red[2]
    assert signed_colours(np.array([[-5.0, 5.0]]))[0].tolist() == [blue, red]


def test_a_signed_map_names_both_ends_of_its_scale_and_a_photograph_none():
    values = np.array([[-2.0, 1.0]])
    signed = Reader(picture_row([Picture("", values, "", signed=True)], "map").text)
    assert "−2.0" in signed.words
    plain = Reader(picture_row([Picture("", values, "logits")], "map").text)
    assert "1.0 logits" in plain.words and "−" not in plain.words
    photograph = Reader(picture_row([Picture("", values)], "photograph").text)
    assert [attrs["class"] for tag, attrs in photograph.tags if tag == "image"] == ["photo"]


def test_a_series_has_its_ends_on_the_axes_and_a_strip_where_it_matters():
    series = np.array([[0.0, 2.0, -1.5, 0.25]])
    read = Reader(series_strip(series, "input", None, "a series").text)
    assert all(word in read.words for word in ("−1.50", "2.00", "samples", "input"))
    assert not [tag for tag, _ in read.tags if tag == "image"]
    strip = Reader(series_strip(series, "input", Picture("", series, "", signed=True), "a series").text)
    assert len([tag for tag, _ in strip.tags if tag == "image"]) == 2  # the strip and its legend


def test_a_series_of_one_sample_or_one_value_can_be_drawn():
    for series in (np.array([[3.0]]), np.zeros((2, 5))):
        assert "nan" not in series_strip(series, "input", None, "flat").text


def test_a_matrix_prints_its_values_and_names_columns_that_differ_from_the_rows():
    values = np.array([[1.0, 0.25], [-0.04, np.nan]])
    square = Reader(share_matrix(values, ("a", "b"), ("a", "b"), "CKA", "alike").text)
    assert all(word in square.words for word in ("1.00", ".25", "−.04", "–", "a · 1", "1  CKA"))
    across = Reader(share_matrix(values[:1], ("a",), ("c", HOSTILE), "CKA", "alike").text)
    assert "1  c" in across.words and "a · 1" not in across.words


def test_bars_are_as_long_as_their_values():
    read = Reader(
        share_bars([ShareBar("a", 2.0), ShareBar("b", 1.0), ShareBar("c", 0.0)], "nats", "bars").text
    )
    lengths = [float(attrs["width"]) for tag, attrs in read.tags if tag == "rect"]
    assert lengths == pytest.approx([2 * lengths[1], lengths[1], 0], abs=0.11)
    assert "2.00" in read.words and "nats" in read.words
