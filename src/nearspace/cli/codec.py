"""``nearspace pack``, ``unpack`` and ``split``: items as a small file of codes, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import counted, echo, echo_lines
from nearspace.errors import NearspaceError
from nearspace.foreign import printable
from nearspace.writing import replacing, write_files

FILES = (".npy", ".png", ".jpg", ".jpeg", ".webp", ".zip", ".tar")  # nobody's names of folders
With = Annotated[
    Path, typer.Option("--with", help="The .space file, or the half of it.", show_default=False)
]


def pack_command(
    source: cli.Source,
    space_file: With,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The .codes file to write.",
            rich_help_panel=cli.OUTPUT,
        ),
    ],
    bits: Annotated[
        float | None, typer.Option(min=0.1, help="About how many bits an item, without ids.")
    ] = None,
    with_ids: Annotated[
        bool, typer.Option("--with-ids/--without-ids", help="Whether to send the ids along.")
    ] = True,
    *,
    reading: Annotated[Reading, cli.only("column", "ids", "without", "pattern", "limit")],
) -> None:
    """Pack items into a small file of codes, which the same space unpacks.

    The space needs an encoder that decodes. When it packs for the first time it gets its codec:
    give the receiver the file as it is then, or the decoder half that [bold]nearspace split[/]
    writes.

    Without --bits, rounding adds at most a tenth to the squared error of the decoder itself.

    [bold]Examples[/]

      nearspace pack photos/ --with photos.space -o photos.codes

      nearspace pack photos/ --with photos.encoder.space --bits 32 -o photos.codes
    """
    cli.check_file(output, ".codes")
    from nearspace.space.codec.codec import pack, packed_text

    space = _with_codec(space_file)
    dataset = reading.read(source, like=space.kind)
    data = pack(space, dataset.items, dataset.ids if with_ids else None, bits=bits)
    told = packed_text(space, dataset.items, data, bits)
    write_files({output: data})
    echo_lines(f"{printable(output)}: {told}")


def unpack_command(
    codes: Annotated[Path, typer.Argument(help="A .codes file.", show_default=False)],
    space_file: With,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="PLACE",
            help="A new folder for images, or an .npz file of arrays.",
            rich_help_panel=cli.OUTPUT,
        ),
    ],
    max_bytes: Annotated[
        int, typer.Option(min=1, help="What the items may take in memory; a file may lie.")
    ] = 2**30,
) -> None:
    """Decode a file of codes: images to PNG files or to an .npz file, vectors to an .npz file.

    PNG files are named by the ids of the images.

    [bold]Examples[/]

      nearspace unpack photos.codes --with photos.decoder.space -o out/

      nearspace unpack wine.codes --with wine.space -o wine.npz
    """
    try:
        data = codes.read_bytes()
    except OSError as error:
        raise NearspaceError(f"{codes} cannot be read ({error}).") from error
    from nearspace.space.codec.codec import unpack
    from nearspace.space.codec.levels import coders

    coders()
    space = cli.open_file(space_file)
    pictures = space.kind is not None and space.kind.pixels and output.suffix != ".npz"
    if pictures and output.suffix in FILES:
        raise NearspaceError(f"-o {output}: give a folder for the images, or a file ending .npz.")
    if pictures:
        cli.check_new_folder(output)
    else:
        cli.check_file(output, ".npz")
    unpacked = unpack(space, data, max_bytes)
    if pictures:
        from nearspace.space.pictures import write_pngs

        write_pngs(unpacked.items, unpacked.ids.tolist(), output)
    else:
        import numpy as np

        ids = unpacked.ids.astype(str) if unpacked.ids.dtype == object else unpacked.ids
        with replacing(output) as beside:
            np.savez(beside, items=unpacked.items, ids=ids)
    if unpacked.note:
        echo(f"note: {unpacked.note}", err=True)
    echo(f"{output}: {counted(len(unpacked.items), 'item')}.")


def split_command(path: cli.SpaceFile, force: cli.Force = False) -> None:
    """Write the two halves of a space: one that packs, and one that unpacks.

    The half without the decoder keeps the vectors; the half without the encoder holds no item's
    vector, label or picture. The axes of pca are the same both ways, and stand in both.

    [bold]Example[/]

      nearspace split photos.space
    """
    targets = {name: path.with_name(f"{path.stem}.{name}.space") for name in ("encoder", "decoder")}
    for target in targets.values():
        cli.check_file(target, ".space", option="split", force=force)
    from nearspace.space.codec.codec import split
    from nearspace.space.formats import save

    halves = split(_with_codec(path))
    for (name, target), half in zip(targets.items(), halves, strict=True):
        written = save(half, target)
        does = "packs" if name == "encoder" else "unpacks"
        echo(f"{written}: {does}, {written.stat().st_size:,} bytes.")


def _with_codec(path: Path) -> Any:
    """Return the space of a file, which is given its codec if it has none yet."""
    from nearspace.space.codec.codec import PART, with_codec
    from nearspace.space.codec.levels import coders
    from nearspace.space.file.store import write_part

    coders()  # where it is missing, nothing is written
    space = cli.open_file(path)
    if PART in space.parts:
        return space
    space = with_codec(space)
    write_part(path, PART, space.parts[PART])
    echo(f"note: {path} now holds its codec: the receiver needs it as it is now.", err=True)
    return space
