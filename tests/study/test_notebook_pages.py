"""Formulas of notebooks as MathML. (`test_report` reads whole pages.)"""

import re
from xml.etree import ElementTree

import nbformat

from fer_utils import paths
from fer_utils.study import notebook_pages


def test_a_formula_in_a_line_and_one_of_its_own():
    text = notebook_pages.as_mathml("the angle $\\theta_{ij}$ is\n\n$$\\arctan\\frac{x}{y}$$\n\nsee `a$b$c`")
    inline, block = re.findall(r"<math.*?</math>", text, re.DOTALL)
    assert text.endswith("see `a$b$c`") and "$" not in text.split("see")[0]
    assert 'display="inline"' in inline and "<msub><mi>&#x003B8;</mi>" in inline
    assert 'display="block"' in block and "<mfrac><mrow><mi>x</mi></mrow><mrow><mi>y</mi></mrow></mfrac>" in block


def test_every_formula_of_the_notebooks_is_converted():
    found = 0
    for notebook in paths.notebooks().glob("*.ipynb"):
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type == "markdown":
                text = notebook_pages.as_mathml(cell.source)
                for formula in re.findall(r"<math.*?</math>", text, re.DOTALL):
                    assert "\\" not in "".join(ElementTree.fromstring(formula).itertext()), formula
                    found += 1
                assert not re.search(r"\\(frac|sqrt|sigma|theta|circ)", text), text
    assert found > 30


def test_documents_are_named_in_the_report_and_linked_from_the_published_pages():
    cell = nbformat.v4.new_markdown_cell("Read [Responsible use](../docs/responsible_use.md) first.")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    page = notebook_pages.to_html(notebook, {})
    assert "Responsible use (<code>docs/responsible_use.md</code>)" in page and "href" not in page
    assert "[Responsible use](../responsible_use.md)" in notebook_pages.to_markdown(notebook, "07_webcam_demo")[0]
