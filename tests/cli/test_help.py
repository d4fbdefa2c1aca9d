"""What the help says: its headings, its examples, and the words of hints."""

import ast
import inspect
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import nearspace
from nearspace.cli.app import COMMANDS, HEADINGS, app
from nearspace.cli.wording import PARAMETERS, in_options
from nearspace.encoders.spec import make_many

NAMES = sum(COMMANDS.values(), ())
GROUP = get_command(app)
EXAMPLES = {
    name: [line.strip() for line in re.split(r"\n\n|  +(?=nearspace )", GROUP.commands[name].help)
           if line.strip().startswith("nearspace ")]
    for name in NAMES
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_example_can_be_read_and_names_encoders_that_exist(name):
    assert EXAMPLES[name]
    for example in EXAMPLES[name]:
        program, command, *arguments = shlex.split(example)
        assert (program, command) == ("nearspace", name)
        context = GROUP.commands[name].make_context(name, arguments)
        specs = context.params.get("specs") or [context.params.get("spec")]
        for spec in specs:
            if spec and not spec.endswith(".space"):
                make_many(spec)


def test_help_is_grouped_and_short():
    text = CliRunner().invoke(app, ["-h"], env={"COLUMNS": "80"}).output
    assert sorted(sum(HEADINGS.values(), ())) == sorted(COMMANDS)
    places = [text.index(heading) for heading in HEADINGS]
    assert places == sorted(places)
    assert "--version" in text
    text = CliRunner().invoke(app, ["compare", "-h"], env={"COLUMNS": "80"}).output
    headings = re.findall(r"╭─ (\w+)", text)
    assert {"Encoders", "Output", "Data", "Judging"} < set(headings)
    assert len(headings) == len(set(headings))


def test_each_option_for_what_is_written_stands_under_one_heading_and_flags_show_no_type():
    for name in NAMES:
        for each in GROUP.commands[name].get_params(GROUP.make_context("x", ["cache"])):
            if "-o" in each.opts:
                assert each.metavar in ("FILE", "PLACE"), name
                assert each.rich_help_panel == "Output", name
    text = CliRunner().invoke(app, ["embed", "-h"], env={"COLUMNS": "80"}).output
    assert "--force" in text
    assert "<bool>" not in text


MISTYPED = {
    "digits": "There is no command 'digits'; to compare encoders on it, write nearspace compare ",
    "comapre digits": "There is no command 'comapre'. Did you mean 'compare'?",
    "xyz": "There is no command 'xyz'; nearspace --help tells what there is.",
    "--vresion": "nearspace has no option --vresion. Did you mean '--version'?",
    "compare digits --wiht pca": "nearspace compare has no option --wiht. Did you mean '--with'?",
    "compare digits --wiht=pca": "nearspace compare has no option --wiht. Did you mean '--with'?",
    "compare digits --NO-CACHE": "Did you mean '--no-cache'?",
    "compare digits --qqq": "has no option --qqq; nearspace compare --help tells what there is.",
    "compare digits -with pca": "compare has no option -with: those of several letters have two "
    "dashes, --with.",
    "compare digits -with=pca": "has no option -with: those",
    "compare digits -wiht pca": "has no option -wiht. Did you mean '--with'?",
    "compare digits —with pca": "has no option —with: those of several letters",
    "compare digits -open": "two dashes, --open.",
    "embed digits --with pca -output x.space": "two dashes, --output.",
    "search x.space -json 1": "two dashes, --json.",
    "compare -help": "two dashes, --help.",
    "-version": "nearspace has no option -version: those",
    "compare digits -x": "has no option -x; nearspace compare --help tells what there is.",
    "compare digits --task clases": "There is no task 'clases'. Did you mean 'classes'?",
    "compare digits --metric cosin": "Did you mean 'cosine'?",
    "compare digits --kind imag": "Did you mean 'image'?",
    "compare digits pca:dim=2": "has no place for 'pca:dim=2'; an encoder stands after --with.",
    "compare digits more": "has no place for 'more'; nearspace compare --help tells what there is.",
    "compare digits --seeds many": "--seeds: expected a whole number of at least 1, got 'many'.",
    "compare digits -k 0": "-k: expected a whole number of at least 1, got '0'.",
    "compare digits --test-size half": "--test-size: expected a number, got 'half'.",
    "compare digits --with": "Option '--with' requires an argument; ",
    "search": "Missing argument",
    "embed digits --with raw,pca -o x.space": "Expected one encoder, got 2: 'raw,pca'.",
    "compare digits -o x.pdf": "expected a folder, for report.html and report.json, or a file",
    "embed wine --with raw -o x.doc": "-o x.doc: expected a file ending .space, .parquet or .npz.",
    "verify x.space --repair -o x.doc": "-o x.doc: expected a file ending .space.",
    "compare digits -o x.json --open": "--open shows a page, and -o x.json is none",
    "search x.space": "or list items by --where alone",
    "rates sentences": "expected images, as an array of numbers; got texts.",
    "compare digits --with pca:dim": "'dim' parameter of PCA must be",
}


@pytest.mark.parametrize("line", MISTYPED)
def test_what_is_mistyped_is_told_in_a_sentence(command, line):
    done = command(*shlex.split(line))
    assert done.returncode == 2
    assert MISTYPED[line] in done.stderr.replace("\n", " ") + done.stdout.replace("\n", " ")


def test_a_hint_is_in_the_words_of_options():
    options = {option for name in NAMES for each in GROUP.commands[name].params
               for option in (*each.opts, *each.secondary_opts)}  # fmt: skip
    assert {f"--{name.replace('_', '-')}" for name in PARAMETERS} <= options
    assert in_options("seeds=5 tells more (seeds=5)") == "--seeds 5 tells more (--seeds 5)"
    for left in ("no column 'ids='", 'no "ids= x"', "pca(kind='text')", "pca(dim=2, kind='text')",
                 "axis=3", "a.ids=", "Image(shape=(3, 4))"):  # fmt: skip
        assert in_options(left) == left


def test_no_sentence_of_the_library_names_a_parameter_that_no_option_is_made_of():
    """One that is none belongs to an encoder, which the command line writes the same way."""
    of_encoders = {
        *("axis", "body", "device", "dim", "keypoints", "length", "likelihood", "long", "model"),
        *("max_features", "of", "pool", "prompt", "strict", "tokenizer"),
        *("context", "dropout", "objective", "texts"),
    }
    for file in Path(inspect.getfile(nearspace)).parent.rglob("*.py"):
        raised = [
            node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Raise)
        ]
        for node in raised:
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    told = part.value.replace("left= and right=", "--pairs")  # as `in_options`
                    names = re.findall(r"(?<![\w(.])([a-z_]+)=(?=[\s,;.:')])", told)
                    assert set(names) <= {*PARAMETERS, *of_encoders}, (file, part.value)
