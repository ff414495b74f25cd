"""What was run, in rows of a name and a text: data, training, machine."""

from dataclasses import dataclass
from typing import final

import numpy as np

from circulant.compare.findings.words import (
    OPERATOR,
    budget_words,
    count_word,
    example_noun,
    is_image,
    listing,
)
from circulant.compare.metric import metric_of
from circulant.compare.records import CONTROL, Comparison, DataSummary, HardExample, Machine
from circulant.data.task import Task
from circulant.report.numbers import BYTES, long_date, show, whole


@final
@dataclass(frozen=True, slots=True)
class Row:
    name: str
    text: str


def data_rows(comparison: Comparison) -> tuple[Row, ...]:
    data, settings = comparison.data, comparison.settings
    classes = [Row("Classes", listing(data.classes))] if data.task is Task.CLASSIFICATION else []
    return (
        Row("Data", f"{data.name}, {_shape(data)}{_asked(data)}"),
        Row("Origin", data.origin),
        *classes,
        Row("Split", f"{whole(data.train_size)} to train, {whole(data.test_size)} to test"),
        Row("Guessing", f"{metric_of(data).show(data.guess)} {GUESSES[data.task]}"),
        Row("Fingerprint", data.fingerprint),
        Row("Seeds", ", ".join(map(str, settings.seeds)) + " (weights and order of the data)"),
        Row("Runs", _runs(comparison)),
    )


GUESSES = {
    Task.CLASSIFICATION: "by always naming the commonest class of the test set",
    Task.NEXT_CHARACTER: "by how often each character stands in the training part",
    Task.FIELD: "by always answering the mean field of the training part",
}


def _asked(data: DataSummary) -> str:
    """What the network chooses among."""
    if data.task is Task.CLASSIFICATION:
        return f", {len(data.classes)} classes"
    return f", {len(data.classes)} different" if data.task is Task.NEXT_CHARACTER else ""


def _shape(data: DataSummary) -> str:
    channels, *spatial = data.shape
    if data.task is Task.NEXT_CHARACTER:
        return f"windows of {spatial[0]} characters"
    if data.task is Task.FIELD:
        several = f" in {channels} channels" if channels > 1 else ""
        return f"fields on {' × '.join(map(str, spatial))} points{several}"
    if is_image(data):
        kind = {1: " grey", 3: " colour"}.get(channels, f" with {channels} channels")
        return " × ".join(map(str, spatial)) + kind
    return f"{spatial[0]} samples" + (f" in {channels} channels" if channels > 1 else "")


def _runs(comparison: Comparison) -> str:
    done, failed = len(comparison.trials), len(comparison.failures)
    return f"{done} finished, {'none' if failed == 0 else failed} failed"


def training_rows(comparison: Comparison) -> tuple[Row, ...]:
    backbone, budget = comparison.backbone, comparison.settings.budget
    noun = example_noun(comparison.data)
    return (
        Row("Network", backbone.sentence),
        Row("Width, depth", f"{backbone.width} channels, {backbone.depth} blocks"),
        Row("Budget", f"{budget_words(budget)}, {noun.counted(backbone.batch)} a step"),
        Row("Optimiser", backbone.optimiser),
        Row("Selection", "end of training; nothing was tuned per operator"),
    )


def machine_rows(comparison: Comparison) -> tuple[Row, ...]:
    machine = comparison.machine
    return (
        Row("Processor", f"{machine.processor}, {machine.cores} {'core' if machine.cores == 1 else 'cores'}"),
        Row("Memory", show(machine.memory_byte, BYTES)),
        Row("Threads", str(machine.threads)),
        Row("Load", _load(machine)),
        Row("Date", long_date(machine.date)),
    )


def _load(machine: Machine) -> str:
    text = f"{machine.load:.1f} over the last minute when timing began"
    if machine.load < machine.cores + 0.5:
        return text
    return f"{text}, more than the machine has cores: other work may have slowed the times"


def version_rows(comparison: Comparison) -> tuple[Row, ...]:
    return tuple(Row(package, version) for package, version in comparison.machine.versions)


def diagram_description(comparison: Comparison) -> str:
    """The backbone's drawing in words."""
    backbone = comparison.backbone
    return (
        f"{example_noun(comparison.data).singular}, {backbone.first}, {backbone.depth} blocks, "
        f"{backbone.last}. "
        "One block: norm, operator, added to its input; then norm and MLP, added again."
    )


def hard_title(comparison: Comparison) -> str:
    count = len(comparison.hard_examples)
    noun = example_noun(comparison.data)
    if count == 1:
        return f"The test {noun.singular} that was misread most often"
    return f"The {count_word(count)} test {noun.plural} that were misread most often"


def hard_guesses(example: HardExample, classes: tuple[str, ...]) -> str:
    """read as 1 or 7; a label stays as the user wrote it."""
    names = [classes[guess] for guess in example.guesses[:2]]
    return f"read as {listing(names, 'or')}" if names else "never misread"


def hard_note(comparison: Comparison, inverted: bool) -> str:
    """What is left to say below the misread examples."""
    shown = "Light strokes on a dark ground are shown as ink on paper." if inverted else ""
    return f"{all_right(comparison)} {shown}".strip()


def all_right(comparison: Comparison) -> str:
    """How many test examples nobody ever got wrong; empty where there is no right and wrong."""
    if comparison.data.task is not Task.CLASSIFICATION:
        return ""
    trials = [trial for trial in comparison.trials if trial.operator != CONTROL]
    if not trials:
        return ""
    noun, labels = example_noun(comparison.data), np.array(comparison.data.test_labels)
    right = np.all([np.array(trial.predicted) == labels for trial in trials], axis=0).sum()
    count = len({trial.operator for trial in trials})
    who = {1: "The operator", 2: "Both operators"}.get(count, f"All {OPERATOR.worded(count)}")
    several = len(comparison.settings.seeds) > 1
    read = f"{who} read {whole(int(right))} of the {noun.counted(len(labels))} correctly"
    return read + (" with every seed." if several else ".")
