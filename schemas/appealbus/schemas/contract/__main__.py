"""Write the contract's files."""

from appealbus.schemas.contract import FOLDER, documents


def main() -> None:
    """Write every file of the contract next to this module."""
    for name, data in documents().items():
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
