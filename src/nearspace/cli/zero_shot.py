"""``nearspace zero-shot``: classes told by their names, beside what labels teach."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import echo, echo_lines, print_table, waiting
from nearspace.cli.wording import in_options
from nearspace.errors import NearspaceError
from nearspace.foreign import printable_json

WORST = 10  # classes that are shown


def zero_shot_command(
    source: cli.Source,
    spec: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="A space of items and texts, as nearspace pair makes one, or a model that was "
            "trained on both, such as pretrained:./clip.",
            rich_help_panel=cli.ENCODERS,
        ),
    ],
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT",
            help="What the name of a class is put into, as 'a photo of a {}'; repeat for the mean "
            "of several.",
            show_default="{}",
        ),
    ] = None,
    as_json: cli.AsJson = False,
    *,
    reading: Annotated[Reading, cli.only("labels", "groups", "kind", "size", "limit")],
    judging: Annotated[cli.Judging, cli.only("test_size", "random_state", "near_duplicates")],
) -> None:
    """Tell classes by their names alone, beside a linear model that learns from labels.

    The name of each class is put into a prompt, and an item is of the class whose text is nearest.
    That needs no label; the labels of SOURCE judge it.

    [bold]Examples[/]

      nearspace zero-shot photos/ --with pretrained:./clip --prompt 'a photo of a {}'

      nearspace zero-shot emoji/ --with emoji.space
    """
    from nearspace.encoders.spec import make
    from nearspace.judge.studies.zero_shot import item_side, zero_shot
    from nearspace.space.sides import is_sided

    encoder: Any = None
    like = None
    if spec.endswith(".space"):
        space = cli.open_file(Path(spec))
        if not is_sided(space) or space.encoder is None:
            raise NearspaceError(
                f"{spec}: expected a space of two sides, as nearspace pair makes it of pairs."
            )
        encoder = space.encoder
        like = encoder.side(item_side(encoder)).kind_
    else:
        encoder = make(spec)
    dataset = reading.read(source, like=like, random_state=judging.random_state)
    with waiting("Telling classes"):
        study = zero_shot(
            dataset,
            encoder,
            prompts=prompt or "{}",
            test_size=judging.test_size,
            near_duplicates=judging.near_duplicates,
            random_state=judging.random_state,
        )
    if as_json:
        echo_lines(printable_json(dataclasses.asdict(study)))
        return
    head = f"accuracy, {study.n_test:,} items"
    rows = [
        {"told": row.name, head: f"{100 * row.accuracy:.1f} [{100 * row.low:.1f}, "
         f"{100 * row.high:.1f}]"}
        for row in study.rows
    ]  # fmt: skip
    print_table(rows, "told", ())
    gap = study.difference
    echo(
        f"By names less by labels ({study.n_labelled:,} of them): {100 * gap.accuracy:+.1f} points "
        f"[{100 * gap.low:+.1f}, {100 * gap.high:+.1f}].",
        wrap=True,
    )
    classes = sorted(study.by_class.items(), key=lambda item: item[1][0])
    print_table(
        [
            {"class": name, "by names": f"{100 * one:.0f} %", "by labels": f"{100 * other:.0f} %",
             "items": f"{count:,}"}
            for name, (one, other, count) in classes[:WORST]
        ],
        "class",
        (),
    )  # fmt: skip
    if len(classes) > WORST:
        echo(f"The worst {WORST} of {len(classes):,} classes; --json tells all.", wrap=True)
    for note in study.notes:
        echo(f"note: {in_options(note)}", err=True, wrap=True)
