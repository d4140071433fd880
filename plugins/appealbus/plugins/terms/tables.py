"""Updates the table of norms in docs/terms.md: `python -m appealbus.plugins.terms.tables docs/terms.md`."""

import re
import sys
from pathlib import Path

from appealbus.plugins.terms.norms import Norms, load_norms

_MARKED = re.compile(r"(<!-- norms -->\n).*?(<!-- end -->)", re.DOTALL)


def table(norms: Norms) -> str:
    rows = [
        "| norm | of what | kinds | days | first day | from | until | article | бап | assumed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for norm in norms.norms:
        kinds = ", ".join(f"`{kind}`" for kind in norm.kinds) + (f" ({norm.level})" if norm.level else "")
        cells = (
            f"`{norm.id}`",
            f"`{norm.what}`",
            kinds or "all",
            f"{norm.days} {norm.unit}",
            norm.start.replace("_", " "),
            norm.since,
            norm.until or "",
            norm.cited.ru,
            norm.cited.kk,
            "; ".join(norm.assumed),
        )
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join([*rows, ""])


def refresh(page: str) -> str:
    return _MARKED.sub(lambda match: match[1] + table(load_norms()) + match[2], page)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(refresh(path.read_text(encoding="utf-8")), encoding="utf-8")
