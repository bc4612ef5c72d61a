"""What breaks between two versions of an API, and what no user notices, as small tables of both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from omni_release.api import ApiChange
from omni_release.api.breaks import ApiComparison
from omni_release.api.surface import Surface, load

Files = str | Mapping[str, str]


def surface(folder: Path, files: Files) -> Surface:
    """The API of these files, or of a package `acme` with this code alone."""
    for name, code in ({"acme/__init__.py": files} if isinstance(files, str) else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
    return load(folder)


def changes(tmp_path: Path, old: Files, new: Files) -> list[ApiChange]:
    """The changes that break a use."""
    return list(ApiComparison(surface(tmp_path / "old", old), surface(tmp_path / "new", new)).changes())


F = "def f(a, b=1): pass\n"
CLASS = "class C:\n    "
CORE = "acme/_core.py"
INIT = "acme/__init__.py"


@pytest.mark.parametrize(
    ("old", "new", "kind", "name", "what"),
    [
        pytest.param(F, "", "removed", "acme.f", "function was removed", id="function"),
        pytest.param("class C: pass", "", "removed", "acme.C", "class was removed", id="class"),
        pytest.param("LIMIT = 1", "", "removed", "acme.LIMIT", "attribute was removed", id="constant"),
        pytest.param(CLASS + "def m(self): pass", "class C: pass", "removed", "acme.C.m", "method", id="method"),
        pytest.param(
            CLASS + "def __init__(self):\n        self.x = 1",
            CLASS + "def __init__(self):\n        pass",
            "removed",
            "acme.C.x",
            "attribute",
            id="attribute of instances",
        ),
        pytest.param({INIT: "", "acme/io.py": F}, {INIT: ""}, "removed", "acme.io", "module was removed", id="module"),
        pytest.param(
            {INIT: "", "acme/fast.pyi": F, "acme/fast.so": ""},
            {INIT: "", "acme/fast.pyi": "", "acme/fast.so": ""},
            "removed",
            "acme.fast.f",
            "function was removed",
            id="in a stub",
        ),
        pytest.param(
            {INIT: "from ._core import f", CORE: F},
            {INIT: "", CORE: F},
            "removed",
            "acme.f",
            "function",
            id="re-export",
        ),
        pytest.param(
            {INIT: "from ._core import f\n__all__ = ['f']", CORE: F},
            {INIT: "from ._core import f\n__all__ = ['f']", CORE: "def f(a): pass"},
            "parameter-removed",
            "acme.f",
            "parameter `b` was removed",
            id="by the name that users write",
        ),
        pytest.param(
            "def sign(v): pass", "def signed(v): pass", "removed", "acme.sign", "`acme.signed`", id="new name"
        ),
        pytest.param(
            {INIT: "", "acme/a.py": F, "acme/b.py": ""},
            {INIT: "", "acme/a.py": "", "acme/b.py": F},
            "removed",
            "acme.a.f",
            "`acme.b.f`",
            id="moved",
        ),
        pytest.param(F, "def f(b=1): pass", "parameter-removed", "acme.f", "parameter `a` was removed", id="parameter"),
        pytest.param(
            F, "def f(x, b=1): pass", "parameter-renamed", "acme.f", "from|`a` was renamed to `x`", id="renamed"
        ),
        pytest.param("def f(a, b): pass", "def f(b, a): pass", "parameter-moved", "acme.f", "order", id="order"),
        pytest.param(
            F, "def f(a, c=0, b=1): pass", "parameter-moved", "acme.f", "`c` was inserted before `b`", id="inserted"
        ),
        pytest.param(F, "def f(a, b): pass", "parameter-required", "acme.f", "no default", id="required"),
        pytest.param(F, "def f(a, b=1, *, c): pass", "parameter-added", "acme.f", "`c` was added", id="new required"),
        pytest.param(F, "def f(a, *, b=1): pass", "parameter-kind", "acme.f", "by keyword", id="keyword-only"),
        pytest.param(F, "def f(a, b=1, /): pass", "parameter-kind", "acme.f", "by position", id="positional-only"),
        pytest.param(F, "def f(a, b=2): pass", "default", "acme.f", "from 1 to 2", id="default"),
        pytest.param(
            F, "N = 2\ndef f(a, b=N): pass", "default", "acme.f", "from 1 to N", id="default by the name of a constant"
        ),
        pytest.param(
            F,
            "def f(a, b=None):\n    if b is None:\n        b = 2\n",
            "default",
            "acme.f",
            "from 1 to None",
            id="default in the body",
        ),
        pytest.param("def f(*a): pass", "def f(): pass", "parameter-removed", "acme.f", "`*a`", id="variadic"),
        pytest.param(
            CLASS + "def __init__(self, *a): super().__init__(*a)",
            CLASS + "def __init__(self): pass",
            "parameter-removed",
            "acme.C",
            "`*a`",
            id="variadic for an unknown base class",
        ),
        pytest.param(
            "def f(a): pass", "def f(*names): pass", "parameter-kind", "acme.f", "by position", id="collected now"
        ),
        pytest.param(
            "class B: pass\nclass A: pass\nBase = B\nclass C(B): pass",
            "class B: pass\nclass A: pass\nBase = A\nclass C(Base): pass",
            "base",
            "acme.C",
            "`B` is no base",
            id="base by another name",
        ),
        pytest.param(
            "def f() -> str: pass",
            "def f() -> str | None: pass",
            "returns",
            "acme.f",
            "`str | None`",
            id="optional result",
        ),
        pytest.param(
            "def f() -> str: pass",
            "def f() -> bytes: pass",
            "returns",
            "acme.f",
            "`bytes`",
            id="result of another type",
        ),
        pytest.param("def f(): pass", "async def f(): pass", "async", "acme.f", "coroutine", id="async"),
        pytest.param(
            CLASS + "@staticmethod\n    def m(a): pass",
            CLASS + "def m(self, a): pass",
            "binding",
            "acme.C.m",
            "staticmethod",
            id="static",
        ),
        pytest.param(
            CLASS + "@property\n    def p(self): pass",
            CLASS + "def p(self): pass",
            "kind",
            "acme.C.p",
            "property",
            id="kind",
        ),
        pytest.param(
            "def v(): pass", "v = '1'", "kind", "acme.v", "function became attribute", id="function and value"
        ),
        pytest.param(
            "class E(ValueError): pass",
            "class E(Exception): pass",
            "base",
            "acme.E",
            "`ValueError` is no base",
            id="base",
        ),
    ],
)
def test_break(tmp_path: Path, old: Files, new: Files, kind: str, name: str, what: str) -> None:
    """Each kind of break is found once, under the name that users write, with its place."""
    found = changes(tmp_path, old, new)
    (change,) = [one for one in found if one.kind == kind]
    assert change.name.removesuffix(".__init__") == name
    assert what.rpartition("|")[2] in change.message or what == change.message, change.message
    assert change.effect and change.file


SAME = [
    pytest.param("def _f(): pass", "", id="private name"),
    pytest.param("__version__ = '1'\n__author__ = 'a'", "", id="dunder attributes"),
    pytest.param("LIMIT = 1", "LIMIT = 2", id="value"),
    pytest.param({INIT: "__all__ = []\n" + F}, {INIT: "__all__ = []"}, id="not in __all__"),
    pytest.param({INIT: "", "acme/_core.py": F}, {INIT: ""}, id="private module"),
    pytest.param({INIT: "", "acme/tests/test_a.py": F}, {INIT: ""}, id="tests"),
    pytest.param("import os\nfrom json import loads", "", id="imports of other packages"),
    pytest.param("import logging\nlogger = logging.getLogger()", "", id="logger"),
    pytest.param("from typing import TypeVar\nValue = TypeVar('Value')", "", id="type variable"),
    pytest.param(F, {INIT: "from ._core import f", CORE: F}, id="moved, and imported"),
    pytest.param(
        {INIT: "from ._core import f", CORE: F},
        {INIT: "NAMES = {'f': '_core'}\ndef __getattr__(name): pass", CORE: F},
        id="loaded lazily",
    ),
    pytest.param(
        {INIT: "", "acme/fast.py": F}, {INIT: "", "acme/fast.cpython-311-x86_64-linux-gnu.so": ""}, id="compiled"
    ),
    pytest.param(
        {INIT: "", "acme/fast.py": F},
        {INIT: "", "acme/fast.pyi": "def f(a, b=...): ...", "acme/fast.so": ""},
        id="stub",
    ),
    pytest.param({INIT: "", "acme/new.py": F}, {INIT: "", "acme/new.py": "type X = (\n"}, id="does not parse here"),
    pytest.param({INIT: "", "acme/new.py": "(\n"}, {INIT: "", "acme/new.py": F}, id="did not parse here"),
    pytest.param({INIT: "", "acme/class.py": F, "acme/a\x1b.py": F}, {INIT: ""}, id="names that no import can have"),
    pytest.param(CLASS + "def __init__(self): pass", "class C: pass", id="method that every object has"),
    pytest.param(
        CLASS + "def m(self): pass",
        "class B:\n    def m(self): pass\nclass C(B): pass",
        id="method in a new base class",
    ),
    pytest.param(CLASS + "def keys(self): pass", "class C(dict): pass", id="method of a class of the standard library"),
    pytest.param(
        CLASS + "def __init__(self):\n        self.x = 1",
        CLASS + "def __init__(self):\n        self.start()\n    def start(self):\n        self.x = 1",
        id="attribute set elsewhere",
    ),
    pytest.param(
        CLASS + "def __eq__(self, a): pass", CLASS + "def __eq__(self, b): pass", id="parameter of an operator"
    ),
    pytest.param("def f(a, /): pass", "def f(b, /): pass", id="name of a positional-only parameter"),
    pytest.param(F, "def f(a, b=1, c=2): pass", id="new optional parameter"),
    pytest.param("def f(*, b=1): pass", "def f(**k): pass", id="parameter that is collected"),
    pytest.param("def f(**k): pass", "def f(*, a=1, b=2): pass", id="collected parameters that have names now"),
    pytest.param("def f(*a, **k): pass", "def f(*args, **kwargs): pass", id="other names of what is collected"),
    pytest.param(
        CLASS + "def m(*args): pass", CLASS + "def m(__self, __other, *args): pass", id="names for what was collected"
    ),
    pytest.param(CLASS + "def m(self): pass", CLASS + "def m(self, /): pass", id="instance by position"),
    pytest.param(
        "import abc\n" + CLASS + "@abc.abstractproperty\n    def p(self): pass",
        CLASS + "@property\n    def p(self): pass",
        id="property by another decorator",
    ),
    pytest.param(
        "def f(a, x=1): pass", "def f(a, x_old=None, *, x=1): pass", id="position kept for what is keyword-only"
    ),
    pytest.param(F, "def f(a, b=1.0): pass", id="equal default"),
    pytest.param(F, "N = 1\ndef f(a, b=N): pass", id="equal default by name"),
    pytest.param("def f(a=[]): pass", "def f(a=None): pass", id="default of nothing"),
    pytest.param(F, "def f(a, b=None):\n    if b is None:\n        b = 1\n", id="the same default in the body"),
    pytest.param(F, "import x\ndef f(a, b=x.y): pass", id="unknown default"),
    pytest.param("def f() -> str: pass", "def f(): pass", id="result without an annotation"),
    pytest.param("def f() -> str | None: pass", "def f() -> str: pass", id="narrower result"),
    pytest.param(
        "from typing import *\ndef f() -> Optional[List[int]]: pass",
        "def f() -> list[int] | None: pass",
        id="the same result",
    ),
    pytest.param("def f() -> float: pass", "def f() -> int: pass", id="int for float"),
    pytest.param("def f(): pass", "f = wrapped(g)", id="function in an attribute"),
    pytest.param(
        "import enum\nclass E(str, enum.Enum): pass", "import enum\nclass E(enum.StrEnum): pass", id="base of a base"
    ),
    pytest.param("class _B: pass\nclass C(_B): pass", "class C: pass", id="private base"),
    pytest.param(
        "from collections import abc\nclass C(abc.Sized): pass",
        "from collections import abc\nBase = abc.Sized\nclass C(Base): pass",
        id="base in an attribute",
    ),
    pytest.param("class B: pass\nclass C(B): pass", "class A: pass\nclass C(A): pass\nB = A", id="renamed base"),
    pytest.param("class B: pass\nclass C(B): pass", "class C: pass\nB = C", id="base that became the class"),
    pytest.param(
        "class B: pass\nclass C(B): pass",
        "class _M(type):\n    def __instancecheck__(cls, one): pass\nclass C: pass\nclass B(C, metaclass=_M): pass",
        id="base that decides itself",
    ),
    pytest.param(
        "class B: pass\nclass C(B): pass",
        "class C: pass\nclass B:\n    @classmethod\n    def __subclasshook__(cls, one): pass",
        id="base with a hook",
    ),
    pytest.param(
        "class B: pass\nclass C(B): pass",
        "import abc\nclass B(abc.ABC): pass\nclass C: pass\nB.register(C)",
        id="base where the class is registered",
    ),
    pytest.param(
        "class B: pass\nclass C(B): pass",
        "class C: pass\nclass _B(C): pass\ndef __getattr__(name):\n    return {'B': _B}[name]",
        id="base that is loaded lazily",
    ),
    pytest.param(
        "class B:\n    def __init__(self, *, x=1): pass\nclass C(B):\n"
        "    def __init__(self, *a, **k):\n        super().__init__(*a, **k)",
        "class B:\n    def __init__(self, *, x=1): pass\nclass C(B):\n"
        "    def __init__(self, **k):\n        super().__init__(**k)",
        id="what the base class refused",
    ),
    pytest.param("def f(a, /): pass", "def f(*names): pass", id="positional-only, and collected now"),
    pytest.param("if __name__ == '__main__':\n    x = 1\n    def f(): pass", "", id="only in the program"),
    pytest.param(CLASS + "def __nonzero__(self): pass", "class C: pass", id="method of Python 2"),
    pytest.param(
        CLASS + "def m(self, x=(1,)): pass",
        CLASS + "def m(self, x=None):\n        y = x if x is not None else self.x",
        id="default from elsewhere",
    ),
    pytest.param(F, "def f(a, b=None):\n    b = b or g()", id="default that is computed in the body"),
    pytest.param("def f(b=None):\n    b = b or g()", "def f(b=1): pass", id="default that was computed in the body"),
    pytest.param(
        "import click\n@click.command()\ndef f(a): pass", "import click\n@click.command()\ndef f(b): pass", id="command"
    ),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_nothing_breaks(tmp_path: Path, old: Files, new: Files) -> None:
    """What no user notices is not reported."""
    assert changes(tmp_path, old, new) == []


@pytest.mark.parametrize(
    ("stated", "is_public"),
    [
        ("['f']", True),
        ("()", False),
        ("[n for n in dir()]", True),
        ("names()", True),
        ("['g'] + names()", True),
        ("X", True),
        ("('f',) if X else ()", True),
        ("[]\n__all__ += names()", True),
        ("[]\n__all__.append('f')", True),
        ("['g']\n__all__.extend(['f', 'h'])", True),
        ("['g']\n__all__.extend(names())", True),
        ("['g']\n__all__ += ['h']", False),
        ("['g', *m.__all__]", False),
        ("m.__all__ + ['f']", True),
    ],
)
def test_all(tmp_path: Path, stated: str, is_public: bool) -> None:
    """What `__all__` lists is public; where only running the module shows it, its names decide."""
    head = f"from . import m\n__all__ = {stated}\ndef g(): pass\n"
    more = {"acme/m.py": "__all__ = ['h']\ndef h(): pass\n"}
    found = changes(tmp_path, {INIT: head + F, **more}, {INIT: head, **more})
    assert ([change.name for change in found] == ["acme.f"]) is is_public


def test_unread(tmp_path: Path) -> None:
    """What does not parse here is named, and neither new nor removed; templates and tests are not named."""
    broken = {"acme/b.py": "(", "acme/tests/c.py": "(", "acme/_d.py": "(", "acme/{{x}}/e.py": "("}
    comparison = ApiComparison(surface(tmp_path / "old", {INIT: "", **broken}), surface(tmp_path / "new", F))
    assert comparison.old.unread == ("acme.b: it does not parse",)
    whole = surface(tmp_path / "whole", "def f(")
    assert [line.partition(":")[0] for line in whole.unread] == ["acme"]
    assert list(ApiComparison(comparison.new, whole).changes()) == []


def test_each_once(tmp_path: Path) -> None:
    """What several names and classes share is one break, under the shortest name."""
    base = "class Base:\n    def m(self): pass\nclass A(Base): pass\nclass B(Base): pass\n"
    (change,) = changes(
        tmp_path, {INIT: "", "acme/a.py": base}, {INIT: "", "acme/a.py": base.replace("def m", "def _m")}
    )
    assert change.name == "acme.a.Base.m"  # where it is defined


@pytest.mark.parametrize(
    "code",
    [
        'def f():\n    """Do it.\n\n    .. deprecated:: 1.0\n    """',
        "import warnings\ndef f():\n    warnings.warn('gone', DeprecationWarning)",
        "from typing_extensions import deprecated\n@deprecated('use g')\ndef f(): pass",
        "class f:\n    def __init__(self):\n        warnings.warn('gone', DeprecationWarning)",
    ],
    ids=["docstring", "warning", "decorator", "class"],
)
def test_deprecated_before(tmp_path: Path, code: str) -> None:
    """What was deprecated before it was removed is known."""
    (change,) = changes(tmp_path, code, "")
    assert change.deprecated
    (other,) = changes(tmp_path / "other", F, "")
    assert not other.deprecated


def test_new_names(tmp_path: Path) -> None:
    """A new name counts once, without what is below it and without its other paths."""
    old, new = {INIT: "", CORE: ""}, {INIT: "from ._core import C", CORE: CLASS + "def m(self): pass"}
    comparison = ApiComparison(surface(tmp_path / "old", old), surface(tmp_path / "new", new))
    assert comparison.added() == ("acme.C",)
