"""Execute a report notebook and export it as one self-contained HTML page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rramchar.errors import InputError, MissingToolError, RramcharError

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.55 system-ui, "Helvetica Neue", Arial, sans-serif; color: #1a1a1a;
       max-width: 62rem; margin: 2.5rem auto; padding: 0 1.2rem; }}
h1 {{ font-size: 1.9rem; line-height: 1.2; }}
h2 {{ font-size: 1.35rem; margin-top: 2.6rem; border-bottom: 1px solid #ddd;
     padding-bottom: .3rem; }}
figure {{ margin: 1.2rem 0; }}
figure img {{ max-width: 100%; height: auto; }}
figcaption {{ color: #555; font-size: .9rem; }}
table {{ border-collapse: collapse; font-size: .88rem; margin: 1rem 0; }}
th, td {{ padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #e6e6e6;
         overflow-wrap: break-word; }}
th, table.numbers td {{ overflow-wrap: normal; }}
th:first-child, td:first-child {{ text-align: left; }}
table.text th, table.text td {{ text-align: left; }}
code {{ background: #f4f4f4; padding: .1rem .25rem; border-radius: 3px; }}
pre {{ background: #f4f4f4; padding: .7rem; overflow-x: auto; }}
a.anchor-link {{ display: none; }}
.jp-OutputPrompt, .jp-InputPrompt, .prompt {{ display: none; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def require_notebook_tools() -> None:
    """Refuse, before any work is done, to go on without the packages that run notebooks.

    Raises
    ------
    MissingToolError
        If the ``notebooks`` extra is not installed.
    """
    for package in ("papermill", "nbconvert", "ipykernel"):
        if find_spec(package) is None:
            raise MissingToolError(
                f"{package} is not installed; install it with: pip install 'rramchar[notebooks]'"
            )


def execute_notebook(
    notebook: Path, output: Path, parameters: Mapping[str, Any], *, title: str, html: Path
) -> None:
    """Run a notebook with parameters and export its results, without code, as HTML.

    Parameters
    ----------
    notebook : Path
        Notebook with a cell tagged ``parameters``.
    output : Path
        Executed notebook to write.
    parameters : mapping
        Values for the parameter cell.
    title : str
        Title of the page.
    html : Path
        Page to write; pictures are embedded, nothing is loaded from elsewhere.

    Raises
    ------
    MissingToolError
        If the ``notebooks`` extra is not installed.
    RramcharError
        If a cell fails; the message holds its error, the executed notebook keeps the rest.
    """
    require_notebook_tools()
    import papermill
    from nbconvert import HTMLExporter

    # The kernel warns about frozen modules on start; nobody debugs it.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        papermill.execute_notebook(
            str(notebook), str(output), parameters=dict(parameters),
            kernel_name="python3", language="python",
            progress_bar=False, log_output=False,
            # The kernel's notes on its own transport are nothing a user could act on.
            extra_arguments=["--log-level=ERROR"],
        )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        raise RramcharError(
            f"{notebook.name}: cell {error.cell_index} failed: {error.ename}: {error.evalue}; "
            f"see {output}"
        ) from None
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error}") from None
    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_output_prompt=True)
    body, _ = exporter.from_filename(str(output))
    html.write_text(_PAGE.format(title=escape(title), body=body), encoding="utf-8")
