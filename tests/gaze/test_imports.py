"""Who may import whom, read from the source; and that what runs live starts without torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from source_imports import imports

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gaze", "calibration", "deploy", "export")  # each may import itself and what stands to its left

# Inside gaze: a module may import modules of a lower rank only.
RANK = {
    "errors": -1,
    "array_files": 1,
    "disk_space": -1,
    "files": 0,
    "fetching": 0,
    "help_format": 0,
    "subcommands": 0,
    "standard_streams": -1,
    "system_libraries": -1,
    "user_folders": -1,
    "later_import": -1,
    "mesh_landmarks": -1,
    "option_refusals": 0,
    "option_types": 0,
    "landmark_model": 0,
    "one_euro": 0,
    "picture_files": 1,
    "geometry": 0,
    "evenly": 0,
    "closed_eyes": 0,
    "learned_landmarks": 0,
    "worker_processes": 0,
    "types": 1,
    "camera": 2,
    "face_model": 2,
    "model_spec": 2,
    "download": 3,
    "landmarks": 3,
    "closer_look": 2,
    "head_pose": 3,
    "normalization": 3,
    "upright": 1,
    "mirrored": 2,
    "quiet_start": 2,
    "estimator": 4,
}
LIVE = ("gaze.estimator", "deploy.run_command", "cam_demo")
BESIDE = ("network", "datasets", "synthesis", "training")

# Third-party module -> where it may be imported (path prefixes from the root).
ALLOWED = {
    "torch": (
        "gaze/network",
        "gaze/datasets/",
        "gaze/training/",
        "deploy/runtimes/torch_runtime.py",
        "export/",
    ),
    "torchvision": (),
    "mediapipe": ("gaze/landmarks",),
    "openvino": ("deploy/runtimes/openvino_", "deploy/doctor", "export/"),  # doctor: what loads
    "tensorrt": ("deploy/runtimes/", "export/to_tensorrt.py"),
    "nncf": ("export/",),
    "onnx": ("export/",),
    "moderngl": ("gaze/synthesis/",),
}


def modules():
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))
    yield ROOT / "cam_demo.py"


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def test_packages_import_only_to_their_left():
    wrong = []
    for path in modules():
        package = name_of(path).partition("/")[0]
        if package not in PACKAGES:
            continue
        forbidden = PACKAGES[PACKAGES.index(package) + 1 :]
        wrong += [
            f"{name_of(path)}:{line} imports {name}"
            for name, line in imports(path)
            if name.partition(".")[0] in forbidden
        ]
    assert wrong == []


# Named by string, which the statements do not show: the table of subcommands, and the runtime that
# GazeEstimator.create opens, so that a library user has an estimate in three lines.
BY_NAME = {"gaze/cli.py", "gaze/estimator.py"}


def test_only_two_modules_name_packages_to_their_right_by_string():
    naming = set()
    for path in modules():
        package = name_of(path).partition("/")[0]
        if package not in PACKAGES:
            continue
        forbidden = tuple(f"{other}." for other in PACKAGES[PACKAGES.index(package) + 1 :])
        strings = [
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        if any(text.startswith(forbidden) and text.replace(".", "").isidentifier() for text in strings):
            naming.add(name_of(path))
    assert naming == BY_NAME


def test_modules_inside_gaze_import_only_below_them():
    wrong = []
    for path in sorted((ROOT / "gaze").glob("*.py")):
        if path.stem not in RANK:
            continue
        for name, line in imports(path):
            package, _, rest = name.partition(".")
            module = rest.partition(".")[0]
            if package == "gaze" and module and RANK.get(module, 99) >= RANK[path.stem]:
                # `files` and `errors` are for all; two of one rank stand beside each other.
                wrong.append(f"gaze/{path.name}:{line} imports {name}")
    assert wrong == []


def test_every_module_of_gaze_has_a_place():
    known = {*RANK, *BESIDE, "__init__", "cli"}
    present = {path.stem for path in (ROOT / "gaze").glob("*.py")}
    present |= {path.parent.name for path in (ROOT / "gaze").glob("*/__init__.py")}
    assert {name for name in present if name.partition("_")[0] not in BESIDE} <= known


def path_of(module):
    """The file of a project module, or None where the dotted name is a function, a class or foreign."""
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def live_files():
    """What the live loop can reach by import statements, even inside functions; not the torch runtime."""
    open_, reached = ["gaze", *LIVE], set()
    while open_:
        parts = open_.pop().split(".")
        # Importing a.b.c runs a and a.b too; the last part may be a name inside the module.
        for end in range(1, len(parts) + 1):
            path = path_of(".".join(parts[:end]))
            if path is not None and path not in reached and path.name != "torch_runtime.py":
                reached.add(path)
                open_ += [name for name, _ in imports(path)]
    return reached


def test_what_runs_live_imports_nothing_of_training():
    live = live_files()
    assert ROOT / "gaze/normalization.py" in live
    wrong = [
        f"{name_of(path)}:{line} imports {name}"
        for path in sorted(live)
        for name, line in imports(path)
        if name.startswith(tuple(f"gaze.{module}" for module in BESIDE))
    ]
    assert wrong == []


@pytest.mark.parametrize("library", ALLOWED)
def test_heavy_libraries_are_imported_only_where_they_belong(library):
    wrong = [
        f"{name_of(path)}:{line}"
        for path in modules()
        for name, line in imports(path)
        if name.partition(".")[0] == library and not name_of(path).startswith(ALLOWED[library])
    ]
    assert wrong == []


def test_the_reader_of_imports_sees_them(tmp_path):
    path = tmp_path / "probe.py"
    path.write_text(
        "import a.b\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import hidden\n"
        "def f():\n    from gaze import camera as c\n"
    )
    assert [name for name, _ in imports(path)] == ["a.b", "typing.TYPE_CHECKING", "gaze.camera"]


def loaded_after(code, names):
    """Which of ``names`` are loaded in a fresh interpreter after ``code``."""
    program = f"{code}\nimport sys\nprint('loaded:', *sorted(set({sorted(names)!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("loaded:")[2].split()


def test_import_gaze_alone_is_light():
    assert loaded_after("import gaze", {"numpy", "cv2", "mediapipe", "torch"}) == []


def test_public_names_come_from_gaze():
    import gaze

    for name in gaze.__all__:
        assert getattr(gaze, name) is not None
    assert set(gaze.__all__) <= set(dir(gaze))
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = gaze.nothing_of_the_kind


@pytest.mark.usefixtures("landmark_models")
def test_live_modules_start_without_torch():
    """An estimator's module with a real detector, and every module that the live loop can reach."""
    names = [name_of(path)[:-3].replace("/", ".").removesuffix(".__init__") for path in sorted(live_files())]
    code = "import importlib\nfrom gaze import GazeEstimator, create_detector\ncreate_detector().close()\n"
    code += f"for name in {names!r}:\n    importlib.import_module(name)"
    assert loaded_after(code, {"torch", "moderngl", "nncf", *(f"gaze.{module}" for module in BESIDE)}) == []
