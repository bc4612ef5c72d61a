"""Draw all pictures into `docs/pictures/`."""

from __future__ import annotations

from pathlib import Path

from tests.pictures import page, terminal

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for draw in (terminal.draw, page.draw):
        for path in draw(FOLDER):
            print(f"{path.relative_to(FOLDER.parents[1])}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
